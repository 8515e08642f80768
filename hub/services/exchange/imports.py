"""A member's resources, one a line, taken as a document: the same receipt, work, quarantine and acknowledgements.

https://hl7.org/fhir/uv/bulkdata: R4 has no `$import` of its own; here the lines are the body. The same message id with the
same bytes is answered from what was stored.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from hub.domain.messages import FINAL, State
from hub.errors import NotFound
from hub.fhir import verdicts
from hub.runtime import Hub
from hub.services import fhir_lines, intake
from hub.services.intake import Acknowledgement, Document
from hub.storage import submissions
from hub.storage.members import Member
from hub.storage.submissions import StoredIssue, Submission

MEDIA_TYPE: Final = "application/fhir+ndjson"
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Imported:
    """How far an import is: lines read so far, of which so many are `stored` and so many set aside; `issues` about them."""

    id: UUID
    state: State
    is_over: bool
    at: datetime
    lines: int
    stored: int
    set_aside: int
    issues: int


async def take(
    hub: Hub, member: Member, message_id: UUID, digest: bytes, body: AsyncIterator[bytes]
) -> Acknowledgement:
    """Store the lines and ask for their translation; `digest` is b'' where the sender states none."""
    document = Document(message_id, fhir_lines.NAME, MEDIA_TYPE, "", digest)
    return await intake.receive(hub, member, document, body)


async def state(hub: Hub, member: Member, id_: UUID) -> Imported:
    """How far the member's own import is. Raises NotFound."""
    async with hub.database.read() as connection:
        found = _own(member, await submissions.by_id(connection, hub.vault, id_))
    over = found.state in FINAL
    return Imported(
        id_, found.state, over, found.state_at, found.rows, found.translated, found.quarantined, found.issues
    )


async def issues(hub: Hub, member: Member, id_: UUID) -> AsyncIterator[bytes]:
    """What is said of its lines: an OperationOutcome a line. Raises NotFound, before the first of them."""
    async with hub.database.read() as connection:
        _own(member, await submissions.by_id(connection, hub.vault, id_))
    return _issues(hub, id_)


async def _issues(hub: Hub, id_: UUID) -> AsyncIterator[bytes]:
    after = 0
    while True:
        async with hub.database.read() as connection:
            page = await submissions.issues(connection, hub.vault, id_, after=after, limit=_PAGE)
        if not page:
            return
        yield b"".join(orjson.dumps(_told(one)) + b"\n" for one in page)
        after = page[-1].id


def _told(one: StoredIssue) -> dict[str, Any]:
    return verdicts.of_line(one.severity, one.code, one.text, one.row, one.column)


def _own(member: Member, found: Submission | None) -> Submission:
    if found is None or found.member_id != member.id or found.mapping != fhir_lines.NAME:
        raise NotFound
    return found
