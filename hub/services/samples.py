"""Audit samples: how often the hub is right, asked of people who do not see what it decided.

A round draws pairs at random from bands of weight: linked by themselves, waiting for a person, and just below that.
Judging one changes no link; where the judgement is against a link, the pair becomes a conflict.
"""

import random
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, Literal
from uuid import UUID

from hub.domain.ordering import AUDIT_SAMPLE
from hub.errors import Conflict, Invalid, NotAllowed, NotFound
from hub.linkage import sampling, score
from hub.linkage.explain import FieldEvidence, explain
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.linkage.sampling import Estimate, Stratum
from hub.runtime import Hub
from hub.services import cases, linking, models, settling, source_records
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import audit, decisions, members, people, review_reopenings, samples
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.samples import Band, Round, Sampled

Answer = Literal["same", "different", "unsure"]
ANSWERS: Final = ("same", "different", "unsure")
PURPOSE: Final = "audit-sample"
PER_STRATUM: Final = 20
_STEPS: Final = (4.0, 12.0)
"""Bits above the limit of automatic links where the next bands begin."""
_NEAR: Final = 6.0
_RECORDS: Final = 400
_ROUNDS_SHOWN: Final = 6
Drawn = tuple[int, int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Quality:
    """What a round says so far; `left` wait for the user's judgement, `first` is the next of them."""

    round: Round
    strata: tuple[Stratum, ...]
    unsure: int
    precision: Estimate
    recall: Estimate
    left: int
    first: UUID | None


@dataclass(frozen=True, slots=True)
class Blind:
    """A pair to be judged: the two records and how their values compare, without what the hub makes of it."""

    sampled: Sampled
    a: Record
    b: Record
    evidence: tuple[FieldEvidence, ...]


async def draw(hub: Hub, by: str) -> UUID:
    """Draw a new round; answers its id."""
    now, found = hub.now(), new_id()
    async with hub.database.begin() as connection:
        strata: list[Band] = []
        pairs: list[tuple[UUID, int, int, int, tuple[int, int]]] = []
        model = (await models.in_force(hub, connection)).model
        for band, drawn in [*await _stored(connection, model), await _near(hub, connection, model)]:
            pairs += [(new_id(), len(strata), a, b, ids) for a, b, ids in drawn]
            strata.append(band)
        random.shuffle(pairs)  # so that nobody can tell a stratum by its place
        await samples.add_round(connection, Round(found, model.hash[:16], by, tuple(strata), now), pairs)
        content = {"round": str(found), "pairs": len(pairs), "strata": len(strata)}
        await audit.append(connection, hub.vault, [Act("draw-sample", by, content, now)])
    return found


async def _stored(connection: AsyncConnection, model: Model) -> list[tuple[Band, list[Drawn]]]:
    """The bands of pairs that are kept, each with some of them."""
    limits = [model.auto, *(model.auto + step for step in _STEPS), None]
    bands = [Band("auto", low, high) for low, high in pairwise(limits)]
    middle = (model.review + model.auto) / 2
    bands += [Band("review", None, middle), Band("review", middle, None)]
    result = []
    for band in bands:
        number, drawn = await samples.draw_stored(connection, band, PER_STRATUM)
        result.append((Band(band.zone, band.low, band.high, float(number)), drawn))
    return result


async def _near(hub: Hub, connection: AsyncConnection, model: Model) -> tuple[Band, list[Drawn]]:
    """Pairs just below what anybody looks at. They are not kept, so they are found anew for some records at random."""
    low, high = model.review - _NEAR, model.review
    total, keys = await samples.draw_records(connection, _RECORDS)
    pairs = sorted(await linking.candidates(connection, keys, hub.settings.block_limit))
    stored = await people.features(connection, hub.vault, set(chain.from_iterable(pairs)))
    known = {id_: Features.from_bytes(data) for id_, data in stored.items()}
    pairs = [(a, b) for a, b in pairs if known[a].number("live") and known[b].number("live")]
    unique = await members.unique_sources(connection)
    scores = score.score_pairs(model, [(known[a], known[b]) for a, b in pairs], unique_sources=unique)
    near = [p for p, s in zip(pairs, scores, strict=True) if s.decision == "no-link" and low <= s.weight < high]
    drawn = random.sample(near, min(PER_STRATUM, len(near)))
    owners = await people.members_of(connection, set(chain.from_iterable(drawn)))
    # A pair is found when one of its records was drawn.
    chance = 1 - (1 - len(keys) / total) ** 2 if total else 1.0
    population = len(near) / chance if chance else 0.0
    return Band("near", low, high, population), [(a, b, (owners[a], owners[b])) for a, b in drawn]


async def quality(hub: Hub, user: User) -> list[Quality]:
    """What the newest rounds say."""
    result = []
    async with hub.database.read() as connection:
        for found in await samples.rounds(connection, _ROUNDS_SHOWN):
            judged = await samples.judged(connection, found.id)
            left, first = await samples.waiting(connection, found.id, user.visible) if user.may_decide else (0, None)
            result.append(_quality(found, judged, left, first))
    return result


def _quality(found: Round, judged: dict[tuple[int, str | None], int], left: int, first: UUID | None) -> Quality:
    strata = []
    for at, band in enumerate(found.strata):
        same, different = judged.get((at, "same"), 0), judged.get((at, "different"), 0)
        zone: sampling.Zone = "auto" if band.zone == "auto" else "review" if band.zone == "review" else "near"
        strata.append(Stratum(zone, band.low, band.high, band.population, same + different, same))
    unsure = sum(number for (_, answer), number in judged.items() if answer == "unsure")
    return Quality(found, tuple(strata), unsure, sampling.precision(strata), sampling.recall(strata), left, first)


@settling.refusals_noted("view-sample")
async def view(hub: Hub, user: User, pair_id: UUID) -> Blind:
    """The pair to be judged; whose records are shown is noted. Raises NotFound, NotAllowed, Conflict `record-gone`."""
    settling.check_role(user)
    now = hub.now()
    async with hub.database.begin() as connection:
        sampled = await samples.get(connection, pair_id, user.visible)
        if sampled is None:
            raise NotFound("There is no such pair in a sample, or it does not concern your region.")
        records = await source_records.load(hub, connection, (sampled.a, sampled.b))
        if not {sampled.a, sampled.b} <= records.keys():
            raise Conflict("record-gone", "One of the two records has been deleted at its source.")
        shown = (records[sampled.a], records[sampled.b])
        await cases.note(hub, connection, user, shown, act="view", fields=cases.SHOWN, now=now, purpose=PURPOSE)
        known = await people.features(connection, hub.vault, (sampled.a, sampled.b))
        model = (await models.in_force(hub, connection)).model
    a, b = Features.from_bytes(known[sampled.a]), Features.from_bytes(known[sampled.b])
    return Blind(sampled, *shown, tuple(explain(model, a, b)))


@settling.refusals_noted("answer-sample")
async def answer(hub: Hub, user: User, pair_id: UUID, said: str) -> UUID | None:
    """Judge a pair once; answers the next of its round. Raises NotFound, NotAllowed, Invalid, Conflict `stale`."""
    settling.check_role(user)
    if said not in ANSWERS:
        raise Invalid("verdict-missing", "Say: the same person, different persons, or unsure.")
    now = hub.now()
    async with hub.database.begin() as connection:
        sampled = await samples.get(connection, pair_id, user.visible, lock=True)
        if sampled is None:
            raise NotFound("There is no such pair in a sample, or it does not concern your region.")
        if sampled.answer is not None:
            raise Conflict("stale", "This pair was judged meanwhile.")
        await samples.answer(connection, pair_id, said, user.name, now)
        task = await _question(hub, connection, sampled) if said == "different" else None
        content = {"pair": str(pair_id), "round": str(sampled.round_id), "answer": said, "opened": task and str(task)}
        await audit.append(connection, hub.vault, [Act("answer-sample", user.name, content, now)])
        _, following = await samples.waiting(connection, sampled.round_id, user.visible)
    return following


async def _question(hub: Hub, connection: AsyncConnection, sampled: Sampled) -> UUID | None:
    """Where the two count as one person now, a conflict: somebody decides with everything before her."""
    infos = await people.info(connection, (sampled.a, sampled.b))
    if len({info.person_id for info in infos.values()}) > 1:
        return None
    pair = await people.pair(connection, sampled.a, sampled.b)
    weight, members_ = pair.weight if pair else 0.0, (infos[sampled.a].member_id, infos[sampled.b].member_id)
    found = [(sampled.a, sampled.b, await _decided(connection, sampled), weight, members_)]
    opened = await review_reopenings.reopen(connection, found, reason=AUDIT_SAMPLE, now=hub.now())
    return opened[0][0] if opened else None


async def _decided(connection: AsyncConnection, sampled: Sampled) -> int | None:
    """The decision of a steward that joined the two, if one did."""
    found = await decisions.in_force(connection, (sampled.a, sampled.b))
    pair = (sampled.a, sampled.b)
    return next((one.seq for one in found if (one.a, one.b) == pair and one.kind == "MUST_LINK"), None)


@settling.refusals_noted("draw-sample")
async def ask(hub: Hub, user: User) -> UUID:
    """Draw a round because somebody asks for it. Raises NotAllowed `not-yours-to-draw`."""
    if user.member_id is not None or not (user.may_assign or user.may_decide):
        raise NotAllowed("not-yours-to-draw", "A sample is drawn for all regions, by the hub's own staff.")
    return await draw(hub, user.name)
