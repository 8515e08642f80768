"""Rows whose word about other records cannot be followed are held by themselves; the rest of their document is stored."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hub.domain.ordering import SOURCE_DISAGREES
from hub.runtime import Hub, open_hub
from hub.services import fhir_lines, projecting, recording, submitted, translating
from hub.services.blinds import IDENTIFIER
from hub.services.preparation import Preparer
from hub.storage import decisions, people, resources
from hub.storage.decisions import Decision
from mappings.vocabulary import record_system
from tests.documents import PERSON_SHEET, number_of, patients, row, sheet, taken_in, work_off
from tests.feeds import feeder, put, resolved
from tests.hubs import Clock, Enrolled, acts
from tests.people import forget_everybody, patient

LINES = fhir_lines.NAME
_GIVEN = "伟芳娜敏静丽强磊军洋"


def who(number: int, survivor: int | None = None, **said: str) -> dict[str, Any]:
    """The `number`-th record of huiji, like no other; replaced by the record `survivor`."""
    name = f"王{_GIVEN[number // 10]}{_GIVEN[number % 10]}"
    found = patient("huiji", f"H{number}", **{"name": name, "birth": f"19{number + 30}-0{number % 9 + 1}-11"} | said)
    found["id"] = f"p{number}"
    return found if survivor is None else resolved(found, f"H{survivor}")


def lines(*resources_: Mapping[str, Any]) -> bytes:
    return b"".join(orjson.dumps(one) + b"\n" for one in resources_)


def weight_of(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"w{number}",
        "status": "final",
        "code": {"text": "体重"},
        "subject": {"reference": f"Patient/p{number}"},
        "effectiveDateTime": "2025-03-01",
    }


def errors(told: Mapping[str, Any], severity: str = "error") -> list[tuple[int, str]]:
    return [(one["row"], one["code"]) for one in told["issues"] if one["severity"] == severity]


async def record_of(hub: Hub, number: int) -> int:
    value = hub.vault.blind(IDENTIFIER, record_system("huiji"), f"H{number}")
    async with hub.database.read() as connection:
        (found,) = await resources.by_identifier(connection, hub.vault, "Patient", value)
        id_ = await people.record_of_resource(connection, found.id)
    assert id_ is not None
    return id_


async def decide(hub: Hub, kind: str, one: int, other: int, **evidence: Any) -> int:
    """A steward's decision about two records of huiji."""
    a, b = sorted([await record_of(hub, one), await record_of(hub, other)])
    async with hub.database.begin() as connection:
        event = Decision(kind, a, b, "lin", None, "because", evidence, None, hub.now())
        seq = await decisions.append(connection, event)
        await projecting.project(hub, connection, (a, b), cause="decision", now=hub.now(), decision_seq=seq)
    return seq


async def joined(hub: Hub) -> set[frozenset[str]]:
    """Persons of more than one record, replaced ones too, by the numbers of these."""
    found: dict[UUID | None, set[str]] = {}
    async with hub.database.read() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 1000, also_dead=True)
        infos = await people.info(connection, ids)
        bodies = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
    for info in infos.values():
        number = orjson.loads(bodies[info.resource_id].body)["identifier"][0]["value"]
        found.setdefault(info.person_id, set()).add(number)
    return {frozenset(person) for person in found.values() if len(person) > 1}


async def in_table(hub: Hub, query: str) -> list[tuple[Any, ...]]:
    async with hub.database.read() as connection:
        return [tuple(found) for found in await connection.execute(text(query))]


async def test_a_line_that_contradicts_a_steward_is_held_by_itself(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    await taken_in(hub, huiji, preparer, lines(who(1), who(2), who(3)), LINES)
    await decide(hub, "CANNOT_LINK", 1, 2)
    clock.advance(seconds=1)
    body = lines(who(4), who(1, 2), weight_of(1), who(3, 4), {"resourceType": "Organization"})
    told = await taken_in(hub, huiji, preparer, body, LINES)
    assert (told["state"], told["counts"]) == ("PROCESSED", {"rows": 5, "translated": 3, "quarantined": 2})
    assert errors(told) == [(2, "contradiction"), (5, "org-1")]
    (held,) = [one for one in told["issues"] if one["code"] == "contradiction"]
    assert (held["column"], held["text"].count("set aside"), held["text_zh"].count("搁置")) == ("link", 1, 1)
    assert await joined(hub) == {frozenset({"H3", "H4"})}
    assert "active" not in (await patients(hub))["H1"]
    assert await in_table(hub, "SELECT row, codes, state FROM quarantined_row WHERE codes = 'contradiction'") == [
        (2, "contradiction", "held")
    ]
    assert [act["quarantined"] for act in await acts(hub, "record")] == [0, 2]
    assert await in_table(hub, "SELECT count(*) FROM work_item WHERE state <> 'DONE'") == [(0,)]


@pytest.mark.parametrize("known", [True, False])
async def test_of_two_lines_that_replace_each_other_the_later_one_is_held(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock, known: bool
) -> None:
    if known:
        await taken_in(hub, huiji, preparer, lines(who(1), who(2)), LINES)
        clock.advance(seconds=1)
    told = await taken_in(hub, huiji, preparer, lines(weight_of(2), who(1, 2), who(2, 1), who(3)), LINES)
    assert (told["state"], told["counts"]) == ("PROCESSED", {"rows": 4, "translated": 3, "quarantined": 1})
    assert errors(told) == [(3, "merge-cycle")]
    warnings = [] if known else [(1, "reference-unknown"), (2, "survivor-unknown")]
    assert errors(told, "warning") == warnings
    assert await joined(hub) == ({frozenset({"H1", "H2"})} if known else set())
    assert await number_of(hub, "source_link") == 1
    # What was held is said as it should be, and all is well.
    clock.advance(seconds=1)
    await taken_in(hub, huiji, preparer, lines(who(2)), LINES)
    assert await joined(hub) == {frozenset({"H1", "H2"})}


async def test_a_hundred_at_fault_are_found_at_once(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = range(1, 41)
    await taken_in(hub, huiji, preparer, lines(*(who(number) for number in numbers)), LINES)
    for number in numbers[::4]:
        await decide(hub, "CANNOT_LINK", number, number + 1)
    clock.advance(seconds=1)
    times = counted(monkeypatch)
    at_fault = [who(number, number + 1) for number in numbers[::4]]
    good = [who(number, number + 1) for number in numbers[2::4]]
    rings = [who(number + 1, number) for number in numbers[2::4]]
    told = await taken_in(hub, huiji, preparer, lines(*at_fault, *good, *rings, who(60)), LINES)
    assert told["counts"] == {"rows": 31, "translated": 11, "quarantined": 20}
    assert dict.fromkeys(code for _, code in errors(told)) == {"contradiction": None, "merge-cycle": None}
    assert [row_ for row_, _ in errors(told)] == [*range(1, 11), *range(21, 31)]
    assert await joined(hub) == {frozenset({f"H{number}", f"H{number + 1}"}) for number in numbers[2::4]}
    assert len(times) == 2


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of resources of each time that a batch is stored, also of those that are undone."""
    times: list[int] = []
    real = recording.record

    async def record(*given: Any, **more: Any) -> recording.Recorded:
        times.append(len(given[5].ready))
        return await real(*given, **more)

    monkeypatch.setattr(recording, "record", record)
    return times


async def test_faults_that_come_to_the_fore_one_by_one_take_no_square_of_time(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of a record says something else that cannot be, and only the last of them counts."""
    others = range(2, 34)
    await taken_in(hub, huiji, preparer, lines(who(1), *(who(number) for number in others)), LINES)
    for number in others:
        await decide(hub, "CANNOT_LINK", 1, number)
    clock.advance(seconds=1)
    times = counted(monkeypatch)
    body = lines(who(50), *(who(1, number) for number in others), who(51, 50), who(1, name="王伟伟"))
    told = await taken_in(hub, huiji, preparer, body, LINES)
    assert (told["counts"], len(times)) == ({"rows": 35, "translated": 35, "quarantined": 0}, 1)
    clock.advance(seconds=1)
    body = lines(who(52), *(who(1, number) for number in others), who(53, 52))
    told = await taken_in(hub, huiji, preparer, body, LINES)
    assert told["counts"] == {"rows": 34, "translated": 2, "quarantined": 32}
    assert errors(told) == [(number, "contradiction") for number in others]
    assert await joined(hub) == {frozenset({"H50", "H51"}), frozenset({"H52", "H53"})}
    assert (await patients(hub))["H1"]["name"][0]["text"] == "王伟伟"
    assert sum(times[1:]) < 34 * 3 * 6  # 34 rows, three times on each of the levels; a row at a time would be 595


async def test_a_held_line_is_tried_again(hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock) -> None:
    await taken_in(hub, huiji, preparer, lines(who(1), who(2)), LINES)
    await decide(hub, "CANNOT_LINK", 1, 2)
    clock.advance(seconds=1)
    first = await taken_in(hub, huiji, preparer, lines(who(1, 2), who(3), who(4, 3)), LINES)
    assert first["counts"] == {"rows": 3, "translated": 2, "quarantined": 1}
    where = UUID(first["submission_id"])
    for _ in range(2):  # the decision stands: it is held again, and told once
        assert await translating.ask_replay(hub, LINES) == [where]
        clock.advance(seconds=1)
        await work_off(hub, preparer)
        again = await told_of(hub, huiji, where)
        assert (again["counts"], errors(again)) == (first["counts"], [(1, "contradiction")])
    await decide(hub, "RETRACT", 1, 2)
    await translating.ask_replay(hub, LINES)
    await work_off(hub, preparer)
    done = await told_of(hub, huiji, where)
    assert (done["state"], done["counts"]) == ("PROCESSED", {"rows": 3, "translated": 3, "quarantined": 0})
    assert done["issues"] == []
    assert await joined(hub) == {frozenset({"H1", "H2"}), frozenset({"H3", "H4"})}
    assert await in_table(hub, "SELECT state FROM quarantined_row") == [("released",)]
    assert await translating.ask_replay(hub, LINES) == []


async def told_of(hub: Hub, owner: Enrolled, submission: UUID) -> dict[str, Any]:
    return await submitted.by_id(hub, owner.member, submission)


@pytest.mark.parametrize("said", [{}, {"phone": "13900000001"}], ids=["as it was", "changed"])
async def test_a_record_that_was_waited_for_is_taken_and_the_steward_asked(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock, said: dict[str, str]
) -> None:
    """Two lines were said to be replaced by one that has not come; a steward decides that they are two persons."""
    await taken_in(hub, huiji, preparer, lines(who(1, 9), who(2, 9)), LINES)
    seq = await decide(hub, "CANNOT_LINK", 1, 2)
    clock.advance(seconds=1)
    told = await taken_in(hub, huiji, preparer, sheet([row(8), row(9, 登记编号="H9"), row(10)]), PERSON_SHEET)
    assert (told["state"], told["counts"]) == ("PROCESSED", {"rows": 3, "translated": 3, "quarantined": 0})
    assert errors(told, "warning") == [(3, "replaced-kept-apart")]
    assert await joined(hub) == {frozenset({"H1", "H9"})}
    assert await in_table(hub, "SELECT state, reason, reopened_seq FROM review_task") == [
        ("REVIEW", SOURCE_DISAGREES, seq)
    ]
    assert [(act["loser"], act["row"]) for act in await acts(hub, "source-merge-refused")] == [(2, 3)]
    assert [act["decision"] for act in await acts(hub, "reopen")] == [seq]
    # The decision is taken back, and the record says again what it said.
    await decide(hub, "RETRACT", 1, 2)
    clock.advance(seconds=1)
    again = await taken_in(hub, huiji, preparer, lines(who(2, 9, **said)), LINES)
    assert (again["counts"]["quarantined"], again["issues"]) == (0, [])
    assert await joined(hub) == {frozenset({"H1", "H2", "H9"})}


async def test_what_waits_for_a_row_that_is_held_goes_on_waiting(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    await taken_in(hub, huiji, preparer, lines(who(1, 9)), LINES)
    told = await taken_in(hub, huiji, preparer, lines(who(9, 1), who(3)), LINES)
    assert (told["counts"]["quarantined"], errors(told)) == (1, [(1, "merge-cycle")])
    clock.advance(seconds=1)
    await taken_in(hub, huiji, preparer, lines(who(9)), LINES)
    assert await joined(hub) == {frozenset({"H1", "H9"})}


async def test_a_ring_is_seen_over_a_line_that_only_repeats_its_link(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    await taken_in(hub, huiji, preparer, lines(who(1, 2), who(2), who(3)), LINES)
    clock.advance(seconds=1)
    body = lines(who(1, 2, phone="13900000001"), who(2, 3), who(3, 1))
    told = await taken_in(hub, huiji, preparer, body, LINES)
    assert (told["counts"]["quarantined"], errors(told)) == (1, [(3, "merge-cycle")])
    assert await joined(hub) == {frozenset({"H1", "H2", "H3"})}


async def test_a_held_line_undoes_nothing_that_was_said_since(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    await taken_in(hub, huiji, preparer, lines(who(1), who(2)), LINES)
    await decide(hub, "CANNOT_LINK", 1, 2)
    clock.advance(seconds=1)
    first = await taken_in(hub, huiji, preparer, lines(who(1, 2)), LINES)
    assert (first["state"], first["counts"]["quarantined"]) == ("BUSINESS_ERROR", 1)
    clock.advance(seconds=1)
    await taken_in(hub, huiji, preparer, lines(who(1, phone="13900000001")), LINES)
    await translating.ask_replay(hub, LINES)
    await work_off(hub, preparer)
    found = await told_of(hub, huiji, UUID(first["submission_id"]))
    assert (found["state"], found["counts"]["quarantined"]) == ("PROCESSED", 0)
    assert [one["code"] for one in found["issues"]] == ["older-than-known"]
    assert (await patients(hub))["H1"]["telecom"][0]["value"] == "13900000001"
    assert await joined(hub) == set()


async def test_whoever_waits_for_an_answer_is_refused_as_before(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    await taken_in(hub, huiji, preparer, lines(who(1, 9), who(2, 9), who(3)), LINES)
    await decide(hub, "CANNOT_LINK", 1, 2)
    tables = ("resource_version", "source_link", "decision_event", "review_task", "quarantined_row", "submission")
    before = [await number_of(hub, name) for name in tables]
    async with feeder(hub, huiji) as client:
        for said, code in ((who(9), "contradiction"), (who(9, 1), "merge-cycle")):
            answer = await put(client, {name: value for name, value in said.items() if name != "id"})
            assert (answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) == (409, code)
            assert "Nothing was stored" in answer.text
    assert [await number_of(hub, name) for name in tables] == before


_KNOWN = range(1, 9)
_pairs = st.tuples(st.sampled_from(_KNOWN), st.sampled_from(_KNOWN)).filter(lambda pair: pair[0] != pair[1])
_said = st.lists(_pairs, max_size=8, unique_by=lambda pair: pair[0])
_some = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, max_examples=8)
_many = settings(_some, derandomize=False, max_examples=80)


async def _whatever_the_batches(
    hub: Hub,
    owner: Enrolled,
    preparer: Preparer,
    clock: Clock,
    apart: list[tuple[int, int]],
    said: list[tuple[int, int]],
) -> None:
    """Of records that are all there, the same lines are held in one batch and in batches of one."""
    found = []
    for size in (100, 1):
        await forget_everybody(hub)
        clock.advance(seconds=1)
        async with open_hub(hub.settings.model_copy(update={"batch_rows": size}), now=clock) as one:
            await taken_in(one, owner, preparer, lines(*(who(number) for number in _KNOWN)), LINES)
            for pair in apart:
                await decide(one, "CANNOT_LINK", *pair)
            clock.advance(seconds=1)
            told = await taken_in(one, owner, preparer, lines(*(who(*pair) for pair in said), who(20)), LINES)
            assert told["state"] == "PROCESSED"
            assert told["counts"]["translated"] + len(errors(told)) == len(said) + 1
            together = await joined(one)
            assert not any({f"H{a}", f"H{b}"} <= person for person in together for a, b in apart)
            found.append((errors(told), together, await number_of(one, "source_link")))
    assert found[0] == found[1]


@_some
@given(st.lists(_pairs, max_size=4), _said)
async def test_what_is_held_does_not_depend_on_the_batches(
    hub: Hub,
    huiji: Enrolled,
    preparer: Preparer,
    clock: Clock,
    apart: list[tuple[int, int]],
    said: list[tuple[int, int]],
) -> None:
    await _whatever_the_batches(hub, huiji, preparer, clock, apart, said)


@pytest.mark.proof
@_many
@given(st.lists(_pairs, max_size=4), _said)
async def test_what_is_held_never_depends_on_the_batches(
    hub: Hub,
    huiji: Enrolled,
    preparer: Preparer,
    clock: Clock,
    apart: list[tuple[int, int]],
    said: list[tuple[int, int]],
) -> None:
    await _whatever_the_batches(hub, huiji, preparer, clock, apart, said)
