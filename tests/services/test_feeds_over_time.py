"""Feeds, merges by sources, merges by stewards and their undoing in any order: persons follow from what is said in the end.

Random walks of hypothesis over one database each; after every step the properties that concern the state are asked of it,
and at the end everything said last is said again in another order, in an empty database.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from hub.errors import Conflict
from hub.fhir.fed import Identifier
from hub.linkage import clusters
from hub.linkage.features import Features
from hub.linkage.resident_id import Form
from hub.runtime import Hub
from hub.services import feeding, proposals, reviews
from hub.services.feeding import Entry, Feed
from hub.services.identity import merging
from hub.services.identity.merging import Asked, Merged
from hub.services.identity.steward_acts import Named
from hub.services.sessions import User
from hub.storage import decisions, people, person_events
from hub.storage.database import AsyncConnection
from mappings.vocabulary import record_system
from tests.feeds import resolved
from tests.hubs import Clock, Enrolled
from tests.people import forget_everybody, patient

_STEPS, _RECORDS, _PEOPLE = 40, 5, 4
Key = tuple[str, str]
CHIEF = User(1, "chief", "Chief", None, "hub", "All", "全部", ("supervisor", "steward"), "zh")
SECOND = replace(CHIEF, id=2, name="second")


def _somebody(draw: random.Random) -> dict[str, str]:
    at = draw.randrange(_PEOPLE)
    fixed = random.Random(at)
    said = {
        "name": "王李张刘"[at] + fixed.choice("伟芳娜敏") + fixed.choice("华明国玉"),
        "birth": f"19{60 + at}-0{1 + at}-1{at}",
        "sex": fixed.choice(["male", "female"]),
        "phone": f"138{fixed.randrange(10**8):08}",
        "origin": "410108000000",
    }
    return {name: value for name, value in said.items() if name != "phone" or draw.random() < 0.8}


class _Walk:
    """`said` is the newest of each record; `merged` the pairs that a steward holds together."""

    def __init__(self, hub: Hub, clock: Clock, members: Mapping[str, Enrolled], seed: int) -> None:
        self.hub, self.clock, self.members, self.draw = hub, clock, members, random.Random(seed)
        self.said: dict[Key, dict[str, Any]] = {}
        self.merged: list[tuple[Key, Key]] = []
        self.told: dict[int, UUID] = {}
        self.last = 0

    async def step(self) -> None:
        self.clock.advance(seconds=1)
        acts = (self._feed, self._source_merge, self._merge, self._undo)
        await self.draw.choices(acts, weights=(6, 4, 4, 3))[0]()

    def _key(self) -> Key:
        return self.draw.choice(sorted(self.members)), f"R{self.draw.randrange(_RECORDS)}"

    async def _feed(self) -> None:
        """A record as it is: new, revised, or no longer replaced."""
        member, record = self._key()
        await self.put((member, record), patient(member, record, **_somebody(self.draw)))

    async def _source_merge(self) -> None:
        """A record is replaced by another of its source, which may not have come yet."""
        (member, record), other = self._key(), f"R{self.draw.randrange(_RECORDS)}"
        if record != other:
            known = self.said.get((member, record)) or patient(member, record, **_somebody(self.draw))
            await self.put((member, record), resolved(known, other))

    async def put(self, key: Key, given: dict[str, Any]) -> None:
        body = orjson.dumps(given)
        feed = Feed(uuid4(), body, [Entry(given, Identifier(record_system(key[0]), key[1]))], None, {})
        try:
            await feeding.feed(self.hub, self.members[key[0]].member, feed)
        except Conflict as refused:
            if refused.code != "merge-cycle":
                raise
        else:
            self.said[key] = given

    async def _merge(self) -> None:
        if len(self.said) > 1:
            a, b = self.draw.sample(sorted(self.said), 2)
            await self.merge(a, b)

    async def merge(self, a: Key, b: Key) -> None:
        asked = Asked(_named(a), _named(b))
        before = await merging.preview(self.hub, CHIEF, asked)
        try:
            done = await merging.merge(self.hub, CHIEF, asked)
        except Conflict as refused:
            if refused.code != "already-decided":
                raise
        else:
            assert done.foreseen == before.foreseen
            self.merged.append((a, b))
            if done.state == merging.PROPOSED:
                await self._approve(done)
            await self._check_foreseen(done)

    async def _approve(self, done: Merged) -> None:
        """A merge at high risk changes nothing until a second person agrees, and then what was foreseen."""
        async with self.hub.database.read() as connection:
            assert await person_events.events(connection, after=self.last) == []
        assert done.task_id is not None
        stands = await reviews.standing(self.hub, SECOND, done.task_id)
        assert stands is not None
        await proposals.approve(self.hub, SECOND, done.task_id, seen=stands.seen)

    async def _undo(self) -> None:
        if self.merged:
            a, b = self.merged.pop(self.draw.randrange(len(self.merged)))
            asked = Asked(_named(a), _named(b))
            before = await merging.preview(self.hub, CHIEF, asked, undo=True)
            done = await merging.undo(self.hub, CHIEF, asked)
            assert done.foreseen == before.foreseen
            await self._check_foreseen(done)

    async def _check_foreseen(self, done: Merged) -> None:
        """What was foreseen is what the one event of it says, or there is none where nothing moved."""
        async with self.hub.database.read() as connection:
            new = await person_events.events(connection, after=self.last)
            infos = await people.info(connection, [record for event in new for record, _, _ in event.moves])
        moved = [(infos[r].resource_id, old, to) for event in new for r, old, to in event.moves]
        assert len(new) == bool(done.foreseen.moves)
        assert moved == [(move.resource_id, move.before, move.after) for move in done.foreseen.moves]

    async def check(self) -> None:
        async with self.hub.database.read() as connection:
            now = await person_events.belonging(connection)
            for event in await person_events.events(connection, after=self.last):
                for record, old, new in event.moves:
                    assert self.told.get(record) == old
                    self.told[record] = new
                self.last = event.id
            assert self.told == now
            infos = await people.info(connection, now)
            for info in infos.values():
                assert await people.resolve(connection, info.anchor) == now[info.id]
            await self._check_source_merges(connection)
            await self._check_replayed(connection, now)

    async def _check_source_merges(self, connection: AsyncConnection) -> None:
        """In force is exactly what the newest version of each record says, as soon as both records are there."""
        ids = await self._records(connection)
        expected = {
            (ids[key], ids[other])
            for key, given in self.said.items()
            for link in given.get("link", ())
            if (other := (key[0], link["other"]["identifier"]["value"])) in ids
        }
        held = await decisions.source_merges(connection, list(ids.values()))
        assert {(e.evidence["loser"], e.b if e.evidence["loser"] == e.a else e.a) for e in held} == expected

    async def _records(self, connection: AsyncConnection) -> dict[Key, int]:
        found = {}
        for id_, data in (await people.features(connection, self.hub.vault, range(1, 10_000))).items():
            known = Features.from_bytes(data)
            found[known.text("source"), known.text("record")] = id_
        return found

    async def _check_replayed(self, connection: AsyncConnection, now: Mapping[int, UUID]) -> None:
        """The decision log and the scores give the persons that are there."""
        pairs = await people.pairs_touching(connection, list(now))
        events = await decisions.of_records(connection, list(now))
        must = []
        for pair in {(event.a, event.b) for event in events}:
            held = decisions.held_after([event for event in events if (event.a, event.b) == pair])
            if held is not None:
                must.append(pair)
        numbers = {}
        for id_, data in (await people.features(connection, self.hub.vault, now)).items():
            number = Features.from_bytes(data).resident_id
            if number is not None and number.form is Form.CHECKED:
                numbers[id_] = number.text
        edges = [clusters.Edge(p.a, p.b, p.weight) for p in pairs if p.decision == "auto"]
        replayed = clusters.project(now, edges, must, (), distinct=[numbers])
        anchors = {info.id: info.anchor for info in (await people.info(connection, now)).values()}
        assert {record: anchors[min(cluster)] for cluster in replayed for record in cluster} == now

    async def partition(self) -> frozenset[frozenset[Key]]:
        async with self.hub.database.read() as connection:
            now = await person_events.belonging(connection)
            persons: dict[UUID, set[Key]] = {}
            for key, id_ in (await self._records(connection)).items():
                persons.setdefault(now[id_], set()).add(key)
        return frozenset(map(frozenset, persons.values()))


def _named(key: Key) -> Named:
    return Named(identifiers=(Identifier(record_system(key[0]), key[1]),))


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
async def test_any_interleaving_gives_the_persons_of_what_is_said_last(
    hub: Hub, clock: Clock, yongkang: Enrolled, huiji: Enrolled, seed: int
) -> None:
    members = {"yongkang": yongkang, "huiji": huiji}
    walk = _Walk(hub, clock, members, seed)
    for _ in range(_STEPS):
        await walk.step()
        await walk.check()
    assert any(len(person) > 1 for person in await walk.partition())
    expected, said, merged = await walk.partition(), dict(walk.said), list(walk.merged)

    await forget_everybody(hub)
    again = _Walk(hub, clock, members, seed)
    order = list(said)
    random.Random(seed).shuffle(order)
    for key in order:
        await again.put(key, said[key])
        await again.check()
    for a, b in merged[::-1]:
        await again.merge(a, b)
        await again.check()
    assert again.said.keys() == said.keys()
    assert await again.partition() == expected


async def test_what_happens_at_once_is_as_if_it_had_happened_in_a_row(
    hub: Hub, clock: Clock, yongkang: Enrolled, huiji: Enrolled
) -> None:
    walk = _Walk(hub, clock, {"yongkang": yongkang, "huiji": huiji}, 7)
    for record in range(_RECORDS):
        for member in ("yongkang", "huiji"):
            await walk.put((member, f"R{record}"), patient(member, f"R{record}", **_somebody(walk.draw)))
    given = [
        walk.put(("huiji", "R1"), resolved(walk.said["huiji", "R1"], "R0")),
        walk.put(("huiji", "R2"), resolved(walk.said["huiji", "R2"], "R0")),
        walk.put(("yongkang", "R3"), resolved(walk.said["yongkang", "R3"], "R4")),
        merging.merge(hub, CHIEF, Asked(_named(("huiji", "R3")), _named(("yongkang", "R1")))),
        merging.merge(hub, CHIEF, Asked(_named(("huiji", "R4")), _named(("yongkang", "R1")))),
    ]
    await asyncio.gather(*given)
    await walk.check()
    async with hub.database.read() as connection:
        events = await decisions.of_records(connection, range(1, 20))
    assert sorted(event.kind for event in events) == ["MUST_LINK"] * 2 + ["SOURCE_MERGE"] * 3
