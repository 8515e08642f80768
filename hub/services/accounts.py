"""The accounts of people who use the console: made, changed, closed, and given one-time sign-in links.

What the command line calls. Every change is an audit leaf; a change of what signs in ends the account's sessions.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pyotp

from hub.errors import Conflict, Invalid, NotFound
from hub.runtime import Hub
from hub.services import passwords
from hub.storage import accounts, audit, members
from hub.storage.accounts import Account, NewAccount
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

STEWARD, SUPERVISOR, ADMINISTRATOR, AUDITOR = "steward", "supervisor", "administrator", "auditor"
ROLES = (STEWARD, SUPERVISOR, ADMINISTRATOR, AUDITOR)
LANGUAGES = ("zh", "en")
LINK_SECONDS = 900


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def create_user(
    hub: Hub,
    *,
    name: str,
    display: str,
    roles: Collection[str],
    member: str | None = None,
    password: str | None = None,
    language: str = "zh",
    expires_at: datetime | None = None,
    by: str = "cli",
) -> int:
    """Create an account of the region `member` (None: the hub's staff); answers its id.

    Without a password only one-time links sign in. Raises Conflict `name-taken`, Invalid, NotFound for the member.
    """
    _check(name, roles, language)
    hashed = passwords.UNUSABLE if password is None else await passwords.hash_new(password)
    now = hub.now()
    async with hub.database.begin() as connection:
        member_id = await _member_id(connection, member)
        made = await accounts.add(
            connection, NewAccount(name, display, hashed, member_id, tuple(sorted(set(roles))), language, expires_at)
        )
        if made is None:
            raise Conflict("name-taken", f"There is already an account named {name!r}.")
        content = {"user": name, "roles": sorted(set(roles)), "member": member}
        await audit.append(connection, hub.vault, [Act("create-user", by, content, now)])
    return made


def _check(name: str, roles: Collection[str], language: str) -> None:
    if not (name.isascii() and name.isprintable() and 2 <= len(name) <= 40 and name == name.strip().lower()):
        raise Invalid("bad-name", "A user name has 2 to 40 small Latin letters, digits, '.', '-' or '_'.")
    if not roles or not set(roles) <= set(ROLES):
        raise Invalid("unknown-role", f"Roles are {', '.join(ROLES)}; at least one is needed.")
    if language not in LANGUAGES:
        raise Invalid("unknown-language", "The languages are zh and en.")


async def _member_id(connection: AsyncConnection, member: str | None) -> int | None:
    if member is None:
        return None
    found = await members.by_name(connection, member)
    if found is None:
        raise NotFound(f"There is no member named {member!r}.")
    return found.id


async def list_users(hub: Hub) -> list[Account]:
    """Every account, by name; for the command line."""
    async with hub.database.read() as connection:
        return await accounts.all_accounts(connection, hub.vault)


async def _change(hub: Hub, name: str, act: str, by: str, *, end_sessions: bool, **values: Any) -> None:
    async with hub.database.begin() as connection:
        account = await _named(hub, connection, name)
        await accounts.change(connection, account.id, **values)
        if end_sessions:
            await accounts.end_sessions(connection, account_id=account.id)
        await audit.append(connection, hub.vault, [Act(act, by, {"user": name}, hub.now())])


async def _named(hub: Hub, connection: AsyncConnection, name: str) -> Account:
    account = await accounts.by_name(connection, hub.vault, name)
    if account is None:
        raise NotFound(f"There is no account named {name!r}.")
    return account


async def set_password(hub: Hub, name: str, password: str, *, by: str = "cli") -> None:
    """A new password; every session of the account ends and a lock is lifted. Raises Invalid `weak-password`."""
    hashed = await passwords.hash_new(password)
    await _change(hub, name, "set-password", by, end_sessions=True, password_hash=hashed, failures=0, locked_until=None)


async def set_disabled(hub: Hub, name: str, disabled: bool, *, by: str = "cli") -> None:
    """Close an account, or open it again; its sessions end."""
    await _change(hub, name, "disable-user" if disabled else "enable-user", by, end_sessions=True, disabled=disabled)


async def set_expiry(hub: Hub, name: str, expires_at: datetime | None, *, by: str = "cli") -> None:
    """When the appointment ends; after that nobody signs in and no session goes on."""
    await _change(hub, name, "set-user-expiry", by, end_sessions=False, expires_at=expires_at)


async def require_code(hub: Hub, name: str, *, by: str = "cli") -> str:
    """Ask for a one-time code from now on; answers the otpauth:// address for an authenticator (RFC 6238)."""
    secret = pyotp.random_base32()
    sealed = hub.vault.seal(secret.encode())
    await _change(hub, name, "require-code", by, end_sessions=True, totp_secret=sealed, totp_step=None)
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Lianqiao")


async def make_sign_in_link(hub: Hub, name: str, *, seconds: int = LINK_SECONDS, by: str = "cli") -> str:
    """An address that signs `name` in once within `seconds`. Raises NotFound, Invalid for a closed account."""
    token = secrets.token_urlsafe(32)
    now = hub.now()
    async with hub.database.begin() as connection:
        account = await _named(hub, connection, name)
        if is_closed(account, now):
            raise Invalid("account-closed", f"The account {name!r} is disabled, or its appointment has ended.")
        await accounts.add_link(connection, token_hash(token), account.id, now + timedelta(seconds=seconds))
        await audit.append(connection, hub.vault, [Act("make-sign-in-link", by, {"user": name}, now)])
    return f"{hub.settings.base_url}/console/enter?token={quote(token)}"


def is_closed(account: Account, now: datetime) -> bool:
    """Is nobody to be signed in with it any more?"""
    return account.disabled or (account.expires_at is not None and account.expires_at <= now)
