"""Tokens bound to client certificates over real TLS connections: who steals one has nothing (RFC 8705, RFC 9440)."""

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certs import tokens as signed
from certs.encoding import b64url
from hub.api.connections import MutualConnection
from hub.errors import Conflict, Invalid
from hub.runtime import Hub, open_hub
from hub.services import client_certificates, enrolment, tokens
from hub.settings import Settings
from tests import documented
from tests.api.test_auth import assertion, form
from tests.certificates import Authority, Issued, client_context
from tests.hubs import Clock, Enrolled, acts
from tests.listening import listening


class Tls:
    """A hub that speaks TLS, and clients of it."""

    def __init__(self, authority: Authority, address: str, stack: AsyncExitStack) -> None:
        self.authority, self._address, self._stack = authority, address, stack

    async def client(self, own: Issued | None = None) -> httpx2.AsyncClient:
        context = client_context(self.authority, own)
        client = httpx2.AsyncClient(
            base_url=self._address, verify=context, trust_env=False, event_hooks=documented.HOOKS
        )
        return await self._stack.enter_async_context(client)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Issued:
    return authority.issue("hub", server=True)


def of(settings: Settings, authority: Authority, server: Issued, **others: Any) -> Settings:
    """The settings of a hub that speaks TLS, as `hub serve` reads them."""
    tls = {"tls_cert_file": server.cert, "tls_key_file": server.key, "tls_client_ca_file": authority.file}
    return settings.model_copy(update=tls | others)


def web(authority: Authority, server: Issued, needed: ssl.VerifyMode = ssl.CERT_OPTIONAL) -> dict[str, Any]:
    """What the web server is given for it."""
    given = {"ssl_certfile": server.cert, "ssl_keyfile": server.key, "ssl_ca_certs": str(authority.file)}
    return {**given, "ssl_cert_reqs": needed, "http": MutualConnection}


@pytest.fixture
async def tls(hub_settings: Settings, clock: Clock, authority: Authority, server: Issued) -> AsyncIterator[Tls]:
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_hub(of(hub_settings, authority, server), now=clock))
        address = await stack.enter_async_context(listening(opened, **web(authority, server)))
        yield Tls(authority, address, stack)


@pytest.fixture
async def own(hub: Hub, huiji: Enrolled, authority: Authority) -> Issued:
    """The certificate that huiji's systems connect with."""
    made = authority.issue("huiji")
    await client_certificates.register(hub, "huiji", made.cert.read_bytes())
    return made


async def sign_in(client: httpx2.AsyncClient, who: Enrolled, clock: Clock, **headers: str) -> httpx2.Response:
    asked = form(assertion(who.auth, who.member.name, clock))
    return await client.post(
        "/auth/token", data=asked, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


def bound_to(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    found: str = signed.claims_of(signed.take_apart(answer.json()["access_token"])).get("cnf", {}).get("x5t#S256", "")
    return found


async def ask(client: httpx2.AsyncClient, answer: httpx2.Response, **headers: str) -> tuple[int, str]:
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    said = await client.get("/submissions", headers=token | {name.replace("_", "-"): v for name, v in headers.items()})
    return said.status_code, said.json().get("code", "")


def header(certificate: Issued) -> str:
    return f":{base64.b64encode(certificate.der).decode()}:"


WRONG = (401, "wrong-certificate")


async def test_a_stolen_token_is_nothing_without_the_certificate(
    hub: Hub, tls: Tls, huiji: Enrolled, yongkang: Enrolled, own: Issued, clock: Clock
) -> None:
    others = tls.authority.issue("yongkang")
    await client_certificates.register(hub, "yongkang", others.cert.read_bytes())
    client, thief, bare = await tls.client(own), await tls.client(others), await tls.client()
    token = await sign_in(client, huiji, clock)
    assert bound_to(token) == b64url(hashlib.sha256(own.der).digest())
    for _ in range(2):  # looked up, and remembered
        assert await ask(client, token) == (200, "")
        assert await ask(thief, token) == WRONG
        assert await ask(bare, token) == WRONG
        assert await ask(bare, token, Client_Cert=header(own)) == WRONG  # nobody's word for it
        assert await ask(thief, token, Client_Cert=header(own)) == WRONG
    again = await tls.client(own)
    assert await ask(again, token) == (200, "")  # the certificate counts, and not the connection
    assert (
        await bare.get("/fhir/Patient", headers={"Authorization": f"Bearer {token.json()['access_token']}"})
    ).status_code == 401
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["wrong-certificate"]  # one a minute
    described = (await bare.get("/.well-known/smart-configuration")).json()
    assert described["tls_client_certificate_bound_access_tokens"] is True


async def test_what_is_not_registered_binds_nothing(tls: Tls, huiji: Enrolled, own: Issued, clock: Clock) -> None:
    unknown, bare = await tls.client(tls.authority.issue("somebody")), await tls.client()
    for client in (unknown, bare):
        token = await sign_in(client, huiji, clock)
        assert bound_to(token) == ""
        assert await ask(bare, token) == (200, "")


async def test_a_certificate_can_be_required(hub: Hub, tls: Tls, huiji: Enrolled, own: Issued, clock: Clock) -> None:
    client, bare = await tls.client(own), await tls.client()
    before = await sign_in(bare, huiji, clock)
    assert await ask(bare, before) == (200, "")
    await client_certificates.require(hub, "huiji", required=True)
    refused = await sign_in(bare, huiji, clock)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.json()["code"] == "certificate-needed"
    assert await ask(client, await sign_in(client, huiji, clock)) == (200, "")
    with pytest.raises(Invalid):
        await tokens.issue_token_for(hub, "huiji")
    clock.advance(seconds=tokens.RECHECK.total_seconds())
    assert await ask(bare, before) == (401, "unauthenticated")  # those that it has too
    await client_certificates.require(hub, "huiji", required=False)
    assert bound_to(await sign_in(bare, huiji, clock)) == ""


async def test_certificates_are_changed_without_a_pause_and_end_when_stolen(
    hub: Hub, tls: Tls, huiji: Enrolled, own: Issued, clock: Clock
) -> None:
    old, new = own, tls.authority.issue("huiji-2")
    thumbprint = client_certificates.thumbprint(old.der)
    with pytest.raises(Conflict):
        await enrolment.retire_key(hub, thumbprint)
    await client_certificates.register(hub, "huiji", new.cert.read_bytes())
    first, second = await tls.client(old), await tls.client(new)
    token, other = await sign_in(first, huiji, clock), await sign_in(second, huiji, clock)
    await enrolment.retire_key(hub, thumbprint)
    clock.advance(seconds=tokens.RECHECK.total_seconds())
    assert await ask(first, token) == (200, "")  # to its own end
    assert bound_to(await sign_in(first, huiji, clock)) == ""
    await enrolment.report_stolen(hub, client_certificates.thumbprint(new.der), hub.now())
    clock.advance(seconds=tokens.RECHECK.total_seconds())
    assert await ask(second, other) == (401, "unauthenticated")


async def test_other_authorities_are_not_taken(
    tls: Tls, huiji: Enrolled, clock: Clock, tmp_path: Path, authority: Authority
) -> None:
    strange = Authority(tmp_path, "strange").issue("huiji")
    client = await tls.client(strange)
    with pytest.raises(httpx2.HTTPError):
        await sign_in(client, huiji, clock)


async def test_a_connection_may_need_a_certificate(
    hub_settings: Settings, clock: Clock, authority: Authority, server: Issued, huiji: Enrolled, own: Issued
) -> None:
    settings = of(hub_settings, authority, server, tls_client="required")
    async with (
        AsyncExitStack() as stack,
        open_hub(settings, now=clock) as opened,
        listening(opened, **web(authority, server, ssl.CERT_REQUIRED)) as address,
    ):
        there = Tls(authority, address, stack)
        with pytest.raises(httpx2.HTTPError):
            await (await there.client()).get("/healthz")
        assert (await (await there.client(own)).get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "is_believed"), [("127.0.0.1", True), ("127.0.0.0/8,::1", True), ("10.0.0.0/8", False), ("::1", False)]
)
async def test_a_proxy_hands_certificates_over_and_nobody_else_does(
    hub_settings: Settings, clock: Clock, huiji: Enrolled, own: Issued, proxies: str, is_believed: bool
) -> None:
    settings = hub_settings.model_copy(update={"client_cert_proxies": proxies})
    trusting: dict[str, Any] = {"http": MutualConnection, "proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}
    async with (
        open_hub(settings, now=clock) as opened,
        listening(opened, **trusting) as address,
        httpx2.AsyncClient(base_url=address, trust_env=False, event_hooks=documented.HOOKS) as client,
    ):
        # Where a request says that it comes from does not make it a proxy's.
        token = await sign_in(client, huiji, clock, Client_Cert=header(own), X_Forwarded_For="10.0.0.1")
        assert bool(bound_to(token)) is is_believed
        if is_believed:
            assert await ask(client, token, Client_Cert=header(own), X_Forwarded_For="192.0.2.1") == (200, "")
            for wrong in (
                "",
                "::",
                ":",
                "AAAA",
                ":****:",
                header(own)[:-1],
                f":{'A' * 20_000}:",
                f"{header(own)}, {header(own)}",
            ):
                assert await ask(client, token, Client_Cert=wrong) == WRONG, wrong
            said = [("Authorization", f"Bearer {token.json()['access_token']}"), *[("Client-Cert", header(own))] * 2]
            assert (await client.get("/submissions", headers=said)).status_code == 401


async def test_a_proxys_own_certificate_is_nobodys(
    hub_settings: Settings, clock: Clock, authority: Authority, server: Issued, huiji: Enrolled, own: Issued
) -> None:
    settings = of(hub_settings, authority, server, client_cert_proxies="127.0.0.1")
    async with (
        AsyncExitStack() as stack,
        open_hub(settings, now=clock) as opened,
        listening(opened, **web(authority, server)) as address,
    ):
        client = await Tls(authority, address, stack).client(own)
        assert bound_to(await sign_in(client, huiji, clock)) == ""
        assert bound_to(await sign_in(client, huiji, clock, Client_Cert=header(own))) != ""


async def test_only_certificates_that_count_are_registered(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, authority: Authority, own: Issued
) -> None:
    ended = authority.issue("ended", days=-1).cert.read_bytes()
    both = own.cert.read_bytes() + authority.file.read_bytes()
    for pem in (b"", b"nothing", ended, both, own.cert.read_bytes() + own.key.read_bytes()):
        with pytest.raises(Invalid):
            await client_certificates.register(hub, "huiji", pem)
    with pytest.raises(Conflict):
        await client_certificates.register(hub, "yongkang", own.cert.read_bytes())
    assert await client_certificates.register(hub, "huiji", own.cert.read_bytes())  # the same again is once
    _, found = await client_certificates.listed(hub, "huiji")
    assert [key.jwk["subject"] for key in found] == ["CN=huiji"]


async def test_where_no_certificate_can_come_none_is_looked_for(
    hub: Hub, huiji: Enrolled, own: Issued, clock: Clock
) -> None:
    async with (
        listening(hub) as address,
        httpx2.AsyncClient(base_url=address, trust_env=False, event_hooks=documented.HOOKS) as client,
    ):
        assert bound_to(await sign_in(client, huiji, clock, Client_Cert=header(own))) == ""
        described = (await client.get("/.well-known/smart-configuration")).json()
    assert described["tls_client_certificate_bound_access_tokens"] is False
