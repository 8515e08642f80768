"""HL7's own examples of every type that is kept, over HTTP: taken, read back number for number, and found again.

They are fetched once with npm; without it, or without a network, this test is left out by name.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import orjson
import pytest

from hub.fhir import exact, search, strict_json
from hub.services.exchange.checking import TYPES
from tests import r4
from tests.api.fhir.conftest import Client

EXAMPLES: Final = 301
REFUSED: Final = {"Subscription-example": "bad-subscription", "Subscription-example-error": "bad-subscription"}
"""Examples that the hub refuses for reasons of its own, with the code of the refusal: criteria that are no topic."""
SAYING: Final = 267
"""How many can be asked for by something that they say."""
FHIR: Final = {"Content-Type": "application/fhir+json"}


def _examples() -> Iterator[tuple[str, bytes]]:
    """Skips the test when they cannot be fetched."""
    try:
        yield from ((name, body) for name, body in r4.bodies() if name.partition("-")[0] in TYPES)
    except r4.Unreachable as reason:
        pytest.skip(str(reason))


def _said(body: bytes) -> bytes:
    """The canonical bytes of what a resource says; its id and the server's part of meta are the server's."""
    found = strict_json.read(body)
    return exact.kept(found.value, found.canonical)


def _asked_for(resource: dict[str, Any]) -> dict[str, str]:
    """A parameter of R4 with what the resource says of it: its identifier, its code or its status; none where it says none."""
    known = search.parameters(resource["resourceType"])
    match resource.get("identifier"):
        case {"system": str(system), "value": str(value)} | [{"system": str(system), "value": str(value)}, *_] if (
            "identifier" in known
        ):
            return {"identifier": f"{system}|{value}"}
    match resource.get("code"):
        case {"coding": [{"system": str(system), "code": str(code)}, *_]} if "code" in known:
            return {"code": f"{system}|{code}"}
    return {"status": resource["status"]} if "status" in known and "status" in resource else {}


def _ids(found: httpx2.Response) -> list[str]:
    assert found.status_code == 200, found.text
    return [entry["resource"]["id"] for entry in found.json().get("entry", ())]


async def test_every_example_comes_back_as_it_was_sent_and_is_found(as_huiji: Client) -> None:
    count, saying = 0, 0
    refused: dict[str, str] = {}
    for name, body in _examples():
        count += 1
        resource = orjson.loads(body)
        address = f"/fhir/{resource['resourceType']}"
        made = await as_huiji("POST", address, content=body, headers=FHIR)
        if made.status_code != 201:
            refused[name] = made.json()["issue"][0]["details"]["coding"][0]["code"]
            continue
        id_, sent = made.json()["id"], _said(body)
        for where in ("", "/_history/1"):
            found = await as_huiji("GET", f"{address}/{id_}{where}")
            assert _said(found.content) == sent, name
            assert (found.json()["id"], found.json()["meta"]["versionId"]) == (id_, "1"), name
        asked = _asked_for(resource)
        saying += bool(asked)
        query = urlencode({"_id": id_} | asked)
        assert _ids(await as_huiji("GET", f"{address}?{query}", purpose=None)) == [id_], (name, query)
    assert (count, refused, saying) == (EXAMPLES, REFUSED, SAYING)
