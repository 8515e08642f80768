"""Who takes part, with which keys, told where: enrols members, takes up public keys, notes which were stolen.

Private keys of members are never seen here. What is enrolled counts for others once it stands in the next published
trust list (`services.trust`); a key reported stolen is published at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from certs.divisions import is_division
from certs.errors import CertsError, MalformedTrustList
from certs.instants import SKEW, utc
from certs.keys import EncryptionKey, VerifyKey
from certs.trust import Member as TrustedMember
from certs.trust import TrustList
from hub.domain import scopes
from hub.errors import Conflict, Invalid, NotFound
from hub.runtime import HUB_NAME, Hub
from hub.services import assertions, trust
from hub.storage import audit, members, sandboxes
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member, MemberKey
from mappings import vocabulary

KINDS: Final = ("county", "partner")
CHANNELS: Final = ("webhook",)
HUB_TYPES: Final = ("checkpoint", "receipt", "status")
LIFETIMES: Final = {"auth": timedelta(days=365), "sig": timedelta(days=365), "enc": timedelta(days=90)}
"""How long a key counts after it was taken up (SECURITY.md)."""

_OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody to be enrolled."""

    name: str
    kind: str
    display: str
    display_zh: str
    divisions: tuple[str, ...]


async def add_member(
    hub: Hub, *, name: str, kind: str, display: str, display_zh: str, divisions: Collection[str]
) -> Member:
    """Enrol a member; the same once more is the same member. Raises Invalid, Conflict (name or division taken)."""
    if kind not in KINDS:
        raise Invalid("bad-member", f"A member is one of: {', '.join(KINDS)}.")
    return await _add(hub, name, kind, display, display_zh, tuple(sorted(set(divisions))))


async def _add(hub: Hub, name: str, kind: str, display: str, display_zh: str, divisions: tuple[str, ...]) -> Member:
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        known = await members.by_name(connection, name)
        if known is not None:
            if (known.kind, known.display, known.display_zh, known.divisions) != (kind, display, display_zh, divisions):
                raise Conflict("name-taken", f"There is another member named {name}.")
            return known
        new = NewMember(name, kind, display, display_zh, divisions)
        return await enrol(hub, connection, new, by=_OPERATOR)


async def enrol(hub: Hub, connection: AsyncConnection, new: NewMember, *, by: str) -> Member:
    """Enrol somebody within an act that holds the lock of the trust list. Raises Invalid, Conflict."""
    check(hub, new)
    if await members.by_name(connection, new.name) is not None:
        raise Conflict("name-taken", f"There is another member named {new.name}.")
    for other in await members.all_members(connection):
        shared = set(other.divisions) & set(new.divisions)
        if shared:
            raise Conflict("division-taken", f"{other.name} answers for {', '.join(sorted(shared))} already.")
    await members.add(connection, **asdict(new))
    content = {"member": new.name, "kind": new.kind, "divisions": list(new.divisions)}
    await audit.append(connection, hub.vault, [Act("enrol", by, content, hub.now())])
    return await _member(connection, new.name)


def check(hub: Hub, new: NewMember) -> None:
    """Raises Invalid for a member that could not stand in a trust list, or not in the one of this hub."""
    _check_listable(new.name, new.display, new.display_zh, new.divisions)
    if any(code.startswith(sandboxes.PROVINCE) != hub.settings.sandbox for code in new.divisions):
        raise Invalid(
            "bad-division",
            f"Divisions that begin with {sandboxes.PROVINCE} are invented: a sandbox has no others, and a live hub none.",
        )


def _check_listable(name: str, display: str, display_zh: str, divisions: tuple[str, ...]) -> None:
    """What could not stand in a trust list is not enrolled."""
    if not display or not display_zh:
        raise Invalid("bad-member", "A member needs a name in English and one in Chinese.")
    if not all(is_division(code) for code in divisions):
        raise Invalid("bad-member", "A division is a code of twelve digits (GB/T 2260 and 10114).")
    try:
        TrustedMember(name, divisions, trust.display(display, display_zh), ())
    except MalformedTrustList as error:
        raise Invalid("bad-member", f"This cannot stand in the trust list: {error.detail}.") from error


async def promise_unique(hub: Hub, name: str, *, unique: bool) -> None:
    """Note whether the member holds one live record a person: two such records are then only linked by decision.

    Counts for what arrives at once, and for what is stored at the next reconciliation. Raises NotFound.
    """
    async with hub.database.begin() as connection:
        if not await members.promise_unique(connection, name, unique=unique):
            raise NotFound(f"There is no active member named {name}.")
        content = {"member": name, "unique_records": unique}
        await audit.append(connection, hub.vault, [Act("unique-records", _OPERATOR, content, hub.now())])


async def set_scopes(hub: Hub, name: str, wanted: Collection[str]) -> str:
    """Set what a member's tokens may open at most, those that it has too within seconds; answers it as it is kept.

    Where nothing is `wanted` it stays as it is. Raises Invalid for a scope that there is not, NotFound.
    """
    if not wanted:
        async with hub.database.read() as connection:
            member = await members.by_name(connection, name)
        if member is None:
            raise NotFound(f"There is no active member named {name}.")
        return " ".join(member.scopes)
    unknown = sorted(scope for scope in wanted if not scopes.rights(scope))
    kept = scopes.write(scopes.read(" ".join(wanted)))
    if unknown:
        raise Invalid("bad-scope", f"Not a scope of the hub: {', '.join(unknown)}.")
    async with hub.database.begin() as connection:
        if not await members.set_scopes(connection, name, kept.split()):
            raise NotFound(f"There is no active member named {name}.")
        content = {"member": name, "scopes": kept}
        await audit.append(connection, hub.vault, [Act("set-scopes", _OPERATOR, content, hub.now())])
    return kept


async def add_keys(
    hub: Hub, name: str, jwks: Mapping[str, Any], *, types: Collection[str] | None = None
) -> list[MemberKey]:
    """Take up the public keys of a member from a JWKS whose keys say their `purpose` (auth, sig or enc).

    `types` are the record kinds its signing keys may sign: all sealed kinds for a county, none for a partner unless
    given. Answers the keys that are new. Raises Invalid, Conflict (the key is somebody's already), NotFound.
    """
    entries = jwks.get("keys")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise Invalid("malformed-key", "A JWKS is an object with a list of keys.")
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        member = await _member(connection, name)
        return await take_keys(hub, connection, member, entries, types=types, by=_OPERATOR)


async def take_keys(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    entries: Collection[dict[str, Any]],
    *,
    types: Collection[str] | None = None,
    by: str,
) -> list[MemberKey]:
    """`add_keys` within an act that holds the lock of the trust list."""
    if types is None:
        types = vocabulary.SEALED_KINDS if member.kind == "county" else ()
    added = []
    for entry in entries:
        key = read_key(member.id, entry, tuple(sorted(types)), utc(hub.now()))
        if await is_new(connection, key):
            await members.add_key(connection, key)
            added.append(key)
    if added:
        content = {"member": member.name, "keys": {key.kid: key.use for key in added}}
        await audit.append(connection, hub.vault, [Act("add-keys", by, content, hub.now())])
    return added


def read_key(member_id: int, jwk: dict[str, Any], types: tuple[str, ...], now: datetime) -> MemberKey:
    """A member's public key as it would be kept from `now` on. Raises Invalid."""
    purpose = jwk.get("purpose", jwk.get("use"))
    plain = {name: value for name, value in jwk.items() if name != "purpose"}
    try:
        if purpose == "auth":
            kid, public = assertions.read_key(plain)
            suite = public["alg"].lower()
        elif purpose == "enc":
            opened = EncryptionKey.from_jwk(plain)
            kid, suite, public = opened.kid, opened.suite, opened.to_jwk()
        elif purpose == "sig" and "purpose" in jwk:
            verifying = VerifyKey.from_jwk(plain)
            kid, suite, public = verifying.kid, verifying.suite, verifying.to_jwk()
        else:
            raise Invalid("malformed-key", "Each signing key says its purpose: auth (signs in) or sig (signs records).")
    except CertsError as error:
        raise Invalid(error.code, f"{error.message.en} {error.detail}".strip()) from error
    return MemberKey(
        kid=kid,
        member_id=member_id,
        use=purpose,
        suite=suite,
        types=types if purpose == "sig" else (),
        jwk=public,
        # A county's clock may be a little behind ours when it signs its first record.
        not_before=now - SKEW,
        not_after=now + LIFETIMES[purpose],
        compromised_at=None,
    )


async def is_new(connection: AsyncConnection, key: MemberKey) -> bool:
    """Is the key nobody's yet? Raises Conflict where it is another's, or serves something else."""
    for known in await members.keys(connection):
        if known.kid == key.kid:
            if (known.member_id, known.use) != (key.member_id, key.use):
                raise Conflict("key-taken", "A key serves one member and one purpose; this one is in use already.")
            return False
    return True


async def set_endpoint(hub: Hub, name: str, channel: str, address: str, secret: str, *, by: str = _OPERATOR) -> None:
    """Set where a member is told that something waits, in the place of what was set before. Raises Invalid, NotFound.

    Whether the address may be called is asked at each call, when its name is resolved; the log has its host only.
    """
    parts = _address(address)
    if channel not in CHANNELS or not secret:
        raise Invalid("bad-endpoint", f"An endpoint has a secret and a channel: {', '.join(CHANNELS)}.")
    async with hub.database.begin() as connection:
        member = await _member(connection, name)
        await members.put_endpoint(connection, hub.vault, member.id, channel, address, secret)
        content = {"member": name, "channel": channel, "host": parts.hostname}
        await audit.append(connection, hub.vault, [Act("set-endpoint", by, content, hub.now())])


def _address(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise Invalid("bad-endpoint", "This is no address.") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.password is not None:
        raise Invalid("bad-endpoint", "An address begins with https://, names a host and holds no password.")
    return parts


async def retire_key(hub: Hub, kid: str) -> TrustList:
    """End a key whose place another has taken; what it signed stays good. Publishes the list.

    Raises NotFound; Conflict `last-key` where the member has no other key for the same that counts now; HubError as
    `report_stolen` does.
    """
    now = utc(hub.now())
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        known = await members.keys(connection)
        key = next((one for one in known if one.kid == kid and one.not_after > now), None)
        if key is None:
            raise NotFound("No member has a key of that name that still counts.")
        same = [one for one in known if (one.member_id, one.use) == (key.member_id, key.use) and one.kid != kid]
        if not any(one.not_before <= now < one.not_after and one.compromised_at is None for one in same):
            raise Conflict("last-key", "It is the only key of its member for this; take up another one first.")
        await members.end_key(connection, key, now)
        await audit.append(connection, hub.vault, [Act("retire-key", _OPERATOR, {"key": kid, "use": key.use}, now)])
    return await trust.publish(hub)


async def report_stolen(hub: Hub, kid: str, at: datetime) -> TrustList:
    """Only what the log held before `at` counts of this key from now on. Publishes the list.

    Raises NotFound, Invalid; HubError `no-roots` when it is noted here and the list has to be signed elsewhere.
    """
    if at > hub.now():
        raise Invalid("bad-time", "A key cannot be reported stolen in the future.")
    async with hub.database.begin() as connection:
        if not await members.mark_compromised(connection, kid, utc(at)):
            raise NotFound("No member has a key of that name.")
        content = {"key": kid, "since": utc(at).isoformat()}
        await audit.append(connection, hub.vault, [Act("report-stolen", _OPERATOR, content, hub.now())])
    # On its own: here the key counts for nothing at once, also where the roots are kept apart and a list takes a while.
    return await trust.publish(hub)


async def enrol_hub(hub: Hub) -> None:
    """The hub itself: its signing key is in the list for receipts, checkpoints and status lists."""
    member = await _add(hub, HUB_NAME, "hub", "Exchange hub", "连桥交换平台", ())
    public, now = hub.signer.public, utc(hub.now())
    key = MemberKey(
        kid=public.kid,
        member_id=member.id,
        use="sig",
        suite=public.suite,
        types=HUB_TYPES,
        jwk=public.to_jwk(),
        not_before=now - SKEW,
        not_after=now + LIFETIMES["sig"],
        compromised_at=None,
    )
    async with hub.database.begin() as connection:
        if await is_new(connection, key):
            await members.add_key(connection, key)
            content = {"member": HUB_NAME, "keys": {key.kid: key.use}}
            await audit.append(connection, hub.vault, [Act("add-keys", _OPERATOR, content, hub.now())])


async def _member(connection: AsyncConnection, name: str) -> Member:
    found = await members.by_name(connection, name)
    if found is None:
        raise NotFound(f"There is no active member named {name}.")
    return found
