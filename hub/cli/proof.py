"""`hub audit verify` and `hub doctor`: is what is stored true, and is anything wrong."""

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from hub.cli.frame import err, out, settings, table, with_hub
from hub.services import auditing, diagnosis

audit = typer.Typer(no_args_is_help=True, help="The audit log.")


@audit.callback()
def _group() -> None:
    """The audit log."""


@audit.command("verify")
def verify() -> None:
    """Recompute every leaf, node and checkpoint of the log; exit code 1 when anything is wrong."""
    with Progress(
        SpinnerColumn(), TextColumn("entries"), BarColumn(), MofNCompleteColumn(), console=err, transient=True
    ) as progress:
        task = progress.add_task("entries", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        report = with_hub(lambda hub: auditing.verify(hub, told))
    for finding in report.findings:
        out.print(f"WRONG: {finding}", markup=False, style="red")
    if not report.ok:
        raise typer.Exit(1)
    out.print(
        f"the log is whole: {report.size} entries, {report.checkpoints} checkpoints, {report.unplaced} not yet placed"
    )


def doctor() -> None:
    """Say in words what is wrong and what to do; exit code 1 when anything is."""
    findings = diagnosis.examine(settings())
    shown = table("", "what", "finding", "what to do")
    for finding in findings:
        shown.add_row("ok" if finding.ok else "WRONG", finding.what, finding.text, finding.remedy)
    out.print(shown)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
