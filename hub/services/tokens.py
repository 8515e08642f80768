"""Access tokens: given for a client assertion (SMART Backend Services, RFC 7523), believed when a request carries one.

A token is a JWT signed by the hub for itself, with a type of its own, so that no receipt or list passes for one. What
verified is remembered for seconds only: a member that left or a key reported stolen ends its tokens in every process.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from certs import tokens
from certs.errors import CertsError
from certs.instants import instant, seconds
from hub.errors import Invalid, NotFound, Unauthenticated
from hub.runtime import Hub
from hub.services import assertions
from hub.storage import audit, members
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import Member

TYPE: Final = "lianqiao-access+jwt"
SCOPE: Final = "lianqiao/exchange"
"""The one scope: what a member may do is settled by agreements and consent, not by its token."""

RECHECK: Final = timedelta(seconds=10)
_MOST_REMEMBERED: Final = 10_000
_MAX_TOKEN: Final = 2048
_MAX_TTL: Final = 86_400


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and how many seconds it lives."""

    token: str
    seconds: int


class Remembered:
    """Tokens that verified, by their SHA-256; bounded, the oldest goes first."""

    def __init__(self, most: int = _MOST_REMEMBERED) -> None:
        self._most = most
        self._entries: OrderedDict[bytes, tuple[Member, datetime]] = OrderedDict()

    def get(self, digest: bytes, now: datetime) -> Member | None:
        """The member, if the token was verified a moment ago."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if now >= entry[1]:
            del self._entries[digest]
            return None
        return entry[0]

    def put(self, digest: bytes, member: Member, until: datetime) -> None:
        """Remember until then."""
        self._entries[digest] = (member, until)
        self._entries.move_to_end(digest)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


_remembered: WeakKeyDictionary[Database, Remembered] = WeakKeyDictionary()


def endpoint(hub: Hub) -> str:
    """Where assertions are sent, and what they must name as their audience."""
    return f"{hub.settings.base_url}/auth/token"


async def exchange(hub: Hub, assertion: str) -> Issued:
    """An access token for a client assertion that verifies and was never used. Raises Unauthenticated."""
    now = hub.now()
    name = assertions.issuer_of(assertion)
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
        keys = await members.keys(connection, member.id) if member is not None else []
    verified = assertions.verify(assertion, keys, endpoint(hub), now)
    if member is None:
        raise Unauthenticated("invalid-client", "No active member has that name.")
    async with hub.database.begin() as connection:
        if not await members.use_assertion(connection, member.id, verified.id, verified.forget_at):
            raise Unauthenticated("replayed", "This client assertion was used before; make a new one for each token.")
    life = hub.settings.token_seconds
    return Issued(_sign(hub, member.name, now, life, verified.key_id), life)


async def issue_token(hub: Hub, member: Member, ttl: int | None = None) -> str:
    """A token for trying the interface by hand, in the member's name; the log keeps that the operator took it.

    `ttl` is in seconds, a day at most. Raises Invalid.
    """
    life = ttl if ttl is not None else hub.settings.token_seconds
    if not 1 <= life <= _MAX_TTL:
        raise Invalid("bad-time", f"A token lives 1 to {_MAX_TTL} seconds.")
    now = hub.now()
    content = {"member": member.name, "seconds": life}
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [Act("issue-token", "operator", content, now)])
    return _sign(hub, member.name, now, life, None)


async def issue_token_for(hub: Hub, name: str, ttl: int | None = None) -> str:
    """`issue_token` for the member of that name. Raises NotFound, Invalid."""
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
    if member is None:
        raise NotFound(f"There is no active member named {name}.")
    return await issue_token(hub, member, ttl)


async def member_of(hub: Hub, token: str) -> Member:
    """Whose token it is. Raises Unauthenticated."""
    if not token:
        raise Unauthenticated("unauthenticated", "An access token is needed: POST /auth/token gives one.")
    if len(token) > _MAX_TOKEN:
        raise _invalid()
    now = hub.now()
    remembered = _remembered.get(hub.database)
    if remembered is None:
        remembered = _remembered.setdefault(hub.database, Remembered())
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    member = remembered.get(digest, now)
    if member is not None:
        return member
    name, key_id, expires_at = _read(hub, token, now)
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
        if member is None or (key_id is not None and await _withdrawn(connection, member, key_id)):
            raise _invalid()
    remembered.put(digest, member, min(expires_at, now + RECHECK))
    return member


def _sign(hub: Hub, name: str, now: datetime, life: int, key_id: str | None) -> str:
    at = seconds(now)
    claims = {
        "iss": hub.settings.base_url,
        "aud": hub.settings.base_url,
        "sub": name,
        "iat": at,
        "exp": at + life,
        "jti": uuid4().hex,
        "scope": SCOPE,
    }
    if key_id is not None:
        claims["auth_kid"] = key_id
    return tokens.sign(claims, typ=TYPE, signer=hub.signer)


def _read(hub: Hub, token: str, now: datetime) -> tuple[str, str | None, datetime]:
    try:
        claims = tokens.verify(token, hub.signer.public, typ=TYPE, max_bytes=_MAX_TOKEN)
    except CertsError as error:
        raise _invalid() from error
    base = hub.settings.base_url
    match claims:
        case {"iss": iss, "aud": aud, "sub": str(name), "exp": exp} if iss == base and aud == base:
            expires_at = instant(exp)
        case _:
            raise _invalid()
    if now >= expires_at:
        raise Unauthenticated("token-expired", "The access token has expired; ask for a new one.", retry="NORMAL")
    return name, claims.get("auth_kid"), expires_at


async def _withdrawn(connection: AsyncConnection, member: Member, key_id: str) -> bool:
    """Was the key that the member signed in with reported stolen, or is it not the member's?"""
    keys = await members.keys(connection, member.id)
    return not any(key.kid == key_id and key.compromised_at is None for key in keys)


def _invalid() -> Unauthenticated:
    return Unauthenticated("unauthenticated", "The access token is not one of this hub's, or no longer counts.")
