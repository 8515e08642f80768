"""Who may sign in to the console, their sessions and their one-time links.

Tokens are kept as SHA-256 hashes only, so that a copy of the database signs nobody in. A try to sign in is counted
before the password is looked at, in its own transaction: parallel guesses count like guesses one after the other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage.tables import login_session, sign_in_link, user_account
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Account:
    """One user; `totp_secret` is base32, or None where no code is asked for."""

    id: int
    name: str
    display: str
    password_hash: str
    totp_secret: str | None
    totp_step: int | None
    member_id: int | None
    roles: tuple[str, ...]
    language: str
    failures: int
    locked_until: datetime | None
    expires_at: datetime | None
    disabled: bool


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with."""

    name: str
    display: str
    password_hash: str
    member_id: int | None
    roles: tuple[str, ...]
    language: str
    expires_at: datetime | None


def _account(row: Any, vault: Vault) -> Account:
    return Account(
        row.id,
        row.name,
        row.display,
        row.password_hash,
        vault.open(row.totp_secret).decode() if row.totp_secret is not None else None,
        row.totp_step,
        row.member_id,
        tuple(row.roles),
        row.language,
        row.failures,
        row.locked_until,
        row.expires_at,
        row.disabled,
    )


async def add(connection: AsyncConnection, account: NewAccount) -> int | None:
    """Create an account; answers its id, or None when the name is taken."""
    if await exists(connection, account.name):
        return None
    return int(
        (
            await connection.execute(
                insert(user_account)
                .values(
                    name=account.name,
                    display=account.display,
                    password_hash=account.password_hash,
                    member_id=account.member_id,
                    roles=list(account.roles),
                    language=account.language,
                    expires_at=account.expires_at,
                )
                .returning(user_account.c.id)
            )
        ).scalar_one()
    )


async def exists(connection: AsyncConnection, name: str) -> bool:
    """Is there an account of that name? Holds the name until the transaction ends, so that two creations do not race."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(:space, hashtext(:name))"), {"space": 27764, "name": name}
    )
    found = await connection.execute(select(user_account.c.id).where(user_account.c.name == name))
    return found.one_or_none() is not None


async def by_name(connection: AsyncConnection, vault: Vault, name: str) -> Account | None:
    """The account of that name, disabled or not."""
    row = (await connection.execute(select(user_account).where(user_account.c.name == name))).one_or_none()
    return _account(row, vault) if row else None


async def all_accounts(connection: AsyncConnection, vault: Vault) -> list[Account]:
    """Every account, by name."""
    return [
        _account(row, vault) for row in await connection.execute(select(user_account).order_by(user_account.c.name))
    ]


async def count_try(
    connection: AsyncConnection, vault: Vault, name: str | None, *, now: datetime, most: int, seconds: float
) -> Account | None:
    """Count a try and answer the account; None when there is none, or it takes no more: `most` in `seconds`.

    Each try costs seconds/most of the account's time, which `locked_until` says is used up to; it may run ahead of the
    clock by `seconds`. Nobody waits for the disk, so that a name that exists takes no longer than one that does not.
    """
    until, step = user_account.c.locked_until, timedelta(seconds=seconds / most)
    await connection.execute(text("SET LOCAL synchronous_commit = off"))
    row = (
        await connection.execute(
            update(user_account)
            .where(
                user_account.c.name == name,
                or_(until.is_(None), until <= now + timedelta(seconds=seconds) - step),
            )
            .values(
                failures=user_account.c.failures + 1, locked_until=case((until > now, until + step), else_=now + step)
            )
            .returning(user_account)
        )
    ).one_or_none()
    return _account(row, vault) if row else None


async def succeed(connection: AsyncConnection, account_id: int, *, totp_step: int | None) -> bool:
    """Forget the failed tries; False when the code's time step (or a later one) was used before."""
    statement = update(user_account).where(user_account.c.id == account_id)
    values: dict[str, Any] = {"failures": 0, "locked_until": None}
    if totp_step is not None:
        statement = statement.where(or_(user_account.c.totp_step.is_(None), user_account.c.totp_step < totp_step))
        values["totp_step"] = totp_step
    return bool((await connection.execute(statement.values(**values))).rowcount)


async def change(connection: AsyncConnection, account_id: int, **values: Any) -> None:
    """Set columns of an account. `totp_secret` is given sealed."""
    await connection.execute(update(user_account).where(user_account.c.id == account_id).values(**values))


async def add_session(
    connection: AsyncConnection, token_hash: bytes, account_id: int, csrf: str, now: datetime, expires_at: datetime
) -> None:
    """Begin a session."""
    await connection.execute(
        insert(login_session).values(
            token_hash=token_hash, user_id=account_id, csrf=csrf, created_at=now, expires_at=expires_at
        )
    )


async def session(
    connection: AsyncConnection, vault: Vault, token_hash: bytes, now: datetime
) -> tuple[Account, str, datetime] | None:
    """(account, CSRF token, end) of a session that has not ended."""
    row = (
        await connection.execute(
            select(user_account, login_session.c.csrf, login_session.c.expires_at.label("session_end"))
            .join(login_session, login_session.c.user_id == user_account.c.id)
            .where(login_session.c.token_hash == token_hash, login_session.c.expires_at > now)
        )
    ).one_or_none()
    return (_account(row, vault), row.csrf, row.session_end) if row else None


async def end_sessions(
    connection: AsyncConnection, *, token_hash: bytes | None = None, account_id: int | None = None
) -> int:
    """End one session, or all of an account; answers how many."""
    statement = delete(login_session)
    if token_hash is not None:
        statement = statement.where(login_session.c.token_hash == token_hash)
    elif account_id is not None:
        statement = statement.where(login_session.c.user_id == account_id)
    else:
        raise ValueError("name the session or the account")
    return (await connection.execute(statement)).rowcount


async def add_link(connection: AsyncConnection, token_hash: bytes, account_id: int, expires_at: datetime) -> None:
    """Keep a one-time link."""
    await connection.execute(
        insert(sign_in_link).values(token_hash=token_hash, user_id=account_id, expires_at=expires_at)
    )


async def use_link(connection: AsyncConnection, vault: Vault, token_hash: bytes, now: datetime) -> Account | None:
    """Spend a link; None when it is unknown, spent or over. Two at once: one of them gets it."""
    spent = (
        await connection.execute(
            update(sign_in_link)
            .where(
                sign_in_link.c.token_hash == token_hash,
                sign_in_link.c.used_at.is_(None),
                sign_in_link.c.expires_at > now,
            )
            .values(used_at=now)
            .returning(sign_in_link.c.user_id)
        )
    ).one_or_none()
    if spent is None:
        return None
    row = (await connection.execute(select(user_account).where(user_account.c.id == spent.user_id))).one()
    return _account(row, vault)
