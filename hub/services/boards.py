"""The console's overview pages: what waits for whom today, and how deliveries stand. Never content.

A region sees what it sends, receives or owes; the hub's staff see all.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hub.errors import Invalid
from hub.linkage.drift import Finding
from hub.runtime import Hub
from hub.services import drift
from hub.services.sessions import User
from hub.storage import deliveries, members, overviews, reveals, reviews, schedules
from hub.storage.deliveries import Notice
from hub.storage.members import Member
from hub.storage.overviews import Movement, Waiting
from hub.storage.reveals import Request

Show = Literal["all", "waiting", "taken", "done", "failed", "overdue"]
SHOWS: dict[str, tuple[str, ...]] = {
    "all": (),
    "waiting": overviews.WAITING,
    "taken": overviews.TAKEN,
    "done": overviews.DONE,
    "failed": overviews.FAILED,
    "overdue": (),
}
_ANSWERS = 12


@dataclass(frozen=True, slots=True)
class Today:
    """What waits. `reasons` counts open conflicts, `quarantined` rows set aside; `answers` the most pressing first.

    `proposed` counts what others propose, `drift` says what moved in linkage, `asked` are other regions' requests to see numbers in full.
    """

    reasons: dict[str, int]
    deferred: int
    proposed: int
    drift: tuple[Finding, ...]
    answers: tuple[Notice, ...]
    overdue: int
    waiting: tuple[Waiting, ...]
    quarantined: dict[str, int]
    schedules: tuple[dict[str, Any], ...]
    asked: tuple[Request, ...]
    members: dict[int, Member]
    now: datetime

    @property
    def conflicts(self) -> int:
        """Open conflicts."""
        return sum(self.reasons.values())

    def named(self, name: str) -> Member | None:
        """The member of that name."""
        return next((member for member in self.members.values() if member.name == name), None)

    @property
    def nothing(self) -> bool:
        """Nobody waits for anything."""
        return not (
            self.asked
            or self.reasons
            or self.proposed
            or self.drift
            or self.answers
            or self.waiting
            or self.quarantined
        )


async def today(hub: Hub, user: User) -> Today:
    """What waits for `user`'s region."""
    now = hub.now()
    async with hub.database.read() as connection:
        reasons = await reviews.reasons(connection, user.visible, states=reviews.OPEN_STATES, due=now)
        totals = await reviews.totals(connection, user.visible)
        owed = await deliveries.notices(connection, user.visible, states=("OPEN", "OVERDUE"), limit=500)
        return Today(
            reasons=reasons,
            deferred=sum(totals.get(state, 0) for state in reviews.OPEN_STATES) - sum(reasons.values()),
            proposed=await reviews.to_approve(connection, user.visible, user.name) if user.may_decide else 0,
            drift=tuple(await drift.findings(connection, user)),
            answers=tuple(owed[:_ANSWERS]),
            overdue=sum(notice.state == "OVERDUE" or notice.due_at <= now for notice in owed),
            waiting=tuple(await overviews.waiting(connection, user.visible)),
            quarantined=await overviews.quarantined(connection, user.visible),
            schedules=tuple(await schedules.last(connection)),
            asked=tuple(await reveals.waiting(connection, user.visible or (), now)) if user.may_decide else (),
            members={member.id: member for member in await members.all_members(connection)},
            now=now,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery with its history: (state, at, detail), oldest first."""

    movement: Movement
    timeline: tuple[tuple[str, datetime, str], ...]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """A page of deliveries."""

    lines: tuple[Line, ...]
    total: int
    counts: dict[str, int]
    kinds: tuple[str, ...]
    members: dict[int, Member]
    now: datetime


async def list_deliveries(
    hub: Hub, user: User, *, show: str = "all", kind: str | None = None, limit: int = 25, offset: int = 0
) -> Deliveries:
    """Messages that `user`'s region sends or receives, newest first. Raises Invalid `unknown-view`."""
    if show not in SHOWS:
        raise Invalid("unknown-view", f"The views are {', '.join(SHOWS)}.")
    now = hub.now()
    async with hub.database.read() as connection:
        counts = {
            name: await overviews.count_movements(
                connection, user.visible, now=now, states=states, kind=kind, overdue=name == "overdue"
            )
            for name, states in SHOWS.items()
        }
        found = await overviews.movements(
            connection,
            user.visible,
            now=now,
            states=SHOWS[show],
            kind=kind,
            overdue=show == "overdue",
            limit=limit,
            offset=offset,
        )
        stories = await overviews.timelines(connection, [movement.submission_id for movement in found])
        return Deliveries(
            lines=tuple(Line(movement, tuple(stories.get(movement.submission_id, ()))) for movement in found),
            total=counts[show],
            counts=counts,
            kinds=tuple(await overviews.kinds(connection, user.visible)),
            members={member.id: member for member in await members.all_members(connection)},
            now=now,
        )
