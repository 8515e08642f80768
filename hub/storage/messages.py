"""Messages that are done when they are received: found by their ids, and stored whole, some of one member's at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.domain.messages import PART_BYTES, State
from hub.storage import submissions
from hub.storage.database import AsyncConnection, driver, rows_of
from hub.storage.vault import Vault

_ADD: Final = f"""
    -- add: messages, their bytes and the first lines of their timelines; none under a message id that is taken
    WITH turn AS MATERIALIZED {submissions.turn("$17")}, taken AS (
        INSERT INTO submission (id, member_id, message_id, kind, media_type, digest, size, state, acknowledgement, leaf,
            received_at, state_at, rows, translated)
        SELECT id, $1, message_id, $2, $3, digest, size, $4, acknowledgement, leaf, $5, $5, rows, rows
        FROM {rows_of("uuid", "uuid", "bytea", "bigint", "bytea", "bytea", "int", first=7)}
            AS m(id, message_id, digest, size, acknowledgement, leaf, rows), turn
        ON CONFLICT (member_id, message_id) DO NOTHING RETURNING id),
    kept AS (
        INSERT INTO submission_part (submission_id, seq, body)
        SELECT p.id, p.seq, p.body FROM {rows_of("uuid", "int", "bytea", first=14)} AS p(id, seq, body)
        JOIN taken ON taken.id = p.id),
    told AS (INSERT INTO submission_event (submission_id, state, at) SELECT id, $6, $5 FROM taken)
    SELECT count(*) FROM taken"""  # noqa: S608 - our own


@dataclass(frozen=True, slots=True)
class Message:
    """A message in FHIR JSON that was done: `body` the exact bytes, `rows` how many entries these have."""

    id: UUID
    message_id: UUID
    digest: bytes
    body: bytes
    acknowledgement: bytes
    leaf: bytes
    rows: int


async def answered(
    connection: AsyncConnection, vault: Vault, member_id: int, message_ids: Sequence[UUID]
) -> dict[UUID, tuple[bytes, bytes]]:
    """(digest, acknowledgement) of those of a member's messages that were received before."""
    rows = await driver(connection).fetch(
        """
        -- answered: what was said to messages that come again
        SELECT message_id, digest, acknowledgement FROM submission
        WHERE member_id = $1 AND message_id = ANY($2::uuid[])""",
        member_id,
        list(message_ids),
    )
    return {row[0]: (row[1], vault.open(row[2])) for row in rows}


async def add(
    connection: AsyncConnection,
    vault: Vault,
    member_id: int,
    kind: str,
    media_type: str,
    done: Sequence[Message],
    now: datetime,
) -> bool:
    """Store messages of a member, their changes in turn; False when one of their ids was taken meanwhile, and not all are
    stored.
    """
    parts = [
        (one.id, seq, vault.seal(one.body[at : at + PART_BYTES]))
        for one in done
        for seq, at in enumerate(range(0, len(one.body), PART_BYTES))
    ]
    stored = await driver(connection).fetchval(
        _ADD,
        *(member_id, kind, media_type, State.PROCESSED, now, State.ACCEPTED),
        [one.id for one in done],
        [one.message_id for one in done],
        [one.digest for one in done],
        [len(one.body) for one in done],
        [vault.seal(one.acknowledgement) for one in done],
        [one.leaf for one in done],
        [one.rows for one in done],
        *([id_ for id_, _, _ in parts], [seq for _, seq, _ in parts], [body for _, _, body in parts]),
        member_id % 2**31,
    )
    return int(stored) == len(done)
