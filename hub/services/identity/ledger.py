"""What a look-up leaves behind: a line for each person it showed or would have shown, and one leaf of the log that binds them.

A request leaves its leaf whatever it found, so that its caller's other requests look the same in the log.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hub.runtime import Hub
from hub.storage import access, audit
from hub.storage.access import Access
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member

PERMIT, NOT_VISIBLE = "permit", "not-visible"
NOT_STATED = "unknown"
"""The purpose of who states none: it saw nobody's records but its own."""


@dataclass(slots=True)
class LookedUp:
    """One request of a member: `act` is what the ledger calls it."""

    caller: Member
    act: str
    purpose: str
    at: datetime
    events: list[Access] = field(default_factory=list)

    def saw(self, person_id: UUID | None, subject: bytes, fields: Sequence[str]) -> None:
        """A record of the person was shown."""
        self._add(person_id, subject, fields, PERMIT)

    def missed(self, person_id: UUID | None, subject: bytes) -> None:
        """The person was meant, and her record may not be shown to this caller; said once, and not of who was shown."""
        if person_id is None or all(event.person_id != person_id for event in self.events):
            self._add(person_id, subject, (), NOT_VISIBLE)

    def _add(self, person_id: UUID | None, subject: bytes, fields: Sequence[str], outcome: str) -> None:
        purpose, name = self.purpose or NOT_STATED, self.caller.name
        event = Access(name, name, self.act, purpose, person_id, subject, tuple(fields), outcome, self.at)
        self.events.append(event)


async def note(
    hub: Hub, connection: AsyncConnection, looked: Sequence[LookedUp], numbers: Iterable[int] | None = None
) -> None:
    """Write the lines and leaves of some requests in one statement, under the `numbers` that were given for them, if any."""
    if numbers is None:
        numbers = await access.numbers(connection, sum(len(one.events) for one in looked))
    given, acts = iter(numbers), []
    lines: list[tuple[int, Access]] = []
    for one in looked:
        own = [(next(given), event) for event in one.events]
        acts.append(_leaf(hub, one, own))
        lines += own
    await access.leave(connection, hub.vault, lines, acts)


def _leaf(hub: Hub, looked: LookedUp, lines: Sequence[tuple[int, Access]]) -> Act:
    """What the log keeps of a request with these lines (number, what it says)."""
    content = {"asked": looked.act, "rows": [number for number, _ in lines], "digest": access.digest(hub.vault, lines)}
    return Act(audit.LOOK_UP, looked.caller.name, content, looked.at)
