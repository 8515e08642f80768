"""Histories of a type and of everything a member has: its own only, in pages that lose and repeat nothing, of a bounded size."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.storage import histories
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_conditions import ZHANG, add, code, organization
from tests.hubs import Clock, acts
from tests.people import patient


def shown(found: httpx2.Response) -> list[tuple[str, str, str]]:
    """(method, name or type, version) of each entry."""
    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["resourceType"], told["type"]) == ("Bundle", "history")
    return [
        (
            one["request"]["method"],
            one.get("resource", {}).get("name", one["fullUrl"].split("/")[-2]),
            one["response"]["etag"].strip('W/"'),
        )
        for one in told.get("entry", ())
    ]


def following(found: httpx2.Response) -> str:
    return next((str(one["url"]) for one in found.json()["link"] if one["relation"] == "next"), "")


async def change(as_member: Client, resource: dict[str, Any], **more: Any) -> None:
    where = f"/fhir/{resource['resourceType']}/{resource['id']}"
    found = await as_member("PUT", where, json={**resource, **more})
    assert found.status_code == 200, found.text


async def test_the_history_of_a_type_is_of_ones_own(as_huiji: Client, as_yongkang: Client, clock: Clock) -> None:
    one, other = await add(as_huiji, organization("甲")), await add(as_huiji, organization("乙"))
    await add(as_yongkang, organization("丙"))
    await add(as_huiji, {"resourceType": "Location", "name": "丁"})
    clock.advance(seconds=1)
    await change(as_huiji, one, name="甲二")
    clock.advance(seconds=1)
    await as_huiji("DELETE", f"/fhir/Organization/{other['id']}")
    of_type = shown(await as_huiji("GET", "/fhir/Organization/_history"))
    assert of_type == [
        ("DELETE", "Organization", "2"), ("PUT", "甲二", "2"), ("POST", "乙", "1"), ("POST", "甲", "1")
    ]  # fmt: skip
    everything = shown(await as_huiji("GET", "/fhir/_history"))
    assert [one for one in everything if one[1] != "丁"] == of_type
    assert ("POST", "丁", "1") in everything
    assert shown(await as_yongkang("GET", "/fhir/_history")) == [("POST", "丙", "1")]
    assert shown(await as_yongkang("GET", "/fhir/Location/_history")) == []
    assert code(await as_huiji("GET", "/fhir/Account/_history")) == (404, "not-found")


@pytest.mark.parametrize("where", ["Organization/_history", "_history"])
async def test_pages_lose_and_repeat_nothing_while_others_write(as_huiji: Client, clock: Clock, where: str) -> None:
    made = []
    for at in range(4):
        made.append(await add(as_huiji, organization(str(at))))
        clock.advance(seconds=at % 2)
    for one in made[::2]:
        await change(as_huiji, one, name=f"{one['name']}b")
    wanted = shown(await as_huiji("GET", f"/fhir/{where}"))
    assert len(wanted) == 6
    seen, page = list[tuple[str, str, str]](), f"/fhir/{where}?_count=2"
    while page:
        found = await as_huiji("GET", page)
        assert len(found.json()["entry"]) == 2
        seen += shown(found)
        page = following(found)
        clock.advance(seconds=1)
        await change(as_huiji, made[0], name=f"c{len(seen)}")
        await add(as_huiji, organization("x"))
    assert seen == wanted


async def test_what_is_said_since_and_what_was_so_at_a_time(as_huiji: Client, clock: Clock) -> None:
    clock.moment = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
    made = await add(as_huiji, organization("一"))
    await add(as_huiji, organization("甲"))
    for name in ("二", "三"):
        clock.advance(days=1)
        await change(as_huiji, made, name=name)
    clock.advance(days=1)
    await as_huiji("DELETE", f"/fhir/Organization/{made['id']}")

    async def names(query: str, where: str = "Organization/_history") -> list[str]:
        return [one[1] for one in shown(await as_huiji("GET", f"/fhir/{where}?{query}"))]

    assert await names("_since=2026-03-03T02:00:00Z") == ["Organization", "三"]
    assert await names("_since=2026-03-02T10:00:01%2B08:00") == ["Organization", "三"]
    assert await names("_at=2026-03-02T12:00:00%2B08:00") == ["二", "甲"]
    assert await names("_at=2026-03-02") == ["二", "甲", "一"], "the first was current in its morning"
    assert await names("_at=2026-02") == []
    assert await names("_at=2027") == ["Organization", "甲"]
    assert await names("_at=2026-03-02T12:00:00%2B08:00&_since=2026-03-01T03:00:00Z") == ["二"]
    assert await names("_at=9999") == ["Organization", "甲"]
    assert await names("_at=0001") == []
    alone = f"Organization/{made['id']}/_history"
    assert await names("_at=2026-03-02T12:00:00%2B08:00", alone) == ["二"]
    assert await names("_count=1", alone) == ["Organization"]
    paged = await as_huiji("GET", "/fhir/Organization/_history?_at=2026&_count=1")
    assert "_at=2026" in following(paged)


@pytest.mark.parametrize(
    "wrong",
    ["_count=x", "_since=2026", "_since=x", "_at=x", "_at=2026-13", "_at=", "_before=x", "_before=1-2", "_before=-1-x-1",
     f"_before=1-{'0' * 32}-x", f"_before={'9' * 30}-{'0' * 32}-1", f"_before=1-{'0' * 32}-{'9' * 12}"],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(as_huiji: Client, wrong: str) -> None:
    for where in ("_history", "Organization/_history"):
        assert code(await as_huiji("GET", f"/fhir/{where}?{wrong}")) == (400, "bad-request")


@pytest.mark.parametrize("where", ["{type}/{id}/_history", "{type}/_history", "_history"])
async def test_a_page_is_bounded_in_bytes(
    as_huiji: Client, monkeypatch: pytest.MonkeyPatch, clock: Clock, where: str
) -> None:
    made = await add(as_huiji, organization("0"))
    for at in range(1, 5):
        clock.advance(seconds=1)
        await change(as_huiji, made, name=f"{at}" * 2000)
    monkeypatch.setattr(histories, "MOST_BYTES", 5000)
    seen, page = list[int](), "/fhir/" + where.format(type="Organization", id=made["id"])
    while page:
        found = await as_huiji("GET", page)
        seen.append(len(found.json()["entry"]))
        page = following(found)
    assert seen == [2, 3]
    monkeypatch.setattr(histories, "MOST_BYTES", 10)
    alone = await as_huiji("GET", "/fhir/" + where.format(type="Organization", id=made["id"]))
    assert len(alone.json()["entry"]) == 1, "one is shown however long it is"
    assert following(alone)


async def test_a_page_has_a_hundred_at_most(as_huiji: Client, hub: Hub) -> None:
    sent = [
        {"resource": organization(str(at)), "request": {"method": "POST", "url": "Organization"}} for at in range(120)
    ]
    await as_huiji("POST", "/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": sent})
    first = await as_huiji("GET", "/fhir/_history?_count=1000")
    rest = await as_huiji("GET", following(first))
    assert [len(one.json()["entry"]) for one in (first, rest)] == [100, 20]
    assert len({one["fullUrl"] for page in (first, rest) for one in page.json()["entry"]}) == 120


async def test_whoever_is_shown_is_in_her_ledger(as_huiji: Client, hub: Hub) -> None:
    await add(as_huiji, patient("huiji", "H1", **ZHANG))
    before = len(await acts(hub, "look-up"))
    await as_huiji("GET", "/fhir/Patient/_history")
    await as_huiji("GET", "/fhir/Location/_history")
    await as_huiji("GET", "/fhir/Patient/no-id-of-ours/_history")
    assert len(await acts(hub, "look-up")) == before + 2, "an id that is none is not looked for"
    async with hub.database.read() as connection:
        noted = (await connection.execute(text("SELECT act, person_id FROM access_event"))).all()
    assert [(row.act, row.person_id is not None) for row in noted] == [("read", True)]


async def test_the_index_leads_to_the_newest(as_huiji: Client, hub: Hub) -> None:
    """A page is read from the index in its order, and not sorted out of everything."""
    await add(as_huiji, organization("一"))
    async with hub.database.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        statement = histories._OF_MEMBER
        for number, value in {
            "$10": "1", "$9": f"'{'0' * 32}'", "$8": "'2026-01-01'", "$7": "ARRAY['Organization']", "$6": "2", "$5": "101",
            "$4": "'2027-01-01'", "$3": "NULL", "$2": "'2020-01-01'",
        }.items():  # fmt: skip
            statement = statement.replace(number, value)
        plan = "\n".join(row[0] for row in await connection.execute(text(f"EXPLAIN {statement}")))
    assert "Index Scan Backward using ix_resource_version_of_type" in plan, plan
    assert "ROW(recorded_at" in plan.split("Index Cond", 1)[1].split("\n", 1)[0], plan
