"""What a manager reads of a reconciliation: figures of everybody for the hub's own staff, of their own for a region.

No region learns from it what another holds, nor how many of its people another knows.
"""

from dataclasses import dataclass
from uuid import UUID

from hub.errors import NotFound
from hub.runtime import Hub
from hub.services.sessions import User
from hub.storage import members, reconciliations
from hub.storage.members import Member
from hub.storage.reconciliations import Run

_RUNS = 24


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one region; `joined` and `parted` are records that changed their person."""

    member: Member
    examined: int
    joined: int
    parted: int
    tasks: int
    twice_persons: int
    twice_records: int


@dataclass(frozen=True, slots=True)
class Report:
    """One run. What concerns everybody is None where a region reads; `tasks` counts conflicts opened, by reason."""

    run: Run
    persons_before: int | None
    persons_after: int | None
    decisions: int | None
    reopened: int | None
    tasks: dict[str, int]
    lines: tuple[Line, ...]

    @property
    def examined(self) -> int:
        """Records compared anew."""
        return sum(line.examined for line in self.lines)

    @property
    def joined(self) -> int:
        """Records that came to another person."""
        return sum(line.joined for line in self.lines)

    @property
    def parted(self) -> int:
        """Records that came apart from a person."""
        return sum(line.parted for line in self.lines)

    @property
    def twice(self) -> int:
        """Records beyond the first that one region holds of one person."""
        return sum(line.twice_records - line.twice_persons for line in self.lines)


async def listed(hub: Hub, user: User) -> list[Report]:
    """The newest runs."""
    async with hub.database.read() as connection:
        known = await members.all_members(connection)
        return [_report(user, found, known) for found in await reconciliations.newest(connection, _RUNS)]


async def get(hub: Hub, user: User, run_id: UUID) -> Report:
    """One run. Raises NotFound."""
    async with hub.database.read() as connection:
        found = await reconciliations.get(connection, run_id)
        if found is None:
            raise NotFound("There is no reconciliation by that id.")
        return _report(user, found, await members.all_members(connection))


def _report(user: User, run: Run, known: list[Member]) -> Report:
    everybody = user.member_id is None
    own = [m for m in known if m.kind != "hub" and (everybody or m.id == user.member_id)]
    said = run.report
    tasks = said.get("tasks", {}) if everybody else said.get("tasks_of", {}).get(user.region, {})
    return Report(
        run=run,
        persons_before=said.get("persons_before") if everybody else None,
        persons_after=said.get("persons_after") if everybody else None,
        decisions=run.counts.get("decisions", 0) if everybody else None,
        reopened=run.counts.get("reopened", 0) if everybody else None,
        tasks=dict(sorted(tasks.items(), key=lambda item: (-item[1], item[0]))),
        lines=tuple(_line(run, member) for member in own),
    )


def _line(run: Run, member: Member) -> Line:
    counts = run.report.get("members", {}).get(member.name, {})
    twice = run.report.get("duplicates", {}).get(member.name, {})
    return Line(
        member=member,
        examined=counts.get("examined", 0),
        joined=counts.get("joined", 0),
        parted=counts.get("parted", 0),
        tasks=sum(run.report.get("tasks_of", {}).get(member.name, {}).values()),
        twice_persons=twice.get("persons", 0),
        twice_records=twice.get("records", 0),
    )
