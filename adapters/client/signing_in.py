"""SMART Backend Services: an access token for a client assertion (RFC 7523), kept until shortly before it ends.

A member may hold several keys while it changes them: the one that was taken last is tried first, and another one where the
hub knows it no more, or not yet.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.client.answers import Answer
from adapters.client.clock import Clock
from adapters.errors import HubError, HubUnreachable, SignInRefused
from certs import tokens
from certs.keys import Signer

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME: Final = 240
_EARLY: Final = 30
_UNAUTHORIZED: Final = 401

Assertion = Callable[[Mapping[str, Any]], str]
"""Signs the claims of a client assertion as a compact JWS with one of the member's authentication keys."""
Post = Callable[[Mapping[str, str]], Awaitable[Answer]]
"""Sends a form to the token endpoint. Raises HubError."""


def assertion(key: Signer) -> Assertion:
    """Signs client assertions with `key`."""
    return lambda claims: tokens.sign(claims, typ="JWT", signer=key)


class SignIn:
    """The access token of one member at one hub. `scopes` are those to ask for; none stands for all it may have."""

    def __init__(
        self, endpoint: str, member: str, assertions: Sequence[Assertion], scopes: Sequence[str], clock: Clock
    ) -> None:
        if not assertions:
            raise ValueError("a member signs in with one key at least")
        self._endpoint = endpoint
        self._member = member
        self._assertions = list(assertions)
        self._scopes = " ".join(scopes)
        self._clock = clock
        self._token: tuple[str, datetime] | None = None
        self._lock = asyncio.Lock()
        self.scopes = ""
        """What the token opens, as the hub said it."""

    async def token(self, post: Post, *, refused: str = "") -> str:
        """A token that counts for some time yet, and is not the one that was `refused`. Raises SignInRefused, HubUnreachable."""
        async with self._lock:
            now = self._clock()
            if self._token is not None and self._token[0] != refused and now < self._token[1]:
                return self._token[0]
            answer = (await self._ask(post, now)).object()
            token, lifetime = answer.get("access_token"), answer.get("expires_in")
            if not isinstance(token, str) or not isinstance(lifetime, int | float):
                raise Answer(200, {}, b"").bad("the hub's token answer is incomplete")
            self._token = (token, now + timedelta(seconds=max(lifetime - _EARLY, lifetime / 2)))
            self.scopes = str(answer.get("scope", ""))
            return token

    async def _ask(self, post: Post, now: datetime) -> Answer:
        """The answer to the first assertion that the hub takes."""
        refusals: list[HubError] = []
        for sign in list(self._assertions):
            try:
                answer = await post(self._form(sign, now))
            except HubUnreachable as error:
                # Only the sign-in may have left: what it was for was not sent.
                raise HubUnreachable(error.text, sent=False) from None
            except HubError as error:
                refusals.append(error)
                if error.status != _UNAUTHORIZED:
                    break
            else:
                self._assertions.remove(sign)
                self._assertions.insert(0, sign)
                return answer
        raise SignInRefused(refusals[-1])

    def _form(self, sign: Assertion, now: datetime) -> dict[str, str]:
        at = int(now.timestamp())
        claims = {"iss": self._member, "sub": self._member, "aud": self._endpoint, "jti": str(uuid.uuid4())}
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": sign({**claims, "iat": at, "exp": at + _LIFETIME}),
            **({"scope": self._scopes} if self._scopes else {}),
        }
