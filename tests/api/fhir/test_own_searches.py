"""Searches of a member's own resources over HTTP: what is found is exactly what is meant, page by page."""

from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from hub.fhir import search
from hub.runtime import Hub
from hub.services.exchange import indexing
from hub.storage import own_records
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import bundle, entry
from tests.people import patient

ZHANG = {"name": "张伟", "birth": "1988-05-12", "sex": "male", "id": "410108198805120016", "origin": "410108000000"}
LI = {"name": "李娜", "birth": "1990-01-02", "sex": "female", "phone": "13800000001"}
WANG = {"name": "王芳", "birth": "1990-11-30", "sex": "female"}


def weight(subject: str, value: float, day: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": subject},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


@pytest.fixture
async def there(as_huiji: Client, as_yongkang: Client) -> dict[str, str]:
    """Three people of huiji with measurements, and one of yongkang whom none of huiji's searches may find."""
    names: dict[str, str] = {}
    for number, said in (("H1", ZHANG), ("H2", LI), ("H3", WANG)):
        made = await as_huiji("POST", "/fhir/Patient", json=patient("huiji", number, **said))
        names[number] = f"Patient/{made.json()['id']}"
    for number, value, day in (("H1", 80, "2025-03-01"), ("H2", 51.5, "2025-03-02"), ("H2", 52, "2026-01-05")):
        assert (await as_huiji("POST", "/fhir/Observation", json=weight(names[number], value, day))).status_code == 201
    await as_yongkang("POST", "/fhir/Patient", json=patient("yongkang", "Y1", **LI))
    return names


async def _found(as_member: Client, path: str, mode: str = "match") -> list[str]:
    """What is found, Type/id, over all pages."""
    found, where = [], path
    while where:
        page = await as_member("GET", where, purpose=None)
        assert page.status_code == 200, page.text
        told = page.json()
        found += [
            f"{one['resource']['resourceType']}/{one['resource']['id']}"
            for one in told.get("entry", ())
            if one["search"]["mode"] == mode
        ]
        where = next((link["url"] for link in told["link"] if link["relation"] == "next"), "")
    return found


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("", ["H1", "H2", "H3"]),
        ("gender=female", ["H2", "H3"]),
        ("birthdate=1990", ["H2", "H3"]),
        ("birthdate=gt1990-06", ["H3"]),
        ("birthdate=ge1988-05-12&birthdate=lt1990-11", ["H1", "H2"]),
        ("identifier=urn:lianqiao:huiji:record|H2", ["H2"]),
        ("identifier=H2", ["H2"]),
        ("identifier=urn:lianqiao:yongkang:record|Y1", []),
        ("name=李娜", ["H2"]),
        ("family=张,王", ["H1", "H3"]),
        ("phone=13800000001", ["H2"]),
        ("gender:not=male", ["H2", "H3"]),
        ("birthdate:missing=true", []),
        ("_id={H1}", ["H1"]),
        ("_has:Observation:subject:code=http://loinc.org|29463-7", ["H1", "H2"]),
        ("_has:Observation:patient:date=2026", ["H2"]),
        ("_sort=-birthdate", ["H3", "H2", "H1"]),
        ("_lastUpdated=ge2020-01-01", ["H1", "H2", "H3"]),
        ("_lastUpdated=lt2020-01-01", []),
    ],
)
async def test_what_is_meant_is_found(as_huiji: Client, there: dict[str, str], asked: str, numbers: list[str]) -> None:
    asked = asked.format(**{number: name.partition("/")[2] for number, name in there.items()})
    assert await _found(as_huiji, f"/fhir/Patient?{asked}") == [there[number] for number in numbers]
    assert await _found(as_huiji, f"/fhir/Patient?{asked}&_count=1") == [there[number] for number in numbers]


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("subject={H2}", 2),
        ("patient={H2}&date=2025", 1),
        ("subject:Patient.name=李", 2),
        ("subject.gender=male", 1),
        ("code=29463-7&value-quantity=gt51.8", 2),
        ("value-quantity=52.0|http://unitsofmeasure.org|kg", 1),
        ("code-value-quantity=http://loinc.org|29463-7$lt60", 2),
        ("status=final&code=1-8", 0),
    ],
)
async def test_measurements_are_found(as_huiji: Client, there: dict[str, str], asked: str, number: int) -> None:
    assert len(await _found(as_huiji, f"/fhir/Observation?{asked.format(**there)}")) == number


async def test_what_belongs_together_comes_together(as_huiji: Client, there: dict[str, str]) -> None:
    asked = "/fhir/Observation?_include=Observation:subject"
    assert set(await _found(as_huiji, asked, "include")) == {there["H1"], there["H2"]}
    back = await _found(as_huiji, "/fhir/Patient?family=李&_revinclude=Observation:subject", "include")
    assert len(back) == 2


async def test_a_change_is_found_at_once_and_what_is_deleted_no_more(as_huiji: Client, there: dict[str, str]) -> None:
    renamed = patient("huiji", "H2", **(LI | {"name": "赵敏"})) | {"id": there["H2"].partition("/")[2]}
    await as_huiji("PUT", f"/fhir/{there['H2']}", json=renamed)
    assert await _found(as_huiji, "/fhir/Patient?family=李") == []
    assert await _found(as_huiji, "/fhir/Patient?family=赵") == [there["H2"]]
    await as_huiji("DELETE", f"/fhir/{there['H2']}")
    assert await _found(as_huiji, "/fhir/Patient?family=赵") == []


async def test_pages_hold_while_others_write(as_huiji: Client, there: dict[str, str]) -> None:
    first = (await as_huiji("GET", "/fhir/Patient?_count=2", purpose=None)).json()
    await as_huiji("DELETE", f"/fhir/{there['H1']}")
    made = await as_huiji("POST", "/fhir/Patient", json=patient("huiji", "H4", **WANG))
    (link,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    assert await _found(as_huiji, link) == [there["H3"], f"Patient/{made.json()['id']}"]


async def test_a_page_whose_place_is_lost_is_told_and_not_begun_anew(as_huiji: Client, there: dict[str, str]) -> None:
    first = (await as_huiji("GET", "/fhir/Patient?_sort=birthdate&_count=1", purpose=None)).json()
    (link,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    await as_huiji("DELETE", f"/fhir/{there['H1']}")
    assert _code(await as_huiji("GET", link, purpose=None)) == (410, "page-expired")


async def test_only_parts_and_only_numbers(as_huiji: Client, there: dict[str, str]) -> None:
    count = (await as_huiji("GET", "/fhir/Patient?gender=female&_summary=count", purpose=None)).json()
    assert (count["total"], "entry" in count) == (2, False)
    part = (await as_huiji("GET", "/fhir/Patient?family=李&_elements=gender", purpose=None)).json()
    (shown,) = [one["resource"] for one in part["entry"]]
    assert shown["gender"] == "female"
    assert "name" not in shown
    assert shown["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_what_was_fed_is_found_a_moment_later(as_huiji: Client, hub: Hub) -> None:
    fed = patient("huiji", "H9", **ZHANG)
    put = await as_huiji("PUT", "/fhir/Patient?identifier=urn:lianqiao:huiji:record|H9", json=fed)
    assert put.status_code == 201
    assert await _found(as_huiji, "/fhir/Patient?family=张") == []
    while await indexing.catch_up(hub):
        pass
    assert len(await _found(as_huiji, "/fhir/Patient?family=张")) == 1


async def test_what_cannot_be_told_holds_nobody_up(as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """No resource is known that cannot be told, so one is made to be such: the others are found all the same."""
    for number in ("H8", "H9"):
        fed = patient("huiji", number, **ZHANG)
        asked = f"/fhir/Patient?identifier=urn:lianqiao:huiji:record|{number}"
        assert (await as_huiji("PUT", asked, json=fed)).status_code == 201

    def told(resource: dict[str, Any]) -> frozenset[str]:
        if resource["identifier"][0]["value"] == "H8":
            raise ZeroDivisionError
        return search.tokens(resource)

    monkeypatch.setattr(indexing, "search", SimpleNamespace(tokens=told))
    assert await indexing.catch_up(hub) == 2
    assert await indexing.catch_up(hub) == 0
    assert len(await _found(as_huiji, "/fhir/Patient?family=张")) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Patient?birthdate=nonsense", (400, "bad-request")),
        ("Patient?gender:near=x", (400, "not-supported")),
        ("Patient?_content=x", (400, "not-supported")),
        ("Patient?_after=x", (400, "bad-request")),
        ("Spaceship?x=y", (404, "not-found")),
    ],
)
async def test_what_cannot_be_asked(as_huiji: Client, asked: str, said: tuple[int, str]) -> None:
    assert _code(await as_huiji("GET", f"/fhir/{asked}", purpose=None)) == said


async def test_what_is_not_known_is_left_out_or_refused(as_huiji: Client, there: dict[str, str]) -> None:
    lenient = (await as_huiji("GET", "/fhir/Patient?gender=female&shoe=43", purpose=None)).json()
    assert "shoe" not in lenient["link"][0]["url"]
    strict = await as_huiji("GET", "/fhir/Patient?shoe=43", purpose=None, headers={"Prefer": "handling=strict"})
    assert _code(strict) == (400, "unknown-parameter")


async def test_the_form_says_the_same(as_huiji: Client, there: dict[str, str]) -> None:
    form = await as_huiji("POST", "/fhir/Observation/_search", data={"subject": there["H2"]})
    assert len(form.json()["entry"]) == 2


async def test_few_and_many_are_found_alike(as_huiji: Client) -> None:
    made = [{"resourceType": "Organization", "name": f"aa {at}"} for at in range(own_records.FEW + 2)]
    await as_huiji("POST", "/fhir", json=bundle(*(entry("POST", "Organization", one) for one in made)))
    first, found = "/fhir/Organization?name=aa&_count=30", list[str]()
    for left in (len(made), len(made) - 4):
        found, address = [], first
        while address:
            page = (await as_huiji("GET", address.removeprefix("http://hub.test"), purpose=None)).json()
            found += [one["resource"]["id"] for one in page["entry"]]
            address = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")
        assert (len(found), found) == (left, sorted(set(found)))
        gone = [entry("DELETE", f"Organization/{id_}") for id_ in found[10:14]]
        await as_huiji("POST", "/fhir", json=bundle(*gone))
