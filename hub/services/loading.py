"""Takes in a file from this machine: read to its end, then stored in parts, then translated here and now.

The same acts as over HTTP, but what cannot be read is refused before it is stored. The message id follows from the member
and the file's digest, so loading a file again answers with what was stored before, and goes on where an interrupted load
stopped.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import mappings
from hub.domain.messages import FINAL, PART_BYTES, State
from hub.errors import Invalid, NotFound, Unavailable
from hub.runtime import Hub
from hub.services import intake, translating
from hub.services.preparation import Preparer, Task
from hub.storage import members, people, submissions, work
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.submissions import StoredIssue, Submission
from hub.storage.work import Work

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to; `seconds` is the time of translating, linking and storing.

    `known`: the hub had the very file already, and nothing was done. `issues` are the gravest.
    """

    submission_id: UUID
    state: str
    rows: int
    translated: int
    quarantined: int
    linked: int
    review: int
    issues: list[StoredIssue]
    more_issues: int
    seconds: float
    known: bool


async def load(
    hub: Hub,
    owner: str,
    file: Path,
    mapping: str,
    preparer: Preparer,
    *,
    stored: Callable[[int], None] = lambda _: None,
    progress: translating.Progress | None = None,
    patience: float = 3600,
) -> Loaded:
    """Take in `file` as a document of the member `owner`. Raises NotFound, Invalid (unreadable too), Unavailable.

    Where a worker was quicker to begin with it, its end is waited for, `patience` seconds at most.
    """
    async with hub.database.read() as connection:
        member = await members.by_name(connection, owner)
    if member is None:
        raise NotFound(f"There is no member named {owner}; enrol it with `hub member add`.")
    digest = await asyncio.to_thread(_digest, file)
    message_id = uuid5(NAMESPACE_URL, f"urn:lianqiao:load:{owner}:{mapping}:{digest.hex()}")
    document = intake.Document(message_id, mapping, "application/octet-stream", file.name, digest)
    rows = await _read_through(hub, member, document, file, preparer)
    await intake.receive_file(hub, member, document, file, stored, rows=rows)
    started = time.monotonic()
    claimed = await _claim_or_wait(hub, member, message_id, patience)
    if claimed is not None:
        await translating.translate(hub, claimed, preparer, progress=progress)
        async with hub.database.begin() as connection:
            await people.analyze(connection)
    known = rows is None and claimed is None
    return await _report(hub, member, message_id, time.monotonic() - started, known=known)


async def _read_through(
    hub: Hub, member: Member, document: intake.Document, file: Path, preparer: Preparer
) -> int | None:
    """How many rows a file has that is new to the hub. Raises Invalid with what is wrong with it."""
    mapping = intake.acceptable(member, document.mapping)
    async with hub.database.read() as connection:
        if await submissions.by_message(connection, hub.vault, member.id, document.message_id) is not None:
            return None
    size, batch = file.stat().st_size, hub.settings.batch_rows
    task = Task(mapping.name, member.name, hub.now(), document.file_name, size, batch, skip=0, dry=True)

    async def fetch(seq: int) -> bytes:
        return await asyncio.to_thread(_part, file, seq)

    try:
        return await translating.read_through(preparer, task, fetch)
    except mappings.UnreadableFile as error:
        raise Invalid(error.issue.code, f"{error.issue.text} {error.issue.text_zh}") from error
    except BaseException:
        await preparer.abandon()
        raise


def _part(file: Path, seq: int) -> bytes:
    with file.open("rb") as handle:
        handle.seek(seq * PART_BYTES)
        return handle.read(PART_BYTES)


def _digest(file: Path) -> bytes:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


async def _claim_or_wait(hub: Hub, member: Member, message_id: UUID, patience: float) -> Work | None:
    """The file's own piece of work; None when it is done, by a worker that has it if need be. Raises Unavailable."""
    ends = time.monotonic() + patience
    while True:
        try:
            return await _claim(hub, member, message_id)
        except Unavailable:
            if time.monotonic() >= ends:
                raise
        await asyncio.sleep(min(1.0, patience))


async def _claim(hub: Hub, member: Member, message_id: UUID) -> Work | None:
    """The file's own piece of work; None when it is done. Raises Unavailable when a worker has it."""
    async with hub.database.begin() as connection:
        found = await _submission(hub, connection, member, message_id)
        if found.state is State.DEAD:
            await submissions.move(connection, found.id, State.ACCEPTED, hub.now(), "tried again")
        elif found.state in FINAL:
            return None
        claimed = await work.claim_subject(
            connection, "translate", found.id, hub.now(), seconds=hub.settings.lease_seconds
        )
    if claimed is None:
        raise Unavailable(
            "unavailable", "The file is stored and safe; a worker is translating it still. Watch it in the console."
        )
    return claimed


async def _submission(hub: Hub, connection: AsyncConnection, member: Member, message_id: UUID) -> Submission:
    found = await submissions.by_message(connection, hub.vault, member.id, message_id)
    if found is None:
        raise NotFound("The file was not stored.")
    return found


async def _report(hub: Hub, member: Member, message_id: UUID, seconds: float, *, known: bool) -> Loaded:
    async with hub.database.read() as connection:
        found = await _submission(hub, connection, member, message_id)
        listed = await submissions.gravest_issues(connection, hub.vault, found.id, limit=_SHOWN)
    return Loaded(
        found.id,
        found.state,
        found.rows,
        found.translated,
        found.quarantined,
        found.linked,
        found.review,
        listed,
        max(0, found.issues - len(listed)),
        seconds,
        known,
    )
