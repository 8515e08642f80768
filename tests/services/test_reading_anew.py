"""What a version that knew less stored of records is read anew, and persons are what they would be."""

from collections.abc import Mapping

import pytest
from sqlalchemy import text

from hub.linkage import layout
from hub.linkage.features import Features
from hub.runtime import Hub
from hub.services import reading_anew
from hub.services.exchange import writing
from hub.services.exchange.writing import Write
from hub.storage import people
from tests import models
from tests.hubs import Enrolled, acts
from tests.people import arrive, patient


@pytest.fixture
def counties(yongkang: Enrolled, huiji: Enrolled) -> Mapping[str, Enrolled]:
    return {"yongkang": yongkang, "huiji": huiji}


async def _become_old(hub: Hub) -> int:
    """All that is stored of records is as a former version left it."""
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 10_000, also_dead=True)
        for id_, data in (await people.features(connection, hub.vault, ids)).items():
            old = hub.vault.seal(bytes((layout.VERSION - 1,)) + data[1:40])
            await connection.execute(
                text("UPDATE source_record SET features = :old WHERE id = :id"), {"old": old, "id": id_}
            )
        await connection.execute(text("DELETE FROM blocking_key"))
    (hub.settings.data_dir / "features-layout").write_text(str(layout.VERSION - 1))
    return len(ids)


async def test_records_are_read_anew_and_persons_stay(hub: Hub, counties: Mapping[str, Enrolled]) -> None:
    await models.arrive_all(hub, dict(counties), models.register(3, 40))
    gone = {**patient("huiji", "H-gone", name="欧阳甲", birth="1951-01-17"), "active": False}
    await arrive(hub, counties["huiji"].member, [gone])
    before = await models.projection(hub)
    count = await _become_old(hub)
    assert await reading_anew.run(hub) == count
    assert await models.projection(hub) == before
    async with hub.database.read() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 10_000, also_dead=True)
        stored = await people.features(connection, hub.vault, ids)
        assert all(Features.is_readable(data) for data in stored.values())
        keys = (await connection.execute(text("SELECT count(DISTINCT record_id) FROM blocking_key"))).scalar_one()
    assert keys == count - 1, "nobody finds a record that is not live"
    assert [act["records"] for act in await acts(hub, "read-anew")] == [count]


async def test_a_record_that_was_deleted_is_read_as_it_last_was(hub: Hub, huiji: Enrolled) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", name="欧阳甲", birth="1951-01-17")])
    async with hub.database.read() as connection:
        id_, resource = (await connection.execute(text("SELECT id, resource_id FROM source_record"))).one()
    await writing.write(hub, huiji.member, Write("delete", "Patient", resource))
    async with hub.database.read() as connection:
        before = await people.features(connection, hub.vault, [id_])
    await _become_old(hub)
    assert await reading_anew.run(hub) == 1
    async with hub.database.read() as connection:
        assert await people.features(connection, hub.vault, [id_]) == before


async def test_a_set_up_that_died_between_reading_and_comparing_goes_on_with_comparing(
    hub: Hub, counties: Mapping[str, Enrolled], monkeypatch: pytest.MonkeyPatch
) -> None:
    await models.arrive_all(hub, dict(counties), models.register(5, 20))
    before = await models.projection(hub)
    await _become_old(hub)
    with monkeypatch.context() as dying:
        dying.setattr("hub.services.reading_anew.reconciliation.run", _dies)
        with pytest.raises(SystemExit):
            await reading_anew.run(hub)
    async with hub.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM pair_score"))).scalar_one() == 0
    await reading_anew.run(hub)
    async with hub.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM pair_score"))).scalar_one() > 0
    assert await models.projection(hub) == before


async def _dies(*_: object) -> None:
    raise SystemExit


async def test_it_is_done_once(hub: Hub, counties: Mapping[str, Enrolled]) -> None:
    await models.arrive_all(hub, dict(counties), models.register(4, 10))
    (hub.settings.data_dir / "features-layout").unlink(missing_ok=True)
    assert await reading_anew.run(hub) == 0
    await _become_old(hub)
    (hub.settings.data_dir / "features-layout").write_text(str(layout.VERSION))
    assert await reading_anew.run(hub) == 0
