"""PUT /fhir/Patient?identifier=…: ITI-104 over HTTP, with IHE's own examples, and everything that is refused."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from fhir.resources.R4B.patient import Patient
from sqlalchemy import text

from certs import tokens as certs_tokens
from hub.api import submissions as submissions_api
from hub.runtime import Hub
from hub.services import intake, receipts
from hub.storage import decisions, people, resources, submissions
from mappings.vocabulary import record_system
from tests.feeds import feeder, ours, put, resolved
from tests.hubs import Clock, Enrolled, acts, enrol, serve
from tests.people import arrive, named_persons, patient, persons

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
RED = "urn:oid:1.3.6.1.4.1.21367.13.20.1000"


def _red(value: str, given: str, **more: Any) -> dict[str, Any]:
    """A Patient of the examples in IHE ITI TF-2: 3.104.4.1.5 and 3.104.4.2.5 (PIXm 3.0.4), our domain for theirs."""
    return ours(
        "huiji",
        {
            "resourceType": "Patient",
            "identifier": [{"system": RED, "value": value}],
            "active": True,
            "name": [{"family": "MOHR", "given": [given]}],
            "gender": "female",
            "birthDate": "1958-01-30",
            **more,
        },
        RED,
    )


@pytest.fixture
async def client(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> AsyncIterator[httpx2.AsyncClient]:
    async with feeder(hub, huiji) as made:
        yield made


def _by(reference: str) -> dict[str, Any]:
    return {"other": {"reference": reference}, "type": "replaced-by"}


async def _versions(hub: Hub, found: httpx2.Response) -> int:
    async with hub.database.read() as connection:
        (stored,) = (await resources.newest(connection, hub.vault, [found.json()["id"]])).values()
    return stored.version


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def test_ihes_example_adds_and_revises(hub: Hub, client: httpx2.AsyncClient) -> None:
    """IHE PIXm ITI-104, 2:3.104.4.1.5: Add Patient ALISSA MOHR, then Revise Patient to ALICE."""
    added = await put(client, _red("IHERED-994", "ALISSA"))
    assert added.status_code == 201
    Patient.model_validate(added.json())
    assert added.headers["Location"].endswith(f"/fhir/Patient/{added.json()['id']}/_history/1")
    assert added.headers["ETag"] == 'W/"1"'
    revised = await put(client, _red("IHERED-994", "ALICE"))
    assert (revised.status_code, revised.json()["id"]) == (200, added.json()["id"])
    assert revised.json()["name"] == [{"family": "MOHR", "given": ["ALICE"]}]
    assert revised.json()["meta"]["versionId"] == "2"
    assert "link" not in revised.json()


async def test_ihes_example_resolves_a_duplicate(hub: Hub, client: httpx2.AsyncClient) -> None:
    """IHE PIXm ITI-104, 2:3.104.4.2.5: IHERED-m94 is subsumed by IHERED-994; then it is taken back."""
    await put(client, _red("IHERED-994", "ALICE"))
    await put(client, _red("IHERED-m94", "MAIDEN"))
    apart = await persons(hub)
    other = {"identifier": {"system": RED, "value": "IHERED-994"}}
    merged = _red("IHERED-m94", "MAIDEN", active=False, link=[{"other": other, "type": "replaced-by"}])
    found = await put(client, merged)
    assert found.status_code == 200
    assert found.json()["link"] == ours("huiji", {"link": [{"other": other, "type": "replaced-by"}]}, RED)["link"]
    # named_persons shows live records only: the one that was replaced is not live, and its person is the survivor's.
    system = record_system("huiji")
    assert await persons(hub) == {frozenset({f"{system}|IHERED-994"})}
    async with hub.database.read() as connection:
        ids = [info.person_id for info in (await people.info(connection, [1, 2])).values()]
        assert len(set(ids)) == 1
        assert [event.kind for event in await decisions.of_pair(connection, 1, 2)] == ["SOURCE_MERGE"]
    assert [act["loser"] for act in await acts(hub, "source-merge")] == [2]
    again = await put(client, _red("IHERED-m94", "MAIDEN"))
    assert again.status_code == 200
    assert await persons(hub) == apart
    async with hub.database.read() as connection:
        kinds = [event.kind for event in await decisions.of_pair(connection, 1, 2)]
    assert kinds == ["SOURCE_MERGE", "SOURCE_UNMERGE"]


async def test_the_survivor_may_say_so_too(hub: Hub, client: httpx2.AsyncClient) -> None:
    """IHE ITI.PIXm input/examples/Patient-MohrAliceSubsumeMaiden-Red.json: a link `replaces`; it decides nothing alone."""
    other = {"identifier": {"system": RED, "value": "IHERED-m94"}}
    found = await put(client, _red("IHERED-994", "ALICE", link=[{"other": other, "type": "replaces"}]))
    assert (found.status_code, found.json()["link"][0]["type"]) == (201, "replaces")
    assert await acts(hub, "source-merge") == []


async def test_the_same_bytes_again_change_nothing(hub: Hub, client: httpx2.AsyncClient) -> None:
    first = await put(client, patient("huiji", "H1", **LI))
    again = await put(client, patient("huiji", "H1", **LI))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert await _versions(hub, again) == 1


async def test_a_retry_with_its_message_id_gets_the_same_receipt(hub: Hub, client: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    first = await put(client, patient("huiji", "H1", **LI), Message_Id=id_)
    again = await put(client, patient("huiji", "H1", **LI), Message_Id=id_)
    assert again.headers["Receipt"] == first.headers["Receipt"]
    assert len(await acts(hub, "receive")) == 1
    other = await put(client, patient("huiji", "H1", **LI, phone="13812345678"), Message_Id=id_)
    assert _code(other) == (409, "digest-conflict")


async def test_the_receipt_is_of_the_exact_bytes_and_they_are_kept(hub: Hub, huiji: Enrolled) -> None:
    body = b' {"resourceType" : "Patient", "identifier": [{"value":"H1","system":"urn:lianqiao:huiji:record"}]}\n'
    async with serve(hub, submissions_api.router) as other, feeder(hub, huiji) as client:
        url = "/fhir/Patient?identifier=urn:lianqiao:huiji:record|H1"
        found = await client.put(url, content=body, headers={"Content-Type": "application/fhir+json"})
        claims = certs_tokens.verify(found.headers["Receipt"], hub.signer.public, typ=receipts.TYPE)
        assert claims["digest"] == f"sha-256:{hashlib.sha256(body).hexdigest()}"
        other.headers["Authorization"] = client.headers["Authorization"]
        told = (await other.get(f"/submissions/{found.headers['Submission-Id']}")).json()
    assert (told["state"], told["kind"], told["counts"]["translated"]) == ("PROCESSED", "person", 1)
    assert told["commit_ack"]["receipt"] == found.headers["Receipt"]
    async with hub.database.read() as connection:
        stored = await submissions.by_message(connection, hub.vault, huiji.member.id, told["message_id"])
        assert stored is not None
        assert await submissions.part(connection, hub.vault, stored.id, 0) == body


async def test_every_digit_of_a_number_is_kept_and_answered(hub: Hub, client: httpx2.AsyncClient) -> None:
    fed = {**patient("huiji", "H1", **LI), "extension": [{"url": "urn:x:weight", "valueDecimal": 1}]}
    body = json.dumps(fed, ensure_ascii=False).replace('"valueDecimal": 1}', '"valueDecimal": 3.400}').encode()
    url = "/fhir/Patient?identifier=urn:lianqiao:huiji:record|H1"
    found = await client.put(url, content=body, headers={"Content-Type": "application/fhir+json"})
    assert found.status_code == 201
    assert b'"valueDecimal":3.400}' in found.content
    async with hub.database.read() as connection:
        (stored,) = (await resources.newest(connection, hub.vault, [UUID(found.json()["id"])])).values()
    assert b'"valueDecimal":3.400}' in stored.body


async def test_a_name_that_comes_twice_is_refused(client: httpx2.AsyncClient) -> None:
    body = b'{"resourceType":"Patient","gender":"male","gender":"female"}'
    url = "/fhir/Patient?identifier=urn:lianqiao:huiji:record|H1"
    found = await client.put(url, content=body, headers={"Content-Type": "application/fhir+json"})
    assert _code(found) == (400, "duplicate-key")


async def test_a_fed_record_and_a_mapped_one_are_one_record(
    hub: Hub, huiji: Enrolled, client: httpx2.AsyncClient
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    found = await put(client, patient("huiji", "H1", **LI, phone="13812345678"))
    assert (found.status_code, found.json()["meta"]["versionId"]) == (200, "2")


async def test_it_is_linked_like_any_record_and_the_answer_does_not_tell(
    hub: Hub, yongkang: Enrolled, client: httpx2.AsyncClient
) -> None:
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    found = await put(client, patient("huiji", "H1", **LI))
    (records,) = (await named_persons(hub)).values()
    assert len(records) == 2
    alone = await put(client, patient("huiji", "H2", name="钱学森", birth="1962-10-30", sex="male"))
    assert found.json().keys() == alone.json().keys() | {"address"}
    assert {name.lower() for name in found.headers} == {name.lower() for name in alone.headers}


async def test_an_update_older_than_what_is_known_is_told_and_not_used(
    hub: Hub, clock: Clock, client: httpx2.AsyncClient
) -> None:
    def at(stamp: str, **said: str) -> dict[str, Any]:
        return patient("huiji", "H1", **{**LI, **said}) | {"meta": {"lastUpdated": stamp}}

    day = f"{clock.moment:%Y-%m-%d}"
    first = await put(client, at(f"{day}T00:00:02Z", phone="13800000002"))
    late = await put(client, at(f"{day}T00:00:01Z", phone="13800000001"))
    assert first.status_code == 201
    assert (late.status_code, late.json()["resourceType"]) == (200, "OperationOutcome")
    assert late.json()["issue"][0]["details"]["coding"][0]["code"] == "older-than-known"
    assert late.headers["ETag"] == 'W/"1"'
    newer = await put(client, at(f"{day}T00:00:03Z", phone="13800000003"))
    assert newer.json()["meta"]["versionId"] == "2"


async def test_a_stamp_from_the_future_is_not_ahead_of_what_comes(
    hub: Hub, clock: Clock, client: httpx2.AsyncClient
) -> None:
    await put(client, patient("huiji", "H1", **LI) | {"meta": {"lastUpdated": "2999-01-01T00:00:00Z"}})
    clock.advance(seconds=1)
    found = await put(client, patient("huiji", "H1", **LI, phone="13800000003"))
    assert found.json()["meta"]["versionId"] == "2"


async def test_prefer_says_what_is_answered(client: httpx2.AsyncClient) -> None:
    nothing = await put(client, patient("huiji", "H1", **LI), Prefer="return=minimal")
    assert (nothing.status_code, nothing.content, nothing.headers["ETag"]) == (201, b"", 'W/"1"')
    outcome = await put(client, patient("huiji", "H1", **LI), Prefer="return=OperationOutcome")
    assert outcome.json()["resourceType"] == "OperationOutcome"


async def test_what_was_read_here_may_be_sent_back(client: httpx2.AsyncClient) -> None:
    """Ids, versions and the hub's own links are not the source's to say, and are no new version."""
    first = await put(client, patient("huiji", "H1", **LI))
    link = [{"other": {"reference": f"Patient/{uuid4()}"}, "type": type_} for type_ in ("refer", "seealso")]
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>李秀英</p></div>'}
    again = await put(client, {**first.json(), "link": link, "text": text})
    assert again.json() == first.json()


async def test_nobody_feeds_the_records_of_another(hub: Hub, client: httpx2.AsyncClient) -> None:
    own, other = patient("huiji", "H1", **LI), patient("yongkang", "Y1", **LI)
    assert _code(await put(client, other)) == (403, "not-your-domain")
    assert _code(await put(client, own, under="urn:lianqiao:yongkang:record|H1")) == (403, "not-your-domain")
    both = {**own, "identifier": own["identifier"] + other["identifier"][:1]}
    assert _code(await put(client, both)) == (403, "not-your-domain")
    link = {"other": {"identifier": other["identifier"][0]}, "type": "replaced-by"}
    assert _code(await put(client, {**own, "active": False, "link": [link]})) == (403, "not-your-domain")
    assert _code(await put(client, own, under=f"{RED}|IHERED-994")) == (403, "not-your-domain")
    assert [act["reason"] for act in await acts(hub, "refuse")] == ["not-your-domain"] * 5
    assert await acts(hub, "receive") == []


async def test_a_member_that_is_no_source_feeds_nothing(hub: Hub) -> None:
    partner = await enrol(hub, "kunming", ["530111000000"], kind="partner")
    async with feeder(hub, partner) as client:
        assert _code(await put(client, patient("kunming", "K1", **LI))) == (403, "not-allowed")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"birthDate": "1990-02-30"}, "invalid-resource"),
        ({"nonsense": 1}, "invalid-resource"),
        ({"contained": [{"resourceType": "Patient"}]}, "invalid-resource"),
        ({"contained": [{"resourceType": "Organization", "id": "o", "name": "X"}],
          "managingOrganization": {"reference": "#o"}}, "unsupported-element"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "unsupported-element"),
        ({"implicitRules": "urn:x"}, "unsupported-element"),
        ({"identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": "410108199003071228"}]}, "bad-identifier"),
        ({"identifier": [{"system": "urn:lianqiao:huiji:record", "value": "H2"}]}, "bad-identifier"),
        ({"active": True, "link": [_by("Patient?identifier=urn:lianqiao:huiji:record|H2")]}, "bad-link"),
        ({"active": False, "link": [_by("Patient?identifier=urn:lianqiao:huiji:record|H1")]}, "bad-link"),
        ({"active": False, "link": [_by("Patient/123")]}, "bad-link"),
        ({"active": False, "link": [_by("Patient/0190ad8b-5a8e-7000-8000-000000000000")]}, "bad-link"),
        ({"active": False, "link": [_by(f"Patient?identifier=urn:lianqiao:huiji:record|{at}") for at in ("H2", "H3")]}, "bad-link"),
        ({"meta": {"lastUpdated": "2020-01-01T00:00:00+25:00"}}, "bad-request"),
        ({"extension": [{"url": "urn:x", "valueString": "社会抚养费"}]}, "forbidden-content"),
        ({"extension": [{"url": "urn:x", "valueCoding": {"code": "A95"}}]}, "forbidden-content"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused_and_nothing_is_stored(
    hub: Hub, client: httpx2.AsyncClient, change: dict[str, Any], code: str
) -> None:
    given = {**patient("huiji", "H1", **LI), **change}
    found = await put(client, given, under="urn:lianqiao:huiji:record|H1")
    assert _code(found) == (400, code)
    assert await named_persons(hub) == {}
    assert await acts(hub, "receive") == []


@pytest.mark.parametrize("query", ["", "?identifier=H1", "?identifier=a|b,c|d"])
async def test_it_is_put_under_exactly_one_identifier(client: httpx2.AsyncClient, query: str) -> None:
    found = await client.put(f"/fhir/Patient{query}", json=patient("huiji", "H1", **LI))
    assert _code(found) == (400, "bad-request")


async def test_a_link_may_name_our_own_id(hub: Hub, client: httpx2.AsyncClient) -> None:
    survivor = await put(client, patient("huiji", "H1", **LI))
    link = {"other": {"reference": f"Patient/{survivor.json()['id']}"}, "type": "replaced-by"}
    found = await put(client, {**patient("huiji", "H2", **LI), "active": False, "link": [link]})
    assert found.json()["link"][0]["other"] == {"identifier": {"system": "urn:lianqiao:huiji:record", "value": "H1"}}
    assert len(await acts(hub, "source-merge")) == 1


async def test_the_survivor_may_come_later(hub: Hub, client: httpx2.AsyncClient) -> None:
    early = await put(
        client,
        resolved(patient("huiji", "H2", name="王强", birth="1950-01-01"), "H1"),
        Prefer="return=OperationOutcome",
    )
    assert early.json()["issue"][0]["details"]["coding"][0]["code"] == "survivor-unknown"
    assert await acts(hub, "source-merge") == []
    await put(client, patient("huiji", "H1", **LI))
    async with hub.database.read() as connection:
        found = await people.info(connection, [1, 2])
    assert len({info.person_id for info in found.values()}) == 1
    assert [act["loser"] for act in await acts(hub, "source-merge")] == [1]


async def test_a_record_never_comes_to_replace_itself(hub: Hub, client: httpx2.AsyncClient) -> None:
    for at in ("H1", "H2", "H3"):
        await put(client, patient("huiji", at, **LI))
    assert (await put(client, resolved(patient("huiji", "H1", **LI), "H2"))).status_code == 200
    assert (await put(client, resolved(patient("huiji", "H2", **LI), "H3"))).status_code == 200
    found = await put(client, resolved(patient("huiji", "H3", **LI), "H1"))
    assert _code(found) == (409, "merge-cycle")
    # Nor where its survivor was unknown when it was said.
    assert (await put(client, resolved(patient("huiji", "H8", **LI), "H9"))).status_code == 201
    assert _code(await put(client, resolved(patient("huiji", "H9", **LI), "H8"))) == (409, "merge-cycle")


async def test_eight_at_once_are_one_record_of_one_person(hub: Hub, client: httpx2.AsyncClient) -> None:
    found = await asyncio.gather(*(put(client, patient("huiji", "H1", **LI)) for _ in range(8)))
    assert sorted(answer.status_code for answer in found) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in found}) == 1
    assert {answer.headers["ETag"] for answer in found} == {'W/"1"'}
    (records,) = (await named_persons(hub)).values()
    assert len(records) == 1


async def test_eight_registrations_of_one_person_at_once_are_one_person(
    hub: Hub, yongkang: Enrolled, client: httpx2.AsyncClient
) -> None:
    """Of two sources, each under a number of its own."""
    async with feeder(hub, yongkang) as other:
        sent = [put(client, patient("huiji", f"H{at}", **LI)) for at in range(4)]
        sent += [put(other, patient("yongkang", f"Y{at}", **LI)) for at in range(4)]
        found = await asyncio.gather(*sent)
    assert [answer.status_code for answer in found] == [201] * 8
    (records,) = (await named_persons(hub)).values()
    assert len(records) == 8


async def test_two_merges_at_once_are_both_there(hub: Hub, client: httpx2.AsyncClient) -> None:
    names = ["王强", "李勇", "赵敏", "孙丽", "周杰", "吴军"]
    made = [patient("huiji", f"H{at}", name=name, birth=f"19{50 + at}-01-0{at + 1}") for at, name in enumerate(names)]
    for one in made:
        await put(client, one)
    found = await asyncio.gather(*(put(client, resolved(one, "H0")) for one in made[1:]))
    assert [answer.status_code for answer in found] == [200] * 5
    async with hub.database.read() as connection:
        assert len({info.person_id for info in (await people.info(connection, range(1, 7))).values()}) == 1


async def test_a_token_is_needed(hub: Hub, huiji: Enrolled) -> None:
    async with feeder(hub, huiji) as client:
        client.headers["Authorization"] = "Bearer nobody"
        assert _code(await put(client, patient("huiji", "H1", **LI))) == (401, "unauthenticated")


async def test_too_much_is_refused(hub: Hub, huiji: Enrolled, client: httpx2.AsyncClient) -> None:
    many = [{"system": "urn:x", "value": str(at)} for at in range(60)]
    given = patient("huiji", "H1", **LI)
    found = await put(client, {**given, "identifier": given["identifier"] + many})
    assert _code(found) == (400, "too-many")
    long = patient("huiji", "H" * 201, **LI)
    assert _code(await put(client, long)) == (400, "bad-request")


async def test_the_message_id_of_a_document_is_no_feeds(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    body, id_ = orjson.dumps(patient("huiji", "H1", **LI)), uuid4()
    digest = hashlib.sha256(body).digest()

    async def bytes_once() -> AsyncIterator[bytes]:
        yield body

    document = intake.Document(id_, "huiji/person.v1", "text/csv", "", digest)
    await intake.receive(hub, huiji.member, document, bytes_once())
    asked = {"identifier": record_system("huiji") + "|H1"}
    found = await client.put("/fhir/Patient", params=asked, content=body, headers={"Message-Id": str(id_)})
    assert _code(found) == (409, "digest-conflict")
    assert [act["reason"] for act in await acts(hub, "refuse")] == ["digest-conflict"]


async def test_the_receipt_is_told_again_although_what_it_named_is_gone(hub: Hub, client: httpx2.AsyncClient) -> None:
    survivor = (await put(client, patient("huiji", "H1", **LI))).json()["id"]
    link = {"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}
    sent, id_ = {**patient("huiji", "H2", **LI), "active": False, "link": [link]}, str(uuid4())
    first = await put(client, sent, Message_Id=id_)
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE resource SET deleted = true WHERE id = :id"), {"id": survivor})
    again = await put(client, sent, Message_Id=id_)
    assert (again.status_code, again.headers["Receipt"]) == (200, first.headers["Receipt"])
