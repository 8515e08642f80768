"""Measures every week what linkage sees, and says when it moved: to the hub's staff all, to a region its own."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from hub.linkage import drift
from hub.linkage.comparisons import FIELDS
from hub.linkage.drift import Finding, Profile
from hub.runtime import Hub
from hub.services import models
from hub.services.sessions import User
from hub.storage import audit, members
from hub.storage import drift as profiles
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

_BACK: Final = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Shift:
    """The weights now and at the time they are held against."""

    before: Profile
    after: Profile


async def measure(hub: Hub) -> list[Finding]:
    """Take a profile, hold it against the one of four weeks before, and keep both it and what moved."""
    now = hub.now()
    async with hub.database.begin() as connection:
        model = (await models.in_force(hub, connection)).model.hash[:16]
        profile = await _profile(connection)
        former = await profiles.reference(connection, model, now - _BACK)
        found = drift.findings(Profile.read(former.profile), profile) if former else []
        await profiles.add(connection, model, profile.kept(), [asdict(finding) for finding in found], now)
        if found:
            content = {"model": model, "moved": [f"{finding.what} {finding.of}".strip() for finding in found]}
            await audit.append(connection, hub.vault, [Act("drift", "hub", content, now)])
    return found


async def _profile(connection: AsyncConnection) -> Profile:
    names = {member.id: member.name for member in await members.all_members(connection)}
    outcomes = await profiles.outcomes(connection)
    return Profile(
        weights=tuple(await profiles.weights(connection, drift.EDGES)),
        rates=tuple(sum(counts[at] for counts in outcomes.values()) for at in range(len(drift.RATES))),
        missing=await profiles.missing(connection, FIELDS),
        members={names[id_]: counts for id_, counts in outcomes.items() if id_ in names},
    )


async def findings(connection: AsyncConnection, user: User) -> list[Finding]:
    """What had moved when it was last measured, as far as it concerns the user."""
    last = await profiles.newest(connection)
    found = [Finding(**finding) for finding in last.findings] if last else []
    return [f for f in found if user.member_id is None or (f.what == "member" and f.of == user.region)]


async def shift(hub: Hub, user: User) -> Shift | None:
    """Both distributions, for the hub's own staff."""
    if user.member_id is not None:
        return None
    async with hub.database.read() as connection:
        last = await profiles.newest(connection)
        former = await profiles.reference(connection, last.model, last.measured_at - _BACK) if last else None
    if last is None or former is None or former.id == last.id:
        return None
    return Shift(Profile.read(former.profile), Profile.read(last.profile))
