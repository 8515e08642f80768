"""`hub demo`: sets the stage, walks the story from the first record to the audit, shows the table, and cleans up.

Everything that was started is stopped here, however the telling ends; a temporary folder is removed with it.
"""

import asyncio
import contextlib
import shutil
import signal
import tempfile
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from hub.demo.story import table
from hub.demo.story.cast import VISITOR
from hub.demo.story.checks import check_all
from hub.demo.story.children import ProcessFailed
from hub.demo.story.narration import Narrator
from hub.demo.story.places import Places, free_port, lay_out
from hub.demo.story.stage import Stage, set_stage
from hub.demo.story.walk import walk
from hub.errors import HubError
from hub.services import accounts

_WIDE = 160
INTERRUPTED = 130


def tell(*, once: bool, port: int, data: Path | None, people: int, seed: int) -> int:
    """Tell the story; 0 when every number was right, 1 when one was not or something broke, 130 when interrupted."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    root = data or Path(tempfile.mkdtemp(prefix="lianqiao-demo-"))
    try:
        places = lay_out(root)
    except OSError as error:
        console.print(f"hub demo: {error}", style="red", markup=False)
        return 1
    try:
        return asyncio.run(_until_told_to_stop(_tell(console, places, once, port, people, seed)))
    except (ProcessFailed, HubError, TimeoutError, PermissionError) as error:
        console.print(f"hub demo: {error}", style="red", markup=False)
        return 1
    finally:
        if data is None:
            shutil.rmtree(root)
        else:
            console.print(f"Everything is kept in {root}", markup=False)


async def _until_told_to_stop(telling: Coroutine[None, None, int]) -> int:
    """Tell it; SIGINT or SIGTERM ends it in order, as an error would."""
    task = asyncio.ensure_future(telling)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED


async def _tell(console: Console, places: Places, once: bool, port: int, people: int, seed: int) -> int:
    narrator = Narrator(console)
    chosen = free_port(port)
    if port not in (0, chosen):
        narrator.say(f"port {port} is taken; the hub listens on {chosen}")
    narrator.open()
    try:
        async with set_stage(places, chosen, narrator) as stage:
            as_of = datetime.now(ZoneInfo(stage.hub.settings.timezone)).date()
            story, found = await stage.children.while_up(walk(stage, narrator, people, seed, as_of))
            narrator.close()
            checks = check_all(story, found)
            table.show(console, checks)
            table.keep(places.table, checks)
            table.show_restarts(console, stage.children.restarts)
            table.show_times(console, narrator.parts, narrator.elapsed)
            if not once:
                await _serve_on(console, stage)
    finally:
        narrator.close()
    return 0 if all(check.ok for check in checks) else 1


async def _serve_on(console: Console, stage: Stage) -> None:
    """Keep everything running for a visitor until Ctrl-C."""
    link = await accounts.make_sign_in_link(stage.hub, VISITOR)
    console.print(f"Sign in here (good once, for a quarter of an hour): {link}", markup=False, soft_wrap=True)
    console.print("Everything keeps running until Ctrl-C.")
    with contextlib.suppress(asyncio.CancelledError):
        await stage.children.while_up(asyncio.Event().wait())
