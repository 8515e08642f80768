"""Access tokens: given for a client assertion (SMART Backend Services, RFC 7523), believed when a request carries one.

A token is a JWT signed by the hub for itself, with a type of its own, so that no receipt or list passes for one. What
verified is remembered for seconds only: a member that left or a key reported stolen ends its tokens in every process.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NoReturn
from uuid import uuid4
from weakref import WeakKeyDictionary

from certs import tokens
from certs.errors import CertsError
from certs.instants import instant, seconds
from hub.domain import scopes
from hub.domain.scopes import Rights
from hub.errors import Invalid, MissingScope, NotFound, Unauthenticated
from hub.runtime import Hub
from hub.services import allowances, assertions, client_certificates
from hub.storage import audit, members
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import Member

TYPE: Final = "lianqiao-access+jwt"
RECHECK: Final = timedelta(seconds=10)
_MOST_REMEMBERED: Final = 10_000
_MAX_TOKEN: Final = 4096
_MAX_TTL: Final = 86_400
_THUMBPRINT: Final = "x5t#S256"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, how many seconds it lives, and the scopes that it opens."""

    token: str
    seconds: int
    scope: str


@dataclass(frozen=True, slots=True)
class Access:
    """Whose token it is, and what it opens of that which the member may; only with `certificate`, where there is one."""

    member: Member
    rights: Rights
    certificate: str = ""

    def require(self, *needed: str) -> None:
        """Raises MissingScope for the first right that the token does not open."""
        for right in needed:
            if not scopes.opens(self.rights, right):
                raise MissingScope(right)


class Remembered:
    """Tokens that verified, by their SHA-256; bounded, the oldest goes first."""

    def __init__(self, most: int = _MOST_REMEMBERED) -> None:
        self._most = most
        self._entries: OrderedDict[bytes, tuple[Access, datetime]] = OrderedDict()

    def get(self, digest: bytes, now: datetime) -> Access | None:
        """Whose it is, if the token was verified a moment ago."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if now >= entry[1]:
            del self._entries[digest]
            return None
        return entry[0]

    def put(self, digest: bytes, access: Access, until: datetime) -> None:
        """Remember until then."""
        self._entries[digest] = (access, until)
        self._entries.move_to_end(digest)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


_remembered: WeakKeyDictionary[Database, Remembered] = WeakKeyDictionary()


def endpoint(hub: Hub) -> str:
    """Where assertions are sent, and what they must name as their audience."""
    return f"{hub.settings.base_url}/auth/token"


async def exchange(hub: Hub, assertion: str, wanted: str = "", certificate: str = "") -> Issued:
    """An access token for a client assertion that verifies and was never used.

    It opens those of the `wanted` scopes that the member may have, and all of these where none is named. Asked for over a
    connection with a `certificate` (its thumbprint) of the member's, it counts with that only. Raises Unauthenticated,
    TooMany; Invalid `invalid-scope` where nothing would be open.
    """
    now = hub.now()
    name = assertions.issuer_of(assertion)
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
        keys = await members.keys(connection, member.id) if member is not None else []
    verified = assertions.verify(assertion, keys, endpoint(hub), now)
    if member is None:
        raise Unauthenticated("invalid-client", "No active member has that name.")
    bound = certificate if client_certificates.is_usable(keys, certificate, now) else ""
    if member.mtls and not bound:
        raise Unauthenticated(
            "certificate-needed", "This member's tokens are given over connections with one of its certificates only."
        )
    await allowances.of(hub, member).admit(hub, member, 0)
    async with hub.database.begin() as connection:
        if not await members.use_assertion(connection, member.id, verified.id, verified.forget_at):
            raise Unauthenticated("replayed", "This client assertion was used before; make a new one for each token.")
    life, scope = hub.settings.token_seconds, _granted(member, wanted)
    return Issued(_sign(hub, member.name, now, life, verified.key_id, scope, bound), life, scope)


def _granted(member: Member, wanted: str) -> str:
    """The scopes of a token. Raises Invalid."""
    allowed = scopes.read(" ".join(member.scopes))
    granted = scopes.write(scopes.shared(scopes.read(wanted), allowed) if wanted.strip() else allowed)
    if not granted or len(granted) > scopes.LONGEST:
        why = (
            "the scopes are too many to name: ask for system/*"
            if granted
            else "none of these may be had by this member"
        )
        raise Invalid("invalid-scope", f"No token was given: {why}.")
    return granted


async def issue_token(hub: Hub, member: Member, ttl: int | None = None, scope: str = "") -> str:
    """A token for trying the interface by hand, in the member's name; the log keeps that the operator took it.

    `ttl` is in seconds, a day at most; `scope` as in `exchange`. Raises Invalid.
    """
    life = ttl if ttl is not None else hub.settings.token_seconds
    if not 1 <= life <= _MAX_TTL:
        raise Invalid("bad-time", f"A token lives 1 to {_MAX_TTL} seconds.")
    if member.mtls:
        raise Invalid("certificate-needed", f"Tokens of {member.name} count with one of its certificates only.")
    now, granted = hub.now(), _granted(member, scope)
    content = {"member": member.name, "seconds": life, "scope": granted}
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [Act("issue-token", "operator", content, now)])
    return _sign(hub, member.name, now, life, None, granted)


async def issue_token_for(hub: Hub, name: str, ttl: int | None = None, scope: str = "") -> str:
    """`issue_token` for the member of that name. Raises NotFound, Invalid."""
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
    if member is None:
        raise NotFound(f"There is no active member named {name}.")
    return await issue_token(hub, member, ttl, scope)


async def member_of(hub: Hub, token: str) -> Member:
    """Whose token it is. Raises Unauthenticated."""
    return (await access_of(hub, token)).member


async def access_of(hub: Hub, token: str, certificate: str = "") -> Access:
    """Whose token it is, and what it opens at this moment, coming with that certificate. Raises Unauthenticated."""
    if not token:
        raise Unauthenticated("unauthenticated", "An access token is needed: POST /auth/token gives one.")
    if len(token) > _MAX_TOKEN:
        raise _invalid()
    now = hub.now()
    remembered = _remembered.get(hub.database)
    if remembered is None:
        remembered = _remembered.setdefault(hub.database, Remembered())
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    known = remembered.get(digest, now)
    if known is not None:
        if known.certificate and known.certificate != certificate:
            await _refuse_without(hub, known)
        return known
    name, key_id, scope, bound, expires_at = _read(hub, token, now)
    async with hub.database.read() as connection:
        member = await members.by_name(connection, name)
        if member is None or (key_id is not None and await _withdrawn(connection, member, key_id, bound)):
            raise _invalid()
    if member.mtls and not bound:
        raise _invalid()
    access = Access(member, scopes.shared(scopes.read(scope), scopes.read(" ".join(member.scopes))), bound)
    remembered.put(digest, access, min(expires_at, now + RECHECK))
    if bound and bound != certificate:
        await _refuse_without(hub, access)
    return access


async def _refuse_without(hub: Hub, access: Access) -> NoReturn:
    """Raises Unauthenticated: the token came without the certificate that it is bound to (RFC 8705 §3)."""
    await client_certificates.note_misuse(hub, access.member)
    raise Unauthenticated(
        "wrong-certificate", "The access token counts only over a connection with the certificate it was given for."
    )


def _sign(hub: Hub, name: str, now: datetime, life: int, key_id: str | None, scope: str, bound: str = "") -> str:
    at = seconds(now)
    claims = {
        "iss": hub.settings.base_url,
        "aud": hub.settings.base_url,
        "sub": name,
        "iat": at,
        "exp": at + life,
        "jti": uuid4().hex,
        "scope": scope,
    }
    if key_id is not None:
        claims["auth_kid"] = key_id
    if bound:
        claims["cnf"] = {_THUMBPRINT: bound}
    return tokens.sign(claims, typ=TYPE, signer=hub.signer)


def _read(hub: Hub, token: str, now: datetime) -> tuple[str, str | None, str, str, datetime]:
    try:
        claims = tokens.verify(token, hub.signer.public, typ=TYPE, max_bytes=_MAX_TOKEN)
    except CertsError as error:
        raise _invalid() from error
    base = hub.settings.base_url
    match claims:
        case {"iss": iss, "aud": aud, "sub": str(name), "exp": exp, "scope": str(scope)} if iss == base and aud == base:
            expires_at = instant(exp)
        case _:
            raise _invalid()
    if now >= expires_at:
        raise Unauthenticated("token-expired", "The access token has expired; ask for a new one.", retry="NORMAL")
    return name, claims.get("auth_kid"), scope, claims.get("cnf", {}).get(_THUMBPRINT, ""), expires_at


async def _withdrawn(connection: AsyncConnection, member: Member, key_id: str, bound: str) -> bool:
    """Was the key that the member signed in with, or its certificate, reported stolen, or is it not the member's?"""
    keys = await members.keys(connection, member.id)
    if bound and not client_certificates.is_known(keys, bound):
        return True
    return not any(key.kid == key_id and key.compromised_at is None for key in keys)


def _invalid() -> Unauthenticated:
    return Unauthenticated("unauthenticated", "The access token is not one of this hub's, or no longer counts.")
