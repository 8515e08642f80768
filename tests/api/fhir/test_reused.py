"""A message id is one message's for ever, whichever way it came, and a message stays taken when its record is gone."""

from uuid import uuid4

import httpx2
import orjson
from sqlalchemy import text

from hub.api import fhir, submissions
from hub.runtime import Hub
from hub.services import tokens
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import ZHANG, bundle, entry
from tests.api.test_submissions import _headers
from tests.hubs import Clock, Enrolled, acts, serve
from tests.people import patient

FED = "/fhir/Patient?identifier=urn:lianqiao:huiji:record|H1"


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


async def test_a_documents_id_is_no_bundles(hub: Hub, huiji: Enrolled) -> None:
    body = orjson.dumps(bundle(entry("POST", "Organization", {"resourceType": "Organization", "name": "一"})))
    headers = _headers(body)
    async with serve(hub, fhir.router, submissions.router) as client:
        caller = {"Authorization": f"Bearer {await tokens.issue_token(hub, huiji.member)}"}
        assert (await client.post("/submissions", content=body, headers=caller | headers)).status_code == 202
        again = caller | {"Message-Id": headers["Message-Id"], "Content-Type": "application/fhir+json"}
        assert _code(await client.post("/fhir", content=body, headers=again)) == (409, "digest-conflict")
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["digest-conflict"]
    async with hub.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM resource"))).scalar_one() == 0


async def test_a_feed_sent_again_after_the_record_was_deleted(as_huiji: Client) -> None:
    sent, header = patient("huiji", "H1", **ZHANG), {"Message-Id": str(uuid4())}
    first = await as_huiji("PUT", FED, json=sent, headers=header)
    assert first.status_code == 201, first.text
    where = f"/fhir/Patient/{first.json()['id']}"
    assert (await as_huiji("DELETE", where)).status_code == 204
    again = await as_huiji("PUT", FED, json=sent, headers=header)
    assert _code(again) == (200, "deleted")
    assert again.headers["Receipt"] == first.headers["Receipt"]
    assert (await as_huiji("GET", where)).status_code == 410


async def test_a_feed_that_is_older_than_the_deletion_brings_nothing_back(as_huiji: Client, clock: Clock) -> None:
    sent = patient("huiji", "H1", **ZHANG)
    where = f"/fhir/Patient/{(await as_huiji('PUT', FED, json=sent)).json()['id']}"
    before = clock().isoformat()
    clock.advance(minutes=1)
    assert (await as_huiji("DELETE", where)).status_code == 204
    late = await as_huiji("PUT", FED, json=sent | {"gender": "female", "meta": {"lastUpdated": before}})
    assert _code(late) == (200, "older-than-known")
    assert (await as_huiji("GET", where)).status_code == 410
