"""$import over HTTP: lines in, resources stored as if each had been written; what is wrong with a line is told by its number."""

import base64
import hashlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from sqlalchemy import text

from hub.fhir import validate
from hub.jobs import worker
from hub.runtime import Hub
from hub.services import fhir_lines, loading, translating
from hub.settings import Settings
from mappings.vocabulary import CONTRACEPTION_METHOD
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_export import asked, lines, manifest
from tests.api.fhir.test_own_searches import LI, ZHANG, weight
from tests.documents import Beside, number_of, work_off
from tests.feeds import resolved
from tests.hubs import Clock, acts
from tests.people import patient, persons

NDJSON = {"Content-Type": "application/fhir+ndjson"}
PEOPLE = [patient("huiji", "H1", **ZHANG) | {"id": "p1"}, patient("huiji", "H2", **LI) | {"id": "p2"}]
WEIGHTS = [weight("Patient/p1", 80, "2025-03-01") | {"id": "w1"}, weight("Patient/p2", 50, "2025-03-01") | {"id": "w2"}]


def ndjson(*resources: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else orjson.dumps(one)) + b"\n" for one in resources)


async def sent(as_member: Client, body: bytes, **headers: str) -> httpx2.Response:
    return await as_member("POST", "/fhir/$import", content=body, headers={**NDJSON, **headers})


async def taken(as_member: Client, hub: Hub, body: bytes) -> dict[str, Any]:
    """What came of lines that were sent and worked off."""
    done = await sent(as_member, body)
    assert done.status_code == 202, done.text
    await work_off(hub, Beside())
    found = await as_member("GET", done.headers["Content-Location"])
    assert found.status_code == 200, found.text
    told: dict[str, Any] = found.json()
    return told


async def issues(as_member: Client, told: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """(line, severity, our code, place) of each issue."""
    found = []
    for one in told["error"]:
        answer = await as_member("GET", one["url"], headers={"Accept": "application/fhir+ndjson"})
        outcomes = [orjson.loads(line) for line in answer.content.splitlines()]
        assert len(outcomes) == one["count"]
        for outcome in outcomes:
            OperationOutcome.model_validate(outcome)
            (issue,) = outcome["issue"]
            code, place = issue["details"]["coding"][0]["code"], "".join(issue.get("expression", ()))
            found.append(("".join(issue.get("location", ())), issue["severity"], code, place))
    return found


async def searched(as_member: Client, query: str) -> list[dict[str, Any]]:
    found = (await as_member("GET", f"/fhir/{query}", purpose=None)).json()
    return [one["resource"] for one in found.get("entry", ())]


async def test_lines_become_resources_and_their_references_are_led(as_huiji: Client, hub: Hub) -> None:
    done = await sent(as_huiji, ndjson(*WEIGHTS, *PEOPLE))  # in whatever order, in one batch
    assert done.status_code == 202
    assert done.headers["Receipt"]
    waiting = await as_huiji("GET", done.headers["Content-Location"])
    assert (waiting.status_code, waiting.headers["X-Progress"]) == (202, "0 lines")
    await work_off(hub, Beside())
    told = (await as_huiji("GET", done.headers["Content-Location"])).json()
    assert (told["state"], told["lines"], told["error"]) == ("PROCESSED", {"read": 4, "stored": 4, "setAside": 0}, [])
    (who,) = await searched(as_huiji, "Patient?identifier=H1")
    (heavy,) = await searched(as_huiji, "Observation?subject.identifier=H1")
    assert heavy["subject"] == {"reference": f"Patient/{who['id']}"}
    assert heavy["valueQuantity"]["value"] == 80
    assert len(await persons(hub)) == 2
    assert [one["kind"] for one in await acts(hub, "receive")] == ["fhir"]


async def test_bad_lines_are_told_and_good_ones_stored(as_huiji: Client, hub: Hub) -> None:
    told = await taken(
        as_huiji,
        hub,
        ndjson(
            PEOPLE[0],
            b"",
            {"resourceType": "Observation", "status": "done", "code": {"text": "x"}, "colour": 1},
            b"{not json",
            {"resourceType": "Account"},
            patient("yongkang", "Y1", **LI),
            b'{"resourceType":"Organization","name":"\xff"}',
            b'{"resourceType":"Organization","name":"a","name":"b"}',
            {"resourceType": "Organization", "id": "o", "name": "惠济区妇幼保健院"},
            {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "x"},
                "subject": {"reference": "Patient/q"},
            },
        ),
    )
    assert told["lines"] == {"read": 9, "stored": 3, "setAside": 6}
    assert await issues(as_huiji, told) == [
        ("line 3", "error", "code", "Observation.status"),
        ("line 3", "error", "unknown-element", "Observation"),
        ("line 4", "error", "bad-request", ""),
        ("line 5", "error", "unsupported-type", ""),
        ("line 6", "error", "not-your-domain", ""),
        ("line 7", "error", "bad-request", ""),
        ("line 8", "error", "duplicate-key", ""),
        ("line 10", "warning", "reference-unknown", "Patient"),
    ]
    assert len(await searched(as_huiji, "Organization")) == 1
    async with hub.database.read() as connection:
        held = (await connection.execute(text("SELECT row, original FROM quarantined_row ORDER BY row"))).all()
    assert [one.row for one in held] == [3, 4, 5, 6, 7, 8]
    assert "{not json" in orjson.loads(hub.vault.open(held[1].original))["original"]


async def test_what_may_only_travel_sealed_is_not_kept_at_all(as_huiji: Client, hub: Hub) -> None:
    method = orjson.dumps({"coding": [{"system": CONTRACEPTION_METHOD, "code": "iud"}]})
    line = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueCodeableConcept":%b}'
    hidden = method.replace(b"urn:", b"\\u0075rn:")
    for said in (method, hidden):
        told = await taken(as_huiji, hub, ndjson(PEOPLE[0], line % said))
        assert told["state"] == "REJECTED"
        assert [one[:3] for one in await issues(as_huiji, told)] == [("line 2", "error", "must-be-sealed")]
    assert [await number_of(hub, name) for name in ("resource", "submission_part", "quarantined_row")] == [0, 0, 0]


async def test_what_may_only_travel_sealed_is_not_kept_of_a_broken_line_either(
    as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir_lines, "LONGEST", 2_000)
    hidden = orjson.dumps(CONTRACEPTION_METHOD).replace(b"urn:", b"\\u0075rn:")
    for line in (
        b'{"system":%b,}',
        b'{"system":%b,"x":"' + b"y" * 3_000 + b'"}',
        b'{"x":"' + b"y" * 3_000 + b'","system":%b}',
    ):
        told = await taken(as_huiji, hub, ndjson(PEOPLE[0], line % hidden))
        assert told["state"] == "REJECTED"
        assert [one[:3] for one in await issues(as_huiji, told)] == [("line 2", "error", "must-be-sealed")]
    assert [await number_of(hub, name) for name in ("resource", "submission_part", "quarantined_row")] == [0, 0, 0]


async def test_the_same_lines_are_the_same_resources(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    body = ndjson(*PEOPLE, *WEIGHTS, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    await taken(as_huiji, hub, body)
    clock.advance(seconds=1)
    again = await taken(as_huiji, hub, body)
    assert again["lines"] == {"read": 5, "stored": 5, "setAside": 0}
    assert [await number_of(hub, name) for name in ("resource", "resource_version")] == [5, 5]
    clock.advance(seconds=1)
    heavier = WEIGHTS[0] | {"valueQuantity": {"value": 81, "unit": "kg"}}
    await taken(as_huiji, hub, ndjson(heavier))  # its Patient came before
    (found,) = await searched(as_huiji, "Observation?subject.identifier=H1")
    assert (found["valueQuantity"]["value"], found["meta"]["versionId"]) == (81, "2")
    assert found["subject"]["reference"].startswith("Patient/0")


async def test_what_was_exported_comes_back_as_it_is(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    await taken(as_huiji, hub, ndjson(*PEOPLE, *WEIGHTS))
    await as_huiji("POST", "/fhir/Organization", json={"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    there = await lines(as_huiji, (await manifest(as_huiji, hub, await asked(as_huiji)))["output"])
    clock.advance(seconds=1)
    told = await taken(as_huiji, hub, ndjson(*there))
    assert (told["lines"]["stored"], told["error"]) == (5, [])
    after = await lines(as_huiji, (await manifest(as_huiji, hub, await asked(as_huiji)))["output"])
    assert {one["id"] for one in there} == {one["id"] for one in after}
    assert [one["meta"]["versionId"] for one in after if one["resourceType"] == "Organization"] == ["1"]
    assert {one["subject"]["reference"] for one in after if one["resourceType"] == "Observation"} == {
        f"Patient/{one['id']}" for one in after if one["resourceType"] == "Patient"
    }


async def test_sent_again_it_is_answered_from_what_was_stored(as_huiji: Client, hub: Hub) -> None:
    body, message = ndjson(*PEOPLE), str(uuid4())
    first = await sent(as_huiji, body, **{"Message-Id": message})
    await work_off(hub, Beside())
    again = await sent(as_huiji, body, **{"Message-Id": message})
    assert (again.status_code, again.headers["Receipt"]) == (202, first.headers["Receipt"])
    assert again.headers["Content-Location"] == first.headers["Content-Location"]
    other = await sent(as_huiji, ndjson(PEOPLE[0]), **{"Message-Id": message})
    assert (other.status_code, other.json()["issue"][0]["details"]["coding"][0]["code"]) == (409, "digest-conflict")
    assert await number_of(hub, "submission") == 1


async def test_a_digest_that_is_stated_is_compared(as_huiji: Client, hub: Hub) -> None:
    body = ndjson(*PEOPLE)
    right = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    assert (await sent(as_huiji, body, **{"Content-Digest": right})).status_code == 202
    assert (await sent(as_huiji, body + b"\n", **{"Content-Digest": right})).status_code == 400
    assert await number_of(hub, "submission") == 1


async def test_a_line_replaces_another_record(as_huiji: Client, hub: Hub) -> None:
    old = patient("huiji", "H9", **ZHANG) | {
        "active": False,
        "link": [
            {"type": "replaced-by", "other": {"identifier": {"system": "urn:lianqiao:huiji:record", "value": "H1"}}}
        ],
    }
    by_reference = old | {"link": [{"type": "replaced-by", "other": {"reference": "Patient/p1"}}]}
    told = await taken(as_huiji, hub, ndjson(PEOPLE[0], old, by_reference))
    assert [one[:3] for one in await issues(as_huiji, told)] == [("line 3", "error", "bad-link")]
    assert await number_of(hub, "source_link") == 1


async def test_a_line_at_fault_is_told_by_its_number_and_place(as_huiji: Client, hub: Hub) -> None:
    ring = [resolved(PEOPLE[0], "H2"), resolved(PEOPLE[1], "H1")]
    told = await taken(as_huiji, hub, ndjson(*ring, *WEIGHTS[:1]))
    assert (told["state"], told["lines"]) == ("PROCESSED", {"read": 3, "stored": 2, "setAside": 1})
    assert await issues(as_huiji, told) == [
        ("line 2", "error", "merge-cycle", "link"),
        ("line 1", "warning", "survivor-unknown", "link"),
    ]


async def test_lines_are_taken_in_batches_and_gone_on_with(
    as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(fhir_lines, "MOST_BYTES", 1)  # a line a batch
    done = await sent(as_huiji, ndjson(*PEOPLE, *WEIGHTS))
    asked_for = iter(range(100))
    assert await worker.do_one(hub, Beside(), lambda: next(asked_for) >= 4 + 2) == 1
    waiting = await as_huiji("GET", done.headers["Content-Location"])
    assert (waiting.status_code, waiting.headers["X-Progress"]) == (202, "2 lines")
    await work_off(hub, Beside())
    told = (await as_huiji("GET", done.headers["Content-Location"])).json()
    assert (told["lines"]["stored"], told["error"]) == (4, [])
    assert await number_of(hub, "resource_version") == 4


async def test_what_was_set_aside_is_tried_again(as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    real = validate.check

    def broken(*given: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(validate, "check", broken)
    told = await taken(as_huiji, hub, ndjson(*PEOPLE, WEIGHTS[0]))
    assert [one[2] for one in await issues(as_huiji, told)] == ["row-failed"] * 3
    monkeypatch.setattr(validate, "check", real)
    assert len(await translating.ask_replay(hub, fhir_lines.NAME)) == 1
    await work_off(hub, Beside())
    assert await number_of(hub, "resource") == 3


async def test_a_line_that_is_too_long_is_no_others_fault(
    as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir_lines, "LONGEST", 2_000)
    long = {"resourceType": "Organization", "name": "长" * 3_000}
    told = await taken(as_huiji, hub, ndjson(long, PEOPLE[0], long, PEOPLE[1]) + orjson.dumps(long))
    assert told["lines"] == {"read": 5, "stored": 2, "setAside": 3}
    assert [one[0] for one in await issues(as_huiji, told)] == ["line 1", "line 3", "line 5"]
    for before in (0, 1_950, 5_000):
        hidden = {"resourceType": "Basic", "a": "a" * before, "system": CONTRACEPTION_METHOD, "b": "b" * 3_000}
        told = await taken(as_huiji, hub, ndjson(hidden, PEOPLE[0]))
        assert (told["state"], [one[2] for one in await issues(as_huiji, told)]) == ("REJECTED", ["must-be-sealed"])


async def test_nothing_is_no_import(as_huiji: Client, hub: Hub) -> None:
    assert (await taken(as_huiji, hub, b""))["state"] == "REJECTED"
    assert (await taken(as_huiji, hub, b"\n\n"))["lines"]["read"] == 0


async def test_anothers_import_is_as_if_it_were_not_there(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    where = (await sent(as_huiji, ndjson(*PEOPLE))).headers["Content-Location"]
    for path in ("", "/issues"):
        for one in (where, f"{where[:-12]}000000000000", "/fhir/bulk-import/x"):
            assert (await as_yongkang("GET", one + path)).status_code == 404


async def test_what_is_no_lines_or_too_much_is_refused(as_huiji: Client, hub_settings: Settings, hub: Hub) -> None:
    found = await as_huiji("POST", "/fhir/$import", json=PEOPLE[0])
    assert found.status_code == 415
    too_much = b"\n" * (hub_settings.max_submission_bytes + 1)
    assert (await sent(as_huiji, too_much)).status_code == 413
    assert await number_of(hub, "submission") == 0
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["too-large"]


async def test_a_file_on_the_hubs_own_machine_goes_the_same_way(as_huiji: Client, hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "resources.ndjson"
    file.write_bytes(ndjson(*PEOPLE, *WEIGHTS, b"[]"))
    done = await loading.load(hub, "huiji", file, fhir_lines.NAME, Beside())
    assert (done.state, done.rows, done.translated, done.quarantined) == ("PROCESSED", 5, 4, 1)
    assert [(one.row, one.code) for one in done.issues] == [(5, "unsupported-type")]
    assert len(await searched(as_huiji, "Observation?subject.identifier=H1")) == 1


async def test_what_was_written_since_is_still_found_by_its_id(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    place = {"resourceType": "Organization", "id": "o1", "name": "惠济区妇幼保健院"}
    await taken(as_huiji, hub, ndjson(place))
    (there,) = await searched(as_huiji, "Organization")
    clock.advance(seconds=1)
    changed = {"resourceType": "Organization", "id": there["id"], "name": "惠济区妇幼保健中心"}
    assert (await as_huiji("PUT", f"/fhir/Organization/{there['id']}", json=changed)).status_code == 200
    clock.advance(seconds=1)
    who = PEOPLE[0] | {"managingOrganization": {"reference": "Organization/o1"}}
    await taken(as_huiji, hub, ndjson(who))
    (found,) = await searched(as_huiji, "Patient")
    assert found["managingOrganization"] == {"reference": f"Organization/{there['id']}"}
