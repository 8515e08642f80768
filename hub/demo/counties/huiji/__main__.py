"""Command line of the county of Huiji: `drop` writes its files, `run` takes in what it is sent, `inbox` counts it."""

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.demo.counties.huiji.drop import drop
from hub.demo.counties.huiji.inbox import Inbox
from hub.demo.counties.options import AsOf, Part, People, Seed, Updates, parts_of, today_or
from hub.demo.population import Shape, build

app = typer.Typer(add_completion=False, no_args_is_help=True)
Folder = Annotated[Path, typer.Option(help="The folder that the county and its gateway share.")]
State = Annotated[Path, typer.Option(help="The county's SQLite file.")]


@app.command("drop")
def write(
    folder: Folder, people: People = 20_000, seed: Seed = 7, as_of: AsOf = "", part: Part = "", updates: Updates = False
) -> None:
    """Write the county's files of the story into its folder."""
    story = build(seed, today_or(as_of), Shape(people=people))
    typer.echo(json.dumps(drop(folder, story, parts_of(part), updates=updates), ensure_ascii=False))


@app.command()
def run(
    folder: Folder, state: State, every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 1.0
) -> None:
    """Take in what is put into the inbox below the folder, until told to end."""
    stop = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stop.set())
    inbox = Inbox(state, folder / "inbox")
    typer.echo(json.dumps({"inbox": str(folder / "inbox"), "pid": os.getpid()}))
    while True:
        inbox.take_in()
        if stop.wait(every):
            break
    inbox.take_in()
    inbox.close()


@app.command("inbox")
def count(folder: Folder, state: State) -> None:
    """Print the counts of the inbox as JSON."""
    typer.echo(json.dumps(asdict(Inbox(state, folder / "inbox").summary()), ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(app())
