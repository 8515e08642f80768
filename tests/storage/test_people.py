"""What hangs together with a record, in rows that grow with the records of a person and not with their square."""

from uuid import uuid4

import pytest

from hub.runtime import Hub
from hub.storage import blocking_keys, people
from hub.storage.database import driver
from tests.hubs import Enrolled
from tests.people import arrive, patient, persons

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228"}


async def test_every_record_of_a_person_comes_once(hub: Hub, huiji: Enrolled) -> None:
    """Rows for each two of them: a county that says of a thousand records that one replaces them stopped everybody."""
    await arrive(hub, huiji.member, [patient("huiji", f"H{at}", **LI) for at in range(20)])
    assert len(await persons(hub)) == 1
    async with hub.database.begin() as connection:
        ids = await people.component(connection, [1])
        raw = driver(connection)
        await raw.execute("DELETE FROM pair_score")
        rows = await raw.fetch(people._NEIGHBOURS, ids)
    assert [row["id"] for row in sorted(rows)] == ids == list(range(1, 21))


async def test_many_keys_meet_whom_few_would(hub: Hub, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go another way into the database, which has to see as little of themselves."""
    await arrive(hub, huiji.member, [patient("huiji", f"H{at}", **LI) for at in range(4)])
    async with hub.database.read() as connection:
        rows = await driver(connection).fetch("SELECT key FROM blocking_key WHERE record_id = 1")
    known = [row["key"] for row in rows]
    assert len(known) > 3
    met = []
    for few in (0, 1_000):
        monkeypatch.setattr(blocking_keys, "_FEW_ROWS", few)
        async with hub.database.begin() as connection:
            await driver(connection).execute("DELETE FROM blocking_key WHERE record_id IN (3, 4)")
            met.append(await blocking_keys.meet(connection, {3: known, 4: [*known[:2], 5]}, 1))
            written = await blocking_keys.blocks(connection, [*known, 5], 10)
            await driver(connection).execute("DELETE FROM blocking_key WHERE key = 5")
        assert written == {key: [1, 2, 3, 4] for key in known[:2]} | {key: [1, 2, 3] for key in known[2:]} | {5: [4]}
    assert met == [{key: [1, 2] for key in known}] * 2


async def test_records_that_were_nobodys_and_others_move_alike(hub: Hub, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", f"H{at}", **LI) for at in range(3)])
    async with hub.database.begin() as connection:
        raw = driver(connection)
        await raw.execute("DELETE FROM membership WHERE record_id <> 2")
        (was,) = [row["person_id"] for row in await raw.fetch("SELECT person_id FROM membership")]
        other = uuid4()
        new = await people.move_records(
            connection, {1: (None, other)}, cause="ingest", decision_seq=None, now=hub.now()
        )
        both = await people.move_records(
            connection, {2: (was, other), 3: (None, other)}, cause="ingest", decision_seq=None, now=hub.now()
        )
        rows = await raw.fetch("SELECT record_id, person_id, since FROM membership ORDER BY record_id")
        left = await raw.fetch(
            "SELECT record_id, person_id, to_event FROM membership_history ORDER BY to_event DESC LIMIT 1"
        )
    assert [tuple(row) for row in rows] == [(1, other, new), (2, other, both), (3, other, both)]
    assert [tuple(row) for row in left] == [(2, was, both)]
