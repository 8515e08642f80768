"""New members: they apply at a sandbox, are admitted to it or declined, and leave it after a time.

What strangers can leave behind is bounded: how many applications wait, how large each is, how long it is kept, and how
many refusals the log is told of. Admitted, a member gets an invented division; private keys are never seen.
"""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hub.domain import rehearsal
from hub.domain.quotas import Quota
from hub.domain.rates import Rates
from hub.domain.texts import can_be_kept
from hub.errors import Conflict, Invalid, NotAllowed, NotFound, Refused, TooMany, Unavailable
from hub.runtime import Hub
from hub.services import enrolment, possession, rehearsals, trust
from hub.services.accounts import ADMINISTRATOR, token_hash
from hub.services.enrolment import NewMember
from hub.services.sessions import User
from hub.storage import applications, audit, members, quotas
from hub.storage.applications import ADMITTED, DECLINED, WAITING, Application
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database
from hub.storage.ids import new_id
from hub.storage.sandboxes import PROVINCE

MOST_WAITING: Final = 200
"""Applications that wait for an answer at the same time."""
MOST_LISTED: Final = 500
LONGEST_TEXT: Final = 80
LONGEST_CONTACT: Final = 200
LONGEST_REASON: Final = 300
QUOTA: Final = Quota(5.0, 40, 4, 64 * 2**20)
"""Of a member in the sandbox: small enough to meet its end without effort, which is one of the items."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,30}", re.ASCII)
_PER_HOUR: Final = 10
_NOTED_PER_HOUR: Final = 60
_OPERATOR: Final = "operator"
_DECLINED_DAYS: Final = 7
_BATCH: Final = 100
_asking: Final[WeakKeyDictionary[Database, tuple[Rates, Rates]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody applies with; `keys` are public keys, each with its purpose and its proof."""

    name: str
    kind: str
    display: str
    display_zh: str
    contact: str
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Applied:
    """What the applicant is told once: with the ticket it sees what becomes of it."""

    id: UUID
    ticket: str
    expires_at: datetime


def audience(hub: Hub) -> str:
    """What the proofs of keys are meant for."""
    return f"{hub.settings.base_url}/portal/applications"


async def apply(hub: Hub, wanted: Wanted, place: str) -> Applied:
    """Take an application from somebody at `place`. Raises Invalid, Conflict, TooMany, Unavailable."""
    per_place, _ = _rates(hub)
    wait = per_place.wait(place, hub.now())
    if wait:
        raise TooMany("Too many applications came from this address. Nothing was stored.", retry_after=int(wait) + 1)
    async with _refusals_noted(hub, "apply"):
        return await _apply(hub, wanted)


async def _apply(hub: Hub, wanted: Wanted) -> Applied:
    now = hub.now()
    _check(hub, wanted)
    keys = possession.proved(wanted.keys, wanted.name, audience(hub), now)
    if not any(key["purpose"] == "auth" for key in keys):
        raise Invalid("malformed-key", "One of the keys signs in (purpose auth). Nothing was stored.")
    ticket = secrets.token_urlsafe(32)
    made = Application(
        id=new_id(),
        name=wanted.name,
        kind=wanted.kind,
        display=wanted.display.strip(),
        display_zh=wanted.display_zh.strip(),
        contact=wanted.contact.strip(),
        keys={"keys": keys},
        ticket=token_hash(ticket),
        state=WAITING,
        reason="",
        member_id=None,
        applied_at=now,
        expires_at=now + timedelta(days=hub.settings.application_days),
    )
    async with hub.database.begin() as connection:
        await applications.lock(connection)
        if await applications.waiting(connection, now) >= MOST_WAITING:
            raise Unavailable("unavailable", "Too many applications wait; nothing was stored. Apply again tomorrow.")
        if await members.by_name(connection, made.name) is not None:
            raise Conflict("name-taken", f"There is a member named {made.name} already. Nothing was stored.")
        await applications.add(connection, hub.vault, made)
        content = {"application": str(made.id), "name": made.name, "keys": [key["kid"] for key in keys]}
        await audit.append(connection, hub.vault, [Act("apply", "applicant", content, now)])
    return Applied(made.id, ticket, made.expires_at)


def _check(hub: Hub, wanted: Wanted) -> None:
    if not hub.settings.sandbox:
        raise NotFound
    texts = (wanted.display, wanted.display_zh, wanted.contact)
    if not all(text.strip() and text.isprintable() and can_be_kept(text) for text in texts):
        raise Invalid("bad-application", "Both names and a contact are needed, each in one line. Nothing was stored.")
    if max(map(len, texts[:2])) > LONGEST_TEXT or len(wanted.contact) > LONGEST_CONTACT:
        raise Invalid(
            "bad-application",
            f"A name has {LONGEST_TEXT} characters at most, a contact {LONGEST_CONTACT}. Nothing was stored.",
        )
    if _NAME.fullmatch(wanted.name) is None or wanted.kind not in enrolment.KINDS:
        raise Invalid(
            "bad-application",
            "The short name has small letters, digits and hyphens, 2 to 31 of them, and the kind is county or partner. "
            "Nothing was stored.",
        )
    enrolment.check(hub, NewMember(wanted.name, wanted.kind, wanted.display, wanted.display_zh, ()))


async def by_ticket(hub: Hub, ticket: str) -> Application:
    """The application that the ticket belongs to. Raises NotFound."""
    async with hub.database.read() as connection:
        found = await applications.by_ticket(connection, hub.vault, token_hash(ticket[:100]), hub.now())
    if found is None:
        raise NotFound("No application has this ticket, or its time is over.")
    return found


async def listed(hub: Hub) -> list[Application]:
    """The applications whose time is not over, those that wait first."""
    async with hub.database.read() as connection:
        return await applications.listed(connection, hub.vault, hub.now(), MOST_LISTED)


def administrator(user: User) -> str:
    """The user's name, if she may answer applications. Raises NotAllowed."""
    if user.member_id is not None or ADMINISTRATOR not in user.roles:
        raise NotAllowed("not-an-administrator", "Administrators of the hub itself answer applications.")
    return user.name


async def admit(hub: Hub, id_: UUID, by: str = _OPERATOR) -> str:
    """Admit an applicant to the sandbox; answers its name. Raises NotFound, Conflict."""
    now = hub.now()
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        await applications.lock(connection)
        found = await _waiting(connection, hub, id_)
        new = NewMember(found.name, found.kind, found.display, found.display_zh, (await _division(connection),))
        member = await enrolment.enrol(hub, connection, new, by=by)
        await enrolment.take_keys(hub, connection, member, found.keys["keys"], by=by)
        await quotas.put(connection, member.id, QUOTA)
        await rehearsals.begin(hub, connection, member)
        over = now + timedelta(days=hub.settings.sandbox_days)
        await applications.answer(connection, id_, state=ADMITTED, reason="", member_id=member.id, expires_at=over)
        content = {"application": str(id_), "member": member.name, "until": over.isoformat()}
        await audit.append(connection, hub.vault, [Act("admit", by, content, now)])
    await trust.publish(hub)
    return member.name


async def _division(connection: AsyncConnection) -> str:
    """An invented county that no member has: 99, four digits, six zeros."""
    taken = {code[:6] for member in await members.all_members(connection) for code in member.divisions}
    free = next((f"{PROVINCE}{n:04}" for n in range(1, 10_000) if f"{PROVINCE}{n:04}" not in taken), None)
    if free is None:
        raise Conflict("sandbox-full", "Every invented division has a member. Nobody was admitted.")
    return free + "000000"


async def decline(hub: Hub, id_: UUID, reason: str, by: str = _OPERATOR) -> str:
    """Decline an application, which is erased a week later; answers its name. Raises NotFound, Invalid."""
    reason, now = reason.strip(), hub.now()
    if not reason or len(reason) > LONGEST_REASON or not can_be_kept(reason):
        raise Invalid("reason-missing", f"The applicant is told why, in {LONGEST_REASON} characters at most.")
    async with hub.database.begin() as connection:
        await applications.lock(connection)
        found = await _waiting(connection, hub, id_)
        over = now + timedelta(days=_DECLINED_DAYS)
        await applications.answer(connection, id_, state=DECLINED, reason=reason, member_id=None, expires_at=over)
        content = {"application": str(id_), "name": found.name}
        await audit.append(connection, hub.vault, [Act("decline", by, content, now)])
    return found.name


async def _waiting(connection: AsyncConnection, hub: Hub, id_: UUID) -> Application:
    found = await applications.by_id(connection, hub.vault, id_, hub.now())
    if found is None:
        raise NotFound("There is no application of that id, or its time is over.")
    if found.state != WAITING:
        raise Conflict("answered", f"The application of {found.name} was answered before: {found.state}.")
    return found


async def lapse(hub: Hub) -> int:
    """Let those leave the sandbox whose time in it is over, and erase their applications; answers how many."""
    now = hub.now()
    async with hub.database.begin() as connection:
        await members.lock_trust_list(connection)
        over = await applications.over(connection, now, _BATCH)
        acts = []
        for id_, member_id in over:
            await applications.erase(connection, id_)
            name = await members.leave(connection, member_id)
            acts.append(Act("leave-sandbox", "hub", {"application": str(id_), "member": name}, now))
        await audit.append(connection, hub.vault, acts)
    if over:
        await trust.publish(hub)
    return len(over)


async def add_keys(hub: Hub, member: members.Member, keys: list[dict[str, Any]]) -> list[str]:
    """Take up further keys of a member in the sandbox, by its own asking; answers their names. Raises Invalid, Conflict."""
    async with _refusals_noted(hub, member.name):
        await rehearsals.state_of(hub, member)
        found = possession.proved(keys, member.name, audience(hub), hub.now())
        async with hub.database.begin() as connection:
            await members.lock_trust_list(connection)
            if len(await members.keys(connection, member.id)) + len(found) > rehearsal.MOST_MEMBER_KEYS:
                raise Conflict("too-many-keys", "A member has sixteen keys in the sandbox at most. Nothing was stored.")
            added = await enrolment.take_keys(hub, connection, member, found, by=member.name)
    if added:
        await trust.publish(hub)
    return [key.kid for key in added]


def _rates(hub: Hub) -> tuple[Rates, Rates]:
    """(of applications by place, of refusals that are noted) in this process."""
    found = _asking.get(hub.database)
    if found is None:
        found = _asking.setdefault(hub.database, (Rates(_PER_HOUR, 3600.0), Rates(_NOTED_PER_HOUR, 3600.0)))
    return found


@asynccontextmanager
async def _refusals_noted(hub: Hub, who: str) -> AsyncIterator[None]:
    """A leaf for a refusal, so many an hour at most: strangers fill neither the database nor the log."""
    try:
        yield
    except Refused as refused:
        if hub.settings.sandbox and not _rates(hub)[1].wait("refusals", hub.now()):
            act = Act("refuse", who, {"attempt": "apply", "reason": refused.code}, hub.now())
            async with hub.database.begin() as connection:
                await audit.append(connection, hub.vault, [act])
        raise
