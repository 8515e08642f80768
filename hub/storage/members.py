"""Members of the exchange, their keys and endpoints, and the published trust lists."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.domain.scopes import EVERYTHING
from hub.storage import seals
from hub.storage.database import driver
from hub.storage.tables import assertion_seen, endpoint, member, member_key, trust_list
from hub.storage.vault import Vault

_PUBLISHER = 0x6C71_746C  # "lqtl"
_UNIQUE: Final = """
    -- unique: members that hold one live record a person; asked by every comparison
    SELECT * FROM member WHERE unique_records AND state = 'active'"""


@dataclass(frozen=True, slots=True)
class Member:
    """One member; `divisions` are 12-digit codes of the territory it answers for.

    `unique_records`: it promises to hold one live record of a person. `scopes`: what its tokens may open at most. `mtls`: they
    count with one of its certificates only.
    """

    id: int
    name: str
    kind: str
    display: str
    display_zh: str
    divisions: tuple[str, ...]
    state: str
    unique_records: bool = False
    scopes: tuple[str, ...] = (EVERYTHING,)
    mtls: bool = False


@dataclass(frozen=True, slots=True)
class MemberKey:
    """One public key of a member."""

    kid: str
    member_id: int
    use: str
    suite: str
    types: tuple[str, ...]
    jwk: dict[str, Any]
    not_before: datetime
    not_after: datetime
    compromised_at: datetime | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a member is told that something waits; `secret` is its Standard Webhooks key."""

    id: int
    member_id: int
    channel: str
    address: str
    secret: str
    state: str
    failing_since: datetime | None


def _member(row: Any) -> Member:
    return Member(
        row.id,
        row.name,
        row.kind,
        row.display,
        row.display_zh,
        tuple(row.divisions),
        row.state,
        row.unique_records,
        tuple(row.scopes),
        row.mtls,
    )


def _key(row: Any) -> MemberKey:
    return MemberKey(
        row.kid,
        row.member_id,
        row.use,
        row.suite,
        tuple(row.types),
        row.jwk,
        row.not_before,
        row.not_after,
        row.compromised_at,
    )


async def add(
    connection: AsyncConnection, *, name: str, kind: str, display: str, display_zh: str, divisions: Sequence[str]
) -> int:
    """Enrol a member; answers its id. The name must be free (IntegrityError)."""
    row = (
        await connection.execute(
            insert(member)
            .values(name=name, kind=kind, display=display, display_zh=display_zh, divisions=list(divisions))
            .returning(member)
        )
    ).one()
    await seals.change(connection, member, row)
    return int(row.id)


async def all_members(connection: AsyncConnection) -> list[Member]:
    """Every active member, by name."""
    rows = await connection.execute(select(member).where(member.c.state == "active").order_by(member.c.name))
    return [_member(row) for row in seals.genuine(connection, member, rows)]


async def by_name(connection: AsyncConnection, name: str) -> Member | None:
    """The active member of that name."""
    row = await seals.find(connection, member, member.c.name == name, member.c.state == "active")
    return _member(row) if row else None


async def promise_unique(connection: AsyncConnection, name: str, *, unique: bool) -> bool:
    """Note whether the member holds one live record a person; False when there is no such member."""
    row = await seals.find(connection, member, member.c.name == name, member.c.state == "active", lock=True)
    if row is not None:
        await seals.change(connection, member, row, unique_records=unique)
    return row is not None


async def set_scopes(connection: AsyncConnection, name: str, scopes: Sequence[str]) -> bool:
    """Set what a member's tokens may open; False when there is no such member."""
    row = await seals.find(connection, member, member.c.name == name, member.c.state == "active", lock=True)
    if row is not None:
        await seals.change(connection, member, row, scopes=list(scopes))
    return row is not None


async def require_mtls(connection: AsyncConnection, name: str, *, required: bool) -> bool:
    """Note whether the member's tokens count with its certificates only; False when there is no such member."""
    row = await seals.find(connection, member, member.c.name == name, member.c.state == "active", lock=True)
    if row is not None:
        await seals.change(connection, member, row, mtls=required)
    return row is not None


async def leave(connection: AsyncConnection, member_id: int) -> str:
    """Let a member be one no longer, its name free for another; answers the name. Raises NoResultFound."""
    row = await seals.find(connection, member, member.c.id == member_id, lock=True)
    if row is None:
        raise NoResultFound(f"there is no member {member_id}")
    await seals.change(connection, member, row, state="left", name=f"{row.name}~{member_id}")
    return str(row.name)


async def unique_sources(connection: AsyncConnection) -> dict[str, int]:
    """The members that hold one live record a person: name → id."""
    rows = await driver(connection).fetch(_UNIQUE)
    return {row["name"]: row["id"] for row in rows if seals.is_genuine(connection, member, row)}


async def add_key(connection: AsyncConnection, key: MemberKey) -> None:
    """Register a public key; the same key twice is once."""
    await seals.discard_forged(connection, member_key, member_key.c.kid == key.kid)
    values = {**asdict(key), "types": list(key.types)}
    seal = seals.of(connection, member_key, values)
    await connection.execute(upsert(member_key).values(**values, seal=seal).on_conflict_do_nothing())


async def keys(connection: AsyncConnection, member_id: int | None = None) -> list[MemberKey]:
    """Keys of one member, or of all."""
    statement = select(member_key).order_by(member_key.c.member_id, member_key.c.added_at, member_key.c.kid)
    if member_id is not None:
        statement = statement.where(member_key.c.member_id == member_id)
    return [_key(row) for row in seals.genuine(connection, member_key, await connection.execute(statement))]


async def mark_compromised(connection: AsyncConnection, kid: str, at: datetime) -> bool:
    """Record that a key was lost at `at`; False when there is no such key."""
    row = await seals.find(connection, member_key, member_key.c.kid == kid, lock=True)
    if row is not None:
        await seals.change(connection, member_key, row, compromised_at=at)
    return row is not None


async def end_key(connection: AsyncConnection, key: MemberKey, at: datetime) -> None:
    """Let a key count for nothing that is signed from `at` on."""
    row = await seals.find(connection, member_key, member_key.c.kid == key.kid, lock=True)
    if row is not None and row.not_after > at:
        await seals.change(connection, member_key, row, not_after=at)


async def use_assertion(connection: AsyncConnection, member_id: int, jti: str, expires_at: datetime) -> bool:
    """Note a client assertion's id; False when it was used before (RFC 7523 §3)."""
    done = await connection.execute(
        upsert(assertion_seen).values(member_id=member_id, jti=jti, expires_at=expires_at).on_conflict_do_nothing()
    )
    return bool(done.rowcount)


async def put_endpoint(
    connection: AsyncConnection, vault: Vault, member_id: int, channel: str, address: str, secret: str
) -> None:
    """Set where a member is told; one endpoint a channel."""
    values = {"address": address, "secret": vault.seal(secret.encode()), "state": "active", "failing_since": None}
    await connection.execute(
        upsert(endpoint)
        .values(member_id=member_id, channel=channel, **values)
        .on_conflict_do_update(index_elements=["member_id", "channel"], set_=values)
    )


async def endpoints(
    connection: AsyncConnection, vault: Vault, member_ids: Sequence[int] | None = None
) -> list[Endpoint]:
    """Endpoints of some members, or of all."""
    statement = select(endpoint).order_by(endpoint.c.id)
    if member_ids is not None:
        statement = statement.where(endpoint.c.member_id.in_(list(member_ids)))
    return [
        Endpoint(
            row.id,
            row.member_id,
            row.channel,
            row.address,
            vault.open(row.secret).decode(),
            row.state,
            row.failing_since,
        )
        for row in await connection.execute(statement)
    ]


async def set_endpoint_state(
    connection: AsyncConnection, endpoint_id: int, state: str, failing_since: datetime | None
) -> bool:
    """Change an endpoint's health; False when it already had that state, or is disabled: only `put_endpoint` ends that."""
    done = await connection.execute(
        update(endpoint)
        .where(endpoint.c.id == endpoint_id, endpoint.c.state.not_in([state, "disabled"]))
        .values(state=state, failing_since=failing_since)
    )
    return bool(done.rowcount)


async def publish_trust_list(connection: AsyncConnection, version: int, document: bytes) -> None:
    """Store a signed list; the version must be new (IntegrityError)."""
    await connection.execute(insert(trust_list).values(version=version, document=document))


async def newest_trust_list(connection: AsyncConnection) -> tuple[int, bytes] | None:
    """(version, document) of the list in force."""
    row = (await connection.execute(select(trust_list).order_by(trust_list.c.version.desc()).limit(1))).one_or_none()
    return (row.version, row.document) if row else None


async def lock_trust_list(connection: AsyncConnection) -> None:
    """Be the only publisher until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PUBLISHER})


async def next_trust_version(connection: AsyncConnection) -> int:
    """One above the highest ever published."""
    return int((await connection.execute(select(func.coalesce(func.max(trust_list.c.version), 0) + 1))).scalar_one())


async def by_id(connection: AsyncConnection, member_id: int) -> Member:
    """The member with that id. Raises NoResultFound."""
    row = await seals.find(connection, member, member.c.id == member_id)
    if row is None:
        raise NoResultFound(f"there is no member {member_id}")
    return _member(row)
