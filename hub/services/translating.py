"""Translates stored documents: rows become resources, linked and stored, a batch a transaction.

A document is read to its end before its first row is stored; one that cannot be read is rejected whole. After that the
work resumes behind the last committed batch, so a crash costs the batch in hand and nothing else. Rows that fail are
quarantined with their original text, the others go on.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import orjson

import mappings
from hub.domain.messages import State
from hub.errors import HubError
from hub.runtime import Hub
from hub.services import setting_aside, translators
from hub.services.preparation import WITHHELD, Fetch, Preparer, Stop, Stopped, Task, never
from hub.services.preparing import Prepared, told
from hub.services.translators import Translator
from hub.storage import audit, members, quarantine, submissions, work
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.submissions import Submission
from hub.storage.work import Work

Progress = Callable[[int], None]

_TRIES = {"preparer-slow": 2}
"""Tries of what costs a worker its whole patience each time; everything else has `work_attempts`."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One document in hand."""

    work: Work
    submission: Submission
    member: Member
    mapping: Translator


async def translate(
    hub: Hub, claimed: Work, preparer: Preparer, *, progress: Progress | None = None, stop: Stop = never
) -> None:
    """Translate the submission `claimed.subject` to its end; `preparer` reads and translates beside this process.

    `stop` is asked before each batch. Raises Stopped.
    """
    job = await _job(hub, claimed)
    try:
        async with _holding(hub, claimed):
            if job.submission.state is State.ACCEPTED:
                await _read_through(hub, job, preparer, stop)
            await _record_all(hub, job, preparer, progress, stop)
    except mappings.UnreadableFile as error:
        await _reject(hub, job, error.issue)
    except BaseException:
        await preparer.abandon()
        raise


async def _job(hub: Hub, claimed: Work) -> _Job:
    async with hub.database.read() as connection:
        submission = await submissions.by_id(connection, hub.vault, claimed.subject)
        if submission is None or submission.mapping is None:
            raise LookupError(f"work {claimed.id} names a submission that cannot be translated")
        member = await members.by_id(connection, submission.member_id)
    return _Job(claimed, submission, member, translators.load(submission.mapping))


def _task(hub: Hub, job: _Job, *, dry: bool) -> Task:
    return Task(
        mapping=job.mapping.name,
        source=job.member.name,
        received_at=job.submission.received_at,
        file_name=job.submission.file_name,
        size=job.submission.size,
        batch_rows=hub.settings.batch_rows,
        skip=0 if dry else job.submission.rows,
        dry=dry,
    )


async def _part(hub: Hub, job: _Job, seq: int) -> bytes:
    async with hub.database.read() as connection:
        part = await submissions.part(connection, hub.vault, job.submission.id, seq)
    if part is None:
        raise LookupError(f"part {seq} of submission {job.submission.id} is missing")
    return part


async def _read_through(hub: Hub, job: _Job, preparer: Preparer, stop: Stop) -> None:
    """Read the whole document without storing anything. Raises UnreadableFile."""
    rows = await read_through(preparer, _task(hub, job, dry=True), partial(_part, hub, job), stop=stop)
    async with hub.database.begin() as connection:
        await work.hold(connection, job.work, _lease(hub))
        await work.progressed(connection, job.work)
        await submissions.move(connection, job.submission.id, State.VALIDATED, hub.now(), f"rows: {rows}")


async def read_through(preparer: Preparer, task: Task, fetch: Fetch, *, stop: Stop = never) -> int:
    """The rows of a document, read to its end by a dry task. Raises UnreadableFile, Stopped."""
    await preparer.begin(task)
    rows = 0
    while (found := await preparer.next(fetch, stop)) is not None:
        _go_on(stop)
        rows += found if isinstance(found, int) else found.rows
    return rows


def _go_on(stop: Stop) -> None:
    if stop():
        raise Stopped


def _lease(hub: Hub) -> datetime:
    return hub.now() + timedelta(seconds=hub.settings.lease_seconds)


@contextlib.asynccontextmanager
async def _holding(hub: Hub, claimed: Work) -> AsyncIterator[None]:
    """Renew the lease beside the work: one batch of a large document may take longer to read than a lease lasts."""
    done = asyncio.Event()
    keeper = asyncio.create_task(_keep(hub, claimed, done))
    try:
        yield
    finally:
        done.set()
        await keeper


async def _keep(hub: Hub, claimed: Work, done: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), hub.settings.lease_seconds / 3)
        if done.is_set():
            return
        try:
            async with hub.database.begin() as connection:
                await work.hold(connection, claimed, _lease(hub))
        except HubError as error:
            if error.code == work.LEASE_LOST:
                return  # the next transaction of the work itself finds out, and undoes itself


async def _record_all(hub: Hub, job: _Job, preparer: Preparer, progress: Progress | None, stop: Stop) -> None:
    """Store batch after batch; the preparer is ahead."""
    if job.submission.issues and not job.submission.rows:
        await _begin_anew(hub, job)
    await preparer.begin(_task(hub, job, dry=False))
    while (batch := await preparer.next(partial(_part, hub, job), stop)) is not None:
        if isinstance(batch, int):
            raise TypeError("the preparer counted rows instead of preparing them")
        _go_on(stop)
        await _record(hub, job, batch)
        if progress is not None:
            progress(batch.rows)
    await _finish(hub, job)


async def _begin_anew(hub: Hub, job: _Job) -> None:
    """Forget what an earlier try said of a document without storing a row of it."""
    async with hub.database.begin() as connection:
        await work.hold(connection, job.work, _lease(hub))
        said = await submissions.drop_issues(connection, job.submission.id)
        if said:
            await submissions.count(connection, job.submission.id, issues=-said)


async def _record(hub: Hub, job: _Job, batch: Prepared) -> None:
    now = hub.now()
    async with hub.database.begin() as connection:
        await work.hold(connection, job.work, _lease(hub))
        done = await setting_aside.record(hub, connection, job.member, job.submission, job.mapping, batch, now)
        await submissions.count(
            connection,
            job.submission.id,
            rows=done.rows,
            translated=done.translated,
            quarantined=done.quarantined,
            linked=done.linked,
            review=done.reviews,
            issues=done.issues,
        )
        await work.progressed(connection, job.work)


async def _finish(hub: Hub, job: _Job) -> None:
    """The application acknowledgement: processed, or a business error when not one row could be used."""
    now = hub.now()
    async with hub.database.begin() as connection:
        done = await submissions.by_id(connection, hub.vault, job.submission.id)
        if done is None:
            raise LookupError(f"submission {job.submission.id} is gone")
        state = State.BUSINESS_ERROR if done.quarantined and not done.translated else State.PROCESSED
        detail = f"rows: {done.rows}, translated: {done.translated}, quarantined: {done.quarantined}"
        await _settle(hub, connection, job, state, detail)
        content = {"submission": str(done.id), "state": state, "rows": done.rows, "quarantined": done.quarantined}
        await audit.append(connection, hub.vault, [Act("process", job.member.name, content, now)])


async def _settle(hub: Hub, connection: AsyncConnection, job: _Job, state: State, detail: str) -> None:
    await submissions.move(connection, job.submission.id, state, hub.now(), detail)
    await work.finish(connection, job.work)


async def _reject(hub: Hub, job: _Job, issue: mappings.Issue) -> None:
    """The document cannot be taken: only its bytes and the reason are kept, and not even those if they should be sealed."""
    now = hub.now()
    async with hub.database.begin() as connection:
        await submissions.add_issues(connection, hub.vault, job.submission.id, [told(issue)])
        await submissions.count(connection, job.submission.id, issues=1)
        if issue.code in WITHHELD:
            await submissions.forget_parts(connection, job.submission.id)
        await _settle(hub, connection, job, State.REJECTED, issue.code)
        content = {"submission": str(job.submission.id), "code": issue.code}
        await audit.append(connection, hub.vault, [Act("reject", job.member.name, content, now)])


async def give_back(hub: Hub, claimed: Work, error: str, *, retry_at: datetime) -> bool:
    """Leave work that failed for later, or set it aside when its tries are used up: True then, and its sender sees it."""
    now = hub.now()
    async with hub.database.begin() as connection:
        most = min(_TRIES.get(error, hub.settings.work_attempts), hub.settings.work_attempts)
        dead = await work.fail(connection, claimed, error, retry_at=retry_at, most=most)
        if dead:
            if claimed.kind == "translate":
                await submissions.move(connection, claimed.subject, State.DEAD, now, error)
            content = {"submission": str(claimed.subject), "work": claimed.kind, "code": error}
            await audit.append(connection, hub.vault, [Act("set-aside", "hub", content, now)])
    return dead


async def lay_down(hub: Hub, claimed: Work) -> None:
    """Leave work half done for the next worker to go on with, at once. Raises Conflict `lease-lost`."""
    async with hub.database.begin() as connection:
        await work.lay_down(connection, claimed)


async def replay(hub: Hub, claimed: Work, *, stop: Stop = never) -> None:
    """Try the held rows of a submission again with the newest version of their mapping. Raises Stopped."""
    found = await _job(hub, claimed)
    job = replace(found, mapping=translators.load(newest_version(found.mapping.name)))
    after = 0
    while (after := await _replay_some(hub, job, after)) >= 0:
        _go_on(stop)
    async with hub.database.begin() as connection:
        await work.finish(connection, claimed)


async def _replay_some(hub: Hub, job: _Job, after: int) -> int:
    """One batch of held rows behind row `after`; the last row tried, or -1 when there are no more."""
    now = hub.now()
    async with hub.database.begin() as connection:
        await work.hold(connection, job.work, _lease(hub))
        held = await quarantine.held_by(
            connection, hub.vault, job.submission.id, after=after, limit=hub.settings.batch_rows
        )
        if not held:
            return -1
        rows = [mappings.Row.from_json(orjson.loads(row.original)) for row in held]
        batch = await asyncio.to_thread(job.mapping.prepare, job.member.name, job.submission.received_at, rows, ())
        # What is found now takes the place of what was found before.
        dropped = await submissions.drop_issues(connection, job.submission.id, [row.row for row in held])
        done = await setting_aside.record(hub, connection, job.member, job.submission, job.mapping, batch, now)
        released = [row.row for row in held if row.row not in done.held]
        await quarantine.release(connection, job.submission.id, released, now)
        await submissions.count(
            connection,
            job.submission.id,
            translated=done.translated,
            quarantined=-len(released),
            linked=done.linked,
            review=done.reviews,
            issues=done.issues - dropped,
        )
        if released:
            # In the act itself: whoever dies behind it leaves no release that the sender is not told of.
            detail = f"replayed with {job.mapping.name}, released: {len(released)}"
            await submissions.move(connection, job.submission.id, State.PROCESSED, now, detail)
            await work.progressed(connection, job.work)
        return held[-1].row


def newest_version(name: str) -> str:
    """The highest version of the mapping `name` (county/kind.vN) that is installed."""
    stem = name.rsplit(".v", 1)[0]
    versions = [known for known in mappings.names() if known.rsplit(".v", 1)[0] == stem]
    return max(versions, key=lambda known: int(known.rsplit(".v", 1)[1]), default=name)


async def ask_replay(hub: Hub, mapping: str) -> list[UUID]:
    """Ask for the held rows of every version of `mapping`, and the documents set aside, to be tried again.

    Answers their submissions.
    """
    stem, now = mapping.rsplit(".v", 1)[0] + ".v", hub.now()
    async with hub.database.begin() as connection:
        waiting = await quarantine.waiting(connection, stem)
        for submission_id in sorted(waiting):
            await work.put(connection, "replay", submission_id, now=now, priority=6)
        dead = await submissions.set_aside(connection, stem)
        for submission_id in sorted(dead):
            await submissions.move(connection, submission_id, State.ACCEPTED, now, "tried again")
            await work.put(connection, "translate", submission_id, now=now)
    return list(dict.fromkeys([*waiting, *dead]))
