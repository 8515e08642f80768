"""What all commands share: output, errors in words, and an open hub.

A hub and its settings are loaded by what asks for them: `hub dedupe` begins here too and needs neither.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer
from rich.console import Console

from certs.errors import CertsError
from hub.errors import HubError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Column, Table

    from hub.runtime import Hub
    from hub.settings import Settings

out = Console(soft_wrap=True, highlight=False, markup=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

Result = TypeVar("Result")


def fail(text: str) -> NoReturn:
    """End with exit code 1 and one sentence."""
    err.print(f"hub: {text}", markup=False, style="red")
    raise typer.Exit(1)


def settings() -> "Settings":
    """The settings, or the end with each wrong variable named."""
    from pydantic import ValidationError

    from hub.settings import get_settings

    try:
        return get_settings()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            # What is wrong with several together names them itself.
            name = "".join(f"HUB_{part}: ".upper() for part in fault["loc"][:1])
            err.print(f"hub: {name}{fault['msg']}", markup=False, style="red")
        raise typer.Exit(2) from None


@contextmanager
def explained() -> Iterator[None]:
    """Turn the hub's errors into a sentence and exit code 1."""
    try:
        yield
    except HubError as error:
        fail(f"{error.detail} ({error.code})")
    except CertsError as error:
        fail(f"{error.message.en} {error.detail} ({error.code})")


@contextmanager
def filing(file: Path | None, safe: str) -> Iterator[None]:
    """Turn a file that cannot be read or written into a sentence; `safe` says what became of everything else."""
    try:
        yield
    except OSError as error:
        fail(f"{file}: {error.strerror}; {safe}")


def table(*columns: "str | Column") -> "Table":
    """A table that keeps every word: on a narrow screen a long one goes on in the next line and is not cut off."""
    from rich.table import Column, Table

    return Table(*(Column(one, overflow="fold") if isinstance(one, str) else one for one in columns))


def counting() -> "Progress":
    """A bar for something that is counted."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    )


def with_hub(act: Callable[["Hub"], Awaitable[Result]]) -> Result:
    """Run `act` on an open hub."""
    import asyncio

    from hub.runtime import open_hub

    async def run() -> Result:
        async with open_hub(settings()) as hub:
            return await act(hub)

    with explained():
        return asyncio.run(run())
