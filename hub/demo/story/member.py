"""A member of the exchange as a client of the hub: signs in with its own key and asks again while the hub is away.

For what the gateways do not do: showing certificates, issuing one at a counter, reading a partner's mailbox.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import httpx2

from certs import tokens
from certs.keys import SigningKey

_PATIENCE = 60.0
_PAUSE = 0.3
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AWAY = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub said; `body` is its JSON."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The code of a refusal; empty when there was none."""
        return "" if self.status < 400 else str(self.body.get("code", self.status))


class HubAway(Exception):
    """Nobody answers, or the hub says that it cannot at the moment."""


class Public:
    """Whoever comes without signing in. Use as an async context manager."""

    def __init__(self, base: str) -> None:
        self._http = httpx2.AsyncClient(base_url=base, trust_env=False, timeout=20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """One request, sent again while nobody answers it. Raises TimeoutError when the hub stays away."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self.ask_once(method, path, body, headers)
            except HubAway as away:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{method} {path}: {away}") from away
            await asyncio.sleep(_PAUSE)

    async def ask_once(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, sent once: for what must not be said twice. Raises HubAway, whether or not it was heard."""
        try:
            given = await self._http.request(method, path, json=body, headers=headers)
        except httpx2.TransportError as error:
            raise HubAway(type(error).__name__) from error
        if given.status_code in _AWAY:
            raise HubAway(f"HTTP {given.status_code}")
        return Answer(given.status_code, given.json())

    async def text(self, path: str) -> bytes:
        """A public document, asked for again while nobody answers. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                given = await self._http.get(path)
            except httpx2.TransportError:
                given = None
            if given is not None and given.status_code == 200:
                return given.content
            await asyncio.sleep(_PAUSE)
        raise TimeoutError(f"{path} is not given")


class Member(Public):
    """One member, signed in when it first asks for something."""

    def __init__(self, base: str, name: str, key: SigningKey) -> None:
        super().__init__(base)
        self._base = base
        self._name = name
        self._key = key
        self._token: tuple[str, float] = ("", 0.0)

    async def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """One request in the member's name."""
        bearer = {"Authorization": f"Bearer {await self._bearer()}"}
        return await super().ask(method, path, body, bearer | (headers or {}))

    async def _bearer(self) -> str:
        if time.monotonic() >= self._token[1]:
            self._token = await self._sign_in()
        return self._token[0]

    async def _sign_in(self) -> tuple[str, float]:
        """A token and when to ask for the next; each try has an assertion of its own, as one counts once."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            at = int(time.time())
            audience = f"{self._base}/auth/token"
            claims = {"iss": self._name, "sub": self._name, "aud": audience, "jti": str(uuid4())}
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": _ASSERTION,
                "client_assertion": tokens.sign({**claims, "iat": at, "exp": at + 240}, typ="JWT", signer=self._key),
            }
            try:
                given = await self._http.post("/auth/token", data=form)
            except httpx2.TransportError:
                await asyncio.sleep(_PAUSE)
                continue
            if given.status_code == 200:
                answer = given.json()
                return answer["access_token"], time.monotonic() + answer["expires_in"] / 2
            if given.status_code not in _AWAY:
                raise PermissionError(f"{self._name} cannot sign in: {given.text[:300]}")
            await asyncio.sleep(_PAUSE)
        raise TimeoutError(f"{self._name} cannot sign in: nobody answers")
