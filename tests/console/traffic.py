"""Messages between the regions in every state, rows set aside, and schedules that ran: what fills Today and Deliveries."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from hub.domain.messages import State
from hub.runtime import Hub
from hub.storage import deliveries, mailbox, members, quarantine, schedules, submissions
from hub.storage.database import AsyncConnection
from hub.storage.mailbox import Item
from hub.storage.quarantine import Held
from hub.storage.submissions import NewSubmission
from tests.console.people import HUIJI, JINJIANG, YONGKANG

REPORT, MARRIAGE, BIRTH = "contraception-report", "marriage-certificate", "birth-certificate"
CANARY = "金丝雀正文"

# kind, from, to, states with the minutes since the message came in, days until the answer is due (negative: overdue)
Story = tuple[str, str, str, tuple[tuple[State, int], ...], float | None]
STORIES: tuple[Story, ...] = (
    (REPORT, YONGKANG, HUIJI, ((State.AVAILABLE, 1),), 9.0),
    (REPORT, YONGKANG, HUIJI, ((State.AVAILABLE, 2), (State.RECEIVED, 40)), -2.5),
    (REPORT, HUIJI, YONGKANG, ((State.AVAILABLE, 1), (State.RECEIVED, 15), (State.PROCESSED, 61)), 9.0),
    (MARRIAGE, HUIJI, YONGKANG, ((State.AVAILABLE, 1),), -0.4),
    (BIRTH, YONGKANG, HUIJI, ((State.AVAILABLE, 1), (State.RECEIVED, 5), (State.BUSINESS_ERROR, 9)), None),
    (REPORT, YONGKANG, HUIJI, ((State.AVAILABLE, 1), (State.VOIDED, 700)), None),
    (BIRTH, JINJIANG, HUIJI, ((State.AVAILABLE, 3),), 5.0),
)


async def fill(hub: Hub) -> None:
    """All of it."""
    now = hub.now()
    async with hub.database.begin() as connection:
        ids = {member.name: member.id for member in await members.all_members(connection)}
        for at, (kind, sender, recipient, steps, due) in enumerate(STORIES):
            begun = now - timedelta(hours=20 + 7 * at)
            item = await _message(hub, connection, kind, ids[sender], ids[recipient], steps, begun)
            if due is not None:
                days = now + timedelta(days=due)
                await deliveries.open_notice(
                    connection, item, member_id=ids[recipient], to_member=ids[sender], kind=kind, now=begun, due=days
                )
                if steps[-1][0] is State.PROCESSED:
                    await deliveries.answer_notice(connection, item, begun + timedelta(minutes=steps[-1][1]))
        await _rows_aside(hub, connection, ids[YONGKANG], now, {"name-masked": 3, "forbidden-content": 2})
        await _rows_aside(
            hub, connection, ids[HUIJI], now, {"required-missing": 7, "row-too-long": 4, "text-damaged": 1}
        )
        for name, hours, state in (("reconcile", 8, "DONE"), ("digest", 3.5, "DONE"), ("deadlines", 0.1, "CLAIMED")):
            due_at = now - timedelta(hours=hours)
            slot = await schedules.claim(connection, name, due_at, "worker-1", now + timedelta(minutes=5))
            if slot is not None and state == "DONE":
                done = due_at + timedelta(minutes=4)
                await schedules.finish(connection, slot, state=state, outcome={"examined": 40218}, now=done)


async def sealed_about(hub: Hub, subject: bytes, sender: str, recipient: str) -> UUID:
    """A sealed report about the person of `subject`, which waits for its recipient."""
    async with hub.database.begin() as connection:
        ids = {member.name: member.id for member in await members.all_members(connection)}
        steps, begun = ((State.AVAILABLE, 1),), hub.now()
        return await _message(hub, connection, REPORT, ids[sender], ids[recipient], steps, begun, subject=subject)


async def _message(
    hub: Hub,
    connection: AsyncConnection,
    kind: str,
    sender: int,
    recipient: int,
    steps: tuple[tuple[State, int], ...],
    begun: datetime,
    *,
    subject: bytes = b"s" * 16,
) -> UUID:
    submission, item = await _submission(hub, connection, kind, sender, begun), uuid4()
    queued = begun + timedelta(minutes=1)
    await mailbox.put(
        connection,
        hub.vault,
        Item(
            item, submission, sender, recipient, uuid4(), kind, CANARY.encode(), subject, None, b"d" * 32,
            State.AVAILABLE, 0, None, queued, queued + timedelta(days=30), None,
        ),
    )  # fmt: skip
    await submissions.move_through(connection, submission, [(State.VALIDATED, ""), (State.QUEUED, "")], queued)
    for state, minutes in steps:
        at = begun + timedelta(minutes=minutes)
        await submissions.move(connection, submission, state, at, "")
        await mailbox.settle(connection, hub.vault, item, state, receipt=None, errors=None, now=at)
    return item


async def _submission(hub: Hub, connection: AsyncConnection, kind: str, sender: int, at: datetime) -> UUID:
    id_ = uuid4()
    await submissions.add(
        connection,
        hub.vault,
        NewSubmission(
            id_, sender, uuid4(), kind, None, "application/octet-stream", "", b"d" * 32, 12, State.ACCEPTED, b"{}",
            b"l" * 32, None, None, at,
        ),
        [hub.vault.seal(CANARY.encode())],
    )  # fmt: skip
    return id_


async def _rows_aside(hub: Hub, connection: AsyncConnection, sender: int, now: datetime, codes: dict[str, int]) -> None:
    submission = await _submission(hub, connection, "person", sender, now)
    row = 0
    for code, number in codes.items():
        held = [Held(row + n + 1, CANARY.encode(), (code,)) for n in range(number)]
        await quarantine.hold(connection, hub.vault, submission, "huiji/person.v1", "0" * 64, held, now)
        row += number
