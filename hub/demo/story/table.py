"""The one table at the end, what was restarted meanwhile, and where the time went."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hub.demo.story.children import Restart
from hub.demo.story.line import Line
from hub.demo.story.narration import Part


def show(console: Console, lines: Sequence[Line]) -> None:
    """Print the table; a console that is no terminal gets one wide enough to keep each line whole."""
    table = Table(title="What was found, against what the generator knows to be true", title_justify="left")
    for name, justify in (
        ("", "left"),
        ("expected", "right"),
        ("found", "right"),
        ("how it was checked", "left"),
        ("", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for line in lines:
        verdict = "[green]ok[/]" if line.ok else "[bold red]WRONG[/]"
        table.add_row(line.what, line.expected, line.found, line.how, verdict)
    console.print(table)


def keep(path: Path, lines: Sequence[Line]) -> None:
    """Write the table down for programs."""
    path.write_text(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2), encoding="utf-8")


def show_restarts(console: Console, restarts: Sequence[Restart]) -> None:
    """Print which processes died and were started again; nothing when none did."""
    if not restarts:
        return
    console.print(f"Started again after they died: {len(restarts)}")
    for one in restarts:
        console.print(f"  {one.after:6.1f} s  {one.name} (process {one.pid}) {one.how}", highlight=False)


def show_times(console: Console, parts: Sequence[Part], total: float) -> None:
    """Print how long each part took; parts may overlap."""
    listed = ", ".join(f"{part.title} {part.seconds:.1f} s" for part in parts)
    console.print(f"Told in {total:.0f} s: {listed}.", style="dim", highlight=False, soft_wrap=True)
