"""POST /fhir/$process-message: ITI-93 over HTTP, with IHE's own examples, and everything that is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle

from hub.runtime import Hub
from hub.storage import people
from tests.feeds import feeder, message, resolved
from tests.hubs import Clock, Enrolled, acts
from tests.people import named_persons, patient

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
RECORD = "urn:lianqiao:huiji:record"
PAGE = Path(__file__).parents[3] / "docs" / "fhir.md"


@pytest.fixture
async def client(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> AsyncIterator[httpx2.AsyncClient]:
    async with feeder(hub, huiji) as made:
        yield made


async def _send(client: httpx2.AsyncClient, bundle: dict[str, Any]) -> httpx2.Response:
    return await client.post("/fhir/$process-message", json=bundle)


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


def _header(found: httpx2.Response) -> dict[str, Any]:
    header: dict[str, Any] = found.json()["entry"][0]["resource"]
    return header


def _riegel(value: str, given: list[str]) -> dict[str, Any]:
    """A Patient of IHE's example Bundle-IHE-PMIR-Bundle-Example-Create (PMIR 1.3), with a number of our domain."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": RECORD, "value": value}],
        "active": True,
        "name": [{"use": "official", "family": "Riegel", "given": given}],
        "telecom": [
            {"system": "phone", "value": "+1-734-942-9512", "use": "work"},
            {"system": "email", "value": "DavidARiegel@jourrapide.com", "use": "work"},
        ],
        "gender": "male",
        "birthDate": "1985-07-12",
        "address": [
            {
                "use": "home",
                "type": "both",
                "text": "4512 Bombardier Way\nRomulus, MI 48174",
                "line": ["4512 Bombardier Way"],
                "city": "Romulus",
                "state": "MI",
                "postalCode": "48174",
                "country": "US",
            }
        ],
    }


def _published(bundle: dict[str, Any]) -> dict[str, Any]:
    """In the order of the published examples, which have the header behind the history."""
    return {**bundle, "entry": bundle["entry"][::-1]}


async def test_ihes_example_creates(hub: Hub, client: httpx2.AsyncClient) -> None:
    """IHE.PMIR Bundle-IHE-PMIR-Bundle-Example-Create: two new patients."""
    wooten = {**_riegel("222", ["Lucille", "T."]), "gender": "female", "birthDate": "1971-12-14"}
    bundle = _published(message([_riegel("111", ["David", "A."]), wooten], id_="2"))
    for entry in bundle["entry"][0]["resource"]["entry"]:
        entry["request"] = {"method": "POST", "url": "Patient"}
    found = await _send(client, bundle)
    assert found.status_code == 200
    Bundle.model_validate(found.json())
    header = _header(found)
    assert header["eventUri"] == "urn:ihe:iti:pmir:2019:patient-feed-response"
    assert header["response"] == {"identifier": "2", "code": "ok"}
    assert header["destination"] == [{"endpoint": "http://example.com/patientSource"}]
    assert {record for records in (await named_persons(hub)).values() for record in records} == {
        f"{RECORD}|111",
        f"{RECORD}|222",
    }


async def test_ihes_example_merges(hub: Hub, client: httpx2.AsyncClient) -> None:
    """IHE.PMIR Bundle-IHE-PMIR-Bundle-Example-Merge: 123 is replaced by 456, about which nothing new is said."""
    await _send(client, message([_riegel("123", ["David"]), _riegel("456", ["Dave"])], id_="0"))
    found = await _send(client, _published(message([resolved(_riegel("123", ["David"]), "456")], id_="1")))
    assert found.status_code == 200
    assert [act["event"] for act in await acts(hub, "source-merge")] == [1]
    assert {record for records in (await named_persons(hub)).values() for record in records} == {f"{RECORD}|456"}


async def test_a_link_may_name_another_entry_of_the_message(hub: Hub, client: httpx2.AsyncClient) -> None:
    """The example names the survivor by its URL; in one message that may be one of its own full URLs, in any order."""
    link = [{"other": {"reference": "http://example.com/fhir/Patient/1"}, "type": "replaced-by"}]
    loser = {**_riegel("123", ["David"]), "active": False, "link": link}
    found = await _send(client, message([loser, _riegel("456", ["Dave"])]))
    assert _header(found)["response"]["code"] == "ok"
    async with hub.database.read() as connection:
        assert len({info.person_id for info in (await people.info(connection, [1, 2])).values()}) == 1


async def test_the_same_message_again_gets_the_same_answer(hub: Hub, client: httpx2.AsyncClient) -> None:
    bundle = message([patient("huiji", "H1", **LI)])
    first = await _send(client, bundle)
    again = await _send(client, bundle)
    assert again.content == first.content
    assert again.headers["Receipt"] == first.headers["Receipt"]
    assert len(await acts(hub, "receive")) == 1
    other = await _send(client, message([patient("huiji", "H1", **LI, phone="13800000000")]))
    assert _code(other) == (409, "digest-conflict")


async def test_an_older_message_is_told_and_not_used(hub: Hub, clock: Clock, client: httpx2.AsyncClient) -> None:
    day = f"{clock.moment:%Y-%m-%d}"

    def sent(at: int, phone: str) -> dict[str, Any]:
        made = patient("huiji", "H1", **LI, phone=phone)
        return message([made], id_=str(at), timestamp=f"{day}T00:00:0{at}Z")

    await _send(client, sent(2, "13800000002"))
    late = await _send(client, sent(1, "13800000001"))
    assert _header(late)["response"]["code"] == "ok"
    details = next(e for e in late.json()["entry"] if e["fullUrl"] == _header(late)["response"]["details"]["reference"])
    assert details["resource"]["issue"][0]["details"]["coding"][0]["code"] == "older-than-known"
    assert late.content == (await _send(client, sent(1, "13800000001"))).content
    Bundle.model_validate(late.json())


async def test_a_message_with_one_wrong_record_is_not_taken_at_all(hub: Hub, client: httpx2.AsyncClient) -> None:
    wrong = {**patient("huiji", "H2", **LI), "birthDate": "1990-02-30"}
    assert _code(await _send(client, message([patient("huiji", "H1", **LI), wrong]))) == (400, "invalid-resource")
    foreign = patient("yongkang", "Y1", **LI)
    assert _code(await _send(client, message([patient("huiji", "H1", **LI), foreign]))) == (403, "not-your-domain")
    assert await named_persons(hub) == {}
    assert [act["reason"] for act in await acts(hub, "refuse")] == ["invalid-resource", "not-your-domain"]


def _changed(**at: Any) -> dict[str, Any]:
    """A message of one Patient with some parts replaced: of the `header`, the `history` or the only `entry`."""
    made = message([patient("huiji", "H1", **LI)])
    header, history = (entry["resource"] for entry in made["entry"])
    header |= at.get("header", {})
    history["entry"][0] |= at.get("entry", {})
    history |= at.get("history", {})
    made |= at.get("bundle", {})
    return made


@pytest.mark.parametrize(
    ("bundle", "code"),
    [
        (_changed(bundle={"type": "collection"}), "bad-message"),
        (_changed(bundle={"entry": []}), "bad-message"),
        (_changed(bundle={"entry": 1}), "bad-message"),
        (_changed(bundle={"entry": [1]}), "bad-message"),
        (_changed(bundle={"timestamp": 1}), "bad-message"),
        (_changed(bundle={"timestamp": "yesterday"}), "bad-request"),
        (_changed(header={"eventUri": "urn:x"}), "unsupported-event"),
        (_changed(header={"focus": [{"reference": "Bundle/other"}]}), "bad-message"),
        (_changed(header={"focus": 1}), "bad-message"),
        (_changed(header={"id": 1}), "bad-message"),
        (_changed(header={"id": "x" * 201}), "bad-message"),
        (_changed(header={"source": "x"}), "bad-message"),
        (_changed(history={"type": "batch"}), "bad-message"),
        (_changed(history={"entry": []}), "bad-message"),
        (_changed(entry={"request": {"method": "DELETE", "url": "Patient/1"}}), "not-supported"),
        (_changed(entry={"request": 1}), "not-supported"),
        (_changed(entry={"resource": {"resourceType": "RelatedPerson"}}), "not-supported"),
        (_changed(entry={"request": {"method": "PUT", "url": "Patient?identifier=H1"}}), "bad-request"),
        (_changed(entry={"request": {"method": "PUT", "url": f"Patient?identifier={RECORD}|H2"}}), "bad-identifier"),
    ],
)
async def test_what_is_no_feed_is_refused(
    hub: Hub, client: httpx2.AsyncClient, bundle: dict[str, Any], code: str
) -> None:
    assert _code(await _send(client, bundle)) == (400, code)
    assert await named_persons(hub) == {}


async def test_a_message_has_a_limit(client: httpx2.AsyncClient) -> None:
    many = message([{**patient("huiji", "H1", **LI)}] * 201)
    assert _code(await _send(client, many)) == (413, "too-large")


async def test_records_of_one_message_may_be_many(hub: Hub, client: httpx2.AsyncClient) -> None:
    rows = [
        patient("huiji", f"H{at}", name=f"王{chr(0x4E00 + at)}明", birth=f"19{50 + at // 4}-01-01") for at in range(100)
    ]
    assert (await _send(client, message(rows))).status_code == 200
    assert len(await named_persons(hub)) > 90


async def test_the_message_of_the_page_is_taken_and_answered_as_it_says(client: httpx2.AsyncClient) -> None:
    body = PAGE.read_text("utf-8").split("cat > message.json <<'END'\n", 1)[1].split("END\n", 1)[0]
    for _ in range(2):
        found = await client.post(
            "/fhir/$process-message", content=body.encode(), headers={"Content-Type": "application/fhir+json"}
        )
        assert found.status_code == 200, found.text
        assert _header(found)["response"]["code"] == "ok"
        assert len(_header(found)["focus"]) == 2


async def test_a_message_id_that_is_empty_is_none(client: httpx2.AsyncClient) -> None:
    found = await client.post("/fhir/Patient", json=patient("huiji", "H1"), headers={"Message-Id": ""})
    assert _code(found) == (400, "bad-request")
