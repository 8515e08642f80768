"""Command line of the county of Yongkang: `load` fills its database, `serve` runs it, `inbox` prints what has arrived."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.demo.counties.options import AsOf, Part, People, Seed, Updates, parts_of, today_or
from hub.demo.counties.processes import secret_of, serve
from hub.demo.counties.yongkang.server import Manners, create_app
from hub.demo.counties.yongkang.store import Store
from hub.demo.population import Shape, build
from hub.demo.population.dialects.yongkang import tables

app = typer.Typer(add_completion=False, no_args_is_help=True)
State = Annotated[Path, typer.Option(help="The county's SQLite file.")]


@app.command()
def load(
    state: State, people: People = 20_000, seed: Seed = 7, as_of: AsOf = "", part: Part = "", updates: Updates = False
) -> None:
    """Write the county's rows of the story into its database; loading the same again changes nothing."""
    story = build(seed, today_or(as_of), Shape(people=people))
    store = Store(state)
    written = {table: store.put(table, rows) for table, rows in tables(story, parts_of(part), updates=updates).items()}
    typer.echo(json.dumps(written))
    store.close()


@app.command("serve")
def run(
    state: State,
    secret_file: Annotated[Path, typer.Option(help="File with the secret that signs requests.")],
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes any free one.")] = 0,
    app_id: Annotated[str, typer.Option(help="The X-App-Id that the secret belongs to.")] = "lianqiao",
    seed: Seed = 7,
    failures: Annotated[float, typer.Option(help="Share of requests answered with code 500 at first.")] = 0.05,
    page_size: Annotated[int, typer.Option(help="Rows on a page.")] = 500,
) -> None:
    """Answer requests until told to end."""
    manners = Manners(
        secrets={app_id: secret_of(secret_file).encode()}, seed=seed, failures=failures, page_size=page_size
    )
    serve(create_app(Store(state), manners), port)


@app.command()
def inbox(state: State) -> None:
    """Print the counts of the inbox as JSON."""
    typer.echo(json.dumps(asdict(Store(state).inbox()), ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(app())
