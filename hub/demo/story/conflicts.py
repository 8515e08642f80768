"""A steward decides some conflicts, and takes one decision back: persons follow, and come apart again.

The steward of the story knows the truth and decides by it; most conflicts are left to whoever visits the console.
"""

from dataclasses import dataclass

from hub.demo.population import Story
from hub.demo.story.cast import APPROVER, OFFICER
from hub.runtime import Hub
from hub.services import accounts, cases, proposals, reviews, sessions, verdicts
from hub.services.cases import Case
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.services.verdicts import Verdict
from hub.storage import reviews as queued

DECIDED = 6
_PAGE = 200
_EVERYTHING = 2**62
_REASONS: dict[Verdict, str] = {"same": "documents-agree", "different": "name-only"}
_ENDS: dict[Verdict, str] = {"same": "CONFIRMED", "different": "REJECTED"}


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict that stands: two records, and whether they are of one person."""

    a: str
    b: str
    same: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many conflicts waited by the hub's own records, how many were decided, in how many of them the conflict was
    settled and persons followed, which verdicts stand, and whether undoing the first brought persons back.
    """

    waiting: int
    asked: int
    followed: int
    undone: bool
    standing: tuple[Decided, ...]


async def decide_some(hub: Hub, story: Story) -> Outcome:
    """Decide up to `DECIDED` conflicts, then undo the first of them."""
    user, colleague = await _sign_in(hub, OFFICER), await _sign_in(hub, APPROVER)
    async with hub.database.read() as connection:
        waiting = len(await queued.queue(connection, None, states=queued.OPEN_STATES, limit=_EVERYTHING))
    chosen = await _choose(hub, user, story)
    followed, undone, standing = 0, False, []
    for place, case in enumerate(chosen):
        same = _is_same(case, story)
        verdict: Verdict = "same" if same else "different"
        done = await verdicts.decide(
            hub, user, case.task.id, verdict, reason=_REASONS[verdict], seen=case.seen, note="核对双方证件后决定"
        )
        if done.state == queued.PROPOSED:
            proposed = await cases.view(hub, colleague, case.task.id)
            await proposals.approve(hub, colleague, case.task.id, seen=proposed.seen)
        after = await cases.view(hub, user, case.task.id)
        followed += _together(after) == same and (after.task.state, after.task.decided_by) == (
            _ENDS[verdict],
            user.name,
        )
        if place == 0:
            await verdicts.undo(hub, user, case.task.id, seen=after.seen)
            again = await cases.view(hub, user, case.task.id)
            undone = again.task.state == "REVIEW" and _together(again) == _together(case)
        else:
            standing.append(Decided(_name(case.a), _name(case.b), same))
    return Outcome(waiting, len(chosen), followed, undone, tuple(standing))


def _together(case: Case) -> bool:
    return case.a.person_id == case.b.person_id


async def _sign_in(hub: Hub, name: str) -> User:
    link = await accounts.make_sign_in_link(hub, name)
    return (await sessions.enter(hub, link.partition("token=")[2])).session.user


async def _choose(hub: Hub, user: User, story: Story) -> list[Case]:
    """Conflicts of both kinds, the same ones at every telling: half are one person, half are two."""
    page = await reviews.queue(hub, user, limit=_PAGE)
    named = sorted((sorted((_name(row.a), _name(row.b))), row.task.id) for row in page.rows if row.a and row.b)
    same = [id_ for (a, b), id_ in named if story.truth.same_person(a, b)]
    different = [id_ for (a, b), id_ in named if not story.truth.same_person(a, b)]
    half = DECIDED // 2
    wanted = (same[:half] + different)[:DECIDED] if len(same) >= half else same + different[: DECIDED - len(same)]
    return [await cases.view(hub, user, id_) for id_ in wanted]


def _name(record: Record) -> str:
    return f"{record.member.name}/{record.number}"


def _is_same(case: Case, story: Story) -> bool:
    return story.truth.same_person(_name(case.a), _name(case.b))
