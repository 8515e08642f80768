"""Keeps what persons allowed: a Consent of the profile is in force as it says, and one that is gone allows nothing.

A Consent of another form is kept as a record and allows nothing: whoever cannot be understood has not consented.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from hub.runtime import Hub
from hub.services.blinds import reference_of, subject_of
from hub.services.preparing import Ready
from hub.services.voiding import void
from hub.storage import agreements, mailbox
from hub.storage.agreements import NewConsent
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.resources import Stored
from mappings import vocabulary as v

_ZONE = ZoneInfo("Asia/Shanghai")
_LEAP = re.compile(r"^(.{10}T\d\d:\d\d:)60")


async def keep(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    ready: Sequence[Ready],
    stored: Sequence[Stored],
    now: datetime,
) -> None:
    """Take up Consents just stored; what rests on one that was withdrawn is not handed over any more."""
    newest = {
        result.id: (orjson.loads(some.body), result)
        for some, result in zip(ready, stored, strict=True)
        if result.counts
    }
    made = [_made(hub, member, found, result, now) for found, result in newest.values() if _is_of_profile(found)]
    # What a resource said before is said no more, under another number too.
    ended = await agreements.withdraw_consents(connection, list(newest), now, but=[one.reference for one in made])
    ended += await agreements.put_consents(connection, member.id, made)
    await _void(hub, connection, member, ended, now)


async def withdraw(
    hub: Hub, connection: AsyncConnection, member: Member, resource_ids: Sequence[UUID], now: datetime
) -> None:
    """Let what rests on these resources be allowed no longer."""
    await _void(hub, connection, member, await agreements.withdraw_consents(connection, resource_ids, now), now)


async def _void(
    hub: Hub, connection: AsyncConnection, member: Member, withdrawn: Sequence[UUID], now: datetime
) -> None:
    for item in await mailbox.resting_on(connection, hub.vault, withdrawn):
        await void(hub, connection, item, "consent-withdrawn", member.name, now)


def _is_of_profile(resource: dict[str, Any]) -> bool:
    """Does it say who allows what, under which number? Without the rest it is never in force."""
    match resource:
        case {
            "identifier": [{"value": str()}, *_],
            "patient": {"identifier": {"value": str()}},
            "provision": dict(),
            "status": str(),
        }:
            return bool(resource["provision"].get("type", "permit") == "permit")
    return False


def _made(hub: Hub, member: Member, resource: dict[str, Any], stored: Stored, now: datetime) -> NewConsent:
    provision = resource["provision"]
    period = provision.get("period", {})
    withdrawn = resource["status"] != "active"
    return NewConsent(
        reference=reference_of(hub, member.name, resource["identifier"][0]["value"]),
        subject=subject_of(hub, member.name, resource["patient"]["identifier"]["value"]),
        kinds=_said("code", v.KIND_SYSTEM, (c for k in _codings(provision, "code", "class") for c in k)),
        purposes=_said("code", v.PURPOSE_SYSTEM, provision.get("purpose", ())),
        recipient_divisions=_said(
            "value",
            v.DIVISION_SYSTEM,
            (actor["reference"].get("identifier", {}) for actor in provision.get("actor", ())),
        ),
        resource_id=stored.id,
        valid_from=_moment(period.get("start"), end=False),
        valid_to=_moment(period.get("end"), end=True),
        withdrawn_at=min(now, _moment(resource.get("dateTime"), end=False)) if withdrawn else None,
    )


def _said(name: str, system: str, among: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """What those of `system` say under `name`; one that says nothing, which is valid R4, allows nothing."""
    return tuple(one[name] for one in among if one.get("system") == system and name in one)


def _codings(provision: dict[str, Any], *names: str) -> list[list[dict[str, Any]]]:
    """Codings under `code` (CodeableConcept) and `class` (Coding) alike."""
    found: list[list[dict[str, Any]]] = []
    for name in names:
        found.extend(value.get("coding", [value]) for value in provision.get(name, ()))
    return found


def _moment(text: str | None, *, end: bool) -> datetime:
    """A FHIR date or dateTime as UTC; a day without a time counts from its local beginning, or to its local end."""
    if text is None:
        # A consent without an expiry is not one (DOMAIN §2): without a beginning or an end it is never in force.
        return datetime.min.replace(tzinfo=UTC) if end else datetime.max.replace(tzinfo=UTC)
    try:
        if len(text) > 10:
            # A leap second is counted with the second before it, as in searches.
            return datetime.fromisoformat(_LEAP.sub(r"\g<1>59", text)).astimezone(UTC)
        day = _day_behind(text) if end else date.fromisoformat(text + "-01-01"[len(text) - 4 : 6])
        return datetime.combine(day, time.min, tzinfo=_ZONE).astimezone(UTC)
    except OverflowError:  # a day that no clock shows: before all others, or behind them
        return datetime.max.replace(tzinfo=UTC) if text[:4] > "5000" else datetime.min.replace(tzinfo=UTC)


def _day_behind(text: str) -> date:
    """The first day behind a FHIR date, which may be a month or a year. Raises OverflowError behind the year 9999."""
    year, month, day = (int(part) for part in (text + "-00-00"[len(text) - 4 :]).split("-"))
    if day:
        return date(year, month, day) + timedelta(days=1)
    if (year, month) in ((9999, 0), (9999, 12)):
        raise OverflowError
    return date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1)
