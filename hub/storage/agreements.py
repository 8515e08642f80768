"""What regions agreed, what people consented to and which cases are open: what `domain.policy.decide` is given."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, insert, not_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.policy import Agreement, Case, Consent
from hub.storage import seals
from hub.storage.database import driver, rows_of
from hub.storage.ids import new_id
from hub.storage.tables import agreement, consent, exchange_case


@dataclass(frozen=True, slots=True)
class NewConsent:
    """A consent as translated from a county's record; `reference` and `subject` are blind indexes."""

    reference: bytes
    subject: bytes
    kinds: tuple[str, ...]
    purposes: tuple[str, ...]
    recipient_divisions: tuple[str, ...]
    resource_id: UUID
    valid_from: datetime
    valid_to: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExchangeCase:
    """A case as it is kept; `ends_at` is when it was closed or, while it is open, when it ends by itself.

    Without an end it has ended: rows written before cases had one permit nothing until they are opened again.
    """

    id: UUID
    kind: str
    from_member: int
    to_member: int
    closed: bool
    opened_at: datetime
    ends_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Does it stand at `now`?"""
        return not self.closed and self.ends_at is not None and now < self.ends_at


def seals_toward(parameter: int) -> str:
    """In SQL, for each of the recipients in the parameter of that number the seals of its agreements, one after the other:
    while they are the same, the agreements are.
    """
    return f"""
        ARRAY(SELECT (SELECT string_agg(a.seal, ''::bytea ORDER BY a.id) FROM agreement a WHERE a.to_member = recipient)
            FROM {rows_of("bigint", first=parameter)} WITH ORDINALITY AS r(recipient, place) ORDER BY place)"""  # noqa: S608 - our own


def _agreement(row: Any) -> Agreement:
    return Agreement(
        row.id,
        row.from_member,
        row.to_member,
        frozenset(row.kinds),
        frozenset(row.purposes),
        row.case_required,
        row.answer_days,
        row.valid_from,
        row.valid_to if row.ended_at is None else min(row.valid_to, row.ended_at),
        row.bulk,
    )


async def add(connection: AsyncConnection, title: str, made: Agreement) -> None:
    """Store an agreement."""
    values = {**asdict(made), "kinds": sorted(made.kinds), "purposes": sorted(made.purposes)}
    seal = seals.of(connection, agreement, values)
    await connection.execute(insert(agreement).values(**values, title=title, seal=seal))


async def end(connection: AsyncConnection, agreement_id: UUID, at: datetime) -> bool:
    """End an agreement at `at`; False when there is none such or it ended already."""
    row = await seals.find(
        connection, agreement, agreement.c.id == agreement_id, agreement.c.ended_at.is_(None), lock=True
    )
    if row is not None:
        await seals.change(connection, agreement, row, ended_at=at)
    return row is not None


async def by_id(connection: AsyncConnection, agreement_id: UUID) -> Agreement | None:
    """The agreement with that id, in force or not."""
    row = await seals.find(connection, agreement, agreement.c.id == agreement_id)
    return _agreement(row) if row else None


async def listed(connection: AsyncConnection) -> list[tuple[str, Agreement]]:
    """(title, agreement), oldest first."""
    rows = await connection.execute(select(agreement).order_by(agreement.c.valid_from, agreement.c.title))
    return [(row.title, _agreement(row)) for row in seals.genuine(connection, agreement, rows)]


async def between(
    connection: AsyncConnection, sender: int, recipient: int, kind: str, purpose: str, now: datetime
) -> Agreement | None:
    """The agreement in force for this kind and purpose; the newest where there are several."""
    rows = await connection.execute(
        select(agreement)
        .where(agreement.c.from_member == sender, agreement.c.to_member == recipient)
        .order_by(agreement.c.valid_from.desc())
    )
    for row in seals.genuine(connection, agreement, rows):
        found = _agreement(row)
        if kind in found.kinds and purpose in found.purposes and found.valid_from <= now < found.valid_to:
            return found
    return None


async def toward(connection: AsyncConnection, recipients: Collection[int]) -> dict[int, list[Agreement]]:
    """For each of `recipients` the agreements under which it receives, in force or not."""
    rows = await driver(connection).fetch(
        "SELECT * FROM agreement WHERE to_member = ANY($1::bigint[])", list(recipients)
    )
    found: dict[int, list[Agreement]] = {recipient: [] for recipient in recipients}
    for row in rows:
        if seals.is_genuine(connection, agreement, row):
            found[row["to_member"]].append(_agreement(SimpleNamespace(**row)))
    return found


async def put_consents(connection: AsyncConnection, member_id: int, items: Sequence[NewConsent]) -> list[UUID]:
    """Store or replace consents by their reference; answers the ids of those that are withdrawn now."""
    withdrawn = []
    for item in items:
        values = {
            "subject": item.subject,
            "kinds": list(item.kinds),
            "purposes": list(item.purposes),
            "recipient_divisions": list(item.recipient_divisions),
            "resource_id": item.resource_id,
            "valid_from": item.valid_from,
            "valid_to": item.valid_to,
            "withdrawn_at": item.withdrawn_at,
        }
        named = {"member_id": member_id, "reference": item.reference}
        values["seal"] = seals.of(connection, consent, {**named, **values})
        statement = upsert(consent).values(id=new_id(), **named, **values)
        id_ = (
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["member_id", "reference"], set_=values).returning(
                    consent.c.id
                )
            )
        ).scalar_one()
        if item.withdrawn_at is not None:
            withdrawn.append(id_)
    return withdrawn


async def withdraw_consents(
    connection: AsyncConnection, resource_ids: Sequence[UUID], now: datetime, *, but: Sequence[bytes] = ()
) -> list[UUID]:
    """Withdraw the consents that these resources gave, but those of the references `but`; answers the ids of those that
    were in force.
    """
    given = consent.c.resource_id.in_(list(resource_ids)) & consent.c.reference.not_in(list(but))
    rows = await connection.execute(select(consent).where(given, consent.c.withdrawn_at.is_(None)).with_for_update())
    found = seals.genuine(connection, consent, rows)
    for row in found:
        await seals.change(connection, consent, row, withdrawn_at=now)
    return [row.id for row in found]


async def consent_by_reference(
    connection: AsyncConnection, member_id: int, reference: bytes, subject: bytes
) -> Consent | None:
    """The consent the sender refers to, if it is this person's."""
    same = (consent.c.member_id == member_id, consent.c.reference == reference, consent.c.subject == subject)
    row = await seals.find(connection, consent, *same)
    return _consent(row) if row else None


async def consent_by_id(connection: AsyncConnection, consent_id: UUID) -> Consent | None:
    """The consent with that id."""
    row = await seals.find(connection, consent, consent.c.id == consent_id)
    return _consent(row) if row else None


def _consent(row: Any) -> Consent:
    return Consent(
        row.id,
        frozenset(row.kinds),
        frozenset(row.purposes),
        frozenset(row.recipient_divisions),
        row.valid_from,
        row.valid_to,
        row.withdrawn_at,
    )


async def open_case(
    connection: AsyncConnection,
    *,
    from_member: int,
    to_member: int,
    kind: str,
    subject: bytes,
    now: datetime,
    until: datetime,
    move: bool,
) -> bool:
    """Open the case of one person, kind and pair of regions until `until`; False when it is open already.

    With `move`, the end of one that is open becomes `until`; False then when that is its end already.
    """
    named = {"from_member": from_member, "to_member": to_member, "kind": kind, "subject": subject}
    await seals.discard_forged(connection, exchange_case, *_same_case(from_member, to_member, kind, subject))
    # Nothing is permitted without an end: a row that has none is not open, here as in `ExchangeCase.is_open`.
    is_open = (exchange_case.c.state == "OPEN") & func.coalesce(exchange_case.c.closed_at > now, False)
    values = {"state": "OPEN", "opened_at": now, "closed_at": until}
    statement = upsert(exchange_case).values(id=new_id(), **named, **values)
    done = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(named),
            set_={**values, "opened_at": case((is_open, exchange_case.c.opened_at), else_=now)},
            where=not_(is_open & (exchange_case.c.closed_at == until) if move else is_open),
        ).returning(exchange_case)
    )
    row = done.one_or_none()
    if row is not None:
        await seals.change(connection, exchange_case, row)
    return row is not None


def _same_case(from_member: int, to_member: int, kind: str, subject: bytes) -> tuple[ColumnElement[bool], ...]:
    of = exchange_case.c
    return of.from_member == from_member, of.to_member == to_member, of.kind == kind, of.subject == subject


async def close_case(connection: AsyncConnection, case_id: UUID, now: datetime) -> bool:
    """Close a case; False when there is none such or it was closed already."""
    is_open = exchange_case.c.state == "OPEN"
    row = await seals.find(connection, exchange_case, exchange_case.c.id == case_id, is_open, lock=True)
    if row is not None:
        ended = now if row.closed_at is None else min(row.closed_at, now)
        await seals.change(connection, exchange_case, row, state="CLOSED", closed_at=ended)
    return row is not None


async def case_by_id(connection: AsyncConnection, case_id: UUID) -> ExchangeCase | None:
    """The case with that id."""
    row = await seals.find(connection, exchange_case, exchange_case.c.id == case_id)
    return _case(row) if row else None


async def cases(connection: AsyncConnection) -> list[ExchangeCase]:
    """All cases, the newest first."""
    order = (exchange_case.c.opened_at.desc(), exchange_case.c.kind, exchange_case.c.id)
    rows = await connection.execute(select(exchange_case).order_by(*order))
    return [_case(row) for row in seals.genuine(connection, exchange_case, rows)]


async def case_for(
    connection: AsyncConnection, *, from_member: int, to_member: int, kind: str, subject: bytes, now: datetime
) -> Case | None:
    """The case of this person and kind between the two, as it stands at `now`."""
    row = await seals.find(connection, exchange_case, *_same_case(from_member, to_member, kind, subject))
    return Case(row.id, row.kind, _case(row).is_open(now)) if row else None


def _case(row: Any) -> ExchangeCase:
    return ExchangeCase(
        row.id, row.kind, row.from_member, row.to_member, row.state == "CLOSED", row.opened_at, row.closed_at
    )
