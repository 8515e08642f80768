"""One search opens so much and no more, however its joins branch and however large what it opens is."""

import pytest

from hub.services.exchange import searching
from hub.storage import own_records
from tests.api.fhir.conftest import Client

BIG = 20_000
"""Characters; the bounds are set accordingly."""


async def _fill(as_member: Client, number: int) -> None:
    first = (await as_member("POST", "/fhir/Organization", json={"resourceType": "Organization", "name": "aa"})).json()
    for at in range(number):
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{"x" * BIG}</div>'
        made = {
            "resourceType": "Organization",
            "name": f"aa{at}",
            "text": {"status": "generated", "div": div},
            "partOf": {"reference": f"Organization/{first['id']}"},
        }
        assert (await as_member("POST", "/fhir/Organization", json=made)).status_code == 201


def _code(found: object) -> str:
    return str(found.json()["issue"][0]["details"]["coding"][0]["code"])  # type: ignore[attr-defined]


async def test_of_the_largest_few_are_opened(as_huiji: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await _fill(as_huiji, 12)
    monkeypatch.setattr(searching, "_AT_ONCE", 3)
    monkeypatch.setattr(searching, "MOST_BYTES", 8 * BIG)
    monkeypatch.setattr(own_records, "MOST_BYTES", 8 * BIG)
    for asked in ("?_sort=name", "?name=aa&_total=accurate", "?_count=12", "?_revinclude=Organization:partof"):
        refused = await as_huiji("GET", f"/fhir/Organization{asked}", purpose=None)
        assert (refused.status_code, _code(refused)) == (400, "too-costly"), asked
    page = await as_huiji("GET", "/fhir/Organization?_count=4", purpose=None)
    assert len(page.json()["entry"]) == 4


async def test_joins_open_no_more_than_one_search_may(as_huiji: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await _fill(as_huiji, 6)
    asked = "/fhir/Organization?" + "&".join(["partof.name=aa"] * 5)
    assert (await as_huiji("GET", asked, purpose=None)).status_code == 200
    monkeypatch.setattr(searching, "MOST_OPENED", 20)
    refused = await as_huiji("GET", asked, purpose=None)
    assert (refused.status_code, _code(refused)) == (400, "too-costly")
