"""Rows that were held are tried again when their mapping was mended."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.errors import Conflict
from hub.jobs import worker
from hub.runtime import Hub, open_hub
from hub.services import submitted, translating
from hub.services.preparation import Preparer
from mappings.engine import load as mapping_loader
from tests.documents import (
    NAMELESS,
    PERSON_SHEET,
    claim,
    facts,
    patients,
    receive,
    row,
    sent,
    sheet,
    taken_in,
    told,
    work_off,
)
from tests.hubs import Clock, Enrolled


@pytest.fixture
def mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder of mappings with a second version of the sheet, which finds names in the remarks too."""
    folder = tmp_path / "mappings"
    shutil.copytree(mapping_loader.root() / "huiji", folder / "huiji")
    second = folder / "huiji" / "person.v2"
    shutil.copytree(folder / "huiji" / "person.v1", second)
    written = (second / "mapping.yaml").read_text()
    changed = written.replace("huiji/person.v1", "huiji/person.v2").replace(
        "name: {from: 姓名,", "name: {from: [姓名, 备注],"
    )
    assert changed.count("[姓名, 备注]") == 1
    (second / "mapping.yaml").write_text(changed)
    monkeypatch.setattr(mapping_loader, "root", lambda: folder)
    yield "huiji/person.v2"
    mapping_loader.load.cache_clear()


async def test_mending_a_mapping_releases_what_it_can_read_now(
    hub: Hub, huiji: Enrolled, preparer: Preparer, request: pytest.FixtureRequest, clock: Clock
) -> None:
    what = sent(sheet([row(1), row(2, **NAMELESS), row(3, 备注="政策外二孩"), row(4, **NAMELESS)]))
    await receive(hub, huiji, what)
    await work_off(hub, preparer)
    before = await told(hub, huiji, what.document.message_id)
    assert before["counts"]["quarantined"] == 3
    second = request.getfixturevalue("mended")
    assert translating.newest_version(PERSON_SHEET) == second
    (asked,) = await translating.ask_replay(hub, PERSON_SHEET)
    assert str(asked) == before["submission_id"]
    clock.advance(seconds=1)
    await work_off(hub, preparer)
    after = await told(hub, huiji, what.document.message_id)
    assert after["counts"] == {"rows": 4, "translated": 3, "quarantined": 1}
    assert [(i["row"], i["code"]) for i in after["issues"] if i["severity"] == "error"] == [(4, "forbidden-content")]
    assert after["timeline"][-1]["detail"] == "replayed with huiji/person.v2, released: 2"
    assert set(await patients(hub)) == {"HJ0000001", "HJ0000002", "HJ0000004"}
    assert {"周敏"} <= {body["name"][0]["text"] for body in (await patients(hub)).values()}
    items, _ = await submitted.changed(hub, huiji.member, 0, 10)
    assert [item["submission_id"] for item in items] == [before["submission_id"]]
    # Again: nothing more to release, nothing told twice.
    await translating.ask_replay(hub, PERSON_SHEET)
    await work_off(hub, preparer)
    assert facts(await told(hub, huiji, what.document.message_id)) == facts(after)


async def test_a_business_error_is_settled_when_its_rows_are_released(
    hub: Hub, huiji: Enrolled, preparer: Preparer, request: pytest.FixtureRequest, clock: Clock
) -> None:
    what = sent(sheet([row(1, **NAMELESS)]))
    await receive(hub, huiji, what)
    await work_off(hub, preparer)
    assert (await told(hub, huiji, what.document.message_id))["state"] == "BUSINESS_ERROR"
    request.getfixturevalue("mended")
    await translating.ask_replay(hub, PERSON_SHEET)
    await work_off(hub, preparer)
    found = await told(hub, huiji, what.document.message_id)
    assert (found["state"], found["application_ack"]["errors"]) == ("PROCESSED", [])


async def test_asking_again_while_a_replay_is_under_way_begins_it_anew(
    hub: Hub, huiji: Enrolled, preparer: Preparer
) -> None:
    await taken_in(hub, huiji, preparer, sheet([row(1, **NAMELESS)]))
    await translating.ask_replay(hub, PERSON_SHEET)
    under_way = await claim(hub)
    await translating.ask_replay(hub, PERSON_SHEET)
    with pytest.raises(Conflict) as lost:
        await translating.replay(hub, under_way)
    assert lost.value.code == "lease-lost"
    assert await work_off(hub, preparer) == 1


async def test_a_replayed_row_does_not_undo_a_later_row_of_its_own_document(
    hub: Hub, huiji: Enrolled, preparer: Preparer, request: pytest.FixtureRequest, clock: Clock
) -> None:
    older, newer = row(1, **NAMELESS, 联系电话="13900000001"), row(1, 姓名="王伟", 联系电话="13900000002")
    what = sent(sheet([older, newer]))
    await receive(hub, huiji, what)
    await work_off(hub, preparer)
    request.getfixturevalue("mended")
    await translating.ask_replay(hub, PERSON_SHEET)
    clock.advance(seconds=1)
    await work_off(hub, preparer)
    found = await told(hub, huiji, what.document.message_id)
    assert (found["counts"]["quarantined"], found["issues"][-1]["code"]) == (0, "older-than-known")
    assert (await patients(hub))["HJ0000001"]["telecom"][0]["value"] == "13900000002"


async def test_a_replay_that_is_left_half_way_is_told_all_the_same(
    hub: Hub, huiji: Enrolled, preparer: Preparer, request: pytest.FixtureRequest, clock: Clock
) -> None:
    what = sent(sheet([row(1), row(2, **NAMELESS), row(3, 姓名="", 备注="")]))
    await receive(hub, huiji, what)
    await work_off(hub, preparer)
    _, cursor = await submitted.changed(hub, huiji.member, 0, 10)
    request.getfixturevalue("mended")
    async with open_hub(hub.settings.model_copy(update={"batch_rows": 1}), now=clock) as small:
        await translating.ask_replay(small, PERSON_SHEET)
        clock.advance(seconds=1)
        calls = iter((False, True))
        await worker.do_one(small, preparer, lambda: next(calls, True))
        await work_off(small, preparer)
    told_, _ = await submitted.changed(hub, huiji.member, cursor, 10)
    assert [one["submission_id"] for one in told_] == [
        (await told(hub, huiji, what.document.message_id))["submission_id"]
    ]
