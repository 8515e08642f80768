"""Patient $everything over HTTP: all of one's own Patient and nothing of anybody else."""

from typing import Any

import httpx2
import pytest

from hub.runtime import Hub
from hub.services.exchange import everything, indexing
from hub.storage import compartments
from tests.api.fhir.conftest import Client, ledger
from tests.api.fhir.test_own_searches import LI, ZHANG, weight
from tests.hubs import Clock, Enrolled, acts
from tests.people import patient


def stay(subject: str, start: str, end: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": subject},
        "period": {"start": start, "end": end},
    }


async def _add(as_member: Client, resource: dict[str, Any]) -> str:
    made = await as_member("POST", f"/fhir/{resource['resourceType']}", json=resource)
    assert made.status_code == 201, made.text
    return f"{resource['resourceType']}/{made.json()['id']}"


@pytest.fixture
async def there(as_huiji: Client, clock: Clock) -> dict[str, str]:
    """Zhang with a stay, two weights and a relative; Li with a weight of her own; and a place that is nobody's."""
    names = {"zhang": await _add(as_huiji, patient("huiji", "H1", **ZHANG))}
    names["li"] = await _add(as_huiji, patient("huiji", "H2", **LI))
    clock.advance(minutes=1)
    names["stay"] = await _add(as_huiji, stay(names["zhang"], "2024-02-20", "2024-03-01"))
    names["w1"] = await _add(as_huiji, weight(names["zhang"], 80, "2025-03-01"))
    clock.advance(minutes=1)
    names["w2"] = await _add(as_huiji, weight(names["zhang"], 79, "2026-03-01"))
    names["relative"] = await _add(
        as_huiji,
        {"resourceType": "RelatedPerson", "patient": {"reference": names["zhang"]}, "name": [{"text": "李娜"}]},
    )
    names["other"] = await _add(as_huiji, weight(names["li"], 50, "2025-03-01"))
    names["place"] = await _add(as_huiji, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    return names


def listed(found: httpx2.Response) -> list[str]:
    assert found.status_code == 200, found.text
    body = found.json()
    assert (body["resourceType"], body["type"]) == ("Bundle", "searchset")
    return [f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in body.get("entry", ())]


async def pages(as_member: Client, address: str) -> list[list[str]]:
    found = []
    while address:
        page = await as_member("GET", address)
        found.append(listed(page))
        address = next((link["url"] for link in page.json()["link"] if link["relation"] == "next"), "")
    return found


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["zhang", "stay", "w1", "w2", "relative"]),
        ("_type=Observation", ["w1", "w2"]),
        ("_type=Observation,Patient&_type=Encounter", ["zhang", "stay", "w1", "w2"]),
        ("_type=Organization", []),
        ("start=2024-03-01", ["zhang", "stay", "w1", "w2", "relative"]),
        ("start=2024-03-02&end=2025", ["zhang", "w1", "relative"]),
        ("end=2024-02", ["zhang", "stay", "relative"]),
        ("_type=Encounter&end=2024-02-19", []),
    ],
)
async def test_it_is_all_that_is_asked_for(
    as_huiji: Client, there: dict[str, str], query: str, names: list[str]
) -> None:
    address = f"/fhir/{there['zhang']}/$everything"
    expected = [there[name] for name in names]
    assert listed(await as_huiji("GET", f"{address}?{query}")) == expected
    for count in (1, 2):
        found = await pages(as_huiji, f"{address}?{query}&_count={count}")
        assert [one for page in found for one in page] == expected
        assert all(len(page) <= count for page in found)


async def test_it_may_be_asked_for_in_a_body_and_since(as_huiji: Client, there: dict[str, str], clock: Clock) -> None:
    address, since = f"/fhir/{there['zhang']}/$everything", clock().isoformat()
    first = (await as_huiji("GET", f"/fhir/{there['w1']}")).json()["meta"]["lastUpdated"]
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "_since", "valueInstant": first}, {"name": "_count", "valueInteger": 1}],
    }
    found = await as_huiji("POST", address, json=body)
    assert listed(found) == [there["w2"]]
    (following,) = [link["url"] for link in found.json()["link"] if link["relation"] == "next"]
    assert listed(await as_huiji("GET", following)) == [there["relative"]]
    assert listed(await as_huiji("GET", address, params={"_since": since})) == []


async def test_what_comes_and_goes_meanwhile_loses_no_place(as_huiji: Client, there: dict[str, str]) -> None:
    first = await as_huiji("GET", f"/fhir/{there['zhang']}/$everything?_count=3")
    assert listed(first) == [there["zhang"], there["stay"], there["w1"]]
    await as_huiji("DELETE", f"/fhir/{there['w1']}")
    added = await _add(as_huiji, weight(there["zhang"], 78, "2026-04-01"))
    (following,) = [link["url"] for link in first.json()["link"] if link["relation"] == "next"]
    assert listed(await as_huiji("GET", following)) == [there["w2"], added, there["relative"]]


async def test_many_are_read_on_in_the_same_order(
    as_huiji: Client, there: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compartments, "MOST", 1)
    found = await pages(as_huiji, f"/fhir/{there['zhang']}/$everything?_count=2")
    assert found == [[there["zhang"], there["stay"]], [there["w1"], there["w2"]], [there["relative"]]]


async def test_a_page_ends_where_it_has_looked_at_enough(
    as_huiji: Client, there: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everything, "MOST", 1)
    found = await pages(as_huiji, f"/fhir/{there['zhang']}/$everything?start=2026")
    assert [one for page in found for one in page] == [there["zhang"], there["w2"], there["relative"]]
    assert len(found) == 4
    monkeypatch.undo()
    monkeypatch.setattr(everything, "MOST_BYTES", 1)
    assert [len(page) for page in await pages(as_huiji, f"/fhir/{there['zhang']}/$everything")] == [2, 1, 1, 1]


async def test_who_is_shown_is_in_the_ledger(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled
) -> None:
    await as_huiji("GET", f"/fhir/{there['zhang']}/$everything")
    assert (await ledger(hub, huiji, "H1"))[-1][:4] == ("huiji", "everything", "continuity-of-care", "permit")
    assert [one[1] for one in await ledger(hub, huiji, "H2")] == []
    assert (await acts(hub, "look-up"))[-1]["asked"] == "everything"


async def test_anothers_patient_is_as_if_it_were_not_there(
    as_huiji: Client, as_yongkang: Client, there: dict[str, str], hub: Hub
) -> None:
    mine = await _add(as_yongkang, weight(there["zhang"], 80, "2025-03-01"))
    answers = []
    for one in (there["zhang"], "Patient/00000000-0000-7000-8000-000000000000", "Patient/x", there["w1"]):
        found = await as_yongkang("GET", f"/fhir/{one.replace('Observation', 'Patient')}/$everything")
        body = found.json()
        body["issue"][0].pop("extension")
        answers.append((found.status_code, body))
    assert [answer == answers[0] for answer in answers] == [True] * 4
    assert answers[0][0] == 404
    assert mine not in listed(await as_huiji("GET", f"/fhir/{there['zhang']}/$everything"))
    await as_huiji("DELETE", f"/fhir/{there['zhang']}")
    assert (await as_huiji("GET", f"/fhir/{there['zhang']}/$everything")).status_code == 410
    await indexing.catch_up(hub)


@pytest.mark.parametrize(
    "query",
    ["start=yesterday", "end=2026-02-30", "_since=2026", "_type=Account", "_count=0", "_count=x", "_after=x", "sart=2026",
     "start=2026-01-01T00:00:00Z", "_after=Account/00000000-0000-7000-8000-000000000000"],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(as_huiji: Client, there: dict[str, str], query: str) -> None:
    assert (await as_huiji("GET", f"/fhir/{there['zhang']}/$everything?{query}")).status_code == 400
