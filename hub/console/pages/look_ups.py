"""Who looked at the persons of a case: a panel of it, a page, and a file to hand to the person."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console import i18n
from hub.console.i18n.times import Times
from hub.console.presentation.spreadsheet import spreadsheet
from hub.console.rendering import page
from hub.console.visits import SignedIn
from hub.services import cases

router = APIRouter()
_COLUMNS = ("at", "actor", "region", "act", "purpose", "fields", "outcome", "side")


@router.get("/conflicts/{task_id}/look-ups")
async def show(visit: SignedIn, task_id: UUID) -> Response:
    """The panel for a script, else a page."""
    found = await cases.look_ups(visit.hub, visit.user, task_id)
    template = "look_ups_list.html" if visit.partial else "look_ups.html"
    return page(visit, template, section="conflicts", look_ups=found, task_id=task_id)


@router.get("/conflicts/{task_id}/look-ups.csv")
async def export(visit: SignedIn, task_id: UUID) -> Response:
    """The same as a file that spreadsheet programs open without running anything."""
    found = await cases.look_ups(visit.hub, visit.user, task_id, act="export-look-ups")
    t, times = i18n.catalogue(visit.language), Times(visit.language, visit.hub.settings.timezone)
    lines = [
        (
            times.iso(line.event.at),
            line.event.actor if line.whole else t(f"body.{line.body}"),
            line.event.region,
            t.known(f"act.{line.event.act}", line.event.act) if line.whole else t("act.look-up"),
            t.known(f"purpose.{line.event.purpose}", line.event.purpose),
            "; ".join(t.known(f"shown.{name}", name) for name in line.event.fields),
            t.known(f"outcome.{line.event.outcome}", line.event.outcome) if line.whole else "",
            " ".join(t(f"side.{side}") for side in line.sides),
        )
        for line in found
    ]
    body = spreadsheet([t(f"column.{name}") for name in _COLUMNS], lines)
    name = f"look-ups-{task_id}.csv"
    return Response(
        body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
