"""The weekly look at weights and rates: measured, held against what was, said on Today, bounded."""

import pytest
from sqlalchemy import text

from hub.jobs.schedules import schedules
from hub.linkage import drift as rules
from hub.services import boards, drift, models
from hub.storage import drift as profiles
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts
from tests.services.test_reviews import World, here

__all__ = ["here"]


async def test_a_profile_counts_what_is_there(here: World) -> None:
    await world.add_records(here.hub, invented.beside(invented.HUIJI, "HJ-9"))
    await drift.measure(here.hub)
    async with here.hub.database.read() as connection:
        found = await profiles.newest(connection)
    assert found is not None
    profile = rules.Profile.read(found.profile)
    assert profile.rates == (2, 3, 0)
    assert profile.members == {"yongkang": (1, 0, 0), "huiji": (1, 2, 0), "jinjiang": (0, 1, 0)}
    assert profile.pairs == 4
    assert profile.missing["children"] == 4


async def test_what_moved_is_said_to_those_whom_it_concerns(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "FEWEST", 2)
    monkeypatch.setattr(rules, "MOVED", 0.05)
    (job,) = [schedule.job for schedule in schedules(here.hub.settings) if schedule.name == "drift"]
    assert await job(here.hub, here.clock()) == {"moved": 0}
    for number in range(6):
        await world.add_records(here.hub, invented.beside(invented.HUIJI, f"HJ-{number}"))
    here.clock.forward(days=7)
    assert (await job(here.hub, here.clock()))["moved"] > 0
    everything = (await boards.today(here.hub, await here.user("admin"))).drift
    assert {finding.what for finding in everything} >= {"weights", "rates", "member"}
    own = (await boards.today(here.hub, await here.user("sunyue"))).drift
    assert [(finding.what, finding.of) for finding in own] == [("member", "huiji")]
    assert (await boards.today(here.hub, await here.user("jin"))).drift == ()
    assert "weights" in (await acts(here.hub, "drift"))[0]["moved"]
    shift = await drift.shift(here.hub, await here.user("admin"))
    assert shift is not None
    assert shift.before.pairs < shift.after.pairs
    assert await drift.shift(here.hub, await here.user("sunyue")) is None


async def test_the_present_is_held_against_four_weeks_ago(here: World) -> None:
    for _ in range(6):
        await drift.measure(here.hub)
        here.clock.forward(days=7)
    async with here.hub.database.read() as connection:
        model = (await models.in_force(here.hub, connection)).model.hash[:16]
        found = await profiles.reference(connection, model, here.clock.at)
        early = await profiles.reference(connection, model, here.clock.at.replace(year=2000))
        other = await profiles.reference(connection, "another", here.clock.at)
    assert found is not None
    assert early is not None
    assert (found.measured_at - early.measured_at).days == 35
    assert other is None


async def test_two_years_are_kept(here: World) -> None:
    async with here.hub.database.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO drift_profile (id, model, profile, findings, measured_at)
                SELECT gen_random_uuid(), 'm', '{}', '[]', now() - n * interval '7 days' FROM generate_series(1, 120) n""")
        )
    (forget,) = [schedule.job for schedule in schedules(here.hub.settings) if schedule.name == "retention"]
    assert (await forget(here.hub, here.clock()))["drift_profile"] == 16
