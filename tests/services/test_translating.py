"""Translating: every row once; what fails is kept and told, what came late undoes nothing."""

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

import mappings
from adapters.gateway import withheld
from hub.domain.messages import PART_BYTES
from hub.runtime import Hub
from hub.services.blinds import reference_of, subject_of
from hub.services.preparation import Preparer, Task, behind, joined
from hub.storage import agreements, quarantine, submissions
from mappings.engine import load as mapping_loader
from mappings.engine.issues import make
from tests.documents import (
    COLUMNS,
    CONSENT_PAGE,
    NAMELESS,
    PERSON_PAGE,
    PERSON_SHEET,
    Sent,
    claim,
    consent,
    mixed,
    number_of,
    page,
    patients,
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


async def test_a_gbk_sheet_becomes_people(hub: Hub, huiji: Enrolled, preparer: Preparer) -> None:
    body = sheet([*rows(5), {"登记编号": "合计", "姓名": "5人"}, *rows(2, 6)])
    found = await taken_in(hub, huiji, preparer, body, file_name="五月.csv")
    assert found["state"] == "PROCESSED"
    assert found["counts"] == {"rows": 7, "translated": 7, "quarantined": 0}
    assert [(issue["code"], issue["row"]) for issue in found["issues"]] == [("row-is-total", 7)]
    assert found["application_ack"]["errors"] == []
    assert [step["state"] for step in found["timeline"]] == ["ACCEPTED", "VALIDATED", "PROCESSED"]
    people_ = await patients(hub)
    assert set(people_) == {f"HJ{number:07d}" for number in range(1, 8)}
    assert people_["HJ0000003"]["name"][0]["text"] == row(3)["姓名"]


async def test_a_workbook_and_a_sheet_say_the_same(
    hub: Hub, huiji: Enrolled, preparer: Preparer, tmp_path: Path
) -> None:
    await taken_in(hub, huiji, preparer, sheet(rows(4)))
    first = await patients(hub)
    found = await taken_in(hub, huiji, preparer, workbook(tmp_path, table(rows(4))))
    assert found["counts"]["translated"] == 4
    assert await patients(hub) == first
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
    await taken_in(hub, yongkang, preparer, page([record(number) for number in range(4, 10)]), PERSON_PAGE)
    async with hub.database.read() as connection:
        assert (await submissions.totals(connection))["linked"] == 3


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
    assert not await patients(hub)


async def test_a_row_that_fails_is_kept_as_it_came_and_the_others_go_on(
    hub: Hub, huiji: Enrolled, preparer: Preparer
) -> None:
    body = sheet([row(1), row(2, **NAMELESS), row(3, 备注="政策外二孩"), row(4)])
    found = await taken_in(hub, huiji, preparer, body)
    assert found["state"] == "PROCESSED"
    assert found["counts"] == {"rows": 4, "translated": 2, "quarantined": 2}
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
    assert set(await patients(hub)) == {"HJ0000001", "HJ0000004"}


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
    hub: Hub, huiji: Enrolled, preparer: Preparer, process: Preparer
) -> None:
    more = [row(number, 备注="长" * 600) for number in range(100, 1100)]
    body = mixed(40) + sheet(more).split(b"\r\n", 1)[1]
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


async def _late(hub: Hub, owner: Enrolled, preparer: Preparer, clock: Clock, first: Sent, second: Sent) -> None:
    """`first` is received first, but translated behind `second`."""
    await receive(hub, owner, first)
    clock.advance(minutes=1)
    await receive(hub, owner, second)
    claimed = await claim(hub)  # by a worker that dies at once
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
    phones = {key: body["telecom"][0]["value"] for key, body in (await patients(hub)).items()}
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
