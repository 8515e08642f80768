"""$export over HTTP: asked for, made by a worker, fetched; one's own as it was, and never another member's."""

import asyncio
from typing import Any

import httpx2
import orjson
import pytest

from hub.fhir import compartment
from hub.runtime import Hub
from hub.services import tokens
from hub.services.exchange import export_files, export_making
from hub.services.exchange.checking import TYPES
from hub.services.exchange.exports import MOST
from hub.storage import exports, retention
from tests.api.fhir.conftest import Client, ledger
from tests.api.fhir.test_own_searches import LI, ZHANG, weight
from tests.documents import number_of
from tests.hubs import Clock, Enrolled, acts
from tests.people import patient

ASYNC = {"Prefer": "respond-async"}


async def _add(as_member: Client, resource: dict[str, Any]) -> str:
    made = await as_member("POST", f"/fhir/{resource['resourceType']}", json=resource)
    assert made.status_code == 201, made.text
    return f"{resource['resourceType']}/{made.json()['id']}"


@pytest.fixture
async def there(as_huiji: Client, as_yongkang: Client) -> dict[str, str]:
    """Two people of huiji, weights, a place; and one of yongkang, whom no export of huiji's holds."""
    names = {"zhang": await _add(as_huiji, patient("huiji", "H1", **ZHANG))}
    names["li"] = await _add(as_huiji, patient("huiji", "H2", **LI))
    names["w1"] = await _add(as_huiji, weight(names["zhang"], 80.5, "2025-03-01"))
    names["w2"] = await _add(as_huiji, weight(names["li"], 50, "2025-03-01"))
    names["place"] = await _add(as_huiji, {"resourceType": "Organization", "name": "惠济区妇幼保健院"})
    names["other"] = await _add(as_yongkang, patient("yongkang", "Y1", **ZHANG))
    return names


async def asked(as_member: Client, path: str = "$export", **more: Any) -> str:
    """The address of an export that was asked for."""
    method = "POST" if "json" in more else "GET"
    found = await as_member(method, f"/fhir/{path}", headers=ASYNC, **more)
    assert found.status_code == 202, found.text
    where: str = found.headers["Content-Location"]
    return where


async def manifest(as_member: Client, hub: Hub, where: str) -> dict[str, Any]:
    while await export_making.make_one(hub):
        pass
    found = await as_member("GET", where)
    assert found.status_code == 200, found.text
    assert found.headers["Content-Type"] == "application/json"
    told: dict[str, Any] = found.json()
    return told


async def lines(as_member: Client, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All resources in some files of a manifest, each file as many as it says."""
    every = []
    for one in files:
        found = await as_member("GET", one["url"], headers={"Accept": "application/fhir+ndjson"})
        assert found.status_code == 200, found.text
        assert found.headers["Content-Type"] == "application/fhir+ndjson"
        resources = [orjson.loads(line) for line in found.content.splitlines()]
        assert (len(resources), {resource["resourceType"] for resource in resources}) == (one["count"], {one["type"]})
        every += resources
    return every


def named(resources: list[dict[str, Any]]) -> set[str]:
    return {f"{one['resourceType']}/{one['id']}" for one in resources}


async def test_everything_of_ones_own_is_exported(
    as_huiji: Client, there: dict[str, str], hub: Hub, huiji: Enrolled, clock: Clock
) -> None:
    where = await asked(as_huiji)
    waiting = await as_huiji("GET", where)
    assert (waiting.status_code, waiting.headers["X-Progress"]) == (202, f"0 of {len(TYPES)} types")
    assert int(waiting.headers["Retry-After"]) > 0
    told = await manifest(as_huiji, hub, where)
    assert (told["requiresAccessToken"], told["deleted"], told["error"]) == (True, [], [])
    assert told["request"].endswith("/fhir/$export")
    assert told["transactionTime"] < clock().isoformat(timespec="milliseconds")
    found = await lines(as_huiji, told["output"])
    assert named(found) == {there[name] for name in ("zhang", "li", "w1", "w2", "place")}
    assert await as_huiji_reads(as_huiji, found)
    assert ("huiji", "export", "continuity-of-care", "permit") in [one[:4] for one in await ledger(hub, huiji, "H1")]
    (made,) = await acts(hub, "export")
    assert (made["actor"], made["types"], made["since"]) == ("huiji", sorted(TYPES), None)
    assert (await acts(hub, "export-made"))[0]["resources"] == 5


async def as_huiji_reads(as_huiji: Client, found: list[dict[str, Any]]) -> bool:
    """Is each exported as it is read?"""
    return all([(await as_huiji("GET", f"/fhir/{name}")).json() in found for name in named(found)])


async def test_numbers_are_exported_as_they_were_written(as_huiji: Client, hub: Hub) -> None:
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":67.50}}'
    await as_huiji("POST", "/fhir/Observation", content=body, headers={"Content-Type": "application/fhir+json"})
    told = await manifest(as_huiji, hub, await asked(as_huiji))
    (one,) = told["output"]
    assert b'"value":67.50' in (await as_huiji("GET", one["url"])).content


async def test_types_are_chosen_and_patients_have_their_own(as_huiji: Client, there: dict[str, str], hub: Hub) -> None:
    some = await manifest(
        as_huiji, hub, await asked(as_huiji, "$export?_type=Observation,Organization&_outputFormat=ndjson")
    )
    assert named(await lines(as_huiji, some["output"])) == {there["w1"], there["w2"], there["place"]}
    assert "_type=Observation%2COrganization" in some["request"]
    body = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Patient"}]}
    people = await manifest(as_huiji, hub, await asked(as_huiji, "Patient/$export", json=body))
    assert named(await lines(as_huiji, people["output"])) == {there["zhang"], there["li"]}
    whole = await manifest(as_huiji, hub, await asked(as_huiji, "Patient/$export"))
    assert {one["type"] for one in whole["output"]} == {"Patient", "Observation"}
    assert set((await acts(hub, "export"))[-1]["types"]) == set(compartment.MEMBERS)


async def test_what_changed_since_and_what_is_gone_since(
    as_huiji: Client, there: dict[str, str], hub: Hub, clock: Clock
) -> None:
    clock.advance(minutes=1)
    first = await manifest(as_huiji, hub, await asked(as_huiji))
    clock.advance(minutes=1)
    new = await _add(as_huiji, weight(there["li"], 51, "2025-04-01"))
    await as_huiji("DELETE", f"/fhir/{there['w1']}")
    again = {"resourceType": "Organization", "id": there["place"].partition("/")[2], "name": "惠济区妇幼保健中心"}
    assert (await as_huiji("PUT", f"/fhir/{there['place']}", json=again)).status_code == 200
    told = await manifest(as_huiji, hub, await asked(as_huiji, f"$export?_since={first['transactionTime']}"))
    assert named(await lines(as_huiji, told["output"])) == {new, there["place"]}
    (gone,) = await lines(as_huiji, told["deleted"])
    assert gone["type"] == "transaction"
    assert gone["entry"] == [{"request": {"method": "DELETE", "url": there["w1"]}}]
    whole = await manifest(as_huiji, hub, await asked(as_huiji))
    assert whole["deleted"] == []
    assert there["w1"] not in named(await lines(as_huiji, whole["output"]))


async def test_what_is_stored_while_it_is_made_is_in_this_one_or_the_next(
    as_huiji: Client, there: dict[str, str], hub: Hub, clock: Clock
) -> None:
    """An act may have looked at the clock before an export began and be committed behind it."""
    where = await asked(as_huiji, "$export?_type=Observation")
    async with hub.database.begin():
        looked = clock()
        clock.advance(seconds=5)
        told = await manifest(as_huiji, hub, where)
    assert told["transactionTime"] < looked.isoformat(timespec="milliseconds")


async def test_a_file_is_what_was_there_then(as_huiji: Client, there: dict[str, str], hub: Hub) -> None:
    told = await manifest(as_huiji, hub, await asked(as_huiji, "$export?_type=Organization"))
    again = {"resourceType": "Organization", "id": there["place"].partition("/")[2], "name": "changed"}
    await as_huiji("PUT", f"/fhir/{there['place']}", json=again)
    await _add(as_huiji, {"resourceType": "Organization", "name": "new"})
    (one,) = await lines(as_huiji, told["output"])
    assert (one["name"], one["meta"]["versionId"]) == ("惠济区妇幼保健院", "1")
    await as_huiji("DELETE", f"/fhir/{there['place']}")
    assert await lines(as_huiji, told["output"]) == [one]


async def test_files_are_cut_and_read_in_parts(
    as_huiji: Client, there: dict[str, str], hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {there["w1"], there["w2"]} | {
        await _add(as_huiji, weight(there["li"], 60 + n, "2025-05-01")) for n in range(5)
    }
    monkeypatch.setattr(exports, "PER_FILE", 3)
    told = await manifest(as_huiji, hub, await asked(as_huiji, "$export?_type=Observation"))
    for at_once, most in ((2, 2**20), (500, 1), (2, 1)):
        monkeypatch.setattr(export_files, "AT_ONCE", at_once)
        monkeypatch.setattr(export_files, "MOST_BYTES", most)
        found = await lines(as_huiji, told["output"])
        assert (len(found), named(found)) == (7, made)


async def test_it_goes_on_where_a_worker_left_it(
    as_huiji: Client, there: dict[str, str], hub: Hub, clock: Clock
) -> None:
    where = await asked(as_huiji)
    asked_for = iter(range(100))
    assert await export_making.make_one(hub, lambda: next(asked_for) >= 10) == 1
    assert (await as_huiji("GET", where)).headers["X-Progress"] == f"10 of {len(TYPES)} types"
    told = await manifest(as_huiji, hub, where)  # at once: no lease has to run out
    assert named(await lines(as_huiji, told["output"])) == {there[n] for n in ("zhang", "li", "w1", "w2", "place")}


async def test_who_dies_over_it_loses_the_type_in_hand(
    as_huiji: Client, there: dict[str, str], hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real, listed = exports.list_type, []

    async def dying(*given: Any, **more: Any) -> int:
        listed.append(given[2])
        done = await real(*given, **more)
        if listed[-1] == "Observation" and listed.count("Observation") == 1:
            raise Killed
        return done

    monkeypatch.setattr(exports, "list_type", dying)
    where = await asked(as_huiji)
    with pytest.raises(Killed):
        await export_making.make_one(hub)
    assert await export_making.make_one(hub) == 0  # it is leased still
    clock.advance(seconds=hub.settings.lease_seconds + 1)
    told = await manifest(as_huiji, hub, where)
    assert listed.count("Observation") == 2
    assert len(listed) == len(TYPES) + 1
    assert named(await lines(as_huiji, told["output"])) == {there[n] for n in ("zhang", "li", "w1", "w2", "place")}


async def test_what_cannot_be_made_is_told(
    as_huiji: Client, hub: Hub, http: httpx2.AsyncClient, huiji: Enrolled, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any, **__: Any) -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(exports, "list_type", failing)
    where = await asked(as_huiji)
    for _ in range(hub.settings.work_attempts):
        assert await export_making.make_one(hub) == 1
        clock.advance(minutes=10)
    as_huiji = Client(http, await tokens.issue_token(hub, huiji.member))
    found = await as_huiji("GET", where)
    assert (found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]) == (500, "export-failed")
    assert (await acts(hub, "set-aside"))[0]["code"] == "RuntimeError"
    assert (await as_huiji("DELETE", where)).status_code == 202
    assert await number_of(hub, "work_item") == 0


async def test_it_is_taken_back(as_huiji: Client, there: dict[str, str], hub: Hub) -> None:
    for made in (False, True):
        where = await asked(as_huiji)
        told = await manifest(as_huiji, hub, where) if made else None
        assert (await as_huiji("DELETE", where)).status_code == 202
        assert (await as_huiji("GET", where)).status_code == 404
        assert (await as_huiji("DELETE", where)).status_code == 404
        if told:
            assert (await as_huiji("GET", told["output"][0]["url"])).status_code == 404
    assert await export_making.make_one(hub) == 0
    assert [await number_of(hub, name) for name in ("bulk_export", "bulk_export_file", "work_item")] == [0, 0, 0]
    assert len(await acts(hub, "cancel-export")) == 2


async def test_anothers_is_as_if_it_were_not_there(
    as_huiji: Client, as_yongkang: Client, there: dict[str, str], hub: Hub
) -> None:
    where = await asked(as_huiji)
    told = await manifest(as_huiji, hub, where)
    nothing = "00000000-0000-7000-8000-000000000000"
    for method, theirs, none in (
        ("GET", where, f"/fhir/bulk/{nothing}"),
        ("DELETE", where, f"/fhir/bulk/{nothing}"),
        ("GET", told["output"][0]["url"], f"/fhir/bulk/{nothing}/1"),
        ("GET", where, "/fhir/bulk/x"),
    ):
        answers = [await as_yongkang(method, one) for one in (theirs, none)]
        assert [one.status_code for one in answers] == [404, 404]
        bodies = [one.json() for one in answers]
        for one in bodies:
            one["issue"][0].pop("extension")
        assert bodies[0] == bodies[1]
    mine = await manifest(as_yongkang, hub, await asked(as_yongkang))
    assert named(await lines(as_yongkang, mine["output"])) == {there["other"]}


async def test_it_is_over_after_its_time(
    as_huiji: Client, there: dict[str, str], hub: Hub, http: httpx2.AsyncClient, huiji: Enrolled, clock: Clock
) -> None:
    where = await asked(as_huiji)
    told = await manifest(as_huiji, hub, where)
    clock.advance(hours=hub.settings.export_hours)
    as_huiji = Client(http, await tokens.issue_token(hub, huiji.member))
    assert (await as_huiji("GET", where)).status_code == 404
    assert (await as_huiji("GET", told["output"][0]["url"])).status_code == 404
    clock.advance(seconds=1)
    for _ in range(2):
        async with hub.database.begin() as connection:
            await retention.forget(connection, now=hub.now(), before=hub.now())
    assert [await number_of(hub, name) for name in ("bulk_export", "bulk_export_file")] == [0, 0]


async def test_a_member_has_some_at_a_time(as_huiji: Client, as_yongkang: Client) -> None:
    where = [await asked(as_huiji, "$export?_type=Patient") for _ in range(MOST)]
    over = await as_huiji("GET", "/fhir/$export", headers=ASYNC)
    assert (over.status_code, "Retry-After" in over.headers) == (429, True)
    await asked(as_yongkang)
    await as_huiji("DELETE", where[0])
    answers = await asyncio.gather(*(as_huiji("GET", "/fhir/$export", headers=ASYNC) for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [202, 429, 429]


@pytest.mark.parametrize(
    "query",
    ["_typeFilter=Patient%3Fgender%3Dmale", "_elements=id", "_outputFormat=text/csv", "_type=Account", "_since=2026", "patient=x"],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused(as_huiji: Client, query: str) -> None:
    assert (await as_huiji("GET", f"/fhir/$export?{query}", headers=ASYNC)).status_code == 400


async def test_it_is_made_later_or_not_at_all(as_huiji: Client, http: httpx2.AsyncClient) -> None:
    assert (await as_huiji("GET", "/fhir/$export")).status_code == 400
    assert (await as_huiji("GET", "/fhir/Patient/$export?_type=Organization", headers=ASYNC)).status_code == 400
    assert (await http.get("/fhir/$export", headers=ASYNC)).status_code == 401
