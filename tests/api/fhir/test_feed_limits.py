"""PUT /fhir/Patient?identifier=…: what is too much to read, or no valid Patient, is refused before anything is compared."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from hub.runtime import Hub
from tests.feeds import feeder, put
from tests.hubs import Enrolled, acts
from tests.people import patient, persons

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}


@pytest.fixture
async def client(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> AsyncIterator[httpx2.AsyncClient]:
    async with feeder(hub, huiji) as made:
        yield made


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def test_a_text_that_would_take_minutes_to_read_is_refused(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled
) -> None:
    long = patient("huiji", "H1", **LI, address="1" * 300_000 + "省")
    assert _code(await put(client, long)) == (400, "too-long")
    many = {**patient("huiji", "H1", **LI), "contact": [{"name": {"text": "李"}}] * 1000}
    assert _code(await put(client, many)) == (400, "too-many")
    assert await persons(hub) == frozenset()
    assert len(await acts(hub, "refuse")) == 2


async def test_what_the_published_schema_lets_pass_is_no_error_of_ours(client: httpx2.AsyncClient) -> None:
    """R4 asks for Extension.url and Patient.link.type, its JSON schema does not."""
    place = {"text": "永康市", "extension": [{"valueCode": "origin"}]}
    found = await put(client, {**patient("huiji", "H1", **LI), "address": [place]})
    assert _code(found) == (400, "invalid-resource")
    untyped = {**patient("huiji", "H1", **LI), "active": False, "link": [{"other": {"reference": "Patient/1"}}]}
    assert _code(await put(client, untyped)) == (400, "invalid-resource")
