"""What is asked at the same time is done together, and answered, noted and refused as if each had come alone."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from hub.runtime import Hub
from hub.storage import access, own_records
from hub.storage.versions import Version
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import bundle, entry
from tests.hubs import acts
from tests.people import patient

ZHANG = {"name": "张伟", "birth": "1988-05-12", "sex": "male", "id": "410108198805120016", "origin": "410108000000"}
LI = {"name": "李娜", "birth": "1991-03-02", "sex": "female", "id": "410108199103020020", "origin": "410108000000"}


def weight(subject: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{subject}"},
    }


async def _add(as_member: Client, resource: dict[str, Any]) -> str:
    made = await as_member("POST", f"/fhir/{resource['resourceType']}", json=resource)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def _at_once(asked: list[tuple[Client, str]]) -> list[httpx2.Response]:
    return list(await asyncio.gather(*(as_member("GET", f"/fhir/{path}") for as_member, path in asked)))


@pytest.fixture
async def there(as_huiji: Client, as_yongkang: Client) -> dict[str, str]:
    """Resources of two members: people, what is said of one, and what was deleted."""
    made = {"zhang": await _add(as_huiji, patient("huiji", "H1", **ZHANG))}
    made["weight"] = await _add(as_huiji, weight(made["zhang"]))
    made["li"] = await _add(as_yongkang, patient("yongkang", "Y1", **LI))
    made["gone"] = await _add(as_yongkang, weight(made["li"]))
    await as_yongkang("DELETE", f"/fhir/Observation/{made['gone']}")
    return made


async def test_reads_of_several_members_find_each_its_own(
    as_huiji: Client, as_yongkang: Client, there: dict[str, str], hub: Hub
) -> None:
    asked = [
        (as_huiji, f"Observation/{there['weight']}", 200),
        (as_yongkang, f"Observation/{there['weight']}", 404),
        (as_yongkang, f"Observation/{uuid4()}", 404),
        (as_huiji, f"Observation/{there['zhang']}", 404),  # of another type
        (as_yongkang, f"Observation/{there['gone']}", 410),
        (as_yongkang, f"Observation/{there['gone']}/_history/1", 200),
        (as_yongkang, f"Observation/{there['gone']}/_history/3", 404),
        (as_huiji, f"Patient/{there['zhang']}", 200),
        (as_huiji, f"Patient/{there['zhang']}/_history/1", 200),
        (as_yongkang, f"Patient/{there['li']}", 200),
    ] * 4
    before = len(await acts(hub, "look-up"))
    answers = await _at_once([(as_member, path) for as_member, path, _ in asked])
    assert [one.status_code for one in answers] == [status for _, _, status in asked]
    for (_, path, status), answer in zip(asked, answers, strict=True):
        if status == 200:
            assert answer.json()["id"] == path.split("/")[1]
    leaves = (await acts(hub, "look-up"))[before:]
    assert len(leaves) == len(asked)
    assert sorted(len(one["rows"]) for one in leaves) == [0] * 20 + [1] * 20


async def test_each_leaf_binds_the_lines_of_its_own_look_up(as_huiji: Client, there: dict[str, str], hub: Hub) -> None:
    paths = [
        f"Patient/{there['zhang']}",
        f"Observation/{there['weight']}",
        "Observation?code=29463-7",
        "Patient?name=张",
    ]
    await _at_once([(as_huiji, path) for path in paths * 5])
    leaves = await acts(hub, "look-up")
    rows = [row for one in leaves for row in one["rows"]]
    assert len(rows) == len(set(rows)) == len(paths) * 5
    async with hub.database.read() as connection:
        for one in leaves:
            assert await access.fingerprint(connection, hub.vault, one["rows"]) == one["digest"]


async def test_what_breaks_over_one_of_them_breaks_no_other(
    as_huiji: Client, there: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = own_records.version_of
    broken = UUID(there["weight"])

    def fails_for_one(*given: Any) -> Version:
        found = opened(*given)
        if found.id == broken:
            raise LookupError("does not open")
        return found

    monkeypatch.setattr(own_records, "version_of", fails_for_one)
    paths = [f"Patient/{there['zhang']}", f"Observation/{there['weight']}"] * 4
    answers = await _at_once([(as_huiji, path) for path in paths])
    assert [one.status_code for one in answers] == [200, 500] * 4


async def _transactions(as_member: Client, bundles: list[tuple[dict[str, Any], UUID]]) -> list[httpx2.Response]:
    return list(
        await asyncio.gather(
            *(as_member("POST", "/fhir", json=one, headers={"Message-Id": str(id_)}) for one, id_ in bundles)
        )
    )


async def test_of_transactions_only_the_one_that_cannot_be_done_is_undone(as_huiji: Client, hub: Hub) -> None:
    numbers = ["T0", "T1", "T2", "T3", "T3", "T5"]  # one number for two records
    sent = [
        (
            bundle(
                entry("POST", "Patient", patient("huiji", number, **ZHANG)), entry("POST", "Observation", weight("x"))
            ),
            uuid4(),
        )
        for number in numbers
    ]
    sent[1][0]["entry"][1]["resource"]["status"] = "no status of R4"
    statuses = [one.status_code for one in await _transactions(as_huiji, sent)]
    assert (statuses[:3], sorted(statuses[3:5]), statuses[5]) == ([200, 400, 200], [200, 409], 200)
    assert len(await acts(hub, "receive")) == 4
    assert len(await acts(hub, "create")) == 8
    found = (await as_huiji("GET", "/fhir/Observation?_summary=count", purpose=None)).json()
    assert found["total"] == 4


async def test_a_message_that_comes_twice_at_once_is_done_once(as_huiji: Client, hub: Hub) -> None:
    one, other = uuid4(), uuid4()
    made = [bundle(entry("POST", "Organization", {"resourceType": "Organization", "name": name})) for name in "ab"]
    answers = await _transactions(as_huiji, [(made[0], one), (made[1], other), (made[0], one), (made[0], one)])
    assert [answer.status_code for answer in answers] == [200] * 4
    receipts = [answer.headers["receipt"] for answer in answers]
    assert (receipts[0] == receipts[2] == receipts[3], receipts[0] == receipts[1]) == (True, False)
    assert len(await acts(hub, "create")) == 2


async def test_transactions_about_one_resource_follow_each_other(as_huiji: Client, hub: Hub) -> None:
    made = {"resourceType": "Organization", "name": "一"}
    id_ = await _add(as_huiji, made)
    sent = [
        (bundle(entry("PUT", f"Organization/{id_}", {**made, "id": id_, "name": name})), uuid4()) for name in "二三四五"
    ]
    answers = await _transactions(as_huiji, sent)
    versions = [answer.json()["entry"][0]["response"]["etag"] for answer in answers]
    assert sorted(versions) == ['W/"2"', 'W/"3"', 'W/"4"', 'W/"5"']


async def test_transactions_that_ask_for_one_identifier_make_one_resource(as_huiji: Client, hub: Hub) -> None:
    made = {"resourceType": "Organization", "name": "一", "identifier": [{"system": "urn:x", "value": "1"}]}
    asked = ("identifier=urn:x|1", "identifier=urn%3Ax%7C1", "identifier=urn:x%7C1")
    answers = await _transactions(
        as_huiji, [(bundle(entry("POST", "Organization", made, ifNoneExist=one)), uuid4()) for one in asked]
    )
    places = {answer.json()["entry"][0]["response"]["location"] for answer in answers}
    assert ([answer.status_code for answer in answers], len(places)) == ([200] * 3, 1)


async def test_of_two_that_create_one_record_the_later_learns_where_it_is(as_huiji: Client) -> None:
    sent = patient("huiji", "1", **ZHANG)
    said = {"If-None-Exist": f"identifier={sent['identifier'][0]['system']}|{sent['identifier'][0]['value']}"}
    found = await asyncio.gather(
        *(as_huiji("POST", "/fhir/Patient", json=sent) for _ in range(4)),
        *(as_huiji("POST", "/fhir/Patient", json=sent, headers=said) for _ in range(2)),
    )
    made = [one for one in found if one.status_code == 201]
    assert len(made) == 1
    for one in found[:4]:
        if one.status_code != 201:
            assert one.status_code == 409
            assert f"Patient/{made[0].json()['id']}" in one.text
    assert {one.status_code for one in found[4:]} <= {200, 201}
