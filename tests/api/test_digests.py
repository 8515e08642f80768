"""A body that comes with Content-Digest is compared with it before anything is stored, whatever it is for; on real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from sqlalchemy import text

from adapters.client.bodies import content_digest
from hub.runtime import Hub
from hub.services import tokens
from tests.hubs import Enrolled
from tests.listening import Served

PATIENT: dict[str, Any] = {"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male"}
ENTRY = {"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
NOBODY = UUID(int=7)
HEADER = {
    "resourceType": "MessageHeader",
    "eventUri": "urn:ihe:iti:pmir:2019:patient-feed",
    "source": {"endpoint": "urn:x"},
    "focus": [{"reference": "urn:uuid:6ad1a3a4-2b0d-4b3c-9d3c-3c1f6a4a3f10"}],
}
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": [ENTRY]}),
    ("POST", "/fhir/", {"resourceType": "Bundle", "type": "batch", "entry": [ENTRY]}),
    ("POST", "/fhir/$process-message", {"resourceType": "Bundle", "type": "message", "entry": [{"resource": HEADER}]}),
    ("POST", "/fhir/Patient", PATIENT),
    ("PUT", "/fhir/Patient?identifier=urn:lianqiao:huiji:record|H1", PATIENT),
    ("PATCH", f"/fhir/Patient/{NOBODY}", {"resourceType": "Parameters"}),
    ("POST", "/fhir/Patient/$match", PATIENT),
    ("POST", f"/mailbox/{NOBODY}/receipt", {"state": "RECEIVED"}),
    ("POST", "/certificates", {}),
]


def _code(answer: httpx2.Response) -> str:
    said = answer.json()
    return str(said["code"] if "code" in said else said["issue"][0]["details"]["coding"][0]["code"])


async def _stored(hub: Hub) -> tuple[int, ...]:
    async with hub.database.read() as connection:
        asked = "SELECT (SELECT count(*) FROM resource), (SELECT count(*) FROM submission)"
        return tuple((await connection.execute(text(asked))).one())


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_body_that_was_damaged_on_its_way_is_refused(
    hub: Hub, served: Served, method: str, path: str, body: dict[str, Any]
) -> None:
    (client,) = await served()
    sent = orjson.dumps(body)
    headers = {"Content-Type": "application/fhir+json" if path.startswith("/fhir") else "application/json"}
    damaged = await client.request(
        method, path, content=sent + b" ", headers=headers | {"Content-Digest": content_digest(sent)}
    )
    assert (damaged.status_code, _code(damaged)) == (400, "digest-mismatch")
    assert "NORMAL" in damaged.text
    for field in ("", "sha-512=:AAAA:", "sha-256=:AAAA:", "sha-256=:!!:", "md5"):
        unread = await client.request(method, path, content=sent, headers=headers | {"Content-Digest": field})
        assert (unread.status_code, _code(unread)) == (400, "bad-request")
        assert "Content-Digest" in unread.text
    assert await _stored(hub) == (0, 0)


async def test_what_comes_as_it_was_sent_is_taken_in_parts_too(hub: Hub, served: Served) -> None:
    (client,) = await served()
    sent = orjson.dumps(PATIENT) + b" " * 200_000

    async def parts(last: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(sent), 10_000):
            yield sent[at : at + 10_000]
        yield last

    headers = {"Content-Type": "application/fhir+json", "Content-Digest": f"sha-512=:AAAA:, {content_digest(sent)}"}
    refused = await client.post("/fhir/Patient", content=parts(b"\n"), headers=headers)
    assert (refused.status_code, _code(refused)) == (400, "digest-mismatch")
    assert (await client.post("/fhir/Patient", content=parts(b""), headers=headers)).status_code == 201
    assert (await client.post("/fhir/Patient", content=sent, headers=headers)).status_code == 201
    assert await _stored(hub) == (2, 0)


async def test_a_body_that_was_lost_on_its_way_is_refused_too(served: Served) -> None:
    (client,) = await served()
    refused = await client.post("/fhir/Patient", headers={"Content-Digest": content_digest(b"{}")})
    assert (refused.status_code, _code(refused)) == (400, "digest-mismatch")
    assert (await client.get("/fhir/Patient", headers={"Content-Digest": content_digest(b"")})).status_code == 200


async def test_whoever_may_not_send_it_is_told_that_first(hub: Hub, served: Served, huiji: Enrolled) -> None:
    (client,) = await served()
    nobody = {"Authorization": "", "Content-Digest": "md5"}
    assert (await client.post("/fhir/Patient", json=PATIENT, headers=nobody)).status_code == 401
    narrow = await tokens.issue_token(hub, huiji.member, scope="system/Patient.r")
    headers = {"Authorization": f"Bearer {narrow}", "Content-Digest": "md5"}
    assert (await client.post("/fhir/Patient", json=PATIENT, headers=headers)).status_code == 403


@pytest.mark.parametrize("path", ["/fhir/Patient", "/fhir/$import", "/submissions"])
async def test_a_field_of_characters_that_no_base64_has_is_refused(served: Served, path: str) -> None:
    (client,) = await served()
    field = b"sha-256=:" + b"\xe9" * 44 + b":"
    sent: list[tuple[bytes, bytes]] = [
        (b"Content-Digest", field),
        (b"Content-Type", b"application/fhir+ndjson" if path.endswith("import") else b"application/fhir+json"),
        (b"Message-Id", str(uuid4()).encode()),
    ]
    told = await client.post(path, content=b"{}", headers=sent)
    assert told.status_code == 400, told.text


async def test_what_stands_behind_a_body_is_no_header(hub: Hub, huiji: Enrolled, served: Served) -> None:
    """However the packets fall: RFC 9110, 6.5.1."""
    (client,) = await served()
    at = (client.base_url.host, client.base_url.port)
    token = (await tokens.issue_token(hub, huiji.member)).encode()
    body = orjson.dumps(PATIENT)
    for late in (False, True):
        for named, trailer in (
            (b"", b"Authorization: Bearer " + token),
            (b"Authorization: Bearer " + token, b"If-None-Exist: x=y"),
        ):
            reader, writer = await asyncio.open_connection(*at)
            head = b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n" + (
                named and named + b"\r\n"
            )
            writer.write(
                head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(body), body)
            )
            if late:
                await writer.drain()
                await asyncio.sleep(0.2)
            with contextlib.suppress(ConnectionError):
                writer.write(trailer + b"\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            assert answer[9:12] == (b"201" if named else b"401"), answer[:300]
