"""Signing in to the console, and the sessions that follow.

A password counts with its code where one is set up. Whatever is wrong, the answer and its cost are the same, so that
nobody learns which names exist. An appointment that has ended ends its sessions too.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp

from hub.errors import Invalid, Unauthenticated
from hub.runtime import Hub
from hub.services import guesses, passwords
from hub.services.accounts import ADMINISTRATOR, LANGUAGES, STEWARD, SUPERVISOR, is_closed, token_hash
from hub.storage import accounts, audit, members
from hub.storage.accounts import Account
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

DECIDING = frozenset({STEWARD, SUPERVISOR})
HUB_REGION = "hub"
_STEP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in. `member_id` None is the hub's own staff; `region` is the member's name, or "hub"."""

    id: int
    name: str
    display: str
    member_id: int | None
    region: str
    region_display: str
    region_display_zh: str
    roles: tuple[str, ...]
    language: str

    @property
    def visible(self) -> tuple[int, ...] | None:
        """Members whose records this user may see; None is all."""
        return None if self.member_id is None else (self.member_id,)

    @property
    def may_decide(self) -> bool:
        """Stewards and supervisors decide and reveal; auditors and administrators read."""
        return bool(DECIDING & set(self.roles))

    @property
    def may_overrule(self) -> bool:
        """May undo what another decided."""
        return SUPERVISOR in self.roles

    @property
    def may_assign(self) -> bool:
        """May give conflicts to others."""
        return bool({SUPERVISOR, ADMINISTRATOR} & set(self.roles))


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in visit."""

    user: User
    csrf: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just begun; `token` is told once, to the browser."""

    token: str
    session: Session


async def sign_in(hub: Hub, name: str, password: str, code: str = "", *, address: str = "") -> SignedIn:
    """Begin a session for somebody at `address`.

    Raises Unauthenticated `sign-in-failed` whatever is wrong, `appointment-ended` after its end; TooMany.
    """
    guesses.admit(hub, address)
    name, now = name.strip().lower()[:40], hub.now()
    async with hub.database.begin() as connection:
        guess = await guesses.count(hub, connection, name, address)
    account = guess.account
    right = await passwords.verify(account.password_hash if account else passwords.UNUSABLE, password)
    step = _step(account, code, now) if account else None
    if account is None or not right or (account.totp_secret is not None and step is None) or account.disabled:
        await guesses.note(hub, guess)
        raise _failed()
    if is_closed(account, now):
        raise Unauthenticated("appointment-ended", "The appointment of this account has ended.", retry="CONTACT")
    fresh = await passwords.hash_again(password) if passwords.is_outdated(account.password_hash) else None
    async with hub.database.begin() as connection:
        if not await accounts.succeed(connection, account.id, totp_step=step):
            raise _failed()
        guesses.forgive(hub, guess)
        if fresh is not None:
            await accounts.change(connection, account.id, password_hash=fresh)
        return await _begin(hub, connection, account, "password", now)


def _failed() -> Unauthenticated:
    return Unauthenticated(
        "sign-in-failed", "The name, the password or the code is not right, or there were too many tries."
    )


def _step(account: Account, code: str, now: datetime) -> int | None:
    """The time step whose code this is (the last, this or the next one), not used before; None otherwise."""
    code = "".join(code.split())
    if account.totp_secret is None or len(code) != 6:
        return None
    current = int(now.timestamp()) // _STEP_SECONDS
    totp = pyotp.TOTP(account.totp_secret)
    for step in (current - 1, current, current + 1):
        if secrets.compare_digest(totp.generate_otp(step), code):
            return step if account.totp_step is None or step > account.totp_step else None
    return None


async def enter(hub: Hub, token: str) -> SignedIn:
    """Begin a session with a one-time link. Raises Unauthenticated `link-spent`."""
    now = hub.now()
    async with hub.database.begin() as connection:
        account = await accounts.use_link(connection, hub.vault, token_hash(token), now)
        if account is None or is_closed(account, now):
            raise Unauthenticated("link-spent", "This link was used before, is too old, or is not complete.")
        return await _begin(hub, connection, account, "link", now)


async def _begin(hub: Hub, connection: AsyncConnection, account: Account, way: str, now: datetime) -> SignedIn:
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    end = now + timedelta(seconds=hub.settings.session_seconds)
    end = min(end, account.expires_at) if account.expires_at else end
    await accounts.add_session(connection, token_hash(token), account.id, csrf, now, end)
    await audit.append(connection, hub.vault, [Act("sign-in", account.name, {"way": way}, now)])
    return SignedIn(token, Session(await user_of(connection, account), csrf, end))


async def user_of(connection: AsyncConnection, account: Account) -> User:
    """The account as one who is signed in."""
    region, display, display_zh = HUB_REGION, "All regions", "全部地区"
    if account.member_id is not None:
        member = await members.by_id(connection, account.member_id)
        region, display, display_zh = member.name, member.display, member.display_zh
    return User(
        account.id,
        account.name,
        account.display,
        account.member_id,
        region,
        display,
        display_zh,
        account.roles,
        account.language,
    )


async def session_of(hub: Hub, token: str) -> Session:
    """The session behind a browser's token. Raises Unauthenticated `signed-out` or `appointment-ended`."""
    now = hub.now()
    if token:
        async with hub.database.read() as connection:
            found = await accounts.session(connection, hub.vault, token_hash(token), now)
            if found is not None and not found[0].disabled:
                account, csrf, end = found
                if is_closed(account, now):
                    raise Unauthenticated("appointment-ended", "The appointment of this account has ended.")
                return Session(await user_of(connection, account), csrf, end)
    raise Unauthenticated("signed-out", "You are not signed in, or your session has ended.")


async def set_language(hub: Hub, user: User, language: str) -> None:
    """The language of the user's screens."""
    if language not in LANGUAGES:
        raise Invalid("unknown-language", "The languages are zh and en.")
    async with hub.database.begin() as connection:
        await accounts.change(connection, user.id, language=language)


async def sign_out(hub: Hub, token: str, user: User) -> None:
    """End this session."""
    async with hub.database.begin() as connection:
        await accounts.end_sessions(connection, token_hash=token_hash(token))
        await audit.append(connection, hub.vault, [Act("sign-out", user.name, {}, hub.now())])
