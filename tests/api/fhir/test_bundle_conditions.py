"""In Bundles: searches, conditions, references said as searches, and patches; in R4's order, whole or nothing."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest

from hub.runtime import Hub
from hub.services.exchange import entries as entries_module
from hub.services.exchange import looking
from hub.storage import resources
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import ZHANG, bundle, entry, weight
from tests.api.fhir.test_conditions import add, code, organization, total
from tests.hubs import acts
from tests.people import patient, persons
from tests.unit.fhir.patch.cases import operation

JSON_PATCH = "application/json-patch+json"


def statuses(found: httpx2.Response) -> list[str]:
    assert found.status_code == 200, found.text
    return [one["response"]["status"] for one in found.json()["entry"]]


def place(found: httpx2.Response, at: int) -> str:
    """Type/id of what an entry made."""
    return str(found.json()["entry"][at]["response"]["location"].split("/fhir/")[1].split("/_history")[0])


def refused(found: httpx2.Response, at: int) -> str:
    """Why an entry was refused."""
    return str(found.json()["entry"][at]["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"])


def json_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    data = base64.b64encode(orjson.dumps(operations)).decode()
    return {"resourceType": "Binary", "contentType": JSON_PATCH, "data": data}


def names(page: dict[str, Any]) -> list[str]:
    return [one["resource"]["name"] for one in page.get("entry", ())]


@pytest.mark.parametrize("type_", ["transaction", "batch"])
async def test_what_is_searched_is_what_the_others_wrote(as_huiji: Client, type_: str) -> None:
    old = await add(as_huiji, organization("旧"))
    sent = bundle(
        entry("GET", "Organization?name=新&_summary=true"),
        entry("GET", "Organization"),
        entry("POST", "Organization", organization("新一")),
        entry("PUT", f"Organization/{old['id']}", organization("新二", id=old["id"])),
        entry("GET", "Organization?nothing=1&_count=1"),
        entry("GET", "Organization?name:nothing=1"),
        entry("GET", "Account?name=1"),
        type_=type_,
    )
    found = await as_huiji("POST", "/fhir", json=sent)
    assert statuses(found) == ["200", "200", "201", "200", "200", "400", "404"]
    by_name, every, *_ = (one.get("resource") for one in found.json()["entry"])
    assert (by_name["type"], by_name["total"], sorted(names(by_name))) == ("searchset", 2, ["新一", "新二"])
    assert every["total"] == 2
    page = found.json()["entry"][4]["resource"]
    more = next(one["url"] for one in page["link"] if one["relation"] == "next").split("/fhir/")[1]
    again = await as_huiji("POST", "/fhir", json=bundle(entry("GET", more), type_=type_))
    assert {*names(page), *names(again.json()["entry"][0]["resource"])} == {"新一", "新二"}


@pytest.mark.parametrize("type_", ["transaction", "batch"])
async def test_conditions_and_patches_of_entries(as_huiji: Client, hub: Hub, type_: str) -> None:
    for name in ("甲", "乙", "丙", "丁"):
        await add(as_huiji, organization(name))
    sent = bundle(
        entry("PATCH", "Organization?name:exact=丙", json_patch({"op": "add", "path": "/active", "value": True})),
        entry("PUT", "Organization?name:exact=甲", organization("甲", active=False)),
        entry("PUT", "Organization?name:exact=戊", organization("戊")),
        entry("DELETE", "Organization?name:exact=乙"),
        entry("DELETE", "Organization?name:exact=己"),
        entry("POST", "Organization", organization("甲"), ifNoneExist="name:exact=丁&name=丁"),
        entry("PATCH", "Organization?name:exact=丁", {"resourceType": "Parameters", "parameter": [
            operation("add", "Organization", name="active", valueBoolean=True)]}),
        type_=type_,
    )  # fmt: skip
    found = await as_huiji("POST", "/fhir", json=sent)
    assert statuses(found) == ["200", "200", "201", "204", "204", "200", "200"]
    assert place(found, 5) == place(found, 6)
    shown = (await as_huiji("GET", "/fhir/Organization", purpose=None)).json()
    assert {one["resource"]["name"]: one["resource"].get("active") for one in shown["entry"]} == {
        "甲": False, "丙": True, "丁": True, "戊": None
    }  # fmt: skip
    assert len(await acts(hub, "update")) == 3


async def test_references_said_as_searches_are_led(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    who = await add(as_huiji, patient("huiji", "H1", **ZHANG))
    where = await add(as_huiji, organization("一院"))
    await add(as_yongkang, organization("一院"))
    said = "Patient?identifier=urn:lianqiao:huiji:record|H1"
    sent = weight(said) | {"performer": [{"reference": "Organization?name:exact=一院"}], "note": [{"text": said}]}
    found = await as_huiji("POST", "/fhir", json=bundle(*[entry("POST", "Observation", sent)] * 2))
    assert statuses(found) == ["201", "201"]
    shown = (await as_huiji("GET", f"/fhir/{place(found, 0)}")).json()
    assert shown["subject"] == {"reference": f"Patient/{who['id']}"}
    assert shown["performer"] == [{"reference": f"Organization/{where['id']}"}]
    assert shown["note"] == [{"text": said}], "only what is a reference is led"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("Organization?name:exact=没有", (412, "no-match")),
        ("Organization?name:exact=一院", (412, "not-unique")),
        ("Organization?nothing=1", (400, "unknown-parameter")),
        ("Account?name=1", (404, "not-found")),
    ],
)
async def test_a_reference_that_means_not_one_resource(as_huiji: Client, reference: str, said: tuple[int, str]) -> None:
    for _ in range(2):
        await add(as_huiji, organization("一院"))
    sent = weight(f"Patient/{uuid4()}") | {"performer": [{"reference": reference}]}
    found = await as_huiji("POST", "/fhir", json=bundle(entry("POST", "Location", {"resourceType": "Location"}),
                                                        entry("POST", "Observation", sent)))  # fmt: skip
    assert code(found) == said, found.text
    assert "Bundle.entry[1]: " in found.json()["issue"][0]["diagnostics"]
    assert await total(as_huiji, "Location") == 0


async def test_references_lead_to_what_a_condition_finds_or_makes(as_huiji: Client) -> None:
    there = await add(as_huiji, organization("一院"))
    first, second = f"urn:uuid:{uuid4()}", f"urn:uuid:{uuid4()}"
    location = {"resourceType": "Location", "name": "x"}
    found = await as_huiji(
        "POST",
        "/fhir",
        json=bundle(
            entry("POST", "Location", location | {"managingOrganization": {"reference": first}}),
            entry("PUT", "Organization?name:exact=一院", organization("一院", active=True), first),
            entry("POST", "Location", location | {"managingOrganization": {"reference": second}}),
            entry("PUT", "Organization?name:exact=二院", organization("二院"), second),
        ),
    )
    assert statuses(found) == ["201", "200", "201", "201"]
    assert place(found, 1) == f"Organization/{there['id']}"
    for at in (0, 2):
        shown = (await as_huiji("GET", f"/fhir/{place(found, at)}")).json()
        assert shown["managingOrganization"] == {"reference": place(found, at + 1)}


async def test_a_patch_may_refer_to_what_another_entry_makes(as_huiji: Client) -> None:
    there = await add(as_huiji, {"resourceType": "Location", "name": "x"})
    urn = f"urn:uuid:{uuid4()}"
    value = {"reference": urn}
    found = await as_huiji(
        "POST",
        "/fhir",
        json=bundle(
            entry(
                "PATCH",
                f"Location/{there['id']}",
                json_patch({"op": "add", "path": "/managingOrganization", "value": value}),
            ),
            entry("POST", "Organization", organization("一院"), urn),
        ),
    )
    assert statuses(found) == ["200", "201"]
    shown = (await as_huiji("GET", f"/fhir/Location/{there['id']}")).json()
    assert shown["managingOrganization"] == {"reference": place(found, 1)}


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (entry("PUT", "Organization?active=true", organization("x")), (400, "bad-request")),
        (entry("DELETE", "Organization?name:exact=一院&active=true"), (400, "bad-request")),
        (entry("PATCH", "Organization?active=true", json_patch()), (400, "bad-request")),
        (entry("PATCH", "Organization?active=false", json_patch()), (404, "not-found")),
        (entry("PATCH", "Organization?name:exact=二院", json_patch()), (412, "not-unique")),
        (entry("PATCH", f"Organization/{uuid4()}", json_patch()), (404, "not-found")),
        (entry("PATCH", "Organization?active=true", {"resourceType": "Binary", "contentType": "text/x", "data": "e30="}),
         (400, "bad-request")),
        (entry("PATCH", "Organization?active=true", {"resourceType": "Binary", "contentType": JSON_PATCH, "data": "é"}),
         (400, "bad-request")),
        (entry("PATCH", "Organization?active=true", {"resourceType": "Binary", "contentType": JSON_PATCH, "data": "Ww=="}),
         (400, "bad-request")),
        (entry("PATCH", "Organization?name=一院", {"resourceType": "Patient"}), (400, "bad-request")),
        (entry("PATCH", "Organization?active=true"), (400, "bad-request")),
        (entry("POST", "Organization?name=x", organization("x")), (400, "not-supported")),
        (entry("PUT", "Organization", organization("x")), (400, "not-supported")),
    ],
)  # fmt: skip
async def test_a_transaction_with_one_that_cannot_be_done_does_nothing(
    as_huiji: Client, hub: Hub, last: dict[str, Any], said: tuple[int, str]
) -> None:
    await add(as_huiji, organization("一院", active=True))
    for _ in range(2):
        await add(as_huiji, organization("二院"))
    sent = bundle(
        entry("POST", "Organization", organization("三院")),
        entry("PUT", "Organization?name:exact=一院", organization("一院", alias=["x"], active=True)),
        last,
    )
    found = await as_huiji("POST", "/fhir", json=sent)
    assert code(found) == said, found.text
    assert "Bundle.entry[2]" in found.json()["issue"][0]["diagnostics"]
    assert await total(as_huiji, "Organization?_lastUpdated=gt2000&_total=accurate") == 3
    assert await acts(hub, "update") == []


async def test_a_patch_that_does_not_fit_undoes_the_transaction(as_huiji: Client) -> None:
    there = await add(as_huiji, organization("一院"))
    where = f"Organization/{there['id']}"
    sent = bundle(
        entry("POST", "Organization", organization("二院")),
        entry("PATCH", where, json_patch({"op": "test", "path": "/name", "value": "x"})),
    )
    assert code(await as_huiji("POST", "/fhir", json=sent)) == (409, "patch-conflict")
    sent["entry"][1]["request"]["ifMatch"] = 'W/"2"'
    assert code(await as_huiji("POST", "/fhir", json=sent)) == (412, "version-conflict")
    assert await total(as_huiji, "Organization") == 1
    alone = await as_huiji("POST", "/fhir", json=sent | {"type": "batch"})
    assert (statuses(alone), refused(alone, 1)) == (["201", "412"], "version-conflict")


async def test_a_message_with_conditions_sent_again_is_answered_as_before(as_huiji: Client, hub: Hub) -> None:
    sent = bundle(
        entry("POST", "Organization", organization("一院"), ifNoneExist="name:exact=一院"),
        entry("PUT", "Organization?name:exact=二院", organization("二院")),
        entry("DELETE", "Organization?name:exact=三院"),
    )
    header = {"Message-Id": str(uuid4())}
    answers = await asyncio.gather(*(as_huiji("POST", "/fhir", json=sent, headers=header) for _ in range(4)))
    assert {found.content for found in answers} == {answers[0].content}
    assert statuses(answers[0]) == ["201", "201", "204"]
    others = await asyncio.gather(*(as_huiji("POST", "/fhir", json=sent) for _ in range(4)))
    assert [statuses(found) for found in others] == [["200", "200", "204"]] * 4
    assert len(await acts(hub, "create")) == 2


async def test_identifiers_are_asked_for_with_one_statement(as_huiji: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    once = resources.own_under

    async def counted(connection: Any, member_id: int, wanted: Any, most: int) -> Any:
        asked.append(len(wanted))
        return await once(connection, member_id, wanted, most)

    monkeypatch.setattr(resources, "own_under", counted)
    numbered = [organization(f"{at}", identifier=[{"system": "urn:x", "value": f"{at}"}]) for at in range(20)]
    entries = [entry("POST", "Organization", one, ifNoneExist=f"identifier=urn:x|{one['name']}") for one in numbered]
    location = {"resourceType": "Location", "name": "x", "identifier": [{"system": "urn:x", "value": "0"}]}
    entries.append(entry("POST", "Location", location, ifNoneExist="identifier=urn:x|0"))
    for status in ("201", "200"):
        assert statuses(await as_huiji("POST", "/fhir", json=bundle(*entries))) == [status] * 21
    assert asked == [21, 21]


async def test_there_are_mosts(as_huiji: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [entry("DELETE", f"Organization?name:exact={at}") for at in range(51)]
    assert code(await as_huiji("POST", "/fhir", json=bundle(*many))) == (400, "too-costly")
    searches = [entry("GET", "Organization?name=x")] * 51
    found = await as_huiji("POST", "/fhir", json=bundle(*searches))
    assert statuses(found) == ["200"] * 50 + ["413"]
    ids = [(await add(as_huiji, organization("x" * 600)))["id"] for _ in range(4)]
    monkeypatch.setattr(looking, "MOST_BYTES", 1000)
    read = await as_huiji(
        "POST", "/fhir", json=bundle(*[entry("GET", f"Organization/{id_}") for id_ in ids], type_="batch")
    )
    assert statuses(read) == ["200", "200", "413", "413"]
    monkeypatch.setattr(entries_module, "MOST_PATCHED", 1000)
    patches = [entry("PATCH", f"Organization/{id_}", json_patch()) for id_ in ids]
    assert code(await as_huiji("POST", "/fhir", json=bundle(*patches))) == (413, "too-large")


async def test_what_a_transaction_searches_is_the_callers_own(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    await add(as_yongkang, patient("yongkang", "Y1", **ZHANG))
    sent = bundle(
        entry("GET", "Patient?birthdate=1988-05-12"),
        entry("POST", "Patient", patient("huiji", "H1", **ZHANG), ifNoneExist="birthdate=1988-05-12"),
    )
    found = await as_huiji("POST", "/fhir", json=sent)
    assert statuses(found) == ["200", "201"]
    assert found.json()["entry"][0]["resource"]["total"] == 1
    assert len(next(iter(await persons(hub)))) == 2


async def test_one_condition_written_twice_makes_one(as_huiji: Client) -> None:
    sent = bundle(
        entry("POST", "Organization", organization("一院"), ifNoneExist="name=一院&active=true"),
        entry("PUT", "Organization?active=true&name=%E4%B8%80%E9%99%A2", organization("一院")),
    )
    found = await as_huiji("POST", "/fhir", json=sent)
    assert code(found) == (400, "bad-request"), found.text
    assert "Bundle.entry[1]" in found.text
    assert await total(as_huiji, "Organization") == 0


async def test_outside_a_transaction_no_reference_is_kept_as_a_search(as_huiji: Client) -> None:
    sent = weight("Patient?identifier=urn:lianqiao:huiji:record|H1")
    alone = await as_huiji("POST", "/fhir/Observation", json=sent)
    assert code(alone) == (400, "unresolved-reference"), alone.text
    conditional = await as_huiji("PUT", "/fhir/Observation?status=final", json=sent)
    assert code(conditional) == (400, "unresolved-reference"), conditional.text
    found = await as_huiji("POST", "/fhir", json=bundle(entry("POST", "Observation", sent), type_="batch"))
    assert (statuses(found), refused(found, 0)) == (["400"], "unresolved-reference")
    judged = await as_huiji("POST", "/fhir/Observation/$validate", json=sent)
    assert code(judged) == (200, "unresolved-reference"), judged.text
    there = await add(as_huiji, weight("Patient/x"))
    patch = json_patch({"op": "replace", "path": "/subject/reference", "value": sent["subject"]["reference"]})
    patched = await as_huiji("POST", "/fhir", json=bundle(entry("PATCH", f"Observation/{there['id']}", patch)))
    assert code(patched) == (400, "unresolved-reference"), patched.text
