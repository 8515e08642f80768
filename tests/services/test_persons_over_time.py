"""Persons through a long life: whatever arrives, changes and is decided in whatever order, the log gives them again.

A walk of arrivals, corrections, records that end, decisions, retractions, nights and changes of the model, drawn by
hypothesis; after every step the properties that concern the state are asked of the database.
"""

import random
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import Conflict
from hub.linkage import clusters
from hub.linkage.features import Features
from hub.linkage.resident_id import Form
from hub.runtime import Hub
from hub.services import linking, projecting
from hub.storage import decisions, people, person_events
from hub.storage.database import AsyncConnection
from hub.storage.decisions import Decision
from tests import models
from tests.hubs import Enrolled
from tests.people import arrive, forget_everybody, patient

_STEPS = 40
_PEOPLE = 6
Row = dict[str, str]


def _somebody(draw: random.Random, at: int) -> Row:
    """What county clerks write of person `at`, with a slip now and then."""
    fixed = random.Random(at)
    said = {
        "name": fixed.choice("王李张刘陈杨") + fixed.choice("伟芳娜敏静丽") + fixed.choice("华明国玉兰杰"),
        "birth": f"{fixed.randrange(1960, 1995)}-{fixed.randrange(1, 13):02}-{fixed.randrange(1, 29):02}",
        "sex": fixed.choice(["male", "female"]),
        "phone": f"138{fixed.randrange(10**8):08}",
        "origin": "410108000000",
    }
    if draw.random() < 0.3:
        said["birth"] = said["birth"][:7]
    if draw.random() < 0.2:
        del said["phone"]
    return said


class _Walk:
    """One life of the database; `held` are the records that counties have sent, in their last form."""

    def __init__(self, hub: Hub, members: Mapping[str, Enrolled], draw: random.Random) -> None:
        self.hub, self.members, self.draw = hub, members, draw
        self.held: dict[tuple[str, str], Row] = {}
        self.told: dict[int, UUID] = {}
        self.seen: list[tuple[int, str]] = []

    async def step(self) -> None:
        act = self.draw.choices(
            (self._arrive, self._correct, self._end, self._decide, self._night, self._change_model),
            weights=(8, 6, 2, 8, 2, 1),
        )[0]
        await act()

    async def _put(self, county: str, record: str, said: Row, **more: Any) -> None:
        self.held[county, record] = said
        await arrive(self.hub, self.members[county].member, [{**patient(county, record, **said), **more}])

    async def _arrive(self) -> None:
        county = self.draw.choice(sorted(self.members))
        await self._put(county, f"R{len(self.held)}", _somebody(self.draw, self.draw.randrange(_PEOPLE)))

    async def _correct(self) -> None:
        if self.held:
            county, record = self.draw.choice(sorted(self.held))
            await self._put(county, record, _somebody(self.draw, self.draw.randrange(_PEOPLE)))

    async def _end(self) -> None:
        if self.held:
            (county, record), said = self.draw.choice(sorted(self.held.items()))
            await self._put(county, record, said, active=False)

    async def _decide(self) -> None:
        hub, kind = self.hub, self.draw.choice(["MUST_LINK", "CANNOT_LINK", "RETRACT"])
        async with hub.database.read() as connection:
            records = sorted(await person_events.belonging(connection))
        if len(records) < 2:
            return
        a, b = sorted(self.draw.sample(records, 2))
        try:
            async with hub.database.begin() as connection:
                event = Decision(kind, a, b, "tester", None, "because", {}, None, hub.now())
                seq = await decisions.append(connection, event)
                await projecting.project(hub, connection, (a, b), cause="decision", now=hub.now(), decision_seq=seq)
        except Conflict as refused:
            if refused.code != "contradiction":
                raise  # what is refused must leave no trace, which the next check sees

    async def _night(self) -> None:
        async with self.hub.database.begin() as connection:
            ids = await people.records_behind(connection, 0, 2**62, 1000)
            await linking.rescore(self.hub, connection, ids, self.hub.now(), cause="reconciliation")

    async def _change_model(self) -> None:
        """Another model, previewed and approved; sometimes back again, which restores everybody."""
        before = await models.projection(self.hub)
        name = f"model-{self.hub.now():%H%M%S}-{self.draw.randrange(2**32)}"
        await models.change(self.hub, models.shifted(name, self.draw.choice((-9.0, -4.0, 3.0, 8.0))))
        if self.draw.random() < 0.5:
            await self.check()
            await models.go_back(self.hub)
            assert await models.projection(self.hub) == before

    async def check(self) -> None:
        async with self.hub.database.read() as connection:
            now = await person_events.belonging(connection)
            await self._check_told(connection, now)
            await self._check_past(connection)
            await self._check_replayed(connection, now)

    async def _check_told(self, connection: AsyncConnection, now: Mapping[int, UUID]) -> None:
        """Each change was told in one complete event; every id ever given leads to somebody."""
        last = self.seen[-1][0] if self.seen else 0
        for event in await person_events.events(connection, after=last):
            for record, old, new in event.moves:
                assert self.told.get(record) == old
                self.told[record] = new
            self.seen.append((event.id, person_events.digest(self.told)))
        assert self.told == now
        ids = set(now) | set(await people.records_behind(connection, 0, 2**62, 1000))
        assert ids == now.keys()
        for info in (await people.info(connection, ids)).values():
            assert await people.resolve(connection, info.anchor) == now[info.id]

    async def _check_past(self, connection: AsyncConnection) -> None:
        for event, was in self.seen:
            assert person_events.digest(await person_events.belonging(connection, at=event)) == was

    async def _check_replayed(self, connection: AsyncConnection, now: Mapping[int, UUID]) -> None:
        """The decision log, read from its beginning, and the scores give the persons that are there."""
        force: dict[tuple[int, int], str] = {}
        for decision in await decisions.of_records(connection, list(now)):
            pair = (decision.a, decision.b)
            force.pop(pair, None)
            if decision.kind != "RETRACT":
                force[pair] = decision.kind
        pairs = await people.pairs_touching(connection, list(now))
        numbers: dict[int, str] = {}
        for id_, data in (await people.features(connection, self.hub.vault, now)).items():
            number = Features.from_bytes(data).resident_id
            if number is not None and number.form is Form.CHECKED:
                numbers[id_] = number.text
        replayed = clusters.project(
            now,
            [clusters.Edge(p.a, p.b, p.weight) for p in pairs if p.decision == "auto"],
            [pair for pair, kind in force.items() if kind == "MUST_LINK"],
            [pair for pair, kind in force.items() if kind == "CANNOT_LINK"],
            distinct=[numbers],
        )
        anchors = {info.id: info.anchor for info in (await people.info(connection, now)).values()}
        again = {record: anchors[min(cluster)] for cluster in replayed for record in cluster}
        assert person_events.digest(again) == person_events.digest(now)
        for (a, b), kind in force.items():
            assert (now[a] == now[b]) == (kind == "MUST_LINK")


@pytest.fixture
async def counties(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> Mapping[str, Enrolled]:
    await models.staff(hub)
    return {"yongkang": yongkang, "huiji": huiji}


_some = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, max_examples=3)
_many = settings(_some, derandomize=False, max_examples=60)
_draws = st.randoms(use_true_random=False)


@_some
@given(_draws)
async def test_the_log_gives_the_persons_again_at_any_time(
    hub: Hub, counties: Mapping[str, Enrolled], draw: random.Random
) -> None:
    await _live(hub, counties, draw)


@pytest.mark.proof
@_many
@given(_draws)
async def test_the_log_gives_the_persons_again_in_many_lives(
    hub: Hub, counties: Mapping[str, Enrolled], draw: random.Random
) -> None:
    await _live(hub, counties, draw)


async def _live(hub: Hub, members: Mapping[str, Enrolled], draw: random.Random) -> None:
    await forget_everybody(hub)
    walk = _Walk(hub, members, draw)
    for _ in range(_STEPS):
        await walk.step()
        await walk.check()
