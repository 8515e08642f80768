"""`$match`: who could the described person be? Weighed by the very rules that link records (ITI-119, HL7 Patient/$match).

Everybody's records are weighed, the hidden ones too: what a caller may not see costs the same time, and the person whose
record was plainly meant is told of the attempt. Hidden records change nothing in the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import numpy as np

from hub.linkage import blocking, score
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.runtime import Hub
from hub.services import models
from hub.services.gathering import Gathering
from hub.services.identity import ledger, portraits, visibility
from hub.services.identity.ledger import LookedUp
from hub.services.identity.portraits import Portrait
from hub.services.identity.visibility import Sight
from hub.storage import patients
from hub.storage.database import AsyncConnection, Database
from hub.storage.members import Member
from hub.storage.patients import Near

Grade = Literal["certain", "probable", "possible"]
MOST: Final = 50
"""Records of one answer."""
_LOOKED_AT: Final = 2 * MOST
"""Records of one request that are read to be shown, the likeliest first."""
ACT: Final = "match"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a member describes, for what purpose, and which answers it takes."""

    caller: Member
    purpose: str
    features: Features
    only_certain: bool = False
    only_single: bool = False
    count: int = MOST


@dataclass(frozen=True, slots=True)
class Match:
    """One record that could be the person; `score` is the probability that it is."""

    patient: dict[str, Any]
    grade: Grade
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: the likeliest first. `missed` says that the caller looked beyond its own records and saw none there."""

    matches: tuple[Match, ...]
    missed: bool


@dataclass(frozen=True, slots=True)
class _Weighed:
    record: int
    member_id: int
    place: int
    weight: float
    grade: Grade


_gatherings: Final[WeakKeyDictionary[Database, Gathering[tuple[Hub, Wanted], Found]]] = WeakKeyDictionary()


async def match(hub: Hub, wanted: Wanted) -> Found:
    """Answer one request, together with those that come at the same time."""
    return await _gatherings.setdefault(hub.database, Gathering(_together)).ask((hub, wanted))


async def _together(asked: Sequence[tuple[Hub, Wanted]]) -> Sequence[Found]:
    return await match_all(asked[0][0], [wanted for _, wanted in asked])


async def match_all(hub: Hub, asked: Sequence[Wanted]) -> list[Found]:
    """Answer some requests together; one answer for each. One statement asks, and one writes what was shown."""
    now, secret = hub.now(), hub.vault.blocking_secret
    askers = {(one.caller.id, one.purpose): one.caller for one in asked}
    callers = visibility.stating(askers)
    keys = [(at, key) for at, one in enumerate(asked) for key in blocking.keys(one.features, secret)]
    async with hub.database.singly() as connection:
        near = await patients.near(connection, hub.vault, keys, hub.settings.block_limit, callers)
        agreed = dict(zip(callers, near.agreements, strict=True))
        sights = await visibility.sights(hub, connection, askers, now, agreed)
        weighed = _weigh((await models.in_force(hub, connection, near.models)).model, asked, near)
        likely = {one.record: one.place for some in weighed for one in some[:_LOOKED_AT]}
        shown = {record: near.shown(hub.vault, place) for record, place in likely.items()}
        read = await portraits.portraits(hub, connection, shown)
        found, looked = [], []
        for wanted, some in zip(asked, weighed, strict=True):
            sight = sights[wanted.caller.id, wanted.purpose]
            trace = LookedUp(wanted.caller, ACT, wanted.purpose, now)
            found.append(await _answer(connection, wanted, sight, [w for w in some if w.record in read], read, trace))
            looked.append(trace)
        await ledger.note(hub, connection, looked, near.numbers)
    return found


def _weigh(model: Model, asked: Sequence[Wanted], near: Near) -> list[list[_Weighed]]:
    """For each request the records that could be the person, the likeliest first."""
    # Each request is weighed against itself too: where there is nobody, that takes the time of somebody.
    table = [one.features for one in asked] + [Features.from_bytes(data) for data in near.features]
    left = np.array([*range(len(asked)), *near.asked], dtype=np.intp)
    scores = score.score_indexed(model, table, left, np.arange(len(table), dtype=np.intp))
    weighed: list[list[_Weighed]] = [[] for _ in asked]
    for at in np.flatnonzero(scores.decision).tolist():
        place = at - len(asked)
        if place >= 0:
            weight = float(scores.weight[at])
            grade = _grade(model.likely, weight, score.DECISIONS[scores.decision[at]])
            weighed[near.asked[place]].append(_Weighed(near.records[place], near.members[place], place, weight, grade))
    for some in weighed:
        some.sort(key=lambda one: (-one.weight, one.record))
    return weighed


def _grade(likely: float, weight: float, decision: score.Decision) -> Grade:
    """certain is what the hub would link by itself; probable what it would bet on; possible what a person must look at."""
    if decision == "auto":
        return "certain"
    return "probable" if weight >= likely else "possible"


async def _answer(
    connection: AsyncConnection,
    wanted: Wanted,
    sight: Sight,
    weighed: Sequence[_Weighed],
    read: Mapping[int, Portrait],
    trace: LookedUp,
) -> Found:
    visible: list[_Weighed] = []
    hidden: list[Portrait] = []
    for one in weighed:
        portrait = read[one.record]
        if await visibility.may_see(connection, sight, one.member_id, portrait.subject, trace.at):
            visible.append(one)
        elif one.grade == "certain":
            hidden.append(portrait)
    matches = []
    for one in _chosen(wanted, visible, read):
        portrait = read[one.record]
        patient, fields = portrait.seen_by(wanted.caller)
        trace.saw(portrait.shown.person_id, portrait.subject, fields)
        matches.append(Match(patient, one.grade, float(1 / (1 + np.exp2(-one.weight)))))
    for portrait in hidden:
        trace.missed(portrait.shown.person_id, portrait.subject)
    missed = sight.reaches_others and all(one.member_id == wanted.caller.id for one in visible)
    return Found(tuple(matches), missed)


def _chosen(wanted: Wanted, visible: Sequence[_Weighed], read: Mapping[int, Portrait]) -> Sequence[_Weighed]:
    """Those of the visible records that are wanted.

    Certain ones only: none at all where another person is probable too (ITI-119, case 5). A single one only: none where
    the next, of another person, is as likely.
    """

    def person(one: _Weighed) -> object:
        return read[one.record].shown.person_id or one.record

    chosen = visible
    if wanted.only_certain:
        if len({person(one) for one in visible if one.grade != "possible"}) > 1:
            return ()
        chosen = [one for one in visible if one.grade == "certain"]
    if wanted.only_single:
        if len({person(one) for one in chosen if one.weight == chosen[0].weight}) > 1:
            return ()
        return chosen[:1]
    return chosen[: wanted.count]
