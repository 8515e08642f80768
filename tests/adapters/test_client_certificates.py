"""The client and the gateway at a `hub serve` that talks only with those who show a certificate, and binds tokens to it."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from adapters.client import Address, connect
from adapters.client.retrying import ONCE
from adapters.errors import ConfigError, HubUnreachable, SignInRefused
from adapters.gateway import checks
from adapters.gateway.records import Finding
from hub.runtime import Hub
from hub.services import client_certificates, enrolment, trust
from hub.settings import Settings
from tests.adapters import kit
from tests.certificates import Authority, Issued, client_context, hub_settings_of
from tests.processes import started, wait_until_answered


@dataclass(frozen=True, slots=True)
class Guarded:
    """The hub as its members see it, and the certificate that huiji registered there."""

    url: str
    folder: Path
    authority: Authority
    own: Issued
    settings: Settings

    def roots_jwks(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(trust.roots_file(self.settings).read_text())
        return document

    def enrol(self, name: str) -> None:
        """Done before it was served."""


@pytest.fixture
async def guarded(hub: Hub, hub_settings: Settings, tmp_path: Path) -> AsyncIterator[Guarded]:
    authority = Authority(tmp_path, "ours")
    own = authority.issue("huiji")
    await enrolment.add_member(
        hub, name="huiji", kind="county", display="Huiji", display_zh="惠济区", divisions=kit.DIVISIONS["huiji"]
    )
    await enrolment.add_keys(hub, "huiji", kit.ring_of("huiji").jwks())
    await trust.publish(hub)
    await client_certificates.register(hub, "huiji", own.cert.read_bytes())
    await client_certificates.require(hub, "huiji", required=True)
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    others = hub_settings_of(authority) | {"HUB_PORT": str(port), "HUB_BASE_URL": url}
    with (
        started(hub_settings, tmp_path, "serve", **others),
        httpx2.Client(base_url=url, verify=client_context(authority, own), trust_env=False) as client,
    ):
        wait_until_answered(client)
        yield Guarded(url, tmp_path, authority, own, hub_settings)


async def ask(guarded: Guarded, shown: Issued | None) -> int:
    """How many Patients huiji's client is told of."""
    address = Address(guarded.url, ca_file=guarded.authority.file)
    if shown is not None:
        address = replace(address, cert_file=shown.cert, key_file=shown.key)
    async with connect(address, "huiji", kit.ring_of("huiji").auth, patience=ONCE) as client:
        return await client.fhir.count("Patient")


async def test_the_client_shows_its_certificate(guarded: Guarded) -> None:
    assert await ask(guarded, guarded.own) == 0
    with pytest.raises(HubUnreachable, match="cert_file"):
        await ask(guarded, None)
    with pytest.raises(HubUnreachable, match="cert_file"):
        await ask(guarded, Authority(guarded.folder, "theirs").issue("huiji"))
    with pytest.raises(SignInRefused) as refused:
        await ask(guarded, guarded.authority.issue("unregistered"))
    assert refused.value.code == "certificate-needed"


async def findings(config: Path) -> dict[str, Finding]:
    """What `gateway check` finds, by its subject."""
    async with kit.opened(config) as gateway:
        return {finding.subject: finding for finding in await checks.check(gateway)}


async def test_the_gateway_shows_its_certificate(guarded: Guarded) -> None:
    where = {"url": guarded.url, "ca_file": str(guarded.authority.file), "timeout_seconds": 10}
    config = kit.huiji_gateway(guarded, hub=where)
    bare = (await findings(config))["hub"]
    assert not bare.ok
    assert "cert_file" in bare.text

    files = {"cert_file": str(guarded.own.cert), "key_file": str(guarded.own.key)}
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"hub": where | files}))
    guarded.own.key.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        await findings(config)
    guarded.own.key.chmod(0o600)
    found = await findings(config)
    assert [found[subject] for subject in ("hub", "sign-in", "trust list") if not found[subject].ok] == []
