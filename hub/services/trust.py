"""The trust list: published by the hub, and believed by it only as any gateway would believe it.

A published list is signed by every root key this hub holds, at least two; its version only rises. Read back from the
database it is not believed for being there: signatures, version and date are checked against the pinned roots, and a
list older than one this machine has used is refused, after a restart too.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson

from certs import trust_format
from certs.encoding import sha256
from certs.errors import CertsError
from certs.instants import utc
from certs.keys import VerifyKey
from certs.trust import MAX_LIFETIME, Member, TrustedKey, TrustList, verify
from hub.errors import Conflict, HubError, Unavailable
from hub.runtime import HUB_NAME, Hub
from hub.settings import Settings
from hub.storage import audit, durable, keyring, log_checks, members
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import MemberKey

THRESHOLD: Final = 2
"""How many roots must have signed a list."""
_NOT_LISTED: Final = ("auth", "tls")


@dataclass(frozen=True, slots=True)
class _Held:
    document: bytes
    trust: TrustList


_held: WeakKeyDictionary[Database, _Held] = WeakKeyDictionary()


def roots_file(settings: Settings) -> Path:
    """The public root keys as a JWKS: what gateways and verifiers pin."""
    return settings.data_dir / "trust-roots.json"


def write_roots(settings: Settings, roots: list[VerifyKey]) -> None:
    """Export the public root keys; whole or not at all."""
    content = orjson.dumps({"keys": [root.to_jwk() for root in roots]}, option=orjson.OPT_INDENT_2)
    durable.write(roots_file(settings), content, replace=True, mode=0o644)


def pinned_roots(settings: Settings) -> list[VerifyKey]:
    """The root keys this hub believes. Raises HubError `no-roots` with what to do."""
    path = roots_file(settings)
    try:
        document: dict[str, Any] = orjson.loads(path.read_bytes())
        return [VerifyKey.from_jwk(jwk) for jwk in document["keys"]]
    except FileNotFoundError as error:
        raise HubError("no-roots", f"The root keys are missing at {path}. Run `hub init` first.") from error
    except (orjson.JSONDecodeError, KeyError, TypeError, CertsError) as error:
        raise HubError(
            "no-roots", f"{path} is not a JWKS of root keys; bring back the one made by `hub init`."
        ) from error


async def document(hub: Hub) -> bytes:
    """The list in force exactly as published. Raises Unavailable when none was published."""
    async with hub.database.read() as connection:
        newest = await members.newest_trust_list(connection)
    if newest is None:
        raise Unavailable("no-trust-list", "No trust list has been published yet.", retry_after=60)
    return newest[1]


async def current(hub: Hub) -> TrustList:
    """The list in force, verified. Raises Unavailable, and what certs.trust.verify raises (rollback, staleness …)."""
    data, held, now = await document(hub), _held.get(hub.database), hub.now()
    if held is not None and held.document == data:
        held.trust.check_current(now)
        return held.trust
    folder = hub.settings.data_dir
    seen = await asyncio.to_thread(log_checks.read_seen, folder)
    found = verify(
        data, pinned_roots(hub.settings), THRESHOLD, now=now, last_version=seen.version, last_digest=seen.digest
    )
    if found.version > seen.version:
        await asyncio.to_thread(log_checks.keep_seen, folder, log_checks.Seen(found.version, found.digest))
    _held[hub.database] = _Held(data, found)
    return found


async def publish(hub: Hub) -> TrustList:
    """Build, sign and publish the list of all active members. Raises HubError `no-roots` when too few roots are here."""
    async with hub.database.begin() as connection:
        return await publish_in(hub, connection)


async def publish_if_due(hub: Hub) -> int | None:
    """Publish anew when half of the list's life is over, or none is there; answers the new version, None when not due."""
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        newest = await members.newest_trust_list(connection)
        if newest is not None:
            payload, _ = trust_format.read_signed(newest[1], {})
            _, _, next_update, _ = trust_format.read(payload)
            if next_update - hub.now() > MAX_LIFETIME / 2:
                return None
        return (await publish_in(hub, connection)).version


async def publish_in(hub: Hub, connection: AsyncConnection) -> TrustList:
    """`publish` in the transaction of another act."""
    made, document = await _signed(hub, connection, THRESHOLD)
    await _store(hub, connection, made, document)
    return made


async def _signed(hub: Hub, connection: AsyncConnection, least: int) -> tuple[TrustList, bytes]:
    """The next list, signed by every root that is here. Raises HubError `no-roots` for fewer than `least`."""
    folder = hub.settings.keys_dir
    roots = [keyring.load(folder, hub.vault, name) for name in keyring.ROOTS if keyring.exists(folder, name)]
    if len(roots) < least:
        raise HubError(
            "no-roots",
            f"{len(roots)} root keys are in {folder}, {THRESHOLD} are needed to sign the trust list; where they are kept "
            "apart, `hub key draft` makes a list for their officers to sign.",
        )
    await members.lock_trust_list(connection)
    now = hub.now()
    made = TrustList(
        version=await members.next_trust_version(connection),
        issued_at=now,
        next_update=utc(now) + MAX_LIFETIME,
        members=tuple(await _listed(connection)),
    )
    return made, made.sign(*roots)


async def _store(hub: Hub, connection: AsyncConnection, made: TrustList, document: bytes) -> None:
    await members.publish_trust_list(connection, made.version, document)
    content = {"version": made.version, "digest": made.digest, "document": sha256(document).hex()}
    await audit.append(connection, hub.vault, [Act("publish-trust-list", HUB_NAME, content, hub.now())])


async def draft(hub: Hub) -> bytes:
    """The next list, signed by the roots that are here, at least one: others countersign it elsewhere."""
    async with hub.database.begin() as connection:
        return (await _signed(hub, connection, 1))[1]


async def accept(hub: Hub, document: bytes) -> TrustList:
    """Publish a drafted list that enough roots have signed. Raises Conflict, and what certs.trust.verify raises."""
    made = verify(document, pinned_roots(hub.settings), THRESHOLD, now=hub.now())
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        if made.version != await members.next_trust_version(connection):
            raise Conflict("stale", "Another list was published since this one was drafted; draft it anew.")
        await _store(hub, connection, made, document)
    return made


async def _listed(connection: AsyncConnection) -> list[Member]:
    """Every active member with the keys others need: not those it only signs in with. Old keys stay, for old signatures."""
    keys = await members.keys(connection)
    return [
        Member(
            name=member.name,
            divisions=member.divisions,
            display=display(member.display, member.display_zh),
            keys=tuple(_trusted(key) for key in keys if key.member_id == member.id and key.use not in _NOT_LISTED),
        )
        for member in await members.all_members(connection)
    ]


def _trusted(key: MemberKey) -> TrustedKey:
    return TrustedKey(
        kid=key.kid,
        use="enc" if key.use == "enc" else "sig",
        suite=key.suite,
        types=frozenset(key.types),
        nbf=key.not_before,
        naf=key.not_after,
        compromised_at=key.compromised_at,
        jwk=key.jwk,
    )


def display(name: str, name_zh: str) -> str:
    """What people call a member, in one text for readers of either language."""
    return name if name == name_zh else f"{name_zh} {name}"
