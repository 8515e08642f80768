"""Subscriptions: what is wanted, which number its events have come to, and what is due to be sent.

Each event of a subscription has a number, one above the last; what is under way is claimed for a time, and settled only by
whoever claimed it last, so that a crash repeats a notification and skips none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hub.storage.database import AsyncConnection, copy_rows, driver

KEPT: Final = 10_000
"""Events of one subscription that can be asked for; behind them the oldest go."""
_NUMBERING: Final = 0x6C71_7375


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription as the table has it (storage.tables.subscriptions)."""

    id: UUID
    member_id: int
    version: int
    topic: str
    types: tuple[str, ...]
    state: str
    listening: bool
    events: int
    sent: int
    offered: int
    most: int
    heartbeat_seconds: int | None
    attempts: int
    last_error: str | None
    failing_since: datetime | None
    since: datetime | None
    next_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Happened:
    """A version of a resource that is new, or a message that waits (`type` '', `version` 0)."""

    member_id: int
    topic: str
    type: str
    subject: UUID
    version: int
    deleted: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Numbered:
    """One event of a subscription."""

    number: int
    type: str
    subject: UUID
    version: int
    deleted: bool
    at: datetime


_COLUMNS: Final = ", ".join(field.name for field in fields(Subscription))


def _subscription(row: Any) -> Subscription:
    return Subscription(**(dict(row) | {"types": tuple(row["types"])}))


async def put(
    connection: AsyncConnection,
    *,
    id_: UUID,
    member_id: int,
    version: int,
    topic: str,
    types: Sequence[str],
    state: str,
    most: int,
    heartbeat_seconds: int | None,
    ends_at: datetime | None,
    now: datetime,
) -> None:
    """A subscription as its member wants it now; numbers go on where they were."""
    await driver(connection).execute(
        """
        -- put: what is wanted; what is requested begins anew, with all that was not taken
        INSERT INTO subscription AS s
            (id, member_id, version, topic, types, state, listening, most, heartbeat_seconds, ends_at, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, false, $7, $8, $9, CASE WHEN $6 = 'requested' THEN $10::timestamptz END)
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, topic = excluded.topic, types = excluded.types,
            state = excluded.state, listening = s.listening AND excluded.state <> 'off', most = excluded.most,
            heartbeat_seconds = excluded.heartbeat_seconds, ends_at = excluded.ends_at, next_at = excluded.next_at,
            offered = s.sent, attempts = 0, last_error = NULL, failing_since = NULL""",
        *(id_, member_id, version, topic, list(types), state, most, heartbeat_seconds, ends_at, now),
    )


async def end(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Tell nothing more of these, and forget what was to be told."""
    raw = driver(connection)
    await raw.execute(
        "UPDATE subscription SET state = 'off', listening = false, next_at = NULL, sent = events, offered = events "
        "WHERE id = ANY($1::uuid[])",
        list(ids),
    )
    await raw.execute("DELETE FROM subscription_event WHERE subscription_id = ANY($1::uuid[])", list(ids))


async def own(
    connection: AsyncConnection,
    member_id: int,
    *,
    ids: Sequence[UUID] | None = None,
    states: Sequence[str] | None = None,
    deleted: bool = True,
    limit: int,
) -> list[Subscription]:
    """A member's subscriptions, the oldest first; without `deleted` those only whose resource is there."""
    rows = await driver(connection).fetch(
        f"""
        -- own: of a member's those that are named, or are in one of the states
        SELECT {_COLUMNS} FROM subscription
        WHERE member_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::text[] IS NULL OR state = ANY($3))
            AND ($5 OR NOT EXISTS (
                SELECT FROM resource r JOIN resource_version v ON v.resource_id = r.id AND v.version = r.version
                WHERE r.id = subscription.id AND v.deleted))
        ORDER BY id LIMIT $4""",  # noqa: S608 - our own
        member_id,
        None if ids is None else list(ids),
        None if states is None else list(states),
        limit,
        deleted,
    )
    return [_subscription(row) for row in rows]


async def totals(connection: AsyncConnection) -> dict[str, int]:
    """Subscriptions by state."""
    rows = await driver(connection).fetch("SELECT state, count(*) FROM subscription GROUP BY state")
    return {row[0]: row[1] for row in rows}


async def lock_numbering(connection: AsyncConnection) -> bool:
    """Be the only one that gives numbers until the transaction ends; False when another is."""
    return bool(await driver(connection).fetchval("SELECT pg_try_advisory_xact_lock($1)", _NUMBERING))


async def take_pending(connection: AsyncConnection, limit: int) -> list[Happened]:
    """What happened and has no numbers yet, the oldest first; it is taken off the list."""
    rows = await driver(connection).fetch(
        """
        -- take_pending: of one resource in the order of its versions, as its changes came one after the other
        WITH taken AS (
            DELETE FROM subscription_pending WHERE id IN (SELECT id FROM subscription_pending ORDER BY id LIMIT $1)
            RETURNING *)
        SELECT member_id, topic, type, subject, version, deleted, at FROM taken ORDER BY id""",
        limit,
    )
    return [Happened(*row) for row in rows]


async def listening(connection: AsyncConnection, member_id: int) -> list[Subscription]:
    """A member's subscriptions whose events are numbered, locked."""
    rows = await driver(connection).fetch(
        f"SELECT {_COLUMNS} FROM subscription WHERE member_id = $1 AND listening ORDER BY id FOR UPDATE",  # noqa: S608
        member_id,
    )
    return [_subscription(row) for row in rows]


async def add_events(
    connection: AsyncConnection, one: Subscription, happened: Sequence[Happened], now: datetime
) -> None:
    """Give numbers to what a (locked) subscription is to be told, and have it told unless a try is under way."""
    columns = ("subscription_id", "number", "type", "subject", "version", "deleted", "at")
    await copy_rows(
        connection,
        "subscription_event",
        columns,
        [
            (one.id, number, event.type, event.subject, event.version, event.deleted, event.at)
            for number, event in enumerate(happened, one.events + 1)
        ],
    )
    newest, raw = one.events + len(happened), driver(connection)
    await raw.execute(
        """
        -- add_events: a subscription's new numbers
        UPDATE subscription SET events = $2,
            next_at = CASE WHEN state = 'active' AND attempts = 0 THEN $3 ELSE next_at END WHERE id = $1""",
        *(one.id, newest, now),
    )
    await raw.execute(
        "DELETE FROM subscription_event WHERE subscription_id = $1 AND number <= $2", one.id, newest - KEPT
    )


async def events(connection: AsyncConnection, id_: UUID, first: int, last: int, limit: int) -> list[Numbered]:
    """Events of a subscription from `first` to `last`, as far as they are kept."""
    rows = await driver(connection).fetch(
        """
        -- events: what a subscription was or is to be told
        SELECT number, type, subject, version, deleted, at FROM subscription_event
        WHERE subscription_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number LIMIT $4""",
        *(id_, first, last, limit),
    )
    return [Numbered(*row) for row in rows]


_DUE: Final = """
    -- due: of what something is to be sent, nobody else's until the transaction ends
    SELECT id FROM subscription
    WHERE state IN ('requested', 'active') AND next_at <= $1
        -- one that does not come to its end is tried again as others are, and not at once
        OR state <> 'off' AND ends_at <= $1 AND (attempts = 0 OR next_at IS NULL OR next_at <= $1)
    ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED"""

_CLAIM: Final = f"""
    -- claim: next_at moves behind the attempt, so a crash only delays it, and what was offered is offered again; events that are
    -- no longer kept are passed over
    WITH due AS (
        SELECT id AS due_id, sent AS told, coalesce(
            (SELECT min(number) FROM subscription_event WHERE subscription_id = id) - 1, events) AS gone
        FROM subscription WHERE id = ANY($1::uuid[]))
    UPDATE subscription SET attempts = attempts + 1, next_at = $2,
        sent = CASE WHEN offered > greatest(told, gone) THEN told ELSE greatest(told, gone) END,
        offered = CASE WHEN offered > greatest(told, gone) THEN offered
            ELSE least(events, greatest(told, gone) + most) END
    FROM due WHERE id = due_id
    RETURNING {_COLUMNS}"""  # noqa: S608 - our own


async def claim(connection: AsyncConnection, now: datetime, *, seconds: int, limit: int) -> list[Subscription]:
    """Take up to `limit` subscriptions of which something is due for `seconds`."""
    raw = driver(connection)
    # Locked first: what the next statement sees of their events is then all that was numbered.
    due = [row[0] for row in await raw.fetch(_DUE, now, limit)]
    rows = await raw.fetch(_CLAIM, due, now + timedelta(seconds=seconds)) if due else ()
    return [_subscription(row) for row in rows]


async def succeed(connection: AsyncConnection, claimed: Subscription, now: datetime) -> bool:
    """What was offered was taken; False where somebody else has it in hand, or its member changed it meanwhile."""
    done = await driver(connection).execute(
        """
        -- succeed: on to what is next: more events at once, else the next sign of life
        UPDATE subscription SET sent = $4, offered = $4, attempts = 0, failing_since = NULL, last_error = NULL,
            next_at = CASE WHEN events > $4 THEN $5::timestamptz
                ELSE $5::timestamptz + heartbeat_seconds * interval '1 second' END
        WHERE id = $1 AND version = $2 AND attempts = $3""",
        *(claimed.id, claimed.version, claimed.attempts, claimed.offered, now),
    )
    return bool(done == "UPDATE 1")


async def fail(
    connection: AsyncConnection, claimed: Subscription, *, since: datetime, next_at: datetime, error: str
) -> bool:
    """It is tried again at `next_at`; False as `succeed`."""
    done = await driver(connection).execute(
        """
        -- fail: an attempt that came to nothing
        UPDATE subscription SET failing_since = $4, next_at = $5, last_error = $6
        WHERE id = $1 AND version = $2 AND attempts = $3""",
        *(claimed.id, claimed.version, claimed.attempts, since, next_at, error[:300]),
    )
    return bool(done == "UPDATE 1")


async def turn(
    connection: AsyncConnection, claimed: Subscription, state: str, version: int, now: datetime, error: str = ""
) -> bool:
    """Go over into a state that the resource tells in its version `version`; False as `succeed`.

    Who becomes active is told what was not taken before, and of what happens from now on.
    """
    done = await driver(connection).execute(
        """
        -- turn: active after a handshake, or an end of one kind or the other
        UPDATE subscription SET state = $4, version = $5, attempts = 0, last_error = nullif($6, ''), failing_since = NULL,
            offered = sent, since = CASE WHEN listening THEN since ELSE $7 END,
            listening = CASE $4 WHEN 'active' THEN true WHEN 'off' THEN false ELSE listening END,
            next_at = CASE WHEN $4 <> 'active' THEN NULL WHEN events > sent THEN $7::timestamptz
                ELSE $7::timestamptz + heartbeat_seconds * interval '1 second' END
        WHERE id = $1 AND version = $2 AND attempts = $3""",
        *(claimed.id, claimed.version, claimed.attempts, state, version, error[:300], now),
    )
    return bool(done == "UPDATE 1")
