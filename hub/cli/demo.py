"""`hub demo`: the whole story on this machine, with real processes and invented people."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the story; exit 0 only if every number was right.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the hub; 0 takes a free one.")] = 8080,
    data: Annotated[Path | None, typer.Option(help="Folder to keep; default: a temporary one that is removed.")] = None,
    people: Annotated[int, typer.Option(min=200, max=200_000, help="Size of the invented population.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the invented population.")] = 1,
) -> None:
    """Run the story: two counties that know nothing of each other exchange the records of the people they share."""
    from hub.demo import story

    raise typer.Exit(story.tell(once=once, port=port, data=data, people=people, seed=seed))
