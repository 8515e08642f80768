"""Submissions: what arrived, its bytes in parts, its timeline, its issues, its counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.messages import State, before, may_follow
from hub.errors import Conflict
from hub.storage.database import copy_rows, driver
from hub.storage.tables import submission, submission_event, submission_issue, submission_part
from hub.storage.tables.intake import submission_change
from hub.storage.vault import Vault

_CHANGES = 0x6C63  # "lc"
_CORRECTIONS = 0x6C72  # "lr"


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A submission about to be stored; `parts` are sealed already."""

    id: UUID
    member_id: int
    message_id: UUID
    kind: str
    mapping: str | None
    media_type: str
    file_name: str
    digest: bytes
    size: int
    state: State
    acknowledgement: bytes
    leaf: bytes
    in_response_to: UUID | None
    supersedes: UUID | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """One stored submission."""

    id: UUID
    member_id: int
    message_id: UUID
    kind: str
    mapping: str | None
    media_type: str
    file_name: str
    digest: bytes
    size: int
    state: State
    acknowledgement: bytes
    leaf: bytes
    rows: int
    translated: int
    quarantined: int
    linked: int
    review: int
    issues: int
    changed: int
    received_at: datetime
    state_at: datetime


@dataclass(frozen=True, slots=True)
class StoredIssue:
    """One issue of a submission; `value` is the sender's text."""

    id: int
    row: int | None
    column: str | None
    code: str
    severity: str
    text: str
    text_zh: str
    value: str | None


def _submission(row: Any, vault: Vault) -> Submission:
    return Submission(
        id=row.id,
        member_id=row.member_id,
        message_id=row.message_id,
        kind=row.kind,
        mapping=row.mapping,
        media_type=row.media_type,
        file_name=vault.open(row.file_name).decode() if row.file_name else "",
        digest=row.digest,
        size=row.size,
        state=State(row.state),
        acknowledgement=vault.open(row.acknowledgement),
        leaf=row.leaf,
        rows=row.rows,
        translated=row.translated,
        quarantined=row.quarantined,
        linked=row.linked,
        review=row.review,
        issues=row.issues,
        changed=row.changed,
        received_at=row.received_at,
        state_at=row.state_at,
    )


async def add(connection: AsyncConnection, vault: Vault, new: NewSubmission, parts: Sequence[bytes]) -> bool:
    """Store the submission, its parts and the first line of its timeline; False when its message id is taken."""
    done = await connection.execute(
        upsert(submission)
        .values(
            id=new.id,
            member_id=new.member_id,
            message_id=new.message_id,
            kind=new.kind,
            mapping=new.mapping,
            media_type=new.media_type,
            file_name=vault.seal(new.file_name.encode()) if new.file_name else None,
            digest=new.digest,
            size=new.size,
            state=new.state,
            acknowledgement=vault.seal(new.acknowledgement),
            leaf=new.leaf,
            in_response_to=new.in_response_to,
            supersedes=new.supersedes,
            received_at=new.received_at,
            state_at=new.received_at,
        )
        .on_conflict_do_nothing(index_elements=["member_id", "message_id"])
    )
    if not done.rowcount:
        return False
    for seq, body in enumerate(parts):
        await connection.execute(insert(submission_part).values(submission_id=new.id, seq=seq, body=body))
    await add_event(connection, new.id, State.ACCEPTED, new.received_at)
    return True


async def add_event(
    connection: AsyncConnection, submission_id: UUID, state: State, at: datetime, detail: str = ""
) -> None:
    """A line of the timeline."""
    await connection.execute(
        insert(submission_event).values(submission_id=submission_id, state=state, at=at, detail=detail)
    )


def turn(parameter: str) -> str:
    """In SQL, a row behind whose making the lock of _TURN is held, for whoever numbers changes of its own: behind the locks of
    all that is changed. `parameter` is a member's number below 2**31. It has to be joined, or nobody makes it.
    """
    return f"(SELECT pg_advisory_xact_lock({_CHANGES}, {parameter}::int))"


_TURN = text("""
    -- turn: a member's changes are numbered in the order in which they are committed, so that no reader skips one
    SELECT pg_advisory_xact_lock(:space, CAST(member_id % 2147483648 AS int)) FROM submission WHERE id = :id""")


async def move(connection: AsyncConnection, submission_id: UUID, state: State, at: datetime, detail: str = "") -> None:
    """Set the state, tell the timeline, and advance the sender's change cursor. Raises Conflict like `move_through`."""
    await move_through(connection, submission_id, [(state, detail)], at)


async def move_through(
    connection: AsyncConnection, submission_id: UUID, steps: Sequence[tuple[State, str]], at: datetime
) -> None:
    """Go through several states at once: each (state, detail) is in the timeline, the last one stays.

    Raises Conflict `state-conflict` where the first may not follow the state the submission is in.
    """
    for (state, _), (following, _) in pairwise(steps):
        if not may_follow(state, following):
            raise ValueError(f"{following} does not follow {state}")
    await connection.execute(_TURN, {"space": _CHANGES, "id": submission_id})
    done = await connection.execute(
        update(submission)
        .where(submission.c.id == submission_id, submission.c.state.in_(before(steps[0][0])))
        .values(state=steps[-1][0], state_at=at, changed=submission_change.next_value())
    )
    if done.rowcount != 1:
        raise Conflict("state-conflict", f"The message cannot become {steps[0][0]} any more.")
    events = [{"submission_id": submission_id, "state": state, "at": at, "detail": detail} for state, detail in steps]
    await connection.execute(insert(submission_event), events)


async def count(connection: AsyncConnection, submission_id: UUID, **added: int) -> None:
    """Add to the counters (rows, translated, quarantined, linked, review, issues)."""
    values = {name: submission.c[name] + number for name, number in added.items()}
    await connection.execute(update(submission).where(submission.c.id == submission_id).values(**values))


async def lock_corrections(connection: AsyncConnection, member_id: int, message_ids: Iterable[UUID]) -> None:
    """Let a message and what corrects it wait for each other, whichever comes first, until the transaction ends."""
    names = sorted(f"{member_id} {one}" for one in message_ids)
    await driver(connection).execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(one, $2)) FROM unnest($1::text[]) AS one", names, _CORRECTIONS
    )


async def correction_of(connection: AsyncConnection, member_id: int, message_id: UUID) -> UUID | None:
    """The sealed message of the member that corrects this one and came before it; a document corrects none."""
    found: UUID | None = await driver(connection).fetchval(
        "SELECT message_id FROM submission WHERE member_id = $1 AND supersedes = $2 AND mapping IS NULL "
        "ORDER BY received_at DESC LIMIT 1",
        member_id,
        message_id,
    )
    return found


async def by_message(connection: AsyncConnection, vault: Vault, member_id: int, message_id: UUID) -> Submission | None:
    """The member's submission with that message id."""
    row = (
        await connection.execute(
            select(submission).where(submission.c.member_id == member_id, submission.c.message_id == message_id)
        )
    ).one_or_none()
    return _submission(row, vault) if row else None


async def by_id(connection: AsyncConnection, vault: Vault, submission_id: UUID) -> Submission | None:
    """The submission with that id."""
    row = (await connection.execute(select(submission).where(submission.c.id == submission_id))).one_or_none()
    return _submission(row, vault) if row else None


async def set_aside(connection: AsyncConnection, mapping_prefix: str) -> list[UUID]:
    """Submissions whose work was given up, of mappings whose name begins so."""
    rows = await connection.execute(
        select(submission.c.id)
        .where(submission.c.state == State.DEAD, submission.c.mapping.startswith(mapping_prefix))
        .with_for_update()
    )
    return [row.id for row in rows]


async def changed_after(
    connection: AsyncConnection, vault: Vault, member_id: int, cursor: int, limit: int
) -> list[Submission]:
    """The member's submissions whose state changed after `cursor`, in that order."""
    rows = await connection.execute(
        select(submission)
        .where(submission.c.member_id == member_id, submission.c.changed > cursor)
        .order_by(submission.c.changed)
        .limit(limit)
    )
    return [_submission(row, vault) for row in rows]


async def timeline(connection: AsyncConnection, submission_id: UUID) -> list[tuple[str, datetime, str]]:
    """(state, at, detail), oldest first."""
    rows = await connection.execute(
        select(submission_event.c.state, submission_event.c.at, submission_event.c.detail)
        .where(submission_event.c.submission_id == submission_id)
        .order_by(submission_event.c.id)
    )
    return [(row.state, row.at, row.detail) for row in rows]


async def add_part(connection: AsyncConnection, submission_id: UUID, seq: int, body: bytes) -> None:
    """Store one more sealed part."""
    await connection.execute(insert(submission_part).values(submission_id=submission_id, seq=seq, body=body))


async def part(connection: AsyncConnection, vault: Vault, submission_id: UUID, seq: int) -> bytes | None:
    """One part of the received bytes; None behind the last."""
    body = (
        await connection.execute(
            select(submission_part.c.body).where(
                submission_part.c.submission_id == submission_id, submission_part.c.seq == seq
            )
        )
    ).scalar_one_or_none()
    return None if body is None else vault.open(body)


async def forget_parts(connection: AsyncConnection, submission_id: UUID) -> None:
    """Drop the received bytes; their digest and the receipt stay."""
    await connection.execute(delete(submission_part).where(submission_part.c.submission_id == submission_id))


async def add_issues(
    connection: AsyncConnection, vault: Vault, submission_id: UUID, issues: Sequence[dict[str, Any]]
) -> None:
    """Store issues: dicts of row, column, code, severity, text, text_zh, value."""
    if not issues:
        return
    said = ("row", "column", "code", "severity", "text", "text_zh")
    await copy_rows(
        connection,
        "submission_issue",
        ("submission_id", *said, "value"),
        [
            (
                submission_id,
                *(issue[name] for name in said),
                vault.seal(issue["value"].encode()) if issue["value"] is not None else None,
            )
            for issue in issues
        ],
    )


async def drop_issues(connection: AsyncConnection, submission_id: UUID, rows: Sequence[int] | None = None) -> int:
    """Forget what was found in these rows, or anywhere; answers how many issues that were."""
    statement = delete(submission_issue).where(submission_issue.c.submission_id == submission_id)
    if rows is not None:
        statement = statement.where(submission_issue.c.row.in_(list(rows)))
    return (await connection.execute(statement)).rowcount


async def issues(
    connection: AsyncConnection, vault: Vault, submission_id: UUID, *, after: int = 0, limit: int = 100
) -> list[StoredIssue]:
    """Issues in the order they were found, a page at a time."""
    wanted = _issues_of(submission_id).where(submission_issue.c.id > after).order_by(submission_issue.c.id)
    return _stored(vault, await connection.execute(wanted.limit(limit)))


async def gravest_issues(
    connection: AsyncConnection, vault: Vault, submission_id: UUID, *, limit: int
) -> list[StoredIssue]:
    """Some issues: errors before warnings before what is only told, each in the order they were found."""
    gravity = case({"error": 0, "warning": 1}, value=submission_issue.c.severity, else_=2)
    wanted = _issues_of(submission_id).order_by(gravity, submission_issue.c.id)
    return _stored(vault, await connection.execute(wanted.limit(limit)))


def _issues_of(submission_id: UUID) -> Select[Any]:
    return select(submission_issue).where(submission_issue.c.submission_id == submission_id)


def _stored(vault: Vault, rows: Iterable[Any]) -> list[StoredIssue]:
    return [
        StoredIssue(
            id=row.id,
            row=row.row,
            column=row.column,
            code=row.code,
            severity=row.severity,
            text=row.text,
            text_zh=row.text_zh,
            value=vault.open(row.value).decode() if row.value is not None else None,
        )
        for row in rows
    ]


async def totals(connection: AsyncConnection) -> dict[str, int]:
    """Sums over all submissions, for screens and the demonstration's table."""
    row = (
        await connection.execute(
            select(
                func.count().label("received"),
                func.coalesce(func.sum(submission.c.rows), 0).label("rows"),
                func.coalesce(func.sum(submission.c.translated), 0).label("translated"),
                func.coalesce(func.sum(submission.c.quarantined), 0).label("quarantined"),
                func.coalesce(func.sum(submission.c.linked), 0).label("linked"),
            )
        )
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}
