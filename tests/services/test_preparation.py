"""The preparing process: left in the middle of a document, it is replaced for the next."""

import asyncio
from datetime import UTC, datetime

import psutil
import pytest

from hub.domain.messages import PART_BYTES
from hub.services.preparation import Preparer, Task
from tests.documents import PERSON_SHEET, rows, sheet

BODY = sheet(rows(40))


async def fetch(seq: int) -> bytes:
    return BODY[seq * PART_BYTES :][:PART_BYTES]


def task() -> Task:
    return Task(PERSON_SHEET, "huiji", datetime(2026, 3, 1, tzinfo=UTC), "", len(BODY), 4, 0, dry=True)


@pytest.mark.parametrize("dies_first", [False, True])
async def test_it_can_be_left_while_it_is_being_asked(dies_first: bool) -> None:
    """It is asked for the next batch, and is silent, in the moment in which it is left or dies."""
    preparer = Preparer()
    try:
        await preparer.begin(task())
        assert await preparer.next(fetch) == 4
        (child,) = [one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())]
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
