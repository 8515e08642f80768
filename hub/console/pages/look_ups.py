"""Who looked at the persons of a case: a panel of the newest, pages, and a whole file to hand to the person."""

import re
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console import i18n
from hub.console.i18n.times import Times
from hub.console.presentation.spreadsheet import spreadsheet
from hub.console.rendering import page
from hub.console.visits import SignedIn
from hub.services import cases
from hub.storage.access import Cursor

router = APIRouter()
_COLUMNS = ("at", "actor", "region", "act", "purpose", "fields", "outcome", "side", "times", "first")
_IN_PANEL: Final = 20
_ON_PAGE: Final = 100
_CURSOR: Final = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


@router.get("/conflicts/{task_id}/look-ups")
async def show(visit: SignedIn, task_id: UUID, older: str = "") -> Response:
    """The panel for a script, else a page that leads on to older ones."""
    at = None if visit.partial else _CURSOR.fullmatch(older)
    start = Cursor(int(at[1]), int(at[2])) if at else None
    limit = _IN_PANEL if visit.partial else _ON_PAGE
    found = await cases.look_ups(visit.hub, visit.user, task_id, start=start, limit=limit)
    template = "look_ups_list.html" if visit.partial else "look_ups.html"
    on = f"?older={found.older.until}-{found.older.before}" if found.older and not visit.partial else ""
    return page(visit, template, section="conflicts", found=found, on=on, later=start is not None, task_id=task_id)


@router.get("/conflicts/{task_id}/look-ups.csv")
async def export(visit: SignedIn, task_id: UUID) -> Response:
    """All of it as a file that spreadsheet programs open without running anything."""
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
            str(line.times),
            times.iso(line.first_at),
        )
        for line in found.lines
    ]
    body = spreadsheet([t(f"column.{name}") for name in _COLUMNS], lines)
    name = f"look-ups-{task_id}.csv"
    return Response(
        body, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
