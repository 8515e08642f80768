"""Workers killed with SIGKILL in the middle of what they do: afterwards everything is as if nobody had died."""

import asyncio
import random
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from sqlalchemy import text

from hub.runtime import Hub, open_hub
from hub.services import auditing, fhir_lines, reconciliation
from hub.settings import Settings
from tests.documents import (
    NAMELESS,
    PERSON_PAGE,
    Beside,
    forget_documents,
    number_of,
    page,
    receive,
    record,
    row,
    rows,
    sent,
    sheet,
    taken_in,
    told,
)
from tests.feeds import resolved
from tests.hubs import Enrolled, acts
from tests.people import arrive, patient, persons
from tests.processes import Running, started, wait_until

FAST = {"HUB_BATCH_ROWS": "20", "HUB_LEASE_SECONDS": "2", "HUB_LOG_LEVEL": "warning"}


def _document(count: int) -> bytes:
    people = rows(count)
    for number in range(13, count, 50):
        people[number - 1] = row(number, **NAMELESS)
    for number in range(29, count, 70):
        people[number - 1] = row(number, 身份证号码="4.1E+17")
    return sheet([*people[:100], {"登记编号": "小计", "姓名": "100人"}, *people[100:]])


async def _rows_done(hub: Hub) -> int:
    async with hub.database.read() as connection:
        return int((await connection.execute(text("SELECT coalesce(max(rows), 0) FROM submission"))).scalar_one())


async def _until(hub: Hub, running: Running, least: int, seconds: float = 90) -> None:
    """Wait until that many rows are stored."""
    async with asyncio.timeout(seconds):
        while await _rows_done(hub) < least:
            assert running.process.poll() is None, running.log.read_text()
            await asyncio.sleep(0.02)


def _facts(found: dict[str, Any]) -> tuple[Any, ...]:
    listed = [(i["row"], i["column"], i["code"], i["value"]) for i in found["issues"]]
    return found["state"], found["counts"], listed


async def _tables(hub: Hub) -> dict[str, int]:
    names = ("resource", "resource_version", "source_record", "membership", "quarantined_row", "submission_issue")
    return {name: await number_of(hub, name) for name in names}


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.proof)])
async def test_a_document_is_translated_once_whoever_dies_over_it(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, yongkang: Enrolled, tmp_path: Path, kills: int
) -> None:
    count, known = 600 + 300 * kills, page([record(number) for number in range(1, 60)])
    body, small = _document(count), hub_settings.model_copy(update={"batch_rows": 20})
    async with open_hub(small) as small_hub:
        await taken_in(small_hub, yongkang, Beside(), known, PERSON_PAGE)
        whole = await taken_in(small_hub, huiji, Beside(), body)
    tables, partition = await _tables(hub), await persons(hub)
    await forget_documents(hub)
    await taken_in(hub, yongkang, Beside(), known, PERSON_PAGE)
    what = sent(body)
    await receive(hub, huiji, what)
    draw = random.Random(kills)
    for _ in range(kills):
        least = min(await _rows_done(hub) + draw.randrange(20, 260), count - 100)
        with started(hub_settings, tmp_path, "work", **FAST) as running:
            await _until(hub, running, least)
            children = psutil.Process(running.process.pid).children()
            running.kill()
        assert await _rows_done(hub) < count
        assert children
        _, alive = await asyncio.to_thread(psutil.wait_procs, children, 10)
        assert not alive
    with started(hub_settings, tmp_path, "work", **FAST) as running:
        await _until(hub, running, count)
        running.process.terminate()  # it ends what it is at before it goes
        assert await asyncio.to_thread(running.process.wait, 60) == 0
    assert _facts(await told(hub, huiji, what.document.message_id)) == _facts(whole)
    assert await _tables(hub) == tables
    assert await persons(hub) == partition
    assert len(await acts(hub, "process")) == 4
    assert (await _verified(hub)).ok


async def _verified(hub: Hub) -> auditing.Report:
    while await auditing.sequence(hub):
        pass
    return await auditing.verify(hub)


async def test_a_reconciliation_goes_on_where_it_was_killed(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is killed between two of its transactions; the same run is then taken to its end."""
    people_ = [
        patient("huiji", f"H{number}", name=f"王小{number}", birth=f"19{number % 60 + 30}-03-0{number % 9 + 1}")
        for number in range(1200)
    ]
    for start in range(0, len(people_), 400):
        await arrive(hub, huiji.member, people_[start : start + 400])
    before = await persons(hub)
    with started(hub_settings, tmp_path, "reconcile", "--now") as running:
        async with asyncio.timeout(90):
            while not await _cursor(hub):
                assert running.process.poll() is None, running.log.read_text()
                await asyncio.sleep(0.01)
        running.kill()
    (cause, cursor, state), *_ = await _runs(hub)
    assert cursor > 0
    report = await reconciliation.run(hub, cause)
    assert report.examined == 1200
    assert (await _runs(hub))[0][2] == "DONE"
    assert state in ("RUNNING", "DONE")
    assert await persons(hub) == before
    assert len(await acts(hub, "reconcile")) == 1


async def _runs(hub: Hub) -> list[tuple[str, int, str]]:
    async with hub.database.read() as connection:
        found = await connection.execute(
            text("SELECT cause, cursor, state FROM reconciliation_run ORDER BY started_at")
        )
        return [(one.cause, one.cursor, one.state) for one in found]


async def _cursor(hub: Hub) -> int:
    return max((cursor for _, cursor, _ in await _runs(hub)), default=0)


def test_waiting_gives_up() -> None:
    with pytest.raises(AssertionError, match="not within"):
        wait_until(lambda: False, 0.1)


def _replaced(number: int) -> dict[str, Any]:
    """One of a pair of records."""
    found = patient("huiji", f"H{number}", name=f"王小{number}", birth=f"19{number % 60 + 30}-03-0{number % 9 + 1}")
    return resolved(found, f"H{number ^ 1}") if number % 2 or number % 8 == 0 else found


async def test_a_document_with_rows_at_fault_is_the_same_whoever_dies_over_it(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, tmp_path: Path
) -> None:
    """Every second line is replaced by the one before it, and each fourth time that one by it: then the second is held."""
    count = 400
    held = [number + 1 for number in range(count) if number % 8 == 1]
    what = sent(b"\n".join(orjson.dumps(_replaced(number)) for number in range(count)), fhir_lines.NAME)
    await receive(hub, huiji, what)
    draw = random.Random(5)
    for least in (60, 200):
        with started(hub_settings, tmp_path, "work", **FAST) as running:
            await _until(hub, running, least + draw.randrange(60))
            running.kill()
        assert await _rows_done(hub) < count
    with started(hub_settings, tmp_path, "work", **FAST) as running:
        await _until(hub, running, count)
        running.process.terminate()
        assert await asyncio.to_thread(running.process.wait, 60) == 0
    found = await told(hub, huiji, what.document.message_id)
    assert found["counts"] == {"rows": count, "translated": count - len(held), "quarantined": len(held)}
    assert found["state"] == "PROCESSED"
    async with hub.database.read() as connection:
        rows_held = await connection.execute(text("SELECT row, codes FROM quarantined_row ORDER BY row"))
        assert [tuple(one) for one in rows_held] == [(number, "merge-cycle") for number in held]
        told_of = await connection.execute(
            text("SELECT row FROM submission_issue WHERE severity = 'error' ORDER BY row")
        )
        assert [one.row for one in told_of] == held
    assert await number_of(hub, "resource") == await number_of(hub, "resource_version") == count - len(held)
    # Each pair is one person, but where the second line was held and the first waits for it.
    assert await number_of(hub, "decision_event") == count // 2 - len(held)
    assert (await _verified(hub)).ok
