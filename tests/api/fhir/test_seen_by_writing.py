"""Who writes may see as well: what a patch or a condition shows of a person is in her ledger, like any other look-up."""

import base64
from typing import Any

import orjson
import pytest

from hub.runtime import Hub
from tests.api.fhir.conftest import Client, ledger
from tests.api.fhir.test_bundles import bundle
from tests.api.fhir.test_conditions import ZHANG, add, code, unless
from tests.api.fhir.test_patches import JSON_PATCH, by_json, by_path
from tests.hubs import Enrolled, acts
from tests.messages import CARE
from tests.people import patient

IS_MALE = {"op": "test", "path": "/gender", "value": "male"}
IS_FEMALE = {"op": "test", "path": "/gender", "value": "female"}


@pytest.fixture
async def zhang(as_huiji: Client) -> str:
    return f"Patient/{(await add(as_huiji, patient('huiji', 'H1', **ZHANG)))['id']}"


async def _read(hub: Hub, huiji: Enrolled) -> list[tuple[Any, ...]]:
    """(purpose, outcome) of each reading in her ledger; each has its leaf."""
    found = [one[2:4] for one in await ledger(hub, huiji, "H1") if one[:2] == ("huiji", "read")]
    assert len(await acts(hub, "look-up")) == len(found)
    return found


async def test_what_is_patched_was_read(as_huiji: Client, hub: Hub, huiji: Enrolled, zhang: str) -> None:
    shown = await by_json(as_huiji, zhang)
    assert (shown.status_code, shown.json()["birthDate"], shown.headers["ETag"]) == (200, ZHANG["birth"], 'W/"1"')
    assert await _read(hub, huiji) == [(CARE, "permit")]
    assert (await by_path(as_huiji, zhang)).status_code == 200
    assert (await by_json(as_huiji, zhang, {"op": "add", "path": "/active", "value": True})).status_code == 200
    assert await _read(hub, huiji) == [(CARE, "permit")] * 3


async def test_what_is_tested_was_read(as_huiji: Client, hub: Hub, huiji: Enrolled, zhang: str) -> None:
    assert code(await by_json(as_huiji, zhang, IS_FEMALE)) == (409, "patch-conflict")
    data = base64.b64encode(orjson.dumps([IS_MALE])).decode()
    entry = {
        "request": {"method": "PATCH", "url": zhang},
        "resource": {"resourceType": "Binary", "contentType": JSON_PATCH["Content-Type"], "data": data},
    }
    for kind in ("batch", "transaction"):
        found = await as_huiji("POST", "/fhir", json=bundle(entry, type_=kind))
        assert found.json()["entry"][0]["response"]["status"] == "200"
    assert await _read(hub, huiji) == [(CARE, "permit")] * 3


async def test_what_is_there_instead_of_a_new_one_was_read(
    as_huiji: Client, hub: Hub, huiji: Enrolled, zhang: str
) -> None:
    condition = unless("identifier=urn:lianqiao:huiji:record|H1")
    shown = await as_huiji("POST", "/fhir/Patient", json={"resourceType": "Patient"}, headers=condition)
    assert (shown.status_code, shown.json()["birthDate"]) == (200, ZHANG["birth"])
    assert await _read(hub, huiji) == [(CARE, "permit")]
