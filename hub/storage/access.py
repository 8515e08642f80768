"""The ledger of look-ups: who saw, or was refused, what about whom, for what purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, case, cast, func, literal, null, or_, select

from hub.storage import audit
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, driver, rows_of
from hub.storage.tables import access_event
from hub.storage.tables.base import Texts
from hub.storage.vault import Vault

CHECK: Final = "verify"
"""The act of who checks a certificate, and does not say who it is."""
_UNIT: Final = "\x1f"
_TYPES: Final = ("text", "text", "text", "text", "uuid", "bytea", "text", "text", "timestamptz")
_NOTE: Final = f"""
    -- note: look-ups, in their order; lists of fields, which differ in length, come as one text each
    INSERT INTO access_event (actor, region, act, purpose, person_id, subject, fields, outcome, at)
    SELECT actor, region, act, purpose, person_id, subject, string_to_array(fields, E'\\x1f'), outcome, at
    FROM {rows_of(*_TYPES)} WITH ORDINALITY
        AS e(actor, region, act, purpose, person_id, subject, fields, outcome, at, place)
    ORDER BY place RETURNING id"""  # noqa: S608 - our own
_LEAVE: Final = f"""
    -- leave: lines under numbers that were given for them, and the leaves of the log that bind them
    WITH noted AS (
        INSERT INTO access_event (id, actor, region, act, purpose, person_id, subject, fields, outcome, at)
        OVERRIDING SYSTEM VALUE
        SELECT id, actor, region, act, purpose, person_id, subject, string_to_array(fields, E'\\x1f'), outcome, at
        FROM {rows_of("bigint", *_TYPES, first=7)}
            AS e(id, actor, region, act, purpose, person_id, subject, fields, outcome, at))
    {audit.APPEND}"""  # noqa: S608 - our own
NUMBER: Final = "nextval('access_event_id_seq')"
"""In SQL, a number for a line that is to be left."""
Side = tuple[Sequence[UUID], Sequence[bytes]]
"""A person: the ids she had, and the blind indexes of her records."""


@dataclass(frozen=True, slots=True)
class Access:
    """One look-up, delivery or refusal. `subject` is a blind index of member|record id."""

    actor: str
    region: str
    act: str
    purpose: str
    person_id: UUID | None
    subject: bytes | None
    fields: tuple[str, ...]
    outcome: str
    at: datetime


_FIELDS: Final = Access.__slots__.index("fields")


@dataclass(frozen=True, slots=True)
class Line:
    """A look-up, or `times` checks that are alike: `event.at` is the last of them, `first_at` the first."""

    event: Access
    sides: tuple[bool, ...]
    times: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to read on: in what was noted up to `until`, before `before`."""

    until: int
    before: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """Some lines of a ledger, the number of `more` that are older, and where they begin."""

    lines: tuple[Line, ...]
    more: int
    older: Cursor | None


async def note(connection: AsyncConnection, events: Sequence[Access]) -> list[int]:
    """Write look-ups in the act's own transaction; answers the ids of their rows, in order.

    None is written like some: how long it takes does not tell whether there was anybody.
    """
    raw = driver(connection)
    return sorted(row[0] for row in await raw.fetch(_NOTE, *_columns(events)))


async def numbers(connection: AsyncConnection, count: int) -> list[int]:
    """So many numbers for lines that are to be left; none are asked for like some."""
    rows = await driver(connection).fetch(f"SELECT {NUMBER} FROM generate_series(1, $1)", count)  # noqa: S608 - our own
    return [row[0] for row in rows]


async def leave(
    connection: AsyncConnection, vault: Vault, lines: Sequence[tuple[int, Access]], acts: Sequence[Act]
) -> None:
    """Write lines (number, what it says) and a leaf for each act in one statement: all of it or nothing.

    None is written like some: how long it takes does not tell whether there was anybody.
    """
    _, leaves = audit.columns(vault, acts)
    await driver(connection).execute(
        _LEAVE, *leaves, [number for number, _ in lines], *_columns([event for _, event in lines])
    )


def _columns(events: Sequence[Access]) -> list[list[Any]]:
    """What a statement takes that writes look-ups: a list for each column, of fields one text each."""
    found: list[list[Any]] = [[getattr(event, name) for event in events] for name in Access.__slots__]
    found[_FIELDS] = [_UNIT.join(fields) for fields in found[_FIELDS]]
    return found


async def fingerprint(connection: AsyncConnection, vault: Vault, ids: Sequence[int]) -> str:
    """What the log keeps of these rows: another one as soon as one of them is gone or says something else."""
    rows = await connection.execute(select(access_event).where(access_event.c.id.in_(ids)).order_by(access_event.c.id))
    return digest(vault, [(row.id, _access(row)) for row in rows])


def digest(vault: Vault, rows: Sequence[tuple[int, Access]]) -> str:
    """The fingerprint of rows (id, what it says) as they stand in the ledger, ascending."""
    said = [[id_, *map(str, _values(event))] for id_, event in rows]
    return vault.authenticate(b"look-ups" + orjson.dumps(said)).hex()


def _values(event: Access) -> list[object]:
    return [getattr(event, name) for name in Access.__slots__]


async def about(connection: AsyncConnection, person_ids: Sequence[UUID], subjects: Sequence[bytes]) -> list[Access]:
    """Everything noted about a person, by any id she had and any record of hers, newest first."""
    rows = await connection.execute(
        select(access_event).where(_concerns((person_ids, subjects))).order_by(access_event.c.id.desc())
    )
    return [_access(row) for row in rows]


async def ledger(
    connection: AsyncConnection,
    sides: Sequence[Side],
    *,
    veiled: bool,
    start: Cursor | None = None,
    limit: int | None = None,
) -> Ledger:
    """What was noted about any of `sides`, newest first, at most `limit` lines and only what is older than `start`.

    Checks of certificates by whoever it was are one line where nothing that is shown of them differs, so that nobody
    can bury the other lines; `veiled`, nothing is shown of them but when, for what purpose and about whom.
    """
    noted = _noted(sides, veiled, start).subquery()
    same = [column for column in noted.c if column.name not in ("id", "at")]
    newest = func.max(noted.c.id)
    statement = (
        select(
            *same,
            newest.label("id"),
            func.max(noted.c.at).label("at"),
            func.min(noted.c.at).label("first_at"),
            func.count().label("times"),
            func.count().over().label("left"),
        )
        .group_by(*same)
        .order_by(newest.desc())
        .limit(limit)
    )
    if start is not None:
        statement = statement.having(newest < start.before)
    rows = (await connection.execute(statement)).all()
    lines = tuple(
        Line(_access(row), tuple(bool(row._mapping[f"side_{n}"]) for n in range(len(sides))), row.times, row.first_at)
        for row in rows
    )
    more = rows[0].left - len(rows) if rows else 0
    older = Cursor(start.until if start else rows[0].id, rows[-1].id) if more else None
    return Ledger(lines, more, older)


def _noted(sides: Sequence[Side], veiled: bool, start: Cursor | None) -> Select[Any]:
    """The rows about `sides`, with what makes two of them one line."""
    event, check = access_event.c, access_event.c.act == CHECK
    hidden = (check & literal(veiled)).label("hidden")
    statement = select(
        event.id,
        event.at,
        event.actor,
        event.act,
        event.purpose,
        case((hidden, ""), else_=event.region).label("region"),
        case((hidden, ""), else_=event.outcome).label("outcome"),
        case((hidden, cast(literal([], Texts), Texts)), else_=event.fields).label("fields"),
        case((check, null()), else_=event.person_id).label("person_id"),
        case((check, null()), else_=event.subject).label("subject"),
        case((check, 0), else_=event.id).label("single"),
        *(func.coalesce(_concerns(side), False).label(f"side_{n}") for n, side in enumerate(sides)),
    ).where(or_(*map(_concerns, sides)))
    return statement if start is None else statement.where(event.id <= start.until)


def _concerns(side: Side) -> ColumnElement[bool]:
    persons, subjects = side
    return or_(access_event.c.person_id.in_(list(persons)), access_event.c.subject.in_(list(subjects)))


def _access(row: Any) -> Access:
    return Access(
        row.actor, row.region, row.act, row.purpose, row.person_id, row.subject, tuple(row.fields), row.outcome, row.at
    )


async def outcomes(connection: AsyncConnection, act: str) -> dict[str, int]:
    """How often `act` ended how."""
    rows = await connection.execute(
        select(access_event.c.outcome, func.count()).where(access_event.c.act == act).group_by(access_event.c.outcome)
    )
    return {outcome: int(number) for outcome, number in rows}
