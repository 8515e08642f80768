"""Command line of the generator: files of synthetic people for benchmarks and for estimating linkage."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from hub.demo.population import DEDUPE_COLUMNS, Faults, Record, Shape, dedupe_row, entries
from hub.demo.population.dialects.huiji.rows import PERSON, person_rows
from hub.demo.population.dialects.huiji.sheets import lines, write_csv

AS_OF = date(2025, 6, 1)
app = typer.Typer(add_completion=False, no_args_is_help=True, help="Synthetic people.")

Rows = Annotated[int, typer.Option(help="How many records to write.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same file.")]


def _records(rows: int, seed: int, county: str = "") -> Iterator[Record]:
    shape = Shape(people=max(rows * 4, 1000))
    if county == "huiji":
        shape = replace(shape, others_in_yongkang=0.0)
    left = rows
    for entry in entries(seed, shape, Faults(), AS_OF):
        for record in entry.records:
            if county and record.county != county:
                continue
            yield record
            left -= 1
            if not left:
                return


@app.command("csv")
def county_file(
    out: Annotated[Path, typer.Argument(help="The GBK file to write, as the county of Huiji drops it.")],
    rows: Rows = 100_000,
    seed: Seed = 7,
) -> None:
    """Write a county's register of people as GBK text; memory does not grow with the number of rows."""
    write_csv(out, lines(PERSON, person_rows(_records(rows, seed, county="huiji")), AS_OF))


@app.command()
def dedupe(
    out: Annotated[Path, typer.Argument(help="CSV with the columns that `hub dedupe` reads.")],
    truth: Annotated[Path, typer.Argument(help="CSV of record_id, person_id: who is who.")],
    rows: Rows = 50_000,
    seed: Seed = 7,
) -> None:
    """Write records of both counties, and the truth beside them."""
    with (
        out.open("w", encoding="utf-8", newline="") as records,
        truth.open("w", encoding="utf-8", newline="") as people,
    ):
        lines, pairs = csv.writer(records), csv.writer(people)
        lines.writerow(DEDUPE_COLUMNS)
        pairs.writerow(("record_id", "person_id"))
        for record in _records(rows, seed):
            row = dedupe_row(record)
            lines.writerow(row)
            pairs.writerow((row[0], record.person))


if __name__ == "__main__":
    sys.exit(app())
