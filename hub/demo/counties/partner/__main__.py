"""Command line of the partner's receiver: `serve` runs it, `summary` prints what has arrived."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.demo.counties.partner.deliveries import Ledger
from hub.demo.counties.partner.server import Manners, create_app
from hub.demo.counties.processes import secret_of, serve

app = typer.Typer(add_completion=False, no_args_is_help=True)
State = Annotated[Path, typer.Option(help="The SQLite file that keeps every delivery.")]


@app.command("serve")
def run(
    state: State,
    secret_file: Annotated[Path, typer.Option(help="File with the Standard Webhooks secret (whsec_…).")],
    port: Annotated[int, typer.Option(help="Loopback port; 0 takes any free one.")] = 0,
    seed: Annotated[int, typer.Option(help="Picks the notices whose first delivery fails.")] = 0,
    failures: Annotated[float, typer.Option(help="Share of notices whose first delivery is answered with 500.")] = 0.0,
) -> None:
    """Receive notices on POST /hook."""
    manners = Manners(secret=secret_of(secret_file), seed=seed, failures=failures)
    serve(create_app(Ledger(state), manners), port)


@app.command()
def summary(state: State) -> None:
    """Print the counts of the ledger as JSON."""
    typer.echo(json.dumps(asdict(Ledger(state).summary())))


if __name__ == "__main__":
    sys.exit(app())
