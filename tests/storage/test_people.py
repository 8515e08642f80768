"""What hangs together with a record, in rows that grow with the records of a person and not with their square."""

from hub.runtime import Hub
from hub.storage import people
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
