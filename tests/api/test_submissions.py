"""POST /submissions and what is told about them, over HTTP as gateways use it."""

import asyncio
import base64
import csv
import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import pytest

from adapters.client.bodies import content_digest
from hub.api import mailbox, submissions
from hub.runtime import Hub
from hub.services import tokens
from mappings.vocabulary import SEALED_MEDIA_TYPE
from tests.documents import PERSON_SHEET, Beside, number_of, row, rows, sheet, work_off
from tests.hubs import Enrolled, enrol, serve
from tests.messages import agree, allow, letter

BODY = sheet(rows(2))


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, submissions.router, mailbox.router) as made:
        yield made


async def _as(hub: Hub, owner: Enrolled) -> dict[str, str]:
    return {"Authorization": f"Bearer {await tokens.issue_token(hub, owner.member)}"}


def _headers(body: bytes = BODY, /, **changed: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {
        "Message-Id": str(uuid4()),
        "Attempt-Id": str(uuid4()),
        "Content-Digest": content_digest(body),
        "Content-Type": "text/csv",
        "Mapping": PERSON_SHEET,
    }
    given |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in given.items() if value is not None}


async def test_a_document_is_accepted_followed_and_repeated(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled
) -> None:
    caller, headers = await _as(hub, huiji), _headers(File_Name=quote("五月.csv"))
    first = await client.post("/submissions", content=BODY, headers=caller | headers)
    assert first.status_code == 202
    told = first.json()
    assert set(told) == {"submission_id", "message_id", "digest", "state", "received_at", "leaf", "receipt"}
    again = await client.post("/submissions", content=BODY, headers=caller | headers | {"Attempt-Id": str(uuid4())})
    assert (again.status_code, again.content) == (200, first.content)
    await work_off(hub, Beside())
    by_id = await client.get(f"/submissions/{told['submission_id']}", headers=caller)
    by_message = await client.get("/submissions", params={"message_id": told["message_id"]}, headers=caller)
    assert by_id.json() == by_message.json()
    found = by_id.json()
    assert (found["state"], found["counts"]["translated"]) == ("PROCESSED", 2)
    assert found["commit_ack"] == told
    listed = await client.get("/submissions", params={"changed_after": 0}, headers=caller)
    assert listed.json()["items"] == [found]
    more = await client.get("/submissions", params={"changed_after": listed.json()["cursor"]}, headers=caller)
    assert more.json() == {"items": [], "cursor": listed.json()["cursor"]}


async def test_the_same_id_with_other_bytes_is_409(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    caller, id_ = await _as(hub, huiji), str(uuid4())
    await client.post("/submissions", content=BODY, headers=caller | _headers(Message_Id=id_))
    other = sheet(rows(3))
    answer = await client.post("/submissions", content=other, headers=caller | _headers(other, Message_Id=id_))
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (409, "digest-conflict", "FIX_FIRST")


async def test_twenty_at_once_get_one_answer(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    headers = await _as(hub, huiji) | _headers()
    answers = await asyncio.gather(*(client.post("/submissions", content=BODY, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200, 202}
    assert len({answer.content for answer in answers}) == 1
    assert await number_of(hub, "submission") == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Message_Id": None}, "bad-request"),
        ({"Message_Id": "12"}, "bad-request"),
        ({"Content_Digest": None}, "bad-request"),
        ({"Content_Digest": "sha-256=:AAAA:"}, "bad-request"),
        ({"Content_Digest": "sha-256=:!!:"}, "bad-request"),
        ({"Content_Digest": "sha-512=:AAAA:"}, "bad-request"),
        ({"Content_Digest": "md5"}, "bad-request"),
        ({"Content_Digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"}, "digest-mismatch"),
        ({"Mapping": None}, "bad-request"),
        ({"Mapping": "huiji/person.v9"}, "unknown-mapping"),
        ({"Mapping": "huiji/birth_certificate.v1"}, "must-be-sealed"),
        ({"Supersedes": "x"}, "bad-request"),
        ({"In_Response_To": "x"}, "bad-request"),
        ({"Content_Type": SEALED_MEDIA_TYPE}, "malformed-envelope"),
    ],
)
async def test_malformed_is_400_with_a_code_and_stores_nothing(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, changed: dict[str, str | None], code: str
) -> None:
    answer = await client.post("/submissions", content=BODY, headers=await _as(hub, huiji) | _headers(BODY, **changed))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, code)
    assert problem["type"] == f"urn:lianqiao:problem:{code}"
    assert problem["detail"]
    assert problem["trace_id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert await number_of(hub, "submission") == 0


async def test_a_digest_may_stand_among_others(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    both = f"sha-512=:{base64.b64encode(hashlib.sha512(BODY).digest()).decode()}:, {content_digest(BODY)}"
    answer = await client.post(
        "/submissions", content=BODY, headers=await _as(hub, huiji) | _headers(Content_Digest=both)
    )
    assert answer.status_code == 202


async def test_a_partner_is_refused(hub: Hub, client: httpx2.AsyncClient) -> None:
    partner = await enrol(hub, "jinjiang", ["350582000000"], kind="partner")
    answer = await client.post("/submissions", content=BODY, headers=await _as(hub, partner) | _headers())
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/submissions"),
        ("GET", "/submissions"),
        ("GET", f"/submissions/{UUID(int=1)}"),
        ("GET", f"/submissions/{UUID(int=1)}/issues"),
        ("POST", "/mailbox"),
        ("GET", f"/mailbox/{UUID(int=1)}"),
        ("POST", f"/mailbox/{UUID(int=1)}/receipt"),
    ],
)
async def test_nothing_is_told_without_a_token(client: httpx2.AsyncClient, method: str, path: str) -> None:
    for authorization in (None, "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c"):
        headers = _headers() | ({"Authorization": authorization} if authorization else {})
        answer = await client.request(method, path, headers=headers, content=b"{}")
        assert answer.status_code == 401, authorization
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["retry"]


async def test_a_foreign_id_looks_like_one_that_is_not(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, yongkang: Enrolled
) -> None:
    told = (await client.post("/submissions", content=BODY, headers=await _as(hub, huiji) | _headers())).json()
    stranger = await _as(hub, yongkang)
    problems = []
    for id_ in (told["submission_id"], str(uuid4())):
        for path in (f"/submissions/{id_}", f"/submissions/{id_}/issues"):
            answer = await client.get(path, headers=stranger)
            problems.append((answer.status_code, {k: v for k, v in answer.json().items() if k != "trace_id"}))
    for message_id in (told["message_id"], str(uuid4())):
        answer = await client.get("/submissions", params={"message_id": message_id}, headers=stranger)
        problems.append((answer.status_code, {k: v for k, v in answer.json().items() if k != "trace_id"}))
    assert all(problem == problems[0] for problem in problems)
    assert problems[0][0] == 404
    listed = await client.get("/submissions", params={"changed_after": 0}, headers=stranger)
    assert listed.json() == {"items": [], "cursor": 0}


@pytest.mark.parametrize(
    "path", ["/submissions/x", "/submissions?limit=0", "/submissions?changed_after=x", "/submissions?limit=9999"]
)
async def test_malformed_questions_are_400(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, path: str) -> None:
    answer = await client.get(path, headers=await _as(hub, huiji))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


async def test_issues_come_as_json_and_as_csv_without_formulas(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled
) -> None:
    body = sheet([row(1, 身份证号码="=cmd|' /C calc'!A0"), row(2, 身份证号码="@SUM(A1)"), row(3, 身份证号码="4.1E+17")])
    caller = await _as(hub, huiji)
    told = (await client.post("/submissions", content=body, headers=caller | _headers(body))).json()
    await work_off(hub, Beside())
    path = f"/submissions/{told['submission_id']}/issues"
    listed = (await client.get(path, headers=caller)).json()["items"]
    assert "=cmd|' /C calc'!A0" in {issue["value"] for issue in listed}
    answer = await client.get(path, headers=caller | {"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="issues-')
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(table) == 1 + len(listed)
    assert "'=cmd|' /C calc'!A0" in {cells[6] for cells in table}
    assert not any(cell.startswith(("=", "@", "+", "-", "\t", "\r")) for cells in table for cell in cells)


async def test_a_sealed_message_is_permitted_or_refused_with_its_reason(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, huiji: Enrolled
) -> None:
    caller = await _as(hub, yongkang)

    async def send() -> httpx2.Response:
        made = letter(hub, yongkang, huiji)
        headers = _headers(made.body, Message_Id=str(made.message_id), Content_Type=SEALED_MEDIA_TYPE, Mapping=None)
        return await client.post("/submissions", content=made.body, headers=caller | headers)

    reasons = [(await send()).json()["code"]]
    await agree(hub, yongkang, huiji)
    refused = await send()
    reasons.append(refused.json()["code"])
    assert (refused.status_code, refused.json()["retry"]) == (403, "CONTACT")
    await allow(hub, yongkang)
    assert (await send()).status_code == 202
    assert reasons == ["no-agreement", "no-consent"]


async def test_an_envelope_is_not_read_beyond_its_limit(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 60 << 20:
            sent += 1 << 20
            yield bytes(1 << 20)

    headers = await _as(hub, yongkang) | _headers(Content_Type=SEALED_MEDIA_TYPE, Mapping=None)
    answer = await client.post("/submissions", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert sent < 10 << 20


async def test_file_names_are_kept_whatever_they_hold(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    names: list[Any] = ["%", "%00x", "%FF%FE", "..%2F..%2Fetc", "a" * 3000]
    caller = await _as(hub, huiji)
    for name in names:
        answer = await client.post("/submissions", content=BODY, headers=caller | _headers(File_Name=name))
        assert answer.status_code == 202, name
    await work_off(hub, Beside())
    states = [item["state"] for item in (await client.get("/submissions", headers=caller)).json()["items"]]
    assert states == ["PROCESSED"] * len(names)
