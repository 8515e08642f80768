"""Access tokens for people who decide: a steward's rights at /fhir, given by the operator, never by a member's key.

A token names an account. What the account may do is looked up each time, so that an appointment that ends, or an account
that is closed, ends its tokens too.
"""

from datetime import datetime
from typing import Final
from uuid import uuid4

from certs import tokens
from certs.errors import CertsError
from certs.instants import instant, seconds
from hub.errors import Invalid, NotFound, Unauthenticated
from hub.runtime import Hub
from hub.services import sessions
from hub.services.accounts import is_closed
from hub.services.sessions import User
from hub.storage import accounts, audit
from hub.storage.audit import Act

TYPE: Final = "lianqiao-steward+jwt"
_MAX_TOKEN: Final = 2048
_MAX_TTL: Final = 86_400


async def issue(hub: Hub, name: str, ttl: int | None = None) -> str:
    """A token in the name of the account `name` for `ttl` seconds, a day at most; the log keeps that the operator took it.

    Raises NotFound, Invalid for a closed account or one that does not decide.
    """
    life = ttl if ttl is not None else hub.settings.token_seconds
    if not 1 <= life <= _MAX_TTL:
        raise Invalid("bad-time", f"A token lives 1 to {_MAX_TTL} seconds.")
    now = hub.now()
    async with hub.database.begin() as connection:
        account = await accounts.by_name(connection, hub.vault, name)
        if account is None:
            raise NotFound(f"There is no account named {name!r}.")
        if is_closed(account, now):
            raise Invalid("account-closed", f"The account {name!r} is disabled, or its appointment has ended.")
        if not (await sessions.user_of(connection, account)).may_decide:
            raise Invalid("role-missing", f"{name!r} is neither a steward nor a supervisor.")
        await audit.append(
            connection, hub.vault, [Act("issue-token", "operator", {"user": name, "seconds": life}, now)]
        )
    return _sign(hub, name, now, life)


def _sign(hub: Hub, name: str, now: datetime, life: int) -> str:
    at, base = seconds(now), hub.settings.base_url
    claims = {"iss": base, "aud": base, "sub": name, "iat": at, "exp": at + life, "jti": uuid4().hex}
    return tokens.sign(claims, typ=TYPE, signer=hub.signer)


def is_one(hub: Hub, token: str) -> bool:
    """Is it a steward's token of this hub, of whatever time?"""
    try:
        tokens.verify(token, hub.signer.public, typ=TYPE, max_bytes=_MAX_TOKEN)
    except CertsError:
        return False
    return True


async def user_of(hub: Hub, token: str) -> User:
    """Whose token it is, with the rights of this moment. Raises Unauthenticated."""
    name = _read(hub, token)
    now = hub.now()
    async with hub.database.read() as connection:
        account = await accounts.by_name(connection, hub.vault, name)
        if account is None or is_closed(account, now):
            raise _invalid()
        return await sessions.user_of(connection, account)


def _read(hub: Hub, token: str) -> str:
    try:
        claims = tokens.verify(token, hub.signer.public, typ=TYPE, max_bytes=_MAX_TOKEN)
    except CertsError as error:
        raise _invalid() from error
    base = hub.settings.base_url
    match claims:
        case {"iss": iss, "aud": aud, "sub": str(name), "exp": exp} if iss == base and aud == base:
            if hub.now() >= instant(exp):
                raise Unauthenticated("token-expired", "The access token has expired; ask for a new one.")
            return name
        case _:
            raise _invalid()


def _invalid() -> Unauthenticated:
    return Unauthenticated("unauthenticated", "The access token is not one of this hub's, or no longer counts.")
