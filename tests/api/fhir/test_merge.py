"""$merge and $undo-merge over HTTP: previewed exactly, decided once, taken back without a trace in the persons."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.provenance import Provenance

from hub.errors import Invalid, NotFound
from hub.linkage.resident_id import check_digit
from hub.runtime import Hub
from hub.services import accounts, steward_tokens
from hub.storage import access, decisions, people, person_events, reviews
from mappings.vocabulary import record_system
from tests.console import people as invented
from tests.feeds import feeder, outs, parameters, put, resolved, steward
from tests.hubs import Clock, Enrolled, acts, enrol
from tests.people import arrive, named_persons, patient, persons

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
QIAN = {"name": "钱学森", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015", "origin": "330784000000"}
ZHOU = {"name": "周杰", "birth": "1977-05-05", "sex": "male"}


@pytest.fixture
async def ids(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> dict[str, str]:
    """H1 and Y1 are one person by themselves; H2, Y2 and Y3 are others. Record id → id at the hub."""
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI), patient("huiji", "H2", **QIAN)])
    zhou = {**ZHOU, "name": "吴军", "birth": "1950-02-02"}
    rows = [patient("yongkang", "Y1", **LI), patient("yongkang", "Y2", **ZHOU), patient("yongkang", "Y3", **zhou)]
    await arrive(hub, yongkang.member, rows)
    async with hub.database.read() as connection:
        infos = await people.info(connection, range(1, 6))
    return dict(zip(("H1", "H2", "Y1", "Y2", "Y3"), (str(infos[n].resource_id) for n in range(1, 6)), strict=True))


@pytest.fixture
async def client(hub: Hub, ids: dict[str, str]) -> AsyncIterator[httpx2.AsyncClient]:
    async with steward(hub, "lin") as made:
        yield made


async def _merge(client: httpx2.AsyncClient, source: str, target: str, **more: Any) -> httpx2.Response:
    given = parameters(source_patient=f"Patient/{source}", target_patient=f"Patient/{target}", **more)
    return await client.post("/fhir/Patient/$merge", json=given)


async def _undo(client: httpx2.AsyncClient, source: str, target: str, **more: Any) -> httpx2.Response:
    given = parameters(source_patient=f"Patient/{source}", target_patient=f"Patient/{target}", **more)
    return await client.post("/fhir/Patient/$undo-merge", json=given)


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def _state(hub: Hub) -> tuple[Any, ...]:
    """All that a merge could change: persons, events and decisions."""
    async with hub.database.read() as connection:
        return (
            await person_events.belonging(connection),
            await person_events.events(connection),
            await decisions.of_records(connection, range(1, 20)),
        )


def _changes(found: httpx2.Response) -> list[dict[str, str]]:
    return [
        {part["name"]: part["valueReference"]["reference"].removeprefix("Patient/") for part in change}
        for change in outs(found, "change")
    ]


async def test_hl7s_request_is_previewed_and_writes_nothing(
    hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    """HL7 FHIR R6 Patient/$merge: source-patient, target-patient, preview → input, outcome, result."""
    before = await _state(hub)
    found = await _merge(client, ids["Y2"], ids["H2"], preview=True)
    assert found.status_code == 200
    Parameters.model_validate(found.json())
    assert await _state(hub) == before
    (input_,), (outcome,), (result,) = outs(found, "input"), outs(found, "outcome"), outs(found, "result")
    assert {item["name"] for item in input_["parameter"]} == {"source-patient", "target-patient", "preview"}
    assert outcome["issue"][0]["severity"] == "information"
    assert (result["resourceType"], result["id"]) == ("Patient", ids["H2"])
    assert outs(found, "provenance") == []
    assert await acts(hub, "decide") == []


async def test_what_was_previewed_is_what_happens(hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    seen = await _merge(client, ids["Y1"], ids["H2"], preview=True)
    done = await _merge(client, ids["Y1"], ids["H2"], seen=outs(seen, "seen")[0], reason="documents-agree")
    assert done.status_code == 200
    async with hub.database.read() as connection:
        event = (await person_events.events(connection))[-1]
        infos = await people.info(connection, [record for record, _, _ in event.moves])
    told = [
        {"record": str(infos[record].resource_id), "from": str(old), "to": str(new)} for record, old, new in event.moves
    ]
    assert _changes(seen) == _changes(done) == told
    assert len(told) == 1
    (decided,) = await acts(hub, "decide")
    assert (decided["actor"], decided["verdict"], decided["reason"]) == ("lin", "same", "documents-agree")
    made = outs(done, "provenance")[0]
    Provenance.model_validate(made)
    assert made["reason"][0]["coding"][0]["code"] == "PATADMIN"
    assert made["activity"]["coding"][0] == {
        "system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle",
        "code": "merge",
    }
    links = outs(done, "result")[0]["link"]
    assert [link["type"] for link in links] == ["refer", "seealso", "seealso"]
    assert "active" not in outs(done, "result")[0]


async def _two_ids(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> tuple[people.RecordInfo, people.RecordInfo]:
    """陈志强 of both regions, in the queue because his two numbers are valid; a third region knows the first one, too."""
    ours, theirs = invented.two_ids()
    await arrive(hub, yongkang.member, [ours])
    await arrive(hub, huiji.member, [theirs])
    jinjiang = await enrol(hub, "jinjiang", ["350582000000"])
    await arrive(hub, jinjiang.member, [invented.beside("jinjiang", "JJ-9")])
    async with hub.database.read() as connection:
        (task,) = await reviews.queue(connection, None, states=["REVIEW"], limit=9)
        infos = await people.info(connection, [task.a, task.b])
    return infos[task.a], infos[task.b]


async def test_the_clashes_are_told(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    ours, theirs = await _two_ids(hub, yongkang, huiji)
    async with steward(hub, "lin") as client:
        found = await _merge(client, str(theirs.resource_id), str(ours.resource_id), preview=True)
    assert outs(found, "clash") == ["two-valid-ids"]


async def test_the_clashes_of_records_that_nobody_would_take_for_one_are_told(
    hub: Hub, yongkang: Enrolled, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    bodies = ("41010819900307122", "33078419621030001")
    said = [{**known, "id": body + check_digit(body)} for known, body in zip((LI, QIAN), bodies, strict=True)]
    rows = [patient("yongkang", f"Z{at}", **one) for at, one in enumerate(said)]
    done = await arrive(hub, yongkang.member, rows)
    async with hub.database.read() as connection:
        assert await people.pair(connection, *sorted(done.records)) is None
        one, other = [str(info.resource_id) for info in (await people.info(connection, done.records)).values()]
    assert outs(await _merge(client, one, other, preview=True), "clash") == ["two-valid-ids"]
    assert outs(await _merge(client, ids["Y2"], ids["H2"], preview=True), "clash") == []
    assert outs(await _merge(client, ids["Y1"], ids["H1"], preview=True), "clash") == []


async def test_a_preview_that_is_stale_changes_nothing(
    hub: Hub, yongkang: Enrolled, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    seen = outs(await _merge(client, ids["Y2"], ids["H2"], preview=True), "seen")[0]
    await arrive(hub, yongkang.member, [patient("yongkang", "Y2", **ZHOU, phone="13812345678")])
    before = await _state(hub)
    assert _code(await _merge(client, ids["Y2"], ids["H2"], seen=seen)) == (409, "stale")
    assert await _state(hub) == before
    # Another record beside one of the two changes what would move, too.
    seen = outs(await _merge(client, ids["H1"], ids["H2"], preview=True), "seen")[0]
    await _merge(client, ids["Y1"], ids["Y3"])
    assert _code(await _merge(client, ids["H1"], ids["H2"], seen=seen)) == (409, "stale")


async def test_the_undo_restores_persons_and_ids(hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    before = await named_persons(hub)
    assert (await _merge(client, ids["Y1"], ids["H2"])).status_code == 200
    merged = await named_persons(hub)
    assert len(merged) == len(before) - 1
    seen = await _undo(client, ids["Y1"], ids["H2"], preview=True)
    assert await named_persons(hub) == merged
    done = await _undo(client, ids["Y1"], ids["H2"], seen=outs(seen, "seen")[0])
    assert _changes(seen) == _changes(done) != []
    assert await named_persons(hub) == before
    assert outs(done, "provenance")[0]["activity"]["coding"][0]["code"] == "unmerge"
    assert _code(await _undo(client, ids["Y1"], ids["H2"])) == (409, "not-merged")
    again = await _merge(client, ids["Y1"], ids["H2"])
    assert again.status_code == 200
    given = parameters(source_patient=f"Patient/{ids['Y1']}", target_patient=f"Patient/{ids['H2']}")
    of_hapi = await client.post("/fhir/Patient/$hapi.fhir.undo-merge", json=given)
    assert of_hapi.status_code == 200
    assert await named_persons(hub) == before


async def test_a_contradiction_writes_nothing(hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    async with hub.database.begin() as connection:
        event = decisions.Decision("CANNOT_LINK", 2, 4, "tester", None, "because", {}, None, hub.now())
        await decisions.append(connection, event)
    await _merge(client, ids["Y3"], ids["Y2"])
    before = await _state(hub)
    for source in ("Y2", "Y3"):
        told = await _merge(client, ids[source], ids["H2"], preview=True)
        (issue,) = outs(told, "outcome")[0]["issue"]
        assert (told.status_code, issue["severity"], issue["code"]) == (200, "error", "conflict")
        assert outs(told, "change") == []
        assert _code(await _merge(client, ids[source], ids["H2"])) == (409, "contradiction")
    assert await _state(hub) == before
    assert [act["reason"] for act in await acts(hub, "refuse")] == ["contradiction"] * 2


async def test_the_same_merge_twice_is_decided_once(hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    found = await asyncio.gather(*(_merge(client, ids["Y2"], ids["H2"]) for _ in range(4)))
    assert sorted(answer.status_code for answer in found) == [200, 409, 409, 409]
    assert len(await acts(hub, "decide")) == 1


async def test_two_merges_at_once_are_both_there(hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    found = await asyncio.gather(_merge(client, ids["Y2"], ids["H2"]), _merge(client, ids["Y3"], ids["H2"]))
    assert [answer.status_code for answer in found] == [200, 200]
    system = record_system("yongkang")
    assert {f"{record_system('huiji')}|H2", f"{system}|Y2", f"{system}|Y3"} in await persons(hub)


async def test_records_are_found_by_their_identifiers(client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    def number(source: str, value: str) -> dict[str, str]:
        return {"system": record_system(source), "value": value}

    given = parameters(
        source_patient_identifier=number("yongkang", "Y2"),
        target_patient_identifier=number("huiji", "H2"),
        preview=True,
    )
    found = await client.post("/fhir/Patient/$merge", json=given)
    assert outs(found, "result")[0]["id"] == ids["H2"]
    both = parameters(
        source_patient=f"Patient/{ids['Y2']}",
        source_patient_identifier=number("yongkang", "Y3"),
        target_patient=f"Patient/{ids['H2']}",
    )
    assert _code(await client.post("/fhir/Patient/$merge", json=both)) == (404, "not-found")
    shared = {"system": "urn:oid:2.16.156.10011.1.3", "value": LI["id"]}
    many = parameters(source_patient_identifier=shared, target_patient=f"Patient/{ids['H2']}")
    assert _code(await client.post("/fhir/Patient/$merge", json=many))[0] in (400, 404)


async def test_a_result_says_what_the_target_says(client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    same = {
        **patient("huiji", "H2", **QIAN),
        "id": ids["H2"],
        "link": [{"other": {"reference": f"Patient/{ids['Y2']}"}, "type": "replaces"}],
    }
    given = parameters(source_patient=f"Patient/{ids['Y2']}", target_patient=f"Patient/{ids['H2']}")
    given["parameter"].append({"name": "result-patient", "resource": {**same, "gender": "female"}})
    assert _code(await client.post("/fhir/Patient/$merge", json=given)) == (400, "result-differs")
    given["parameter"][-1]["resource"] = same
    assert (await client.post("/fhir/Patient/$merge", json=given)).status_code == 200


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"source_patient": "Patient/x", "target_patient": "Patient/y"}, (400, "bad-request")),
        ({"source_patient": f"Patient/{uuid4()}"}, (404, "not-found")),
        ({"preveiw": True}, (400, "unknown-parameter")),
        ({}, (400, "bad-request")),
        ({"reason": "x" * 61}, (400, "bad-reason")),
    ],
)
async def test_what_is_wrong_is_refused(
    client: httpx2.AsyncClient, given: dict[str, Any], code: tuple[int, str]
) -> None:
    assert _code(await client.post("/fhir/Patient/$merge", json=parameters(**given))) == code


async def test_a_version_that_is_not_the_newest_is_a_conflict(
    hub: Hub, yongkang: Enrolled, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    assert (await _merge(client, f"{ids['Y2']}/_history/1", ids["H2"], preview=True)).status_code == 200
    await arrive(hub, yongkang.member, [patient("yongkang", "Y2", **ZHOU, phone="13812345678")])
    assert _code(await _merge(client, f"{ids['Y2']}/_history/1", ids["H2"])) == (409, "stale")


async def test_a_record_is_not_merged_with_itself(client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    assert _code(await _merge(client, ids["H2"], ids["H2"])) == (400, "same-record")


async def test_a_regions_steward_acts_on_her_regions_records_only(hub: Hub, ids: dict[str, str]) -> None:
    async with steward(hub, "sun", "yongkang") as client:
        assert (await _merge(client, ids["Y3"], ids["Y2"])).status_code == 200
        nothing = await _merge(client, ids["Y3"], str(uuid4()))
        hidden = await _merge(client, ids["Y3"], ids["H2"])
        assert _code(nothing) == _code(hidden) == (404, "not-found")
        assert nothing.json()["issue"][0]["details"] == hidden.json()["issue"][0]["details"]
        assert _code(await _merge(client, ids["Y3"], f"{ids['H2']}/_history/9")) == (404, "not-found")
    assert [act["region"] for act in await acts(hub, "refuse")] == ["yongkang"] * 3
    async with hub.database.read() as connection:
        person = (await people.info(connection, [2]))[2].person_id
        assert person is not None
        noted = await access.about(connection, [person], [])
    assert [(event.actor, event.act, event.outcome) for event in noted] == [("sun", "merge", "not-visible")] * 2


async def test_of_a_pair_in_her_queue_she_sees_the_other_record_but_not_what_hangs_on_it(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled
) -> None:
    ours, theirs = await _two_ids(hub, yongkang, huiji)
    async with steward(hub, "sun", "huiji") as client:
        found = await _merge(client, str(ours.resource_id), str(theirs.resource_id), preview=True)
        assert found.status_code == 200
        assert {move["record"] for move in _changes(found)} <= {str(theirs.resource_id)}
        assert len(outs(found, "change")) + outs(found, "hidden-changes")[0] == 1
        done = await _merge(client, str(ours.resource_id), str(theirs.resource_id), seen=outs(found, "seen")[0])
        assert done.status_code == 202  # two numbers for one person: a second steward has to agree
        for said in (found, done):
            assert "4101081990052131" not in said.text
            assert "JJ-9" not in said.text
            assert [one["value"] for one in outs(said, "result")[0]["identifier"]] == ["HJ2104-0571"]
    (proposed,) = await acts(hub, "propose")
    assert proposed["actor"] == "sun"


async def test_who_may_undo(hub: Hub, client: httpx2.AsyncClient, ids: dict[str, str]) -> None:
    assert (await _merge(client, ids["Y2"], ids["H2"])).status_code == 200
    async with steward(hub, "wang") as other:
        assert _code(await _undo(other, ids["Y2"], ids["H2"])) == (403, "not-yours")
    async with steward(hub, "zhao", roles=("supervisor",)) as chief:
        assert (await _undo(chief, ids["Y2"], ids["H2"])).status_code == 200


async def test_what_a_source_asserts_is_the_sources_to_take_back(
    hub: Hub, huiji: Enrolled, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    async with feeder(hub, huiji) as source:
        await put(source, resolved(patient("huiji", "H2", **QIAN), "H1"))
        assert _code(await _undo(client, ids["H2"], ids["H1"])) == (409, "not-merged")
        assert _code(await _merge(client, ids["H2"], ids["H1"])) == (409, "already-decided")
        assert (await put(source, patient("huiji", "H2", **QIAN))).status_code == 200
    assert (await _merge(client, ids["H2"], ids["H1"])).status_code == 200


async def test_a_source_does_not_overrule_a_steward_who_kept_two_apart(
    hub: Hub, huiji: Enrolled, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    async with hub.database.begin() as connection:
        event = decisions.Decision("CANNOT_LINK", 1, 2, "tester", None, "because", {}, None, hub.now())
        await decisions.append(connection, event)
    before = await _state(hub)
    async with feeder(hub, huiji) as source:
        assert _code(await put(source, resolved(patient("huiji", "H2", **QIAN), "H1"))) == (409, "contradiction")
    assert await _state(hub) == before


async def test_a_members_system_decides_nothing(hub: Hub, huiji: Enrolled, ids: dict[str, str]) -> None:
    async with feeder(hub, huiji) as client:
        assert _code(await _merge(client, ids["Y2"], ids["H2"])) == (403, "role-missing")
        assert _code(await _undo(client, ids["Y2"], ids["H2"])) == (403, "role-missing")
    assert [act["actor"] for act in await acts(hub, "refuse")] == ["huiji"] * 2


async def test_a_token_ends_with_its_time_and_with_its_account(
    hub: Hub, clock: Clock, client: httpx2.AsyncClient, ids: dict[str, str]
) -> None:
    await accounts.set_disabled(hub, "lin", True)
    assert _code(await _merge(client, ids["Y2"], ids["H2"], preview=True)) == (401, "unauthenticated")
    await accounts.set_disabled(hub, "lin", False)
    assert (await _merge(client, ids["Y2"], ids["H2"], preview=True)).status_code == 200
    clock.advance(hours=25)
    assert _code(await _merge(client, ids["Y2"], ids["H2"], preview=True)) == (401, "token-expired")
    client.headers["Authorization"] = "Bearer nobody"
    assert _code(await _merge(client, ids["Y2"], ids["H2"], preview=True)) == (401, "unauthenticated")


async def test_only_who_decides_gets_a_token(hub: Hub) -> None:
    await accounts.create_user(hub, name="audit", display="Audit", roles=["auditor"])
    with pytest.raises(Invalid, match="role-missing"):
        await steward_tokens.issue(hub, "audit")
    with pytest.raises(NotFound):
        await steward_tokens.issue(hub, "nobody")
    with pytest.raises(Invalid, match="bad-time"):
        await steward_tokens.issue(hub, "audit", 86_401)
