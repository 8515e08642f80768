"""`hub load`, `hub reconcile`, `hub quarantine`: records in, compared, released."""

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Table

from hub.cli.frame import counting, fail, out, settings, with_hub
from hub.runtime import Hub
from hub.services import loading, reconciliation, translating
from hub.services.collecting import collect_seldom
from hub.services.preparation import Preparer

quarantine = typer.Typer(no_args_is_help=True, help="Rows that could not be translated.")


def load(
    file: Annotated[Path, typer.Argument(help="The county's file.")],
    mapping: Annotated[str, typer.Option(help="Name of the mapping, as `mappings test` lists them.")],
    member: Annotated[str | None, typer.Option(help="Whose records they are; default: the mapping's county.")] = None,
) -> None:
    """Take in a file without HTTP: the same steps, the same receipt, the same quarantine. Memory does not grow with it."""
    if not file.is_file():
        fail(f"{file} is not a file")
    settings()
    owner = member or mapping.partition("/")[0]
    with counting() as progress:
        reading = progress.add_task("storing", total=file.stat().st_size)

        def stored(size: int) -> None:
            progress.update(reading, completed=size)

        rows = progress.add_task("rows", total=None)
        preparer = Preparer()
        try:

            async def act(hub: Hub) -> loading.Loaded:
                collect_seldom()
                return await loading.load(
                    hub, owner, file, mapping, preparer, stored=stored, progress=lambda n: progress.advance(rows, n)
                )

            done = with_hub(act)
        finally:
            preparer.close()
    _tell(file.name, done)
    if done.state != "PROCESSED":
        raise typer.Exit(1)


def _tell(name: str, done: loading.Loaded) -> None:
    """One table, then what is told of the rows."""
    table = Table("state", "rows", "translated", "quarantined", "linked", "for review", "rows/s")
    table.add_row(
        done.state,
        str(done.rows),
        str(done.translated),
        str(done.quarantined),
        str(done.linked),
        str(done.review),
        f"{done.rows / max(done.seconds, 0.001):,.0f}",
    )
    out.print(table)
    for issue in done.issues:
        where = f"row {issue.row}" if issue.row else "the file"
        column = f", column {issue.column}" if issue.column else ""
        out.print(f"{issue.severity}: {name}, {where}{column}: {issue.text} ({issue.code})", markup=False)
    if done.more_issues:
        out.print(f"… and {done.more_issues} more; the submission is {done.submission_id}")


def reconcile(
    now: Annotated[bool, typer.Option("--now", help="Begin at once; without it, only show the last runs.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Compare everyone, and not only what changed.")] = False,
) -> None:
    """Compare anew what changed since the last run (every week, and with --full, everyone) and apply the difference."""
    if not (now or full):
        _show_runs()
        return
    with counting() as progress:
        task = progress.add_task("records", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        report = with_hub(lambda hub: reconciliation.run(hub, f"by hand {uuid4()}", whole=full, progress=told))
    out.print(
        f"examined {report.examined}, moved {report.moved}, for review {report.reviews}, "
        f"held twice {report.duplicates}, notices {report.notices}"
    )


def _show_runs() -> None:
    from hub.storage import reconciliations

    async def act(hub: Hub) -> list[reconciliations.Run]:
        async with hub.database.read() as connection:
            return await reconciliations.newest(connection, 10)

    table = Table("begun", "state", "cause", "who", "counts")
    for run in with_hub(act):
        counts = ", ".join(f"{name} {number}" for name, number in run.counts.items())
        table.add_row(
            f"{run.started_at:%Y-%m-%d %H:%M} UTC",
            run.state,
            run.cause,
            "everyone" if run.whole else "what changed",
            counts,
        )
    out.print(table)


@quarantine.command("list")
def list_quarantine() -> None:
    """How many rows are held, by reason."""
    from hub.storage import quarantine as rows

    async def act(hub: Hub) -> dict[str, int]:
        async with hub.database.read() as connection:
            return await rows.totals(connection)

    table = Table("reason", "rows")
    for code, number in sorted(with_hub(act).items()):
        table.add_row(code, str(number))
    out.print(table)


@quarantine.command("replay")
def replay(
    mapping: Annotated[str, typer.Argument(help="The mapping that was mended; its newest version is used.")],
) -> None:
    """Try the held rows again after a mapping was mended."""
    waiting = with_hub(lambda hub: translating.ask_replay(hub, mapping))
    out.print(f"{len(waiting)} documents will be tried again by `hub work`")
