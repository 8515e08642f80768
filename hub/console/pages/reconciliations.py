"""Reconciliation for a manager: the runs, one run's report to read and print, and the same as a file."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console import i18n
from hub.console.presentation.bars import share
from hub.console.presentation.spreadsheet import spreadsheet
from hub.console.rendering import page
from hub.console.visits import SignedIn, Visit
from hub.services import reconciliation_reports
from hub.services.reconciliation_reports import Report

router = APIRouter()
_FIGURES = ("examined", "joined", "parted", "twice")
_WHOLE = ("persons_before", "persons_after", "decisions", "reopened")


@router.get("/reconciliations")
async def show(visit: SignedIn) -> Response:
    """The newest runs."""
    found = await reconciliation_reports.listed(visit.hub, visit.user)
    most = max((report.persons_after or 0 for report in found), default=0)
    return page(visit, "reconciliations.html", section="reconciliations", reports=found, share=lambda n: share(n, most))


@router.get("/reconciliations/{run_id}")
async def show_one(visit: SignedIn, run_id: UUID) -> Response:
    """One run's report."""
    found = await reconciliation_reports.get(visit.hub, visit.user, run_id)
    twice = max((line.twice_records - line.twice_persons for line in found.lines), default=0)
    return page(
        visit,
        "reconciliation.html",
        section="reconciliations",
        report=found,
        now=visit.hub.now(),
        tasks_share=lambda n: share(n, max(found.tasks.values(), default=0)),
        twice_share=lambda n: share(n, twice),
    )


@router.get("/reconciliations/{run_id}/report.csv")
async def export(visit: SignedIn, run_id: UUID) -> Response:
    """The report as a file for spreadsheet programs."""
    found = await reconciliation_reports.get(visit.hub, visit.user, run_id)
    t = i18n.catalogue(visit.language)
    header = [t("report.what"), t("report.of"), t("report.number")]
    body = spreadsheet(header, _lines(visit, found))
    name = f"reconciliation-{found.run.started_at:%Y%m%d}.csv"
    return Response(
        body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _lines(visit: Visit, found: Report) -> list[tuple[str, str, str]]:
    """(what, of whom or why, number) of every figure on the page."""
    t = i18n.catalogue(visit.language)
    lines = [(t(f"report.{name}"), "", str(getattr(found, name))) for name in _FIGURES]
    told = [(name, getattr(found, name)) for name in _WHOLE]
    lines += [(t(f"report.{name}"), "", str(number)) for name, number in told if number is not None]
    lines += [(t("report.tasks"), t.known(f"reason.{why}", why), str(n)) for why, n in found.tasks.items()]
    for line in found.lines:
        region = line.member.display_zh if visit.language == "zh" else line.member.display
        numbers = {
            "examined": line.examined,
            "joined": line.joined,
            "parted": line.parted,
            "tasks": line.tasks,
            "twice": line.twice_records - line.twice_persons,
        }
        lines += [(t(f"report.{name}"), region, str(number)) for name, number in numbers.items()]
    return lines
