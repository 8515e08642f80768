"""`hub load`, `hub reconcile`, `hub quarantine`: records in, compared, released."""

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.table import Column

from hub.cli.frame import counting, fail, filing, out, settings, table, with_hub
from hub.runtime import Hub
from hub.services import loading, reconciliation, submitted, translating
from hub.services.collecting import collect_seldom
from hub.services.preparation import Preparer

quarantine = typer.Typer(no_args_is_help=True, help="Rows that could not be translated.")


def load(
    file: Annotated[Path, typer.Argument(help="The county's file.")],
    mapping: Annotated[str, typer.Option(help="Name of the mapping, as `mappings list` shows them.")],
    member: Annotated[str | None, typer.Option(help="Whose records they are; default: the mapping's county.")] = None,
    issues: Annotated[Path | None, typer.Option(help="Where to write all that was found in the rows, as CSV.")] = None,
) -> None:
    """Take in a file without HTTP: the same steps, the same receipt, the same quarantine. Memory does not grow with it."""
    if not file.is_file():
        fail(f"{file} is not a file")
    if issues and not issues.absolute().parent.is_dir():
        fail(f"There is no folder {issues.absolute().parent} to write the issues into; nothing was loaded")
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
                done = await loading.load(
                    hub, owner, file, mapping, preparer, stored=stored, progress=lambda n: progress.advance(rows, n)
                )
                if issues:
                    await _write_issues(hub, done, issues)
                return done

            done = with_hub(act)
        finally:
            preparer.close()
    _tell(done, file)
    if issues:
        out.print(str(issues))
    elif done.more_issues:
        out.print(f"… and {done.more_issues:,} more: load the file again with --issues FILE to have all of them")
    if done.state != "PROCESSED":
        raise typer.Exit(1)


async def _write_issues(hub: Hub, done: loading.Loaded, to: Path) -> None:
    with filing(to, "the records are stored; load the file again with another --issues"), to.open("wb") as handle:
        async for part in submitted.all_issues(hub, done.submission_id):
            handle.write(part)


def _tell(done: loading.Loaded, file: Path) -> None:
    """Counts, and what was found in the rows, the gravest first."""
    if done.known:
        out.print("The hub has this very file already; nothing was done again.")
    shown = table("state", "rows", "translated", "set aside", "linked", "for review", "rows/s")
    counts = (done.rows, done.translated, done.quarantined, done.linked, done.review)
    speed = "" if done.known else f"{done.rows / max(done.seconds, 0.001):,.0f}"
    shown.add_row(done.state, *(f"{count:,}" for count in counts), speed)
    out.print(shown)
    for issue in done.issues:
        where = f"row {issue.row}" if issue.row else "the file"
        column = f", column {issue.column}" if issue.column else ""
        out.print(f"{issue.severity}: {file.name}, {where}{column}: {issue.text} ({issue.code})")


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

    shown = table(Column("begun", no_wrap=True), "state", "cause", "who", "counts")
    for run in with_hub(act):
        counts = ", ".join(f"{name} {number:,}" for name, number in run.counts.items() if number)
        shown.add_row(
            f"{run.started_at:%Y-%m-%d %H:%M} UTC",
            run.state,
            run.cause.rpartition(" ")[0],  # the rest only tells one run from another
            "everyone" if run.whole else "what changed",
            counts,
        )
    out.print(shown)


@quarantine.command("list")
def list_quarantine() -> None:
    """How many rows are held, by mapping and reason. A row that was sent again, corrected, stays until it is replayed."""
    from hub.storage import quarantine as rows

    async def act(hub: Hub) -> list[rows.Group]:
        async with hub.database.read() as connection:
            return await rows.groups(connection)

    held = with_hub(act)
    if not held:
        out.print("no row is held")
        return
    shown = table("mapping", "reason", "rows", "documents", "since")
    for one in held:
        shown.add_row(one.mapping, one.code, f"{one.rows:,}", f"{one.documents:,}", f"{one.since:%Y-%m-%d}")
    out.print(shown)


@quarantine.command("replay")
def replay(
    mapping: Annotated[str, typer.Argument(help="The mapping that was mended; its newest version is used.")],
) -> None:
    """Try the held rows again: a mapping was mended, or what spoke against them is gone."""
    waiting = with_hub(lambda hub: translating.ask_replay(hub, mapping))
    out.print(f"documents that `hub work` will try again: {len(waiting)}; what stays held is in `hub quarantine list`")
