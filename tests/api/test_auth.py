"""Signing in over HTTP: a token for an assertion, once; a token that counts for its member and only while it may."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from joserfc import jws
from joserfc.jwk import ECKey

from certs import tokens as signed_tokens
from certs.encoding import b64url
from certs.keys import SigningKey
from hub.api import auth
from hub.api.context import Caller
from hub.errors import Unauthenticated
from hub.runtime import Hub
from hub.services import enrolment, receipts, tokens
from tests.hubs import BASE_URL, Clock, Enrolled, serve

ECHO = APIRouter()


@ECHO.get("/me")
async def me(caller: Caller) -> dict[str, str]:
    return {"name": caller.name}


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, auth.router, ECHO) as made:
        yield made


def assertion(key: SigningKey, name: str, clock: Clock, **changes: Any) -> str:
    at = int(clock().timestamp())
    claims = {"iss": name, "sub": name, "aud": f"{BASE_URL}/auth/token", "jti": uuid.uuid4().hex, "exp": at + 240}
    return signed_tokens.sign(claims | changes, typ="JWT", signer=key)


def form(value: str, **changes: str) -> dict[str, str]:
    return {"grant_type": auth.GRANT, "client_assertion_type": auth.ASSERTION_TYPE, "client_assertion": value} | changes


async def test_a_member_signs_in_and_is_known(client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock) -> None:
    answer = await client.post("/auth/token", data=form(assertion(yongkang.auth, "yongkang", clock)))
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (body["token_type"], body["expires_in"]) == ("bearer", 300)
    who = await client.get("/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert who.json() == {"name": "yongkang"}


async def test_a_key_on_p384_signs_in(hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock) -> None:
    key = ECKey.generate_key("P-384")
    await enrolment.add_keys(hub, "yongkang", {"keys": [key.as_dict(private=False) | {"purpose": "auth"}]})
    at = int(clock().timestamp())
    claims = {"iss": "yongkang", "sub": "yongkang", "aud": f"{BASE_URL}/auth/token", "jti": "01234567", "exp": at + 60}
    header = {"alg": "ES384", "kid": key.thumbprint(), "typ": "JWT"}
    made = jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES384"])
    assert (await client.post("/auth/token", data=form(made))).status_code == 200


async def test_an_assertion_counts_once_however_often_it_is_sent_at_once(
    client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    same = form(assertion(yongkang.auth, "yongkang", clock))
    answers = await asyncio.gather(*(client.post("/auth/token", data=same) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"replayed"}


async def test_refusals_are_those_of_oauth_and_ours(
    client: httpx2.AsyncClient, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    good = assertion(yongkang.auth, "yongkang", clock)
    cases = [
        (form(good, grant_type="password"), 400, "unsupported_grant_type"),
        (form(good, client_assertion_type="x"), 400, "invalid_request"),
        (form(assertion(yongkang.auth, "nobody", clock)), 401, "invalid_client"),
        (form(assertion(huiji.auth, "yongkang", clock)), 401, "invalid_client"),
        (form(assertion(yongkang.sig, "yongkang", clock)), 401, "invalid_client"),
    ]
    for fields, status, error in cases:
        answer = await client.post("/auth/token", data=fields)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert answer.headers["content-type"] == "application/json"
        assert {"code", "retry", "trace_id", "detail"} <= set(answer.json())
    as_json = await client.post("/auth/token", json=form(good))
    twice = await client.post(
        "/auth/token",
        content="grant_type=a&grant_type=b",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (as_json.status_code, twice.status_code) == (400, 400)


@pytest.mark.parametrize("name", ["yong\0kang", "\0"])
async def test_a_name_that_no_database_keeps_is_a_bad_assertion(
    client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock, name: str
) -> None:
    answer = await client.post("/auth/token", data=form(assertion(yongkang.auth, name, clock)))
    assert (answer.status_code, answer.json()["code"]) == (401, "malformed-assertion")
    body = json.dumps({"iss": "\ud800", "sub": "\ud800"}).encode()
    half = ".".join((b64url(b'{"alg":"ES256","kid":"x"}'), b64url(body), "AAAA"))
    answer = await client.post("/auth/token", data=form(half))
    assert (answer.status_code, answer.json()["code"]) == (401, "malformed-assertion")


async def test_unknown_members_and_wrong_keys_are_answered_alike(
    client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    stranger = SigningKey.generate()
    answers = [
        (await client.post("/auth/token", data=form(assertion(stranger, name, clock)))).json()
        for name in ("yongkang", "nobody")
    ]
    assert {answer.pop("trace_id") for answer in answers}
    assert answers[0] == answers[1]


async def test_a_token_ends_with_its_time_its_key_and_its_member(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    first = await tokens.exchange(hub, assertion(yongkang.auth, "yongkang", clock))
    assert (await tokens.member_of(hub, first.token)).name == "yongkang"
    clock.advance(seconds=first.seconds)
    with pytest.raises(Unauthenticated) as expired:
        await tokens.member_of(hub, first.token)
    assert expired.value.code == "token-expired"

    second = await tokens.exchange(hub, assertion(yongkang.auth, "yongkang", clock))
    await tokens.member_of(hub, second.token)
    await enrolment.report_stolen(hub, yongkang.auth.kid, clock())
    clock.advance(seconds=tokens.RECHECK.total_seconds())
    with pytest.raises(Unauthenticated):
        await tokens.member_of(hub, second.token)


async def test_nothing_else_the_hub_signed_is_a_token(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    receipt = receipts.sign(
        hub,
        what="submission",
        id_=uuid.uuid4(),
        message_id=uuid.uuid4(),
        member="yongkang",
        digest=b"\0" * 32,
        leaf=b"\0" * 32,
        at=clock(),
    )
    good = await tokens.issue_token(hub, yongkang.member, 60)
    head, body, signature = good.split(".")
    at = int(clock().timestamp())
    claims = {"iss": BASE_URL, "aud": BASE_URL, "sub": "yongkang", "exp": at + 60}
    elsewhere = signed_tokens.sign(claims | {"aud": "http://other.test"}, typ=tokens.TYPE, signer=hub.signer)
    forged = signed_tokens.sign(claims, typ=tokens.TYPE, signer=SigningKey.generate())
    cut = f"{head}.{body}.{signature[:-4]}"
    none = f"eyJhbGciOiJub25lIiwidHlwIjoibGlhbnFpYW8tYWNjZXNzK2p3dCJ9.{body}."
    for token in ("", "x", receipt, elsewhere, forged, cut, none, "é" * 10, "a" * 5000):
        with pytest.raises(Unauthenticated):
            await tokens.member_of(hub, token)
    assert (await tokens.member_of(hub, good)).name == "yongkang"


async def test_what_is_remembered_is_bounded(yongkang: Enrolled, clock: Clock) -> None:
    remembered = tokens.Remembered(most=3)
    for number in range(10):
        remembered.put(bytes([number]), tokens.Access(yongkang.member, frozenset()), clock())
    assert len(remembered) == 3
    assert remembered.get(b"\x09", clock()) is None  # its time is over


async def test_clients_find_where_to_sign_in(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/.well-known/smart-configuration")).json()
    assert found["token_endpoint"] == f"{BASE_URL}/auth/token"
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["ES256", "ES384"]
    assert "client-confidential-asymmetric" in found["capabilities"]


async def test_without_a_token_nobody_calls(client: httpx2.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        answer = await client.get("/me", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
