"""The preparing process: left in the middle of a document, it is replaced for the next."""

import asyncio
from datetime import UTC, datetime

import psutil
import pytest

from hub.domain.messages import PART_BYTES
from hub.errors import Unavailable
from hub.services.preparation import Preparer, Stop, Stopped, Task, never
from hub.services.preparing import Prepared
from tests.documents import PERSON_SHEET, rows, sheet

BODY = sheet(rows(40))


async def fetch(seq: int) -> bytes:
    return BODY[seq * PART_BYTES :][:PART_BYTES]


def task() -> Task:
    return Task(PERSON_SHEET, "huiji", datetime(2026, 3, 1, tzinfo=UTC), "", len(BODY), 4, 0, dry=True)


def child_of(preparer: Preparer) -> psutil.Process:
    assert preparer._process is not None
    return psutil.Process(preparer._process.pid)


async def drain(preparer: Preparer, stop: Stop = never) -> None:
    while await preparer.next(fetch, stop) is not None:
        pass


async def test_a_child_that_hangs_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    preparer = Preparer()
    try:
        await preparer.begin(task())
        assert await preparer.next(fetch) == 4
        assert await preparer.next(fetch) == 4  # made before the child was stopped
        child_of(preparer).suspend()
        # From here on only: to start a process takes long on a busy machine.
        with monkeypatch.context() as patch:
            patch.setattr(preparer, "_patience", 1)
            with pytest.raises(Unavailable) as slow:
                await drain(preparer)
        assert slow.value.code == "preparer-slow"
        await preparer.abandon()
        await preparer.begin(task())
        assert await preparer.next(fetch) == 4
    finally:
        await preparer.abandon()
        preparer.close()


async def test_a_worker_told_to_end_does_not_wait_for_a_batch() -> None:
    preparer = Preparer()
    try:
        await preparer.begin(task())
        await preparer.next(fetch)
        child_of(preparer).suspend()
        with pytest.raises(Stopped):
            await drain(preparer, lambda: True)
    finally:
        await preparer.abandon()
        preparer.close()


@pytest.mark.parametrize("dies_first", [False, True])
async def test_it_can_be_left_while_it_is_being_asked(dies_first: bool) -> None:
    """It is asked for the next batch, and is silent, in the moment in which it is left or dies."""
    preparer = Preparer()
    try:
        await preparer.begin(task())
        assert await preparer.next(fetch) == 4
        child = child_of(preparer)
        child.suspend()  # the next batch is not asked for before this test waits for something
        await asyncio.sleep(0.2)
        if dies_first:
            child.kill()
        await preparer.abandon()
        await preparer.begin(task())
        found = []
        while (batch := await preparer.next(fetch)) is not None:
            found.append(batch)
        assert found == [4] * 10
    finally:
        preparer.close()


async def test_lines_that_are_no_records_do_not_pile_up() -> None:
    """However many there are, before, between and behind the rows: a few are told, and how many more."""
    totals = "合计\r\n" * 30_000
    header, first, second, *_ = sheet(rows(2)).decode("gb18030").splitlines(keepends=True)
    body = (header + totals + first + totals + second + totals).encode("gb18030")

    async def part(seq: int) -> bytes:
        return body[seq * PART_BYTES :][:PART_BYTES]

    preparer = Preparer()
    try:
        received = datetime(2026, 3, 1, tzinfo=UTC)
        await preparer.begin(Task(PERSON_SHEET, "huiji", received, "", len(body), 1, 0, dry=False))
        found = []
        while (batch := await preparer.next(part)) is not None:
            assert isinstance(batch, Prepared)
            found.append(batch)
    finally:
        await preparer.abandon()
        preparer.close()
    assert [batch.rows for batch in found] == [1, 1]
    told = [issue for batch in found for issue in batch.issues if issue["code"].startswith(("row-is", "more-lines"))]
    assert [issue["code"] for issue in told] == ["row-is-total"] * 100 + ["more-lines-beside"]
    assert "89900" in told[-1]["text"]
