"""`hub dedupe`: which records of a file are one person. Needs no hub: no server, no data folder, no database."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.table import Table

from hub.cli.frame import err, explained, fail, out
from hub.cli.stages import Stages
from hub.errors import Invalid

if TYPE_CHECKING:
    from hub.linkage.engines.dedupe import Counts, Order, Progress, Report

_UNITS = {"finding candidates": "pairs", "comparing": "pairs", "report": ""}
_NOT_ON_SPARK = (
    "Train and learn from labels on one machine, on a sample; then give that --model. Spark makes no report and takes no"
    " --unique-sources."
)


class Cut(StrEnum):
    """Which pairs make a person."""

    likely = "likely"
    auto = "auto"


Source = Annotated[Path, typer.Argument(metavar="IN", help="CSV (UTF-8 or GB18030) or Parquet, one record a row.")]
Folder = Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the results; must not exist yet.")]
ModelFile = Annotated[Path | None, typer.Option(help="Model file; default: the one that ships.")]
Train = Annotated[bool, typer.Option("--train", help="First fit the model to this file.")]
Labels = Annotated[
    Path | None, typer.Option(help="CSV of decided pairs to learn from: record_id_l, record_id_r, same (1 or 0).")
]
SaveModel = Annotated[Path | None, typer.Option(help="Where to keep the model that --train or --labels gives.")]
Joined = Annotated[Cut, typer.Option(help="Join at the best single cut, or only what is beyond doubt.")]
UniqueSources = Annotated[
    bool, typer.Option("--unique-sources", help="No source holds a person twice: find counterparts between sources.")
]
Threads = Annotated[int, typer.Option(min=0, max=256, help="0: one for each processor.")]
WithReport = Annotated[
    bool | None, typer.Option("--report/--no-report", help="Write report.html; default: yes, not on Spark.")
]
ShowValues = Annotated[
    bool, typer.Option("--show-values", help="Let the report name people: their names, numbers and addresses.")
]
Spark = Annotated[
    str | None, typer.Option(metavar="MASTER", help="Search on Spark, for what one machine does not hold.")
]


def dedupe(
    source: Source,
    folder: Folder,
    model: ModelFile = None,
    train: Train = False,
    labels: Labels = None,
    save_model: SaveModel = None,
    cut: Joined = Cut.likely,
    unique_sources: UniqueSources = False,
    threads: Threads = 0,
    report: WithReport = None,
    show_values: ShowValues = False,
    spark: Spark = None,
) -> None:
    """Find the records that are one person: clusters.csv, pairs.csv and report.html in the folder OUT.

    IN has the column record_id and some of source, name, sex, birth_date,
    resident_id, id_type, phone, origin_division, origin_address,
    residence_division, residence_address, spouse_name, spouse_resident_id,
    postal_code. Others are not read.
    """
    begun = monotonic()
    with explained(), _enough_memory(), _stopped_tidily():
        if save_model and not (train or labels):
            raise Invalid("nothing-to-save", "--save-model keeps what --train or --labels gives; give one of them.")
        if spark and (train or labels or unique_sources or report):
            raise Invalid("not-on-spark", _NOT_ON_SPARK)
        with Stages(err, "records", _UNITS) as stages:
            from hub.linkage.engines import dedupe as engine
            from hub.linkage.engines import model_files

            page = None if report is False or spark else _report(source.name, show_values=show_values)
            order = engine.Order(
                model_files.content(model),
                cut=cut.value,
                threads=threads or os.cpu_count() or 1,
                train=train,
                save_model=save_model,
                report=page,
                labels=labels,
                unique_sources=unique_sources,
            )
            run = _on_spark(spark) if spark else engine.run
            counts = run(source, folder, order, stages.told)
    _tell(counts, folder, order, monotonic() - begun)


def alone() -> None:
    """The command line `hub dedupe …` by itself, without the commands that load a hub."""
    os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")  # columns of a few megabytes come and go: huge pages cost more
    app = typer.Typer(name="hub", add_completion=False, pretty_exceptions_enable=False)
    app.command(name="dedupe")(dedupe)
    app.callback()(lambda: None)
    app()


def _on_spark(master: str) -> "Callable[[Path, Path, Order, Progress], Counts]":
    try:
        from hub.linkage.engines.spark import search
    except ImportError as error:
        raise Invalid(
            "spark-missing", "Spark is not installed here: pip install 'lianqiao[spark]'; it also needs Java 17."
        ) from error
    return lambda source, folder, order, progress: search.run(source, folder, order, master, progress)


def _report(name: str, *, show_values: bool) -> "Report":
    from hub.linkage.engines.report import pages

    return lambda result: pages.render(result, name, show_values=show_values)


def _tell(counts: "Counts", folder: Path, order: "Order", seconds: float) -> None:
    table = Table("records", "persons", "pairs auto", "pairs to review", "seconds")
    table.add_row(*(f"{n:,}" for n in (counts.records, counts.persons, counts.auto, counts.review)), f"{seconds:.1f}")
    out.print(table)
    if counts.unread:
        out.print(f"columns that were not read: {', '.join(counts.unread)}", markup=False)
    for name in ("clusters.csv", "pairs.csv", *(("report.html",) if order.report else ())):
        out.print(str(folder / name), markup=False)
    if order.save_model:
        out.print(str(order.save_model), markup=False)


@contextmanager
def _enough_memory() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        fail("the memory of this machine is not enough for this file")


@contextmanager
def _stopped_tidily() -> Iterator[None]:
    """Being told to end is taken like Ctrl-C: what was half made is cleared away."""

    def stop(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
