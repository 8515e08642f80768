"""At a sandbox: who applies, whom the administrator admits or declines, and what each has shown since."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from hub.console.rendering import BASE, page
from hub.console.visits import Form, SignedIn, Visit, field
from hub.errors import Conflict, Invalid, NotFound
from hub.services import applications, rehearsals
from hub.services.rehearsals import Line
from hub.storage.applications import Application

router = APIRouter()
_ADDRESS = f"{BASE}/applications"


@dataclass(frozen=True, slots=True)
class Shown:
    """An application, and the check-list of its member once there is one."""

    application: Application
    lines: list[Line]

    @property
    def needed(self) -> list[Line]:
        """The items that the member has to show."""
        return [line for line in self.lines if line.needed]

    @property
    def done(self) -> int:
        """How many of these it has shown."""
        return sum(line.seen_at is not None for line in self.needed)


@router.get("/applications")
async def show(visit: SignedIn) -> Response:
    """All applications whose time is not over."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, fault: str = "", about: UUID | None = None) -> Response:
    if not visit.hub.settings.sandbox:
        raise NotFound
    applications.administrator(visit.user)
    found = [
        Shown(one, await rehearsals.lines_of(visit.hub, one.member_id) if one.member_id is not None else [])
        for one in await applications.listed(visit.hub)
    ]
    return page(
        visit, "applications.html", status=status, section="applications", found=found, fault=fault, about=about
    )


@router.post("/applications/{application_id}/admit")
async def admit(visit: SignedIn, application_id: UUID, form: Form) -> Response:
    """Admit an applicant to the sandbox."""
    _ = form
    by = applications.administrator(visit.user)
    try:
        await applications.admit(visit.hub, application_id, by)
    except (Conflict, Invalid) as error:
        return await _page(visit, status=error.status, fault=error.code, about=application_id)
    return RedirectResponse(_ADDRESS, 303)


@router.post("/applications/{application_id}/decline")
async def decline(visit: SignedIn, application_id: UUID, form: Form) -> Response:
    """Decline an application; the applicant reads why."""
    by = applications.administrator(visit.user)
    try:
        await applications.decline(visit.hub, application_id, field(form, "reason"), by)
    except (Conflict, Invalid) as error:
        return await _page(visit, status=error.status, fault=error.code, about=application_id)
    return RedirectResponse(_ADDRESS, 303)
