"""The queue of conflicts: what waits, in which order, and how one conflict stands."""

from dataclasses import dataclass
from uuid import UUID

from hub.errors import Invalid
from hub.runtime import Hub
from hub.services import cases, models, source_records
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import reviews
from hub.storage.reviews import Review

VIEWS = ("open", "mine", "proposed", "deferred", "decided")
_STATES = {
    "open": ("REVIEW", "DEFERRED"),
    "mine": ("REVIEW", "DEFERRED", "PROPOSED"),
    "proposed": ("PROPOSED",),
    "deferred": ("DEFERRED",),
    "decided": ("CONFIRMED", "REJECTED"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue."""

    task: Review
    a: Record | None
    b: Record | None


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of the queue; `reasons` counts all tasks of this view by reason; `review` and `auto` are the thresholds."""

    rows: tuple[Row, ...]
    reasons: dict[str, int]
    total: int
    review: float
    auto: float


async def queue(
    hub: Hub, user: User, *, view: str = "open", reason: str | None = None, limit: int = 25, offset: int = 0
) -> Queue:
    """A page of the conflicts that `user` may see, in the order of `domain.ordering`; each name shown is noted."""
    if view not in _STATES:
        raise Invalid("unknown-view", f"The views are {', '.join(VIEWS)}.")
    now = hub.now()
    due = now if view == "open" else None
    assignee = user.name if view == "mine" else None
    async with hub.database.begin() as connection:
        counts = await reviews.reasons(connection, user.visible, states=_STATES[view], due=due, assignee=assignee)
        tasks = await reviews.queue(
            connection,
            user.visible,
            states=_STATES[view],
            limit=limit,
            offset=offset,
            reason=reason,
            due=due,
            assignee=assignee,
        )
        model = (await models.in_force(hub, connection)).model
        records = await source_records.load(hub, connection, {id_ for task in tasks for id_ in (task.a, task.b)})
        shown = records.values()
        await cases.note(hub, connection, user, shown, act="list", fields=cases.NAMED, now=now)
    rows = tuple(Row(task, records.get(task.a), records.get(task.b)) for task in tasks)
    total = counts.get(reason, 0) if reason else sum(counts.values())
    return Queue(rows, counts, total, model.review, model.auto)


async def counts(hub: Hub, user: User) -> dict[str, int]:
    """How many conflicts wait, by reason; shows no record."""
    async with hub.database.read() as connection:
        return await reviews.reasons(connection, user.visible, states=("REVIEW",))


async def neighbours(
    hub: Hub, user: User, task: Review, *, reason: str | None = None
) -> tuple[UUID | None, UUID | None]:
    """The open conflicts before and behind `task` in the queue."""
    async with hub.database.read() as connection:
        return await reviews.neighbours(
            connection, user.visible, task, states=_STATES["open"], reason=reason, due=hub.now(), name=user.name
        )


async def first(hub: Hub, user: User, *, reason: str | None = None) -> UUID | None:
    """The open conflict at the head of the queue; shows no record."""
    async with hub.database.read() as connection:
        found = await reviews.queue(
            connection, user.visible, states=_STATES["open"], limit=1, reason=reason, due=hub.now()
        )
    return found[0].id if found else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a conflict stands, without its records; `seen` allows undoing it."""

    task: Review
    seen: str
    may_undo: bool


async def standing(hub: Hub, user: User, task_id: UUID) -> Standing | None:
    """How the conflict stands, if `user` may see it; shows no record."""
    async with hub.database.read() as connection:
        task = await reviews.get(connection, task_id, user.visible)
        if task is None:
            return None
        records = await source_records.load(hub, connection, (task.a, task.b))
        if not {task.a, task.b} <= records.keys():
            return None
        return Standing(
            task, cases.seen(task, records[task.a].version, records[task.b].version), cases.may_undo(user, task)
        )
