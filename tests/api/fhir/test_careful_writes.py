"""Writes of one member are nothing to another's, and a transaction changes each resource once."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.storage import resources
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import bundle, entry
from tests.hubs import Enrolled

ORGANIZATION = {"resourceType": "Organization", "name": "一"}
PATIENCE = 20
"""Seconds; what is looked for happens at once or never."""


async def _made(as_member: Client) -> str:
    made = await as_member("POST", "/fhir/Organization", json=ORGANIZATION)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def _code(found: Any) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def test_nobody_waits_for_another_members_writes(
    as_huiji: Client, as_yongkang: Client, hub: Hub, huiji: Enrolled
) -> None:
    async with hub.database.begin() as connection:
        await resources.lock_member(connection, huiji.member.id)  # as a long transaction of hers does
        waiting = [asyncio.create_task(_made(as_huiji)) for _ in range(8)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(PATIENCE):
            await _made(as_yongkang)
        assert not any(one.done() for one in waiting)
    assert len(set(await asyncio.gather(*waiting))) == 8


async def test_what_is_anothers_is_not_even_locked(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    id_ = await _made(as_huiji)
    async with hub.database.begin() as connection:
        await connection.execute(text("SELECT 1 FROM resource WHERE id = :id FOR UPDATE"), {"id": id_})
        async with asyncio.timeout(PATIENCE):
            refused = [
                await as_yongkang("DELETE", f"/fhir/Organization/{id_}"),
                await as_yongkang("PUT", f"/fhir/Organization/{id_}", json=ORGANIZATION | {"id": id_}),
                await as_yongkang("POST", "/fhir", json=bundle(entry("DELETE", f"Organization/{id_}"))),
            ]
    assert [_code(one) for one in refused] == [(404, "not-found")] * 3


async def test_what_is_anothers_is_not_opened_to_find_that_out(as_huiji: Client, as_yongkang: Client, hub: Hub) -> None:
    """A body that cannot be opened would be found out, and so would the time that a long one takes."""
    id_ = await _made(as_huiji)
    async with hub.database.begin() as connection:
        await connection.execute(
            text("UPDATE resource_version SET body = '\\x00' WHERE resource_id = :id"), {"id": id_}
        )
    about = {"resourceType": "Location", "name": "一", "managingOrganization": {"reference": f"Organization/{id_}"}}
    assert (await as_yongkang("POST", "/fhir/Location", json=about)).status_code == 201
    for where in (f"Organization/{id_}", f"Organization/{id_}/_history", f"Organization/{id_}/_history/1"):
        assert _code(await as_yongkang("GET", f"/fhir/{where}")) == (404, "not-found")
    found = await as_yongkang("GET", "/fhir/Location?_include=Location:organization")
    assert [one["search"]["mode"] for one in found.json()["entry"]] == ["match"]


@pytest.mark.parametrize("methods", [("PUT", "PUT"), ("PUT", "DELETE"), ("DELETE", "PUT"), ("DELETE", "DELETE")])
async def test_a_transaction_changes_a_resource_once(as_huiji: Client, methods: tuple[str, str]) -> None:
    id_ = await _made(as_huiji)
    entries = [
        entry(method, f"Organization/{form}", ORGANIZATION | {"id": form, "name": "二"} if method == "PUT" else None)
        for method, form in zip(methods, (id_, id_.upper()), strict=True)
    ]
    found = await as_huiji("POST", "/fhir", json=bundle(*entries))
    assert _code(found) == (400, "bad-request"), found.text
    assert "Bundle.entry[1]" in found.json()["issue"][0]["diagnostics"]
    assert (await as_huiji("GET", f"/fhir/Organization/{id_}")).json()["meta"]["versionId"] == "1"


async def test_a_transaction_creates_once_what_is_created_only_where_it_is_not(as_huiji: Client) -> None:
    numbered = ORGANIZATION | {"identifier": [{"system": "urn:x", "value": "1"}]}
    entries = [
        entry("POST", "Organization", numbered, ifNoneExist=said)
        for said in ("identifier=urn:x|1", "identifier=urn%3Ax%7C1")
    ]
    assert _code(await as_huiji("POST", "/fhir", json=bundle(*entries))) == (400, "bad-request")
    assert (await as_huiji("GET", "/fhir/Organization?identifier=urn:x|1")).json()["total"] == 0


@pytest.mark.parametrize(
    "asked",
    [
        "?_lastUpdated=0001-01-01T00:00:00Z",
        "?_lastUpdated=lt0001-01-01T08:00:00",
        "?_lastUpdated=lt9999-12-31T23:59:59.9995Z",
        "/{id}/_history?_since=0001-01-01T00:00:00%2B08:00",
        "/{id}/_history?_since=9999-12-31T23:59:59-08:00",
    ],
)
async def test_the_ends_of_the_calendar_break_nothing(as_huiji: Client, asked: str) -> None:
    found = await as_huiji("GET", "/fhir/Organization" + asked.format(id=await _made(as_huiji)))
    assert found.status_code in (200, 400), found.text


async def test_the_first_and_last_moments_ask_for_what_they_say(as_huiji: Client) -> None:
    await _made(as_huiji)
    for asked, number in (("gt0001", 1), ("lt0002", 0), ("ge9999", 0), ("le9999", 1), ("sa9999-12-31", 0)):
        found = await as_huiji("GET", f"/fhir/Organization?_lastUpdated={asked}&_total=accurate")
        assert found.json()["total"] == number, asked


async def test_a_missing_one_stays_missing(as_yongkang: Client) -> None:
    assert _code(await as_yongkang("DELETE", f"/fhir/Organization/{uuid4()}")) == (404, "not-found")
