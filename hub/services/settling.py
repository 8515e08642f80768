"""What every verdict has in common: it counts for what was seen, under locks, and persons follow it.

Records are locked before the task, as linking does. What a verdict rests on is kept in its event: the comparison by
name of its levels, so that later evidence can be held against it.
"""

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from hub.errors import Conflict, NotAllowed
from hub.runtime import Hub
from hub.services import cases, projecting, source_records
from hub.services.sessions import User
from hub.services.weighing import Weighed, weigh
from hub.storage import audit, reviews
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from hub.storage.reviews import Review

Given = ParamSpec("Given")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision or an undoing: how many records changed their person."""

    task_id: UUID
    state: str
    moved: int


def refusals_noted(
    act: str,
) -> Callable[
    [Callable[Concatenate[Hub, User, Given], Awaitable[Done]]],
    Callable[Concatenate[Hub, User, Given], Coroutine[Any, Any, Done]],
]:
    """Leaves a leaf, in a transaction of its own, when `act` is not allowed to whoever tries it."""

    def around(
        trying: Callable[Concatenate[Hub, User, Given], Awaitable[Done]],
    ) -> Callable[Concatenate[Hub, User, Given], Coroutine[Any, Any, Done]]:
        @wraps(trying)
        async def tried(hub: Hub, user: User, /, *given: Given.args, **named: Given.kwargs) -> Done:
            try:
                return await trying(hub, user, *given, **named)
            except NotAllowed as refusal:
                of = [str(one) for one in given if isinstance(one, UUID)]
                content = {"of": of, "reason": refusal.code, "region": user.region}
                async with hub.database.begin() as connection:
                    await audit.append(connection, hub.vault, [Act(f"{act}-refused", user.name, content, hub.now())])
                refusal.noted = True
                raise

        return tried

    return around


def check_role(user: User) -> None:
    """Raises NotAllowed `role-missing`."""
    if not user.may_decide:
        raise NotAllowed("role-missing", "Only stewards and supervisors decide.")


async def locked(connection: AsyncConnection, user: User, task_id: UUID) -> Review | None:
    """The task and all records whose persons depend on it, locked: records before the task, as linking does.

    None when the user may not see it.
    """
    task = await reviews.get(connection, task_id, user.visible)
    if task is None:
        return None
    await projecting.lock_component(connection, (task.a, task.b))
    return await reviews.get(connection, task_id, user.visible, lock=True)


async def fresh(hub: Hub, connection: AsyncConnection, task: Review, seen: str, states: tuple[str, ...]) -> Weighed:
    """The pair as it compares now, if it is still what was `seen`. Raises Conflict `stale`."""
    both = await source_records.sides(hub, connection, task.a, task.b)
    if both is None or task.state not in states or seen != cases.seen(task, both.a[0].version, both.b[0].version):
        raise Conflict("stale", "The conflict or one of its records has changed since you opened it.")
    return await weigh(hub, connection, both)


def check_free(task: Review, user: User, now: datetime) -> None:
    """Raises Conflict `held` when somebody else has it open; a supervisor is kept out by nobody."""
    if task.is_held(now, against=user.name) and not user.may_overrule:
        until = f"{task.held_until:%H:%M} UTC" if task.held_until else ""
        raise Conflict("held", f"{task.held_by} has this conflict open until {until}; nothing was changed.")


def evidence(hub: Hub, task: Review, weighed: Weighed, seen: str, note: str) -> dict[str, Any]:
    """What a verdict rests on. The note may name people, so it is sealed."""
    found: dict[str, Any] = {
        "seen": seen,
        "why": task.reason,
        "model": weighed.model.hash[:16],
        "weight": round(weighed.score.weight, 3),
        "vetoes": list(weighed.score.vetoes),
        "levels": weighed.levels,
    }
    if task.reopened_seq is not None:
        found["reopened"] = task.reopened_seq
    if note:
        found["note"] = b64encode(hub.vault.seal(note.encode())).decode()
    return found


def note_of(hub: Hub, decision: Decision) -> str:
    """What was written in words beside a decision's reason."""
    sealed = decision.evidence.get("note")
    return hub.vault.open(b64decode(sealed)).decode() if sealed else ""


async def log(hub: Hub, connection: AsyncConnection, user: User, task: Review, act: Act, outcome: str) -> None:
    """Note the act in the log and in the ledger of the two persons."""
    records = await source_records.load(hub, connection, (task.a, task.b))
    shown = records.values()
    await cases.note(hub, connection, user, shown, act=act.act, fields=(), now=act.at, outcome=outcome)
    await audit.append(connection, hub.vault, [act])


async def follow(
    hub: Hub, connection: AsyncConnection, user: User, task: Review, act: Act, seq: int, outcome: str
) -> int:
    """Let persons follow the event, and note it with the persons as they are then; answers how many records moved."""
    done = await projecting.project(hub, connection, (task.a, task.b), cause="decision", now=act.at, decision_seq=seq)
    counted = Act(act.act, act.actor, {**act.content, "moved": len(done.moves)}, act.at)
    await log(hub, connection, user, task, counted, outcome)
    return len(done.moves)
