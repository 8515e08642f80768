"""A sandbox for tests, and a newcomer's system with its keys: how it proves them, signs in, and asks."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from certs import tokens as signed_tokens
from certs.keys import DecryptionKey, SigningKey
from hub.api import auth
from hub.runtime import Hub, open_hub
from hub.services import setup
from tests.hubs import BASE_URL, Clock, settings_for

AUDIENCE = f"{BASE_URL}/portal/applications"


@asynccontextmanager
async def open_sandbox(folder: Path, database_url: str, clock: Clock, **others: object) -> AsyncIterator[Hub]:
    """A sandbox as `hub init` leaves it."""
    settings = settings_for(folder, database_url, sandbox=True, webhook_private=True, **others)
    await setup.initialise(settings, now=clock)
    async with open_hub(settings, now=clock) as opened:
        yield opened


@dataclass(slots=True)
class Newcomer:
    """A system that wants to become a member; `base` is how it reaches the hub."""

    name: str
    clock: Clock
    base: str = BASE_URL
    auth: SigningKey = field(default_factory=SigningKey.generate)
    sig: SigningKey = field(default_factory=SigningKey.generate)
    enc: DecryptionKey = field(default_factory=DecryptionKey.generate)

    def keys(self, **changes: Any) -> list[dict[str, Any]]:
        """Its public keys with their proofs; `changes` are claims that are wrong."""
        bare = [
            {**self.auth.public.to_jwk(), "purpose": "auth"},
            {**self.sig.public.to_jwk(), "purpose": "sig"},
            {**self.enc.public.to_jwk(), "purpose": "enc"},
        ]
        return proofs(self, {self.auth.kid: self.auth, self.sig.kid: self.sig}, bare, **changes)

    def application(self, **changes: Any) -> dict[str, Any]:
        """What it applies with."""
        named = {"name": self.name, "kind": "county", "display": "Qingshan", "display_zh": "青山县"}
        return {**named, "contact": "陈工 0579-0000", "keys": self.keys(), **changes}

    def form(self, key: SigningKey | None = None, scope: str = "") -> dict[str, str]:
        """What it asks for a token with."""
        at = int(self.clock().timestamp())
        claims = {"iss": self.name, "sub": self.name, "aud": f"{self.base}/auth/token", "jti": uuid.uuid4().hex}
        signed = signed_tokens.sign(claims | {"exp": at + 240}, typ="JWT", signer=key or self.auth)
        form = {"grant_type": auth.GRANT, "client_assertion_type": auth.ASSERTION_TYPE, "client_assertion": signed}
        return form | ({"scope": scope} if scope else {})

    async def sign_in(self, client: httpx2.AsyncClient, key: SigningKey | None = None, scope: str = "") -> str:
        """An access token, which the client uses from then on."""
        answer = await client.post("/auth/token", data=self.form(key, scope))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return token


def proofs(
    who: Newcomer, signers: dict[str, SigningKey], bare: list[dict[str, Any]], **changes: Any
) -> list[dict[str, Any]]:
    """The keys, each that signs with its proof."""
    claims = {
        "iss": who.name,
        "aud": f"{who.base}/portal/applications",
        "exp": int(who.clock().timestamp()) + 1800,
        "keys": sorted(key["kid"] for key in bare),
    } | changes
    return [
        {**key, "proof": signed_tokens.sign(claims, typ="JWT", signer=signers[key["kid"]])}
        if key["kid"] in signers
        else key
        for key in bare
    ]
