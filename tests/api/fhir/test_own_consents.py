"""Consents by FHIR's own interactions: in force as they say now, and by nothing that they said before."""

from typing import Any

import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.services.blinds import reference_of
from mappings import vocabulary as v
from tests.api.fhir.conftest import Client

CATEGORY = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}


def consent(number: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"text": "privacy"},
        "category": [CATEGORY],
        "policyRule": {"text": "PIPL"},
        "identifier": [{"value": number}],
        "patient": {"identifier": {"value": "H1"}},
        "provision": {"period": {"start": "2020-01-01", "end": "2040-01-01"}},
    }
    return made | more


async def _in_force(hub: Hub, *numbers: str) -> set[str]:
    """Those of huiji's consent numbers that were not withdrawn."""
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT reference FROM consent WHERE withdrawn_at IS NULL"))
        there = {row.reference for row in rows}
    return {number for number in numbers if reference_of(hub, "huiji", number) in there}


async def _put(as_member: Client, id_: str, sent: dict[str, Any]) -> None:
    done = await as_member("PUT", f"/fhir/Consent/{id_}", json=sent | {"id": id_})
    assert done.status_code == 200, done.text


@pytest.mark.parametrize("then", ["inactive", "active"])
async def test_under_another_number_the_old_one_allows_nothing(as_huiji: Client, hub: Hub, then: str) -> None:
    id_ = (await as_huiji("POST", "/fhir/Consent", json=consent("C1"))).json()["id"]
    await _put(as_huiji, id_, consent("C2", status=then))
    assert await _in_force(hub, "C1", "C2") == ({"C2"} if then == "active" else set())
    await _put(as_huiji, id_, consent("C1"))
    assert await _in_force(hub, "C1", "C2") == {"C1"}


async def test_what_is_said_twice_is_over_only_when_its_own_resource_is(as_huiji: Client, hub: Hub) -> None:
    first = (await as_huiji("POST", "/fhir/Consent", json=consent("C1"))).json()["id"]
    second = (await as_huiji("POST", "/fhir/Consent", json=consent("C1", dateTime="2021-01-01"))).json()["id"]
    assert (await as_huiji("DELETE", f"/fhir/Consent/{first}")).status_code == 204
    assert await _in_force(hub, "C1") == {"C1"}
    assert (await as_huiji("DELETE", f"/fhir/Consent/{second}")).status_code == 204
    assert await _in_force(hub, "C1") == set()


PERIOD = {"start": "2020-01-01", "end": "2040-01-01"}


@pytest.mark.parametrize(
    "provision",
    [
        {"purpose": [{"system": v.PURPOSE_SYSTEM}], "period": PERIOD},
        {"code": [{"coding": [{"system": v.KIND_SYSTEM}]}], "period": PERIOD},
        {"class": [{"system": v.KIND_SYSTEM}], "period": PERIOD},
        {
            "actor": [{"role": {"text": "x"}, "reference": {"identifier": {"system": v.DIVISION_SYSTEM}}}],
            "period": PERIOD,
        },
        {"period": {"start": "2020-01-01T23:59:60Z", "end": "2040-01-01T23:59:60.5+08:00"}},
    ],
)
async def test_what_is_valid_and_says_little_is_taken_and_allows_little(
    as_huiji: Client, hub: Hub, provision: dict[str, Any]
) -> None:
    made = await as_huiji("POST", "/fhir/Consent", json=consent("C1", provision=provision))
    assert made.status_code == 201, made.text
    async with hub.database.read() as connection:
        (row,) = await connection.execute(text("SELECT kinds, purposes, recipient_divisions, valid_to FROM consent"))
    assert (row.kinds, row.purposes, row.recipient_divisions, row.valid_to.year >= 2040) == ([], [], [], True)
