"""Broken files through the whole pipeline: a clear issue each, nothing lost, nothing half-stored.

Received as over HTTP, read by a real preparing process with its limits, stored in PostgreSQL. A file that cannot be read is
rejected whole, with its bytes kept as evidence; a row that cannot be read is held, and the others go on.
"""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.demo.population.dialects.huiji.workbooks import Formula
from hub.domain.messages import PART_BYTES
from hub.runtime import Hub
from hub.services.preparation import Preparer, Task, answers
from hub.services.preparing import Prepared
from hub.storage import quarantine, submissions
from mappings import UnreadableFile
from tests.documents import (
    COLUMNS,
    NAMELESS,
    PERSON_PAGE,
    PERSON_SHEET,
    number_of,
    page,
    record,
    row,
    rows,
    sheet,
    table,
    taken_in,
    workbook,
)
from tests.hubs import Clock, Enrolled

GOOD = sheet(rows(3))
HEADER, FIRST, *_ = GOOD.split(b"\r\n")


@dataclass(frozen=True, slots=True)
class Broken:
    """A file and the one issue it must be rejected with; `row` where the fault has a place."""

    body: bytes
    code: str
    row: int | None = None
    column: str | None = None
    mapping: str = PERSON_SHEET


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


def _rewritten(body: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if entry.filename == name else content)
    return out.getvalue()


def _bomb(book: bytes) -> bytes:
    """Ten kilobytes that unpack to a hundred megabytes."""
    return _rewritten(book, "xl/worksheets/sheet1.xml", lambda part: part + b" " * (100 << 20))


_ENTITY = b'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'


def _with_entity(book: bytes) -> bytes:
    return _rewritten(
        book,
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(b"?>", b"?>" + _ENTITY, 1).replace(b">A<", b">&secret;<"),
    )


def _far_cell(book: bytes) -> bytes:
    """A sheet that claims to reach to the end of the world."""
    return _rewritten(
        book,
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(
            b"</sheetData>",
            b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>',
        ),
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good workbook."""
    return workbook(tmp_path_factory.mktemp("books"), table(rows(3)))


UNREADABLE: dict[str, Callable[[bytes], Broken]] = {
    "nothing": lambda _: Broken(b"", "empty-file"),
    "nothing but space": lambda _: Broken(b" \r\n\t\r\n", "empty-file"),
    "UTF-16": lambda _: Broken(GOOD.decode("gb18030").encode("utf-16"), "wrong-encoding", 1),
    "a byte that is no text in the last line": lambda _: Broken(GOOD + b"\xff\xff,x\r\n", "wrong-encoding", 5),
    "a line in another encoding": lambda _: Broken(
        GOOD + FIRST.decode("gb18030").replace("女", "男").encode("utf-8") + b"\r\n", "mixed-encoding", 5
    ),
    "zero bytes": lambda _: Broken(b"\x00" * 5000, "wrong-encoding", 1),
    "a missing column": lambda _: Broken(
        sheet(rows(3), columns=[name for name in COLUMNS if name != "身份证号码"]), "missing-column", 1, "身份证号码"
    ),
    "a column twice": lambda _: Broken(sheet(rows(3), columns=[*COLUMNS, "姓名"]), "repeated-column", 1, "姓名"),
    "no header at all": lambda _: Broken("甲,乙\r\n1,2\r\n".encode("gb18030"), "no-header"),
    "a line without end": lambda _: Broken(HEADER + b"\r\n" + b"1" * (1 << 20), "line-too-long", 2),
    "a quote that is never closed": lambda _: Broken(
        HEADER + b"\r\n" + b'HJ1,"' + b"x\r\n" * 5000, "record-too-long", 2
    ),
    "not a workbook but its name": lambda _: Broken(b"PK\x03\x04" + b"x" * 500, "not-a-workbook"),
    "a workbook of before 2007": lambda _: Broken(b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old-or-locked-workbook"),
    "a zip that is no workbook": lambda _: Broken(_zip(hello_dot_txt=b"hello"), "not-a-workbook"),
    "half a workbook": lambda book: Broken(book[: len(book) // 2], "not-a-workbook"),
    "a damaged part": lambda book: Broken(
        _rewritten(book, "xl/worksheets/sheet1.xml", lambda part: part[: len(part) // 2]), "not-a-workbook"
    ),
    "a zip bomb": lambda book: Broken(_bomb(book), "zip-ratio"),
    "external entities": lambda book: Broken(_with_entity(book), "xml-forbidden"),
    "a cell at the end of the world": lambda book: Broken(_far_cell(book), "too-many-cells"),
    "JSON that ends early": lambda _: Broken(page([record(1)])[:-5], "not-json", mapping=PERSON_PAGE),
    "JSON below the ground": lambda _: Broken(
        b'{"code":200,"data":' + b"[" * 100_000, "json-too-deep", mapping=PERSON_PAGE
    ),
    "an error page with HTTP 200": lambda _: Broken(page([], code=500), "source-error-page", mapping=PERSON_PAGE),
    "a bare value": lambda _: Broken(b"12", "wrong-format", mapping=PERSON_PAGE),
    "JSON in GBK": lambda _: Broken(
        json.dumps({"code": 200, "data": {"list": [record(1)]}}, ensure_ascii=False).encode("gb18030"),
        "wrong-encoding",
        1,
        mapping=PERSON_PAGE,
    ),
    "a sheet for a page": lambda _: Broken(GOOD, "wrong-format", mapping=PERSON_PAGE),
    "a page for a sheet": lambda _: Broken(page([record(1)]), "wrong-format"),
}  # fmt: skip


async def _stored(hub: Hub) -> dict[str, int]:
    names = ("resource", "resource_version", "source_record", "quarantined_row", "work_item", "blocking_key")
    return {name: await number_of(hub, name) for name in names}


async def _kept(hub: Hub, owner: Enrolled, cursor: int = 0) -> bytes:
    async with hub.database.read() as connection:
        newest = (await submissions.changed_after(connection, hub.vault, owner.member.id, cursor, 500))[-1]
        parts = [
            await submissions.part(connection, hub.vault, newest.id, seq)
            for seq in range(-(-newest.size // PART_BYTES) or 1)
        ]
    return b"".join(part or b"" for part in parts)


async def test_what_cannot_be_read_is_rejected_whole_with_one_clear_issue(
    hub: Hub, huiji: Enrolled, process: Preparer, book: bytes, clock: Clock
) -> None:
    await taken_in(hub, huiji, process, sheet(rows(1)))
    before, faults = await _stored(hub), []
    for name, make in UNREADABLE.items():
        clock.advance(seconds=1)
        broken = make(book)
        found = await taken_in(hub, huiji, process, broken.body, broken.mapping, file_name="五月.csv")
        issues = [(issue["code"], issue["row"], issue["column"]) for issue in found["issues"]]
        if (found["state"], issues) != ("REJECTED", [(broken.code, broken.row, broken.column)]):
            faults.append((name, found["state"], issues))
            continue
        (issue,) = found["issues"]
        assert issue["severity"] == "error", name
        assert issue["text"].endswith("."), name
        assert issue["text_zh"].endswith("。"), name
        assert "{" not in issue["text"], name
        assert found["counts"] == dict.fromkeys(found["counts"], 0), name
        assert await _kept(hub, huiji) == broken.body, name
        assert await _stored(hub) == before, name
    assert not faults


async def test_rows_that_are_ruined_are_told_and_nothing_of_them_is_lost(
    hub: Hub, huiji: Enrolled, process: Preparer, tmp_path: Path
) -> None:
    lines: list[list[Any]] = [list(line) for line in table([row(1), row(2), row(3), row(4), row(5), row(6)])]
    place = COLUMNS.index("身份证号码")
    lines[1][place] = 4.101082e17  # an ID that the spreadsheet turned into a number
    lines[2][place] = Formula("A1&B1", row(2)["身份证号码"])
    lines[3][place] = Formula("A1&B1")
    lines[4][place] = "#N/A"
    lines[5][COLUMNS.index("姓名")] = "张\ufffd三"
    lines.insert(4, ["小计", "3人", *[""] * 8])
    lines.append(["合计", "6人", *[""] * 8])
    found = await taken_in(hub, huiji, process, workbook(tmp_path, lines))
    assert found["state"] == "PROCESSED"
    codes = {(issue["row"], issue["column"], issue["code"]) for issue in found["issues"]}
    assert {
        (2, "身份证号码", "id-ruined"),
        (3, "身份证号码", "formula-cell"),
        (4, "身份证号码", "formula-without-value"),
        (5, None, "row-is-total"),
        (6, "身份证号码", "cell-error"),
        (7, "姓名", "text-damaged"),
        (9, None, "row-is-total"),
    } <= codes
    assert found["counts"]["rows"] == found["counts"]["translated"] + found["counts"]["quarantined"] == 6
    assert found["counts"]["quarantined"] == 2  # the spreadsheet's error and the damaged name
    assert await number_of(hub, "resource") == 4


async def test_ruined_ids_never_become_anybodys_number(hub: Hub, huiji: Enrolled, process: Preparer) -> None:
    found = await taken_in(
        hub,
        huiji,
        process,
        sheet([row(1, 身份证号码="4.1E+17"), row(2, 身份证号码="4.1E+17"), row(3, 身份证号码="０")]),
    )
    assert found["counts"] == {"rows": 3, "translated": 3, "quarantined": 0}
    assert [issue["value"] for issue in found["issues"]][:2] == ["4.1E+17", "4.1E+17"]


async def test_totals_in_the_middle_are_no_people(hub: Hub, huiji: Enrolled, process: Preparer) -> None:
    body = sheet(
        [row(1), {"登记编号": "小计", "姓名": "1人"}, row(2), {"登记编号": "合计"}, {"登记编号": "填表人：陈静"}]
    )
    found = await taken_in(hub, huiji, process, body)
    assert found["counts"]["rows"] == found["counts"]["translated"] == 2
    assert {issue["code"] for issue in found["issues"]} == {"row-is-total", "row-is-note"}


async def test_a_byte_order_mark_is_no_character(hub: Hub, huiji: Enrolled, process: Preparer) -> None:
    found = await taken_in(hub, huiji, process, b"\xef\xbb\xbf" + sheet(rows(2), encoding="utf-8"))
    assert (found["counts"]["translated"], found["issues"]) == (2, [])
    found = await taken_in(hub, huiji, process, b"\xef\xbb\xbf" + page([record(7)]), PERSON_PAGE)
    assert found["counts"]["translated"] == 1


async def test_characters_that_no_text_may_hold_hold_one_row_only(hub: Hub, huiji: Enrolled, process: Preparer) -> None:
    good = record(1)
    odd = [
        json.dumps(record(2, xm="王\x00明")),
        json.dumps(record(3)).replace('"xm": "', '"xm": "\\ud83d'),
        json.dumps(record(4) | {"x\x00y": "1"}),
        json.dumps(record(5, rybh="Y\ud800")),
    ]
    body = f'{{"code":200,"data":{{"list":[{json.dumps(good)},{",".join(odd)}]}}}}'.encode()
    found = await taken_in(hub, huiji, process, body, PERSON_PAGE)
    assert (found["state"], found["counts"]["translated"], found["counts"]["quarantined"]) == ("PROCESSED", 1, 4)
    damaged = [(issue["row"], issue["column"]) for issue in found["issues"] if issue["code"] == "text-damaged"]
    assert damaged == [(2, "xm"), (3, "xm"), (4, "x\ufffdy"), (5, "rybh")]
    async with hub.database.read() as connection:
        (stored,) = await submissions.changed_after(connection, hub.vault, huiji.member.id, 0, 5)
        held = await quarantine.held_by(connection, hub.vault, stored.id, after=0, limit=10)
    assert [orjson.loads(some.original)["original"] for some in held] == odd
    found = await taken_in(hub, huiji, process, sheet([row(1), row(2, 姓名="张\x00三")]))
    assert (found["counts"]["translated"], found["counts"]["quarantined"]) in ((1, 1), (0, 0))


async def test_every_kind_of_fault_in_one_sheet_leaves_the_good_rows(
    hub: Hub, huiji: Enrolled, process: Preparer
) -> None:
    good = rows(500)
    faulty = [
        row(501, **NAMELESS),
        row(502, 备注="政策外二孩"),
        row(503, 姓名="张\ufffd"),
        row(504, 性别=""),
        row(505, 身份证号码=""),
    ]
    short = "HJ9999999,半行,男\r\n"
    found = await taken_in(hub, huiji, process, sheet([*good, *faulty], end=short))
    assert (found["state"], found["counts"]["rows"]) == ("PROCESSED", 506)
    assert found["counts"]["translated"] + found["counts"]["quarantined"] == 506
    assert found["counts"]["translated"] >= 500
    assert {502, 503, 504} - {issue["row"] for issue in found["issues"]} == set()


async def test_a_bomb_costs_the_process_little_memory(
    hub: Hub, huiji: Enrolled, process: Preparer, book: bytes
) -> None:
    await taken_in(hub, huiji, process, sheet(rows(1)))
    assert process._process is not None
    child = psutil.Process(process._process.pid)
    own = psutil.Process()
    before = child.memory_info().rss, own.memory_info().rss
    for body in (_bomb(book), _far_cell(book)):
        assert (await taken_in(hub, huiji, process, body))["state"] == "REJECTED"
    assert child.memory_info().rss - before[0] < 96 * 2**20
    assert own.memory_info().rss - before[1] < 96 * 2**20
    assert child.is_running()


def _mutations(body: bytes) -> st.SearchStrategy[bytes]:
    """The file with some bytes changed, cut, doubled or put in."""

    def mutate(edits: list[tuple[str, int, bytes]]) -> bytes:
        found = bytearray(body)
        for act, at, piece in edits:
            place = at % (len(found) + 1)
            if act == "put":
                found[place:place] = piece
            elif act == "set":
                found[place : place + len(piece)] = piece
            elif act == "cut":
                del found[place : place + 1 + at % 40]
            else:
                found[place:place] = found[place : place + 200]
        return bytes(found)

    edit = st.tuples(st.sampled_from(["put", "set", "cut", "twice"]), st.integers(0, 10**6), st.binary(max_size=8))
    return st.lists(edit, min_size=1, max_size=6).map(mutate)


_MANY = int(os.environ.get("BROKEN_FILES", "40"))


@settings(max_examples=_MANY, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_mutilation_makes_a_reader_fall(book: bytes, data: st.DataObject) -> None:
    """Whatever bytes come, the answer is rows and issues, or one issue about the file: never an exception."""
    kind = data.draw(st.sampled_from(["csv", "xlsx", "sheet", "names", "json"]))
    if kind == "csv":
        body = data.draw(_mutations(_mixed()))
    elif kind == "json":
        body = data.draw(_mutations(page([record(number) for number in range(3)])))
    elif kind == "xlsx":
        body = data.draw(_mutations(book))
    else:
        part = "xl/worksheets/sheet1.xml" if kind == "sheet" else "xl/workbook.xml"
        body = _rewritten(book, part, lambda content: data.draw(_mutations(content)))
    mapping = PERSON_PAGE if kind == "json" else PERSON_SHEET
    task = Task(mapping, "huiji", datetime(2026, 1, 1, tzinfo=UTC), "x", len(body), 2, 0, dry=False)
    with contextlib.suppress(UnreadableFile):
        _check(list(answers(task, io.BytesIO(body))))


def _check(batches: list[Prepared | int]) -> None:
    for batch in batches:
        assert not isinstance(batch, int)
        assert batch.rows == len({one.row for one in batch.ready} | {one.row for one in batch.refused})
        for issue in batch.issues:
            assert "\x00" not in orjson.dumps(issue).decode()


def _mixed() -> bytes:
    return sheet([row(1), row(2, 备注="长" * 50), row(3, **NAMELESS), {"登记编号": "合计"}])
