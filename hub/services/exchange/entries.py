"""From requests, of a Bundle or by themselves, to writes: conditions are tested, references led, patches applied.

In the transaction that writes, under the member's lock: what is found stays so until it is written. FHIR R4, http.html,
conditional create, update, patch and delete; and of transactions that no two entries change one resource.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.errors import Invalid, NotFound, TooLarge
from hub.fhir import requests
from hub.fhir.patch import Effort
from hub.fhir.requests import Request
from hub.runtime import Hub
from hub.services.exchange import conditions, noting, patching, stated
from hub.services.exchange.conditions import Criteria, NoMatch
from hub.services.exchange.noting import Looked
from hub.services.exchange.reading import Gone
from hub.services.exchange.understanding import Draft, References, Understood, draft, naming, understand
from hub.services.exchange.writing import Changed, Write, Written
from hub.services.identity.ledger import LookedUp
from hub.storage import versions
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.resources import Head
from hub.storage.versions import Version

MOST_PATCHED: Final = 4 * 2**20
"""Bytes of all resources that one Bundle patches."""
_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Settled:
    """What requests come to, by their places: writes, and what is `done` without one: a create of what is there (its
    `body` left out), or None, a delete of what is not."""

    writes: dict[int, Write]
    done: dict[int, Written | None]


@dataclass(frozen=True, slots=True)
class _Target:
    """What a request is about: `head` is what its condition finds, `id` what it is stored under; None is nothing."""

    id: UUID | None
    head: Head | None = None


Found = Mapping[Criteria, Sequence[Head]]


async def settle(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    purpose: str,
    asked: Sequence[Request],
    now: datetime,
    *,
    together: bool,
) -> Settled:
    """What the requests that change something come to; `together` they are a transaction, and name the entry that is wrong.

    The member's lock is held. Raises whatever the first is refused for.
    """
    understood = understand(hub, member, purpose, asked, together=together)
    found = await look(hub, connection, member, [understood], now)
    return await settle_found(hub, connection, member, understood, found, now)


async def look(
    hub: Hub, connection: AsyncConnection, member: Member, some: Sequence[Understood], now: datetime
) -> Found:
    """What meets the conditions of `some`: of one, or of many that ask by identifiers only. Raises Invalid, Unavailable."""
    every = [criteria for one in some for criteria in one.conditions]
    return await conditions.find(hub, connection, member, some[0].purpose, every, now) if every else {}


async def settle_found(
    hub: Hub, connection: AsyncConnection, member: Member, understood: Understood, found: Found, now: datetime
) -> Settled:
    """What requests come to whose conditions have `found` this. Raises whatever the first is refused for."""
    targets = _targets(understood, found)
    current = await _current(hub, connection, member, understood.changing, targets)
    if current:
        # A patch tells what it is applied to: by its answer, and by what it tests for.
        trace = LookedUp(member, "read", understood.purpose, now)
        await noting.note(hub, connection, [Looked(trace, list(current.values()))])
    return _settle(hub, member, understood, found, targets, current)


def settle_ahead(hub: Hub, member: Member, understood: Understood) -> Settled | None:
    """What a transaction comes to before its turn; None where it takes a look at what is there, or was too much to be
    drafted. Raises whatever the first is refused for.
    """
    if understood.led is None or understood.conditions or any(one.method == "PATCH" for one in understood.changing):
        return None
    return _settle(hub, member, understood, {}, _targets(understood, {}), {})


def _settle(
    hub: Hub,
    member: Member,
    understood: Understood,
    found: Found,
    targets: Mapping[int, _Target],
    current: Mapping[UUID, Version],
) -> Settled:
    changing, together = understood.changing, understood.together
    led = _Led(
        {one.full_url: f"{one.type}/{targets[one.at].id}" for one in changing if one.full_url and one.body},
        _meant(understood.references, found),
    )
    is_as_thought = led.made == understood.led
    settled, effort = Settled({}, {}), Effort()
    for one in changing:
        target = targets[one.at]
        if one.method == "POST" and target.head is not None:
            settled.done[one.at] = Written(target.head.id, target.head.version, target.head.at, b"", "same")
        elif target.id is None:
            settled.done[one.at] = None
        elif one.method == "PATCH":
            with naming(one, together):
                settled.writes[one.at] = _patch(hub, member, one, led.of(one.body), target.id, current, effort)
        else:
            with naming(one, together):
                made = understood.drafts.get(one.at)
                body = made.body if made is not None and is_as_thought else led.of(one.body)
                settled.writes[one.at] = _write(hub, member, one, body, target.id, target.head, made)
    return settled


@dataclass(frozen=True, slots=True)
class _Led:
    """Where references are led, {what they say: Type/id}: to what the entries make, and to what searches mean."""

    made: Mapping[str, str]
    meant: Mapping[str, str]

    def of(self, body: bytes) -> bytes:
        """The resource, or patch, with its references led. Raises Invalid."""
        return requests.resolved(body, self.made, self.meant)


def _targets(understood: Understood, found: Found) -> dict[int, _Target]:
    """What each is about. Raises NotUnique, NotFound, Changed, Invalid; the last also where two change one resource."""
    targets = dict[int, _Target]()
    taken, new = set[UUID](), set[Criteria]()
    for one in understood.changing:
        with naming(one, understood.together):
            asked = understood.criteria.get(one.at)
            heads = found[asked] if asked is not None else None
            target = targets[one.at] = _target(one, heads, understood.ids.get(one.at))
            if target.id is None or (one.method == "POST" and target.head is not None):
                continue
            # Two conditions that find nothing yet may be one, however they are written.
            if target.id in taken or (asked is not None and asked in new):
                raise Invalid(
                    "bad-request",
                    "An earlier entry changes the same resource, and a transaction changes each once. Nothing was stored.",
                )
            taken.add(target.id)
            if asked is not None and target.head is None:
                new.add(asked)
    return targets


def _target(one: Request, heads: Sequence[Head] | None, new: UUID | None) -> _Target:
    """What a request is about, or the `new` resource that it makes."""
    if heads is None:
        return _Target(new or stated.uuid(one.id))
    id_ = conditions.target(heads)
    if id_ is not None:
        return _Target(id_, heads[0])
    if one.method == "PATCH":
        raise NotFound("None of your resources meets the condition; nothing was changed.")
    if stated.expected(one.if_match) is not None:
        raise Changed
    return _Target(new)


def _meant(references: References, found: Found) -> dict[str, str]:
    """What the references mean that are said as searches. Raises NoMatch, NotUnique."""
    meant = {}
    for said, (entry, one) in references.items():
        with naming(entry, together=True):
            what = f"a reference that is said as a search of {one.type}"
            id_ = conditions.target(found[one], what)
            if id_ is None:
                raise NoMatch(what)
            meant[said] = f"{one.type}/{id_}"
    return meant


async def _current(
    hub: Hub, connection: AsyncConnection, member: Member, changing: Sequence[Request], targets: Mapping[int, _Target]
) -> Mapping[UUID, Version]:
    """The newest versions of what is patched. Raises TooLarge: a short patch may be of a long resource."""
    ids = [id_ for one in changing if one.method == "PATCH" and (id_ := targets[one.at].id) is not None]
    current, size = dict[UUID, Version](), 0
    for start in range(0, len(ids), _AT_ONCE):
        some = await versions.own(connection, hub.vault, member.id, ids[start : start + _AT_ONCE], lock=True)
        size += sum(len(one.body) for one in some.values())
        if size > MOST_PATCHED:
            raise TooLarge(
                f"The resources that a Bundle patches have more than {MOST_PATCHED} bytes; nothing was stored. "
                "Send the rest in another one."
            )
        current |= some
    return current


def _write(
    hub: Hub, member: Member, one: Request, body: bytes, id_: UUID, head: Head | None, made: Draft | None
) -> Write:
    """The request as one act on the resource `id_`, which its condition has found if there is a `head`; `made` before, or now.

    Raises Invalid, NotAllowed, TooLarge.
    """
    version = stated.expected(one.if_match)
    if one.method == "DELETE":
        return Write("delete", one.type, id_, expected=version)
    if made is None or made.body != body:  # a reference to what is there is led elsewhere than it was thought to be
        made = draft(hub, member, one.type, body, id_)
    resource, kept, ready = made.resource, made.kept, made.ready_as(id_)
    if one.method == "POST" or (one.query and head is None):
        if one.method == "PUT" and "id" in resource:
            raise Invalid(
                "bad-request",
                "No resource meets the condition, and ids are the hub's to give: send it without an id. Nothing was stored.",
            )
        return Write("create", one.type, id_, resource, kept, ready=ready, tokens=made.tokens)
    if one.query:
        if resource.get("id", str(id_)) != str(id_):
            raise Invalid("bad-request", "The id in the body is not of the resource that meets the condition.")
    else:
        stated.same_id(resource, one.id)
    return Write("update", one.type, id_, resource, kept, version, ready=ready, tokens=made.tokens)


def _patch(
    hub: Hub, member: Member, one: Request, body: bytes, id_: UUID, current: Mapping[UUID, Version], effort: Effort
) -> Write:
    """The patch as one act. Raises NotFound, Gone, Changed, and what a patch is refused for."""
    found = _patchable(current.get(id_), one, stated.expected(one.if_match))
    resource, kept = patching.patched(member, found, patching.read(body), hub.settings.max_json_bytes, effort)
    return Write("update", one.type, id_, resource, kept, found.newest)


def _patchable(found: Version | None, one: Request, version: int | None) -> Version:
    if found is None or found.type != one.type:
        raise NotFound
    if version not in (None, found.newest):
        raise Changed
    if found.deleted:
        raise Gone
    return found
