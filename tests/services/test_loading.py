"""`hub load`: a file from this machine, once, however often and whatever interrupts it."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub.errors import Invalid, NotFound, Unavailable
from hub.jobs import worker
from hub.runtime import Hub, open_hub
from hub.services import loading
from hub.services.loading import Loaded
from hub.services.preparation import Preparer
from hub.settings import Settings
from hub.storage import submissions, work
from tests.documents import NAMELESS, PERSON_SHEET, Beside, number_of, row, rows, sheet
from tests.hubs import Clock, Enrolled, acts


@pytest.fixture
def load(hub: Hub, preparer: Preparer, tmp_path: Path) -> Callable[..., Awaitable[Loaded]]:
    """Load bytes as Huiji's register."""

    async def act(body: bytes, *, mapping: str = PERSON_SHEET, owner: str = "huiji", **how: Any) -> Loaded:
        file = tmp_path / "五月.csv"
        file.write_bytes(body)
        return await loading.load(how.pop("on", hub), owner, file, mapping, how.pop("by", preparer), **how)

    return act


async def test_a_file_is_stored_and_translated(
    hub: Hub, huiji: Enrolled, load: Callable[..., Awaitable[Loaded]]
) -> None:
    sizes: list[int] = []
    counted: list[int] = []
    body = sheet([*rows(1200), row(1201, **NAMELESS)])
    found = await load(body, stored=sizes.append, progress=counted.append)
    assert (found.state, found.rows, found.translated, found.quarantined) == ("PROCESSED", 1201, 1200, 1)
    assert [(issue.row, issue.code) for issue in found.issues] == [(1202, "required-missing")]
    assert (sizes[-1], sum(counted)) == (len(body), 1201)
    async with hub.database.read() as connection:
        (stored,) = await submissions.changed_after(connection, hub.vault, huiji.member.id, 0, 10)
        states = [state for state, _, _ in await submissions.timeline(connection, stored.id)]
        kept = await submissions.part(connection, hub.vault, stored.id, 0)
    assert kept == body
    assert stored.digest == hashlib.sha256(body).digest()
    assert states == ["ACCEPTED", "VALIDATED", "PROCESSED"]
    assert len(await acts(hub, "receive")) == 1


async def test_loading_it_again_is_answered_from_what_is_known(
    hub: Hub, huiji: Enrolled, load: Callable[..., Awaitable[Loaded]]
) -> None:
    first = await load(sheet(rows(5)))
    again = await load(sheet(rows(5)))
    assert (again.submission_id, again.translated) == (first.submission_id, 5)
    assert await number_of(hub, "submission") == 1
    assert await number_of(hub, "resource_version") == 5


async def test_an_interrupted_load_goes_on_where_it_stopped(
    hub: Hub, huiji: Enrolled, load: Callable[..., Awaitable[Loaded]], hub_settings: Settings, clock: Clock
) -> None:
    small = hub_settings.model_copy(update={"batch_rows": 10})
    begun: list[int] = []

    def interrupt(count: int) -> None:
        begun.append(count)
        if len(begun) == 3:
            raise KeyboardInterrupt

    async with open_hub(small, now=clock) as patient:
        with pytest.raises(KeyboardInterrupt):
            await load(sheet(rows(60)), on=patient, progress=interrupt)
        clock.advance(minutes=1)
        counted: list[int] = []
        found = await load(sheet(rows(60)), on=patient, progress=counted.append)
    assert (found.state, found.rows, sum(counted)) == ("PROCESSED", 60, 30)
    assert await number_of(hub, "resource_version") == 60


async def test_what_a_worker_is_at_is_left_to_it(
    hub: Hub, huiji: Enrolled, load: Callable[..., Awaitable[Loaded]], clock: Clock
) -> None:
    class Dies(Beside):
        """Falls before anything is stored."""

        async def begin(self, task: Any) -> None:
            if not task.dry:
                raise RuntimeError
            await super().begin(task)

    with pytest.raises(RuntimeError):
        await load(sheet(rows(5)), by=Dies())
    clock.advance(minutes=1)
    async with hub.database.begin() as connection:
        assert await work.claim(connection, worker.KINDS, hub.now(), seconds=30)
    with pytest.raises(Unavailable):
        await load(sheet(rows(5)), patience=0)
    waiting = asyncio.ensure_future(load(sheet(rows(5))))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    clock.advance(minutes=1)
    assert (await waiting).state == "PROCESSED"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty-file"),
        ("姓名,性别\n王,女\n".encode("gb18030"), "missing-column"),
        (sheet(rows(3)) + b"\xff\xff\xff\n", "wrong-encoding"),
        (b"a" * 70_000, "line-too-long"),
        (b"PK\x03\x04 not a workbook", "not-a-workbook"),
    ],
)
async def test_what_cannot_be_read_is_refused_before_it_is_stored(
    hub: Hub, huiji: Enrolled, load: Callable[..., Awaitable[Loaded]], body: bytes, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await load(body)
    assert refused.value.code == code
    for name in ("submission", "submission_part", "work_item", "resource"):
        assert await number_of(hub, name) == 0


@pytest.mark.parametrize(
    ("mapping", "owner", "expected"),
    [
        ("huiji/person.v77", "huiji", Invalid),
        ("huiji/contraception_report.v1", "huiji", Invalid),
        (PERSON_SHEET, "nobody", NotFound),
    ],
)
async def test_what_nobody_could_submit_cannot_be_loaded(
    hub: Hub,
    huiji: Enrolled,
    load: Callable[..., Awaitable[Loaded]],
    mapping: str,
    owner: str,
    expected: type[Exception],
) -> None:
    with pytest.raises(expected):
        await load(sheet(rows(1)), mapping=mapping, owner=owner)
    assert await number_of(hub, "submission") == 0


async def test_a_gigabyte_of_one_line_is_refused_at_once_in_little_memory(
    hub: Hub, huiji: Enrolled, process: Preparer, tmp_path: Path
) -> None:
    file = tmp_path / "五月.csv"
    with file.open("wb") as handle:
        handle.write("登记编号,姓名".encode("gb18030"))
        handle.truncate(2**30)  # sparse: it costs no disk
    own = psutil.Process()
    before, begun = own.memory_info().rss, time.monotonic()
    with pytest.raises(Invalid) as refused:
        await loading.load(hub, "huiji", file, PERSON_SHEET, process)
    assert refused.value.code in ("line-too-long", "wrong-encoding")
    assert time.monotonic() - begun < 60
    assert own.memory_info().rss - before < 64 * 2**20
    assert process._process is not None
    assert psutil.Process(process._process.pid).memory_info().rss < 400 * 2**20
    assert await number_of(hub, "submission") == 0
