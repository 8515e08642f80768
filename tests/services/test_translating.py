"""Translating: every row once, whatever dies in between; what fails is kept, told, and tried again when it can be read."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from adapters.gateway import withheld
from hub.domain.messages import PART_BYTES
from hub.errors import Conflict
from hub.jobs import worker
from hub.runtime import Hub, open_hub
from hub.services import submitted, translating
from hub.services.preparation import Preparer, Task, behind, joined
from hub.services.recording import reference_of, subject_of
from hub.settings import Settings
from hub.storage import agreements, people, quarantine, resources, submissions, work
from hub.storage.work import Work
from mappings.engine import load as mapping_loader
from mappings.engine.issues import make
from tests.documents import (
    COLUMNS,
    CONSENT_PAGE,
    NAMELESS,
    PERSON_PAGE,
    PERSON_SHEET,
    Beside,
    Sent,
    consent,
    forget_documents,
    number_of,
    page,
    receive,
    record,
    row,
    rows,
    sent,
    sheet,
    table,
    taken_in,
    told,
    work_off,
    workbook,
)
from tests.hubs import Clock, Enrolled, acts


async def _patients(hub: Hub) -> dict[str, dict[str, Any]]:
    """Every Patient by its record number."""
    async with hub.database.read() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100_000)
        infos = await people.info(connection, ids)
        found = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
    bodies = [orjson.loads(resource.body) for resource in found.values()]
    return {body["identifier"][0]["value"]: body for body in bodies}


async def _claim(hub: Hub) -> Work:
    async with hub.database.begin() as connection:
        (claimed,) = await work.claim(connection, worker.KINDS, hub.now(), seconds=hub.settings.lease_seconds)
    return claimed


@pytest.fixture
def small(hub_settings: Settings) -> Settings:
    """Settings under which a document is many batches."""
    return hub_settings.model_copy(update={"batch_rows": 7, "lease_seconds": 5, "work_attempts": 3})


async def test_a_gbk_sheet_becomes_people(hub: Hub, huiji: Enrolled, preparer: Preparer) -> None:
    body = sheet([*rows(5), {"登记编号": "合计", "姓名": "5人"}, *rows(2, 6)])
    found = await taken_in(hub, huiji, preparer, body, file_name="五月.csv")
    assert found["state"] == "PROCESSED"
    assert found["counts"] == {"rows": 7, "translated": 7, "quarantined": 0, "linked": 0, "review": 0}
    assert [(issue["code"], issue["row"]) for issue in found["issues"]] == [("row-is-total", 7)]
    assert found["application_ack"]["errors"] == []
    assert [step["state"] for step in found["timeline"]] == ["ACCEPTED", "VALIDATED", "PROCESSED"]
    people_ = await _patients(hub)
    assert set(people_) == {f"HJ{number:07d}" for number in range(1, 8)}
    assert people_["HJ0000003"]["name"][0]["text"] == row(3)["姓名"]


async def test_a_workbook_and_a_sheet_say_the_same(
    hub: Hub, huiji: Enrolled, preparer: Preparer, tmp_path: Path
) -> None:
    await taken_in(hub, huiji, preparer, sheet(rows(4)))
    first = await _patients(hub)
    found = await taken_in(hub, huiji, preparer, workbook(tmp_path, table(rows(4))))
    assert found["counts"]["translated"] == 4
    assert await _patients(hub) == first
    assert await number_of(hub, "resource_version") == 4


async def test_the_examples_of_the_mappings_pass_through_the_hub(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, preparer: Preparer
) -> None:
    folder = mapping_loader.root()
    for owner, name in ((huiji, PERSON_SHEET), (yongkang, PERSON_PAGE), (yongkang, CONSENT_PAGE)):
        for source in sorted((folder / name / "examples").glob("*.source.*")):
            issues = orjson.loads(source.with_name(source.name.split(".")[0] + ".issues.json").read_bytes())
            body = withheld.without(name, source.read_bytes()) if source.suffix == ".json" else source.read_bytes()
            found = await taken_in(hub, owner, preparer, body, name, file_name=source.name)
            assert found["state"] in ("PROCESSED", "BUSINESS_ERROR", "REJECTED"), (source.name, found)
            codes = {issue["code"] for issue in issues if issue["severity"] == "error"}
            assert {issue["code"] for issue in found["issues"] if issue["severity"] == "error"} == codes, source.name


async def test_people_of_two_counties_are_linked_and_counted(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, preparer: Preparer
) -> None:
    await taken_in(hub, huiji, preparer, sheet(rows(6)))
    found = await taken_in(hub, yongkang, preparer, page([record(number) for number in range(4, 10)]), PERSON_PAGE)
    assert found["counts"]["linked"] == 3


async def test_a_document_with_a_column_that_must_travel_sealed_is_refused_and_forgotten(
    hub: Hub, huiji: Enrolled, preparer: Preparer
) -> None:
    body = sheet([row(1, 避孕措施="上环")], columns=(*COLUMNS, "避孕措施"))
    found = await taken_in(hub, huiji, preparer, body)
    assert found["state"] == "REJECTED"
    assert [(issue["column"], issue["code"]) for issue in found["issues"]] == [("避孕措施", "withheld-column")]
    async with hub.database.read() as connection:
        id_ = (await submissions.changed_after(connection, hub.vault, huiji.member.id, 0, 1))[0].id
        assert await submissions.part(connection, hub.vault, id_, 0) is None
    assert not await _patients(hub)


async def test_a_row_that_fails_is_kept_as_it_came_and_the_others_go_on(
    hub: Hub, huiji: Enrolled, preparer: Preparer
) -> None:
    body = sheet([row(1), row(2, **NAMELESS), row(3, 备注="政策外二孩"), row(4)])
    found = await taken_in(hub, huiji, preparer, body)
    assert found["state"] == "PROCESSED"
    assert found["counts"] == {"rows": 4, "translated": 2, "quarantined": 2, "linked": 0, "review": 0}
    async with hub.database.read() as connection:
        id_ = (await submissions.changed_after(connection, hub.vault, huiji.member.id, 0, 1))[0].id
        held = await quarantine.held_by(connection, hub.vault, id_, after=0, limit=10)
        reasons = await quarantine.totals(connection)
    assert reasons == {"required-missing": 1, "forbidden-content": 1}
    # What nobody may exchange is counted and told, not kept: only the other row can be tried again.
    assert [(some.row, some.codes) for some in held] == [(3, ("required-missing",))]
    assert orjson.loads(held[0].original)["original"] == body.decode("gb18030").splitlines()[2]
    errors = [issue for issue in found["issues"] if issue["severity"] == "error"]
    assert [(issue["row"], issue["column"], issue["code"]) for issue in errors] == [
        (3, "姓名", "required-missing"),
        (4, "备注", "forbidden-content"),
    ]
    assert all(issue["text"] and issue["text_zh"] for issue in errors)
    assert set(await _patients(hub)) == {"HJ0000001", "HJ0000004"}


async def test_a_document_of_which_no_row_can_be_used_is_a_business_error(
    hub: Hub, huiji: Enrolled, preparer: Preparer
) -> None:
    found = await taken_in(hub, huiji, preparer, sheet([row(1, **NAMELESS), row(2, **NAMELESS)]))
    assert found["state"] == "BUSINESS_ERROR"
    assert [error["code"] for error in found["application_ack"]["errors"]] == ["required-missing"] * 2
    assert await number_of(hub, "resource") == 0


async def test_what_cannot_be_read_is_rejected_whole(hub: Hub, huiji: Enrolled, preparer: Preparer) -> None:
    body = sheet(rows(3000)) + "王小明,坏\xff".encode() + b"\xff\xfe\n"  # the fault is in the very last line
    found = await taken_in(hub, huiji, preparer, body)
    assert found["state"] == "REJECTED"
    (issue,) = found["issues"]
    assert (issue["row"], issue["severity"]) == (3002, "error")
    assert found["application_ack"]["errors"] == [issue]
    assert found["counts"]["rows"] == 0
    for name in ("resource", "source_record", "quarantined_row", "work_item"):
        assert await number_of(hub, name) == 0
    assert [act["code"] for act in await acts(hub, "reject")] == [issue["code"]]


async def test_a_process_of_its_own_prepares_the_same_as_one_beside(
    hub: Hub, huiji: Enrolled, preparer: Preparer, process: Preparer, small: Settings
) -> None:
    more = [row(number, 备注="长" * 600) for number in range(100, 1100)]
    body = _mixed(40) + sheet(more).split(b"\r\n", 1)[1]
    assert len(body) > PART_BYTES
    task = Task(PERSON_SHEET, "huiji", hub.now(), "五月.csv", len(body), 100, 102, dry=False)

    async def fetch(seq: int) -> bytes:
        return body[seq * PART_BYTES :][:PART_BYTES]

    found = []
    for one in (preparer, process):
        await one.begin(task)
        batches = []
        while (batch := await one.next(fetch)) is not None:
            batches.append(batch)
        found.append(batches)
    assert found[0] == found[1]
    assert len(found[0]) == 10


async def test_the_process_goes_on_with_the_next_document_after_a_bad_one(
    hub: Hub, huiji: Enrolled, process: Preparer
) -> None:
    bad = await taken_in(hub, huiji, process, b"\x00\x01\x02")
    good = await taken_in(hub, huiji, process, sheet(rows(1)))
    assert (bad["state"], good["state"]) == ("REJECTED", "PROCESSED")


class Killed(BaseException):
    """The worker is gone in the middle of a document: nothing catches it on the way."""


async def _translate_until(hub: Hub, preparer: Preparer, batches: int) -> bool:
    """Work until the worker dies behind the commit of that many batches; False when the document ended before."""
    left = batches

    def progress(_: int) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Killed

    try:
        await translating.translate(hub, await _claim(hub), preparer, progress=progress)
    except Killed:
        return True
    return False


def _facts(found: dict[str, Any]) -> tuple[Any, ...]:
    listed = [(i["row"], i["column"], i["code"], i["value"]) for i in found["issues"]]
    return found["state"], found["counts"], listed


def _mixed(count: int) -> bytes:
    """A sheet with everything in it: totals, faults, warnings, people who come twice."""
    people_ = rows(count)
    people_[3] = row(4, **NAMELESS)
    people_[9] = row(10, 身份证号码="4.1E+17")
    people_[20] = row(2, 联系电话="13900000000")
    people_[-1] = row(count, 备注="政策外二孩")
    return sheet(
        [*people_[:12], {"登记编号": "小计", "姓名": "12人"}, *people_[12:], {"登记编号": "合计", "姓名": "x"}]
    )


async def test_a_worker_that_dies_behind_any_batch_costs_nothing(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    body = _mixed(40)
    async with open_hub(small, now=clock) as patient:
        await taken_in(patient, yongkang, preparer, page([record(number) for number in range(1, 12)]), PERSON_PAGE)
        whole = await taken_in(patient, huiji, preparer, body)
        versions, records = await number_of(hub, "resource_version"), await _patients(hub)
        # The same sheet of a member that is new to the hub, and a worker that dies behind every batch.
        await forget_documents(patient)
        await taken_in(patient, yongkang, preparer, page([record(number) for number in range(1, 12)]), PERSON_PAGE)
        what = sent(body)
        await receive(patient, huiji, what)
        deaths = 0
        while await _translate_until(patient, preparer, 1):
            deaths += 1
            clock.advance(seconds=small.lease_seconds + 1)
        assert deaths == 6
        assert _facts(await told(patient, huiji, what.document.message_id)) == _facts(whole)
        assert await number_of(hub, "resource_version") == versions
        assert await _patients(hub) == records
        assert await number_of(hub, "work_item") == 0


async def test_who_lost_the_lease_stores_nothing_more(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(30)))
        await receive(patient, huiji, what)
        first = await _claim(patient)
        taken_over = False

        async def take_over() -> None:
            clock.advance(seconds=small.lease_seconds + 1)
            await translating.translate(patient, await _claim(patient), preparer)

        class Stalls(Beside):
            """Falls asleep behind its second batch, long enough for another worker to do it all."""

            async def next(self, fetch: Any) -> Any:
                nonlocal taken_over
                found = await super().next(fetch)
                async with patient.database.read() as connection:
                    stored = await submissions.by_id(connection, patient.vault, first.subject)
                if stored and stored.rows >= 14 and not taken_over:
                    taken_over = True
                    await take_over()
                return found

        stalling = Stalls()
        with pytest.raises(Conflict) as lost:
            await translating.translate(patient, first, stalling)
        assert lost.value.code == "lease-lost"
        found = await told(patient, huiji, what.document.message_id)
        assert found["counts"]["rows"] == found["counts"]["translated"] == 30
        assert await number_of(hub, "resource_version") == 30


async def test_a_preparer_that_is_killed_is_replaced_and_the_document_tried_again(
    hub: Hub, huiji: Enrolled, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(40)))
        await receive(patient, huiji, what)
        killed = 0

        class Mortal(Preparer):
            """Its child is killed from outside before its fourth batch, once."""

            asked = 0

            async def next(self, fetch: Any) -> Any:
                nonlocal killed
                self.asked += 1
                if self.asked == 10 and not killed and self._process is not None and self._process.pid:
                    killed += 1
                    os.kill(self._process.pid, signal.SIGKILL)
                    self._process.join(5)
                return await super().next(fetch)

        mortal = Mortal()
        await work_off(patient, mortal)
        async with hub.database.read() as connection:
            waiting, _, dead = await work.health(connection)
        assert (killed, waiting, dead) == (1, 1, 0)
        clock.advance(minutes=1)
        await work_off(patient, mortal)
        mortal.close()
        found = await told(patient, huiji, what.document.message_id)
        assert (found["state"], found["counts"]["rows"]) == ("PROCESSED", 40)
        assert await number_of(hub, "resource_version") == 40


class Poisoned(Beside):
    """One document of its kind makes every process fall that reads it."""

    async def begin(self, task: Any) -> None:
        if task.file_name == "poison.csv":
            raise RuntimeError("the process fell")
        await super().begin(task)


async def test_a_poisoned_document_is_set_aside_and_blocks_nobody(
    hub: Hub, huiji: Enrolled, small: Settings, clock: Clock
) -> None:
    poisoned = Poisoned()
    async with open_hub(small, now=clock) as patient:
        poison, good = sent(sheet(rows(3)), file_name="poison.csv"), sent(sheet(rows(3, 10)))
        await receive(patient, huiji, poison)
        await receive(patient, huiji, good)
        await work_off(patient, poisoned)
        assert (await told(patient, huiji, good.document.message_id))["state"] == "PROCESSED"
        assert (await told(patient, huiji, poison.document.message_id))["state"] == "ACCEPTED"
        for _ in range(small.work_attempts):
            clock.advance(minutes=10)
            await work_off(patient, poisoned)
        found = await told(patient, huiji, poison.document.message_id)
        assert (found["state"], found["timeline"][-1]["detail"]) == ("DEAD", "RuntimeError")
        assert found["application_ack"]["errors"] == [{"code": "RuntimeError", "text": "RuntimeError"}]
        assert [act["code"] for act in await acts(hub, "set-aside")] == ["RuntimeError"]
        clock.advance(days=1)
        assert await work_off(patient, poisoned) == 0


async def test_a_document_that_kills_every_worker_is_set_aside_too(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what, other = sent(sheet(rows(3))), sent(sheet(rows(3, 10)))
        await receive(patient, huiji, what)
        await receive(patient, huiji, other)
        for _ in range(small.work_attempts):
            assert (await _claim(patient)).subject is not None  # and nothing is heard of it any more
            clock.advance(seconds=small.lease_seconds + 1)
        await work_off(patient, preparer)
        assert (await told(patient, huiji, what.document.message_id))["state"] == "DEAD"
        assert (await told(patient, huiji, other.document.message_id))["state"] == "PROCESSED"


async def test_long_work_survives_more_deaths_than_tries(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(7 * 8)))
        await receive(patient, huiji, what)
        deaths = 0
        while await _translate_until(patient, preparer, 1):
            deaths += 1
            clock.advance(seconds=small.lease_seconds + 1)
        assert deaths > small.work_attempts
        assert (await told(patient, huiji, what.document.message_id))["state"] == "PROCESSED"


async def test_what_was_set_aside_can_be_asked_for_again(
    hub: Hub, huiji: Enrolled, preparer: Preparer, small: Settings, clock: Clock
) -> None:
    poisoned = Poisoned()
    async with open_hub(small, now=clock) as patient:
        what = sent(sheet(rows(3)), file_name="poison.csv")
        await receive(patient, huiji, what)
        for _ in range(small.work_attempts):
            await work_off(patient, poisoned)
            clock.advance(minutes=10)
        await translating.ask_replay(patient, PERSON_SHEET)
        await work_off(patient, preparer)
        found = await told(patient, huiji, what.document.message_id)
        assert (found["state"], found["counts"]["translated"]) == ("PROCESSED", 3)


async def test_a_reading_longer_than_the_lease_keeps_it(
    hub: Hub, huiji: Enrolled, hub_settings: Settings, preparer: Preparer
) -> None:
    class Slow(Beside):
        """Takes longer over its first batch than a lease lasts."""

        async def next(self, fetch: Any) -> Any:
            await asyncio.sleep(2.6)
            return await super().next(fetch)

    hasty = hub_settings.model_copy(update={"lease_seconds": 2})
    async with open_hub(hasty) as patient:
        what = sent(sheet(rows(3)))
        await receive(patient, huiji, what)
        claimed = await _claim(patient)
        working = asyncio.create_task(translating.translate(patient, claimed, Slow()))
        await asyncio.sleep(2.3)
        async with patient.database.begin() as connection:
            assert await work.claim(connection, worker.KINDS, patient.now(), seconds=2) == []
        await working
        assert (await told(patient, huiji, what.document.message_id))["state"] == "PROCESSED"


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
    assert after["counts"] == {"rows": 4, "translated": 3, "quarantined": 1, "linked": 0, "review": 0}
    assert [(i["row"], i["code"]) for i in after["issues"] if i["severity"] == "error"] == [(4, "forbidden-content")]
    assert after["timeline"][-1]["detail"] == "replayed with huiji/person.v2, quarantined: 1"
    assert set(await _patients(hub)) == {"HJ0000001", "HJ0000002", "HJ0000004"}
    assert {"周敏"} <= {body["name"][0]["text"] for body in (await _patients(hub)).values()}
    items, _ = await submitted.changed(hub, huiji.member, 0, 10)
    assert [item["submission_id"] for item in items] == [before["submission_id"]]
    # Again: nothing more to release, nothing told twice.
    await translating.ask_replay(hub, PERSON_SHEET)
    await work_off(hub, preparer)
    assert _facts(await told(hub, huiji, what.document.message_id)) == _facts(after)


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
    under_way = await _claim(hub)
    await translating.ask_replay(hub, PERSON_SHEET)
    with pytest.raises(Conflict) as lost:
        await translating.replay(hub, under_way)
    assert lost.value.code == "lease-lost"
    assert await work_off(hub, preparer) == 1


async def _late(hub: Hub, owner: Enrolled, preparer: Preparer, clock: Clock, first: Sent, second: Sent) -> None:
    """`first` is received first, but translated behind `second`."""
    await receive(hub, owner, first)
    clock.advance(minutes=1)
    await receive(hub, owner, second)
    claimed = await _claim(hub)  # by a worker that dies at once
    assert claimed is not None
    await work_off(hub, preparer)
    clock.advance(minutes=1)
    await work_off(hub, preparer)


async def test_a_late_document_does_not_undo_what_a_newer_one_said(
    hub: Hub, huiji: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    old, new = sent(sheet([row(1), row(2)])), sent(sheet([row(1, 联系电话="13911112222")]))
    await _late(hub, huiji, preparer, clock, old, new)
    found = await told(hub, huiji, old.document.message_id)
    assert found["state"] == "PROCESSED"
    assert [(i["row"], i["code"], i["severity"]) for i in found["issues"]] == [(2, "older-than-known", "information")]
    phones = {key: body["telecom"][0]["value"] for key, body in (await _patients(hub)).items()}
    assert phones == {"HJ0000001": "13911112222", "HJ0000002": row(2)["联系电话"]}


async def test_a_late_consent_does_not_undo_a_withdrawal(
    hub: Hub, yongkang: Enrolled, preparer: Preparer, clock: Clock
) -> None:
    given_, withdrawn = (
        sent(page([consent(1, **changed)]), CONSENT_PAGE) for changed in ({}, {"zt": "9", "chrq": "2026-01-01"})
    )
    await _late(hub, yongkang, preparer, clock, given_, withdrawn)
    async with hub.database.read() as connection:
        found = await agreements.consent_by_reference(
            connection,
            yongkang.member.id,
            reference_of(hub, "yongkang", "C0000001"),
            subject_of(hub, "yongkang", "YK0000001"),
        )
    assert found is not None
    assert found.withdrawn_at is not None


BATCHES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)).map(tuple), max_size=8)


def _batches(shape: list[tuple[int, int]]) -> list[mappings.ReadBatch]:
    found, number = [], 1
    for count, issues in shape:
        some = [mappings.Row(number + at, {}, "") for at in range(count)]
        number += count
        found.append(mappings.ReadBatch(some, [make("row-is-total", row=number - 1) for _ in range(issues)]))
    return found


@given(BATCHES, st.integers(0, 40))
def test_reading_on_behind_any_row_gives_exactly_the_rest(shape: list[tuple[int, int]], skip: int) -> None:
    whole = [one.number for batch in _batches(shape) for one in batch.rows]
    rest = [one.number for batch in behind(skip, joined(_batches(shape))) for one in batch.rows]
    assert rest == whole[skip:]


@given(BATCHES, st.data())
def test_reading_on_behind_a_stored_batch_tells_no_issue_twice(
    shape: list[tuple[int, int]], data: st.DataObject
) -> None:
    stored = list(joined(_batches(shape)))
    assert all(batch.rows for batch in stored[1:])
    at = data.draw(st.integers(0, len(stored)))
    skip = sum(len(batch.rows) for batch in stored[:at])
    rest = list(behind(skip, joined(_batches(shape))))
    if skip:
        assert rest == stored[at:]
