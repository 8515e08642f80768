"""Deciding conflicts on a real database: what is written, what is refused, what follows, and who may see."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from hub.errors import Conflict, Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import cases, proposals, reveals, reviews, settling, verdicts
from hub.services.sessions import User
from hub.services.settling import Decided
from hub.storage import access, audit, decisions, members, people
from hub.storage.access import Access
from hub.storage.decisions import Decision
from tests.console import people as invented
from tests.console import world
from tests.console.people import HUIJI, JINJIANG, YONGKANG
from tests.console.world import USERS


class World:
    """One hub, the pair 陈志强 (two valid numbers) and, between other regions, 林美凤."""

    def __init__(self, hub: Hub, clock: world.Clock, records: list[int], task: UUID, hidden: UUID) -> None:
        self.hub, self.clock, self.records, self.task, self.hidden = hub, clock, records, task, hidden

    async def user(self, name: str) -> User:
        display, region, roles = USERS[name]
        async with self.hub.database.read() as connection:
            member = await members.by_name(connection, region) if region else None
        return User(1, name, display, member.id if member else None, region or "hub", display, display, roles, "zh")

    async def seen(self, name: str = "lihua") -> str:
        return (await cases.view(self.hub, await self.user(name), self.task)).seen

    async def decide(self, verdict: Any, name: str = "lihua", **more: Any) -> Decided:
        given: dict[str, Any] = {"reason": "ask-person", "seen": more.pop("seen", None) or await self.seen(name)} | more
        return await verdicts.decide(self.hub, await self.user(name), self.task, verdict, **given)

    async def join(self, note: str = "") -> Decided:
        """`same`, which two people have to say of this pair."""
        proposed = await self.decide("same", note=note)
        assert (proposed.state, proposed.moved) == ("PROPOSED", 0)
        return await proposals.approve(
            self.hub, await self.user("sunyue"), self.task, seen=await self.seen("sunyue"), note=note
        )

    async def persons(self) -> list[UUID | None]:
        return [await world.person_of(self.hub, id_) for id_ in self.records]

    async def events(self) -> list[tuple[str, str, str]]:
        async with self.hub.database.read() as connection:
            found = await decisions.of_pair(connection, self.records[0], self.records[1])
        return [(event.kind, event.actor, event.reason) for event in found]

    async def acts(self) -> list[str]:
        async with self.hub.database.read() as connection:
            return [leaf.act for leaf in await _leaves(connection)]

    async def look_ups(self, record: int, name: str = "admin") -> list[tuple[str, str, str]]:
        async with self.hub.database.begin() as connection:
            found = await access.about(connection, *await cases._side(self.hub, connection, record))
        return [(event.actor, event.act, event.outcome) for event in found]


async def _leaves(connection: Any) -> list[audit.Leaf]:
    placed = await audit.unplaced(connection, 10_000)
    leaves = [await audit.leaf_by_hash(connection, hash_) for _, hash_ in placed]
    return [leaf for leaf in leaves if leaf is not None]


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world.open_world(database_url, tmp_path) as (hub, clock):
        records = await world.add_records(hub, *invented.two_ids())
        other = await world.add_records(hub, *invented.elsewhere())
        task, hidden = await world.task_of(hub, *records), await world.task_of(hub, *other)
        yield World(hub, clock, records, task, hidden)


async def test_the_queue_says_why_and_notes_every_name_shown(here: World) -> None:
    found = await reviews.queue(here.hub, await here.user("lihua"))
    assert [(row.task.id, row.task.reason) for row in found.rows] == [(here.task, "two-valid-ids")]
    assert found.reasons == {"two-valid-ids": 1}
    assert found.total == 1
    for record in here.records:
        assert await here.look_ups(record) == [("lihua", "list", "permit")]


async def test_the_hubs_own_staff_see_every_region(here: World) -> None:
    found = await reviews.queue(here.hub, await here.user("admin"))
    assert {row.task.id for row in found.rows} == {here.task, here.hidden}


async def test_a_filter_and_a_page(here: World) -> None:
    admin = await here.user("admin")
    assert (await reviews.queue(here.hub, admin, reason="twins")).rows == ()
    first = await reviews.queue(here.hub, admin, limit=1)
    second = await reviews.queue(here.hub, admin, limit=1, offset=1)
    assert first.total == second.total == 2
    assert first.rows[0].task.priority >= second.rows[0].task.priority
    assert first.rows[0].task.id != second.rows[0].task.id
    before, behind = await reviews.neighbours(here.hub, admin, first.rows[0].task)
    assert (before, behind) == (None, second.rows[0].task.id)
    with pytest.raises(Invalid):
        await reviews.queue(here.hub, admin, view="everything")


async def test_the_case_shows_evidence_that_adds_up(here: World) -> None:
    case = await cases.view(here.hub, await here.user("lihua"), here.task)
    assert sum(line.weight for line in case.evidence) == pytest.approx(case.weight, abs=1e-6)
    assert case.vetoes == ("two-valid-ids",)
    assert case.a.patient["name"][0]["text"] == case.b.patient["name"][0]["text"] == "陈志强"
    assert case.may_decide
    assert not case.may_undo
    assert await here.look_ups(here.records[0]) == [("lihua", "view", "permit")]


async def test_records_of_a_third_region_are_counted_but_not_shown(here: World) -> None:
    await world.add_records(
        here.hub, invented.beside(invented.HUIJI, "HJ-9"), invented.beside(invented.JINJIANG, "JJ-9")
    )
    regional = await cases.view(here.hub, await here.user("lihua"), here.task)
    assert [record.number for record in regional.others_a] == ["HJ-9"]
    assert regional.hidden == 1
    everything = await cases.view(here.hub, await here.user("admin"), here.task)
    assert [record.number for record in everything.others_a] == ["HJ-9", "JJ-9"]
    assert everything.hidden == 0


async def test_same_brings_the_records_under_one_person(here: World) -> None:
    before = await here.persons()
    assert before[0] != before[1]
    done = await here.join()
    assert done.state == "CONFIRMED"
    assert done.moved == 1
    after = await here.persons()
    assert after == [before[0], before[0]]
    assert await here.events() == [("PROPOSE", "lihua", "ask-person"), ("MUST_LINK", "lihua", "ask-person")]
    assert (await here.acts())[-1] == "approve"
    assert (await here.look_ups(here.records[1]))[0] == ("sunyue", "approve", "same")


async def test_a_note_is_sealed_and_can_be_read_again(here: World) -> None:
    await here.join(note="见过本人和户口簿")
    async with here.hub.database.read() as connection:
        event = (await decisions.of_pair(connection, here.records[0], here.records[1]))[0]
    assert "户口簿" not in str(event.evidence)
    assert settling.note_of(here.hub, event) == "见过本人和户口簿"


async def test_different_keeps_them_apart_through_indirect_links(here: World) -> None:
    await here.decide("different")
    first, second = await here.persons()
    assert first != second
    await world.add_records(here.hub, invented.beside(invented.HUIJI, "HJ-9"))
    assert await here.persons() == [first, second]


async def test_defer_waits_and_comes_back_when_due(here: World) -> None:
    await here.decide("defer", defer_days=7)
    steward = await here.user("lihua")
    assert (await reviews.queue(here.hub, steward)).total == 0
    assert (await reviews.queue(here.hub, steward, view="deferred")).total == 1
    here.clock.forward(days=7, seconds=1)
    assert (await reviews.queue(here.hub, steward)).total == 1
    assert len(set(await here.persons())) == 2


@pytest.mark.parametrize("verdict", ["same", "different", "defer"])
async def test_undo_restores_persons_and_opens_the_conflict_again(here: World, verdict: str) -> None:
    before = await here.persons()
    await (here.join() if verdict == "same" else here.decide(verdict))
    steward = await here.user("lihua")
    standing = await reviews.standing(here.hub, steward, here.task)
    assert standing is not None
    assert standing.may_undo
    done = await verdicts.undo(here.hub, steward, here.task, seen=standing.seen)
    assert done.state == "REVIEW"
    assert await here.persons() == before
    assert (await reviews.queue(here.hub, steward)).total == 1
    assert [kind for kind, _, _ in await here.events()][-1] == "RETRACT"
    await here.join()
    assert len(set(await here.persons())) == 1


async def test_only_the_decider_or_a_supervisor_undoes(here: World) -> None:
    await here.decide("different")
    other = await here.user("sunyue")
    standing = await reviews.standing(here.hub, other, here.task)
    assert standing is not None
    assert not standing.may_undo
    with pytest.raises(NotAllowed, match="not-yours"):
        await verdicts.undo(here.hub, other, here.task, seen=standing.seen)
    done = await verdicts.undo(here.hub, await here.user("zhouping"), here.task, seen=standing.seen)
    assert done.state == "REVIEW"


async def test_a_decision_on_an_old_view_is_refused(here: World) -> None:
    seen = await here.seen()
    await here.decide("defer", "sunyue")
    events = await here.events()
    with pytest.raises(Conflict, match="stale"):
        await here.decide("same", seen=seen)
    assert await here.events() == events


async def test_a_record_that_changed_meanwhile_makes_the_view_old(here: World) -> None:
    seen = await here.seen()
    changed, _ = invented.two_ids()
    changed["birthDate"] = "1990-05-22"
    await world.add_records(here.hub, changed)
    with pytest.raises(Conflict, match="stale"):
        await here.decide("same", seen=seen)
    assert await here.events() == []


async def test_a_contradiction_writes_nothing(here: World) -> None:
    """a is b's person by decision, c is a's person by its number; then b and c cannot be kept apart."""
    [beside] = await world.add_records(here.hub, invented.beside(invented.HUIJI, "HJ-9"))
    async with here.hub.database.begin() as connection:
        for kind, id_ in (("CANNOT_LINK", here.records[1]), ("MUST_LINK", here.records[0])):
            event = Decision(kind, min(id_, beside), max(id_, beside), "lihua", None, "test", {}, None, here.clock.at)
            await decisions.append(connection, event)
    await here.decide("same")
    events, acts = await here.events(), await here.acts()
    with pytest.raises(Conflict, match="contradiction"):
        await proposals.approve(here.hub, await here.user("sunyue"), here.task, seen=await here.seen("sunyue"))
    assert await here.events() == events
    assert await here.acts() == [*acts, "look-up"]  # at the case, before it was to be approved
    standing = await reviews.standing(here.hub, await here.user("lihua"), here.task)
    assert standing is not None
    assert standing.task.state == "PROPOSED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reason": "  "}, "reason-missing"),
        ({"reason": "x" * 61}, "reason-too-long"),
        ({"note": "x" * 1001}, "reason-too-long"),
        ({"verdict": "perhaps"}, "verdict-missing"),
        ({"defer_days": 400}, "bad-days"),
    ],
)
async def test_what_is_missing_is_said(here: World, change: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid, match=code):
        await here.decide(change.pop("verdict", "same"), **change)
    assert await here.events() == []


@pytest.mark.parametrize("name", ["audit", "admin"])
async def test_readers_read_only(here: World, name: str) -> None:
    case = await cases.view(here.hub, await here.user(name), here.task)
    assert not case.may_decide
    with pytest.raises(NotAllowed, match="role-missing"):
        await here.decide("same", name)
    with pytest.raises(NotAllowed, match="role-missing"):
        await reveals.reveal(here.hub, await here.user(name), here.task, "ask-person")


@pytest.mark.parametrize("act", ["view", "decide", "undo", "reveal", "view-look-ups"])
async def test_another_regions_conflict_is_not_there_and_the_attempt_is_noted(here: World, act: str) -> None:
    steward, hub = await here.user("lihua"), here.hub
    attempts: dict[str, Callable[[], Awaitable[object]]] = {
        "view": lambda: cases.view(hub, steward, here.hidden),
        "decide": lambda: verdicts.decide(hub, steward, here.hidden, "same", reason="x", seen="1.1.1"),
        "undo": lambda: verdicts.undo(hub, steward, here.hidden, seen="1.1.1"),
        "reveal": lambda: reveals.reveal(hub, steward, here.hidden, "ask-person"),
        "view-look-ups": lambda: cases.look_ups(hub, steward, here.hidden),
    }
    with pytest.raises(NotFound):
        await attempts[act]()
    assert (await here.acts())[-1] == "look-up-refused"
    async with hub.database.read() as connection:
        standing = await reviews.standing(hub, await here.user("admin"), here.hidden)
        assert standing is not None
        assert standing.task.state == "REVIEW"
        refused = await people.info(connection, (standing.task.a,))
    assert (await here.look_ups(next(iter(refused)))) == [("lihua", act, "not-visible")]


async def test_an_id_that_never_was_is_not_evidence(here: World) -> None:
    acts = await here.acts()
    with pytest.raises(NotFound):
        await cases.view(here.hub, await here.user("lihua"), uuid4())
    assert await here.acts() == acts


async def test_reveal_needs_a_purpose_and_is_noted(here: World) -> None:
    steward = await here.user("lihua")
    with pytest.raises(Invalid, match="purpose-missing"):
        await reveals.reveal(here.hub, steward, here.task, "curiosity")
    found = await reveals.reveal(here.hub, steward, here.task, "ask-region")
    assert found.case.task.id == here.task
    assert (await here.acts())[-1] == "reveal"
    own, foreign = here.records if found.sides == {"a"} else here.records[::-1]
    assert (await here.look_ups(own))[0] == ("lihua", "reveal", "permit")
    assert ("lihua", "reveal", "permit") not in await here.look_ups(foreign)


async def test_look_ups_follow_a_person_through_linking_and_unlinking(here: World) -> None:
    await here.join()
    steward = await here.user("zhouping")
    together = (await cases.look_ups(here.hub, steward, here.task)).lines
    assert {line.event.actor for line in together} == {"lihua", ""}  # the other region's is only said to have been
    assert all(line.sides == ("a", "b") for line in together if line.event.act == "approve")
    standing = await reviews.standing(here.hub, steward, here.task)
    assert standing is not None
    await verdicts.undo(here.hub, steward, here.task, seen=standing.seen)
    apart = (await cases.look_ups(here.hub, steward, here.task)).lines
    assert {line.event.act for line in apart} >= {"view", "propose", "undo", "view-look-ups"}


async def _noted(here: World, *events: tuple[str, str, str, tuple[str, ...], str]) -> None:
    """(actor, region, act, fields, outcome) about the person of the first record."""
    person = (await here.persons())[0]
    async with here.hub.database.begin() as connection:
        await access.note(
            connection,
            [
                Access(actor, region, act, "continuity-of-care", person, None, fields, outcome, here.clock())
                for actor, region, act, fields, outcome in events
            ],
        )


async def test_of_another_regions_look_ups_only_that_there_was_one(here: World) -> None:
    sealed = ("contraception-report",)
    await _noted(
        here,
        (YONGKANG, HUIJI, "send", sealed, "permit"),
        (JINJIANG, YONGKANG, "send", sealed, "no-consent"),
        (HUIJI, HUIJI, "hand-over", sealed, "permit"),
        ("admin", "hub", "view", ("name",), "permit"),
        ("verifier", YONGKANG, "verify", ("method",), "permit"),
    )

    async def told(name: str) -> set[tuple[str, str, str, tuple[str, ...], str]]:
        found = (await cases.look_ups(here.hub, await here.user(name), here.task)).lines
        assert {line.event.purpose for line in found} <= {"continuity-of-care", "conflict-review"}
        assert all(line.event.at == here.clock() for line in found)
        return {(line.body, line.event.actor, line.event.act, line.event.fields, line.event.outcome) for line in found}

    assert await told("lihua") == {
        ("own", YONGKANG, "send", sealed, "permit"),
        ("another-region", "", "", (), ""),
        ("hub", "", "", (), ""),
        ("verifier", "", "", (), ""),
    }
    assert await told("sunyue") == {
        ("own", HUIJI, "hand-over", sealed, "permit"),
        ("another-region", "", "", (), ""),
        ("hub", "", "", (), ""),
        ("verifier", "", "", (), ""),
    }
    everything = await told("admin")
    assert {body for body, *_ in everything} == {"own"}
    assert {
        ("own", JINJIANG, "send", sealed, "no-consent"),
        ("own", "verifier", "verify", ("method",), "permit"),
    } <= everything


async def test_of_two_decisions_at_once_one_counts(here: World) -> None:
    seen = await here.seen()
    tries = [here.decide("same", seen=seen), here.decide("different", "sunyue", seen=seen)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Conflict)]
    assert [error.code for error in refused] == ["stale"]
    assert len(await here.events()) == 1


async def test_a_record_that_is_gone_is_said_and_nothing_breaks(here: World) -> None:
    steward = await here.user("lihua")
    async with here.hub.database.begin() as connection:
        await connection.execute(text("UPDATE resource SET deleted = true"))
    with pytest.raises(Conflict, match="record-gone"):
        await cases.view(here.hub, steward, here.task)
    with pytest.raises(Conflict, match="stale"):
        await here.decide("same", seen="1.1.1")
    assert await reviews.standing(here.hub, steward, here.task) is None
    assert [(row.a, row.b) for row in (await reviews.queue(here.hub, steward)).rows] == [(None, None)]
