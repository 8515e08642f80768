"""Workbooks: what a spreadsheet does to numbers and dates, formulas, merged cells; bombs refused before opening."""

import contextlib
import io
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter.worksheet import Worksheet

import mappings
from mappings.engine.readers.limits import Limits
from mappings.examples import RECEIVED_AT

PERSON = mappings.load("huiji/person.v1")
HEADER = ["姓名", "性别", "身份证号码", "出生年月", "户籍地", "现居住地"]
WANG = ["王芳", "女", "410108199211120322", "1992.11", "惠济区", "浙江永康"]


def workbook(
    fill: Callable[[Worksheet], object] | None = None, rows: Sequence[Sequence[object]] | None = None, **options: object
) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "default_date_format": "yyyy-mm-dd", **options}) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([HEADER, *(rows if rows is not None else [WANG])]):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(at, column, datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001
                elif cell is not None:
                    sheet.write(at, column, cell)
        if fill is not None:
            fill(sheet)
    return data.getvalue()


def read(data: bytes, limits: Limits | None = None) -> tuple[list[mappings.Row], list[mappings.Issue]]:
    batches = list(PERSON.read(io.BytesIO(data), file_name="may.xlsx", limits=limits))
    return [row for batch in batches for row in batch.rows], [issue for batch in batches for issue in batch.issues]


def refusal(data: bytes, limits: Limits | None = None) -> mappings.Issue:
    with pytest.raises(mappings.UnreadableFile) as caught:
        read(data, limits)
    return caught.value.issue


def repacked(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name == part else content)
    return out.getvalue()


def cells(*row: object) -> dict[str, str | None]:
    rows, _ = read(workbook(rows=[list(row)]))
    return rows[0].cells


def test_numbers_and_dates_become_the_text_a_person_sees() -> None:
    found = cells("王芳", "女", 410108921112032, date(1992, 11, 12), "惠济区", 13812345678.0)
    assert found["身份证号码"] == "410108921112032"
    assert found["出生年月"] == "1992-11-12"
    assert found["现居住地"] == "13812345678"
    assert cells("王芳", "女", "x", 1990.5, "惠济区", "x")["出生年月"] == "1990.5"


def test_an_id_kept_as_number_is_ruined_and_said_to_be() -> None:
    rows, _ = read(workbook(rows=[["王芳", "女", 410108199211120322, "1992.11", "惠济区", "浙江永康"]]))
    result = PERSON.apply(rows, mappings.Context("huiji", RECEIVED_AT))[0]
    assert [issue.code for issue in result.issues if issue.column == "身份证号码"] == ["id-ruined"]
    assert result.ok


def test_rows_are_numbered_as_people_see_them() -> None:
    def shift(sheet: Worksheet) -> None:
        for column, cell in enumerate(WANG):
            sheet.write(9, column, cell)

    rows, _ = read(workbook(shift))
    assert [row.number for row in rows] == [2, 10]


def test_a_table_away_from_the_corner_is_found() -> None:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(4, 3, HEADER)
        sheet.write_row(5, 3, WANG)
        sheet.write_formula(5, 3, '="王芳"', None, "王芳")
    rows, _ = read(data.getvalue())
    assert [(row.number, row.cells["姓名"]) for row in rows] == [(6, "王芳")]
    assert [issue.column for issue in rows[0].issues] == ["姓名"]


def test_cells_merged_downwards_hold_for_each_row() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_range(1, 4, 3, 4, "惠济区古荥镇")

    people = [["王芳", "女", "410108199211120322", "1992.11", None, "浙江永康"]] * 3
    rows, _ = read(workbook(merge, people))
    assert [row.cells["户籍地"] for row in rows] == ["惠济区古荥镇"] * 3


def test_formulas_are_pointed_out_with_row_and_column() -> None:
    def formula(sheet: Worksheet) -> None:
        sheet.write_formula(1, 0, '=CONCATENATE("王","芳")', None, "王芳")
        sheet.write_formula(2, 1, "=A1", None, "")

    rows, _ = read(workbook(formula, [WANG, WANG]))
    assert [(issue.code, issue.row, issue.column) for issue in rows[0].issues] == [("formula-cell", 2, "姓名")]
    assert [(issue.code, issue.row, issue.column) for issue in rows[1].issues] == [("formula-without-value", 3, "性别")]
    assert rows[0].cells["姓名"] == "王芳"


def test_a_second_sheet_with_the_table_is_refused_and_another_is_told() -> None:
    def two(header: list[str]) -> bytes:
        data = io.BytesIO()
        with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
            for name, head in (("五月", HEADER), ("六月", header)):
                sheet = book.add_worksheet(name)
                sheet.write_row(0, 0, head)
                sheet.write_row(1, 0, WANG)
        return data.getvalue()

    assert refusal(two(HEADER)).code == "several-sheets"
    rows, issues = read(two(["说明"]))
    assert len(rows) == 1
    assert [issue.code for issue in issues] == ["sheet-skipped"]


def test_hidden_sheets_are_not_read() -> None:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        for name in ("五月", "旧"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, HEADER)
            sheet.write_row(1, 0, WANG)
        book.worksheets()[1].hide()
    assert len(read(data.getvalue())[0]) == 1


def test_a_missing_column_is_named() -> None:
    issue = refusal(workbook(lambda sheet: sheet.write(0, 2, "其他")))
    assert (issue.code, issue.column) == ("missing-column", "身份证号码")


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500, workbook()[:-200], workbook()[:400]])
def test_broken_archives_are_refused(data: bytes) -> None:
    assert refusal(data).code == "not-a-workbook"


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refusal(out.getvalue()).code == "not-a-workbook"


def test_a_bomb_is_refused_by_its_ratio_without_being_kept() -> None:
    data = repacked(workbook(), "xl/worksheets/sheet1.xml", lambda content: content + b" " * 150_000_000)
    assert len(data) < 400_000
    tracemalloc.start()
    issue = refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert issue.code == "zip-ratio"
    assert peak < 20_000_000


def test_a_bomb_is_refused_by_its_declared_size() -> None:
    data = repacked(
        workbook(), "xl/styles.xml", lambda content: content + b"<!--" + bytes(range(65, 91)) * 400_000 + b"-->"
    )
    assert refusal(data, Limits(workbook_unpacked=5_000_000)).code == "zip-bomb"


def test_declared_sizes_are_not_trusted() -> None:
    data = bytearray(repacked(workbook(), "xl/worksheets/sheet1.xml", lambda content: content + b" " * 3_000_000))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lying = bytes(data).replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != bytes(data)
    assert refusal(lying).code in ("not-a-workbook", "zip-ratio", "zip-bomb")


def test_too_many_parts_are_refused() -> None:
    out = io.BytesIO(workbook())
    with zipfile.ZipFile(out, "a") as archive:
        for number in range(1100):
            archive.writestr(f"x/{number}", b"")
    assert refusal(out.getvalue()).code == "zip-entries"


def test_a_sheet_of_billions_of_cells_is_refused_before_opening() -> None:
    issue = refusal(workbook(lambda sheet: sheet.write(1_048_575, 16_383, "x")))
    assert issue.code == "too-many-cells"


def test_empty_formatted_cells_do_not_count() -> None:
    def far(sheet: Worksheet) -> None:
        sheet.write_blank(1_000_000, 16_000, None, sheet_format)

    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet_format = book.add_format({"bold": True})
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, WANG)
        far(sheet)
    tracemalloc.start()
    rows, _ = read(data.getvalue())
    tracemalloc.stop()
    assert len(rows) == 1


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml"])
def test_document_types_are_refused(part: str) -> None:
    def declare(content: bytes) -> bytes:
        head, _, rest = content.partition(b"?>")
        return head + b'?><!DOCTYPE x [<!ENTITY a "b">]>' + rest

    assert refusal(repacked(workbook(), part, declare)).code == "xml-forbidden"


@pytest.mark.parametrize("cell", [b'<c r="A3"><v>1</v></c>', b"<c><v>1</v></c>", b"<c/>"])
def test_a_row_of_endless_cells_is_refused(cell: bytes) -> None:
    def fill(content: bytes) -> bytes:
        return content.replace(b"</sheetData>", b'<row r="3">' + cell * 400_000 + b"</row></sheetData>")

    tracemalloc.start()
    issue = refusal(repacked(workbook(), "xl/worksheets/sheet1.xml", fill), Limits(workbook_ratio=10_000))
    tracemalloc.stop()
    assert issue.code == "not-a-workbook"


@pytest.mark.parametrize("place", [b'r="ZZZZ9"', b'r="A99999999"', b'r="1A"', b'r=""'])
def test_cells_in_impossible_places_are_refused(place: bytes) -> None:
    assert (
        refusal(repacked(workbook(), "xl/worksheets/sheet1.xml", lambda c: c.replace(b'r="A2"', place))).severity
        == "error"
    )


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=6))
def test_no_damage_inside_a_sheet_breaks_the_reader(at: int, junk: bytes) -> None:
    def damage(content: bytes) -> bytes:
        return content[: at % len(content)] + junk + content[at % len(content) + len(junk) :]

    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"):
        with contextlib.suppress(mappings.UnreadableFile):
            read(repacked(workbook(), part, damage))


def test_broken_xml_is_refused() -> None:
    assert (
        refusal(repacked(workbook(), "xl/worksheets/sheet1.xml", lambda content: content[:-30])).code
        == "not-a-workbook"
    )


def test_a_large_file_is_refused_unread() -> None:
    assert refusal(workbook(), Limits(workbook_bytes=1000)).code == "too-large"


def test_old_workbooks_are_refused() -> None:
    assert refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600).code == "old-or-locked-workbook"


def test_a_strict_workbook_with_shared_strings_reads_like_one_with_inline_strings() -> None:
    assert read(workbook(in_memory=True))[0] == read(workbook(constant_memory=True))[0]


def test_many_sheets_are_refused_and_so_are_two_of_one_part() -> None:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        for _ in range(4):
            book.add_worksheet()
    assert refusal(data.getvalue(), Limits(workbook_sheets=3)).code == "too-many-sheets"
    one = b'<sheet name="Sheet1" sheetId="1" r:id="rId1"/>'
    again = repacked(workbook(), "xl/workbook.xml", lambda xml: xml.replace(one, one + one.replace(b"Sheet1", b"S2")))
    assert again != workbook()
    assert "two sheets are one part" in refusal(again).text


def test_elements_that_are_no_cells_do_not_pile_up() -> None:
    junk = b"<a/>" * 400_000
    bomb = repacked(
        workbook(), "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<sheetData>", junk + b"<sheetData>")
    )
    peak = _peak_of_survey(bomb)
    assert peak < 30 * 1024**2


def test_a_cell_of_parts_without_end_is_refused() -> None:
    parts = b"<c><is>" + b"<r/>" * 10_000 + b"</is></c>"
    bomb = repacked(
        workbook(),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"</sheetData>", b"<row>" + parts + b"</row></sheetData>"),
    )
    assert refusal(bomb).code == "not-a-workbook"


def _peak_of_survey(data: bytes) -> int:
    """How much the process grows while a sheet is surveyed, in bytes; in a process of its own."""
    script = (
        "import io, resource, sys, zipfile\n"
        "from mappings.engine.readers import sheets\n"
        "archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "sheets.survey(archive, 'xl/worksheets/sheet1.xml', 10**6)\n"
        "print((peak() - before) * 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True, timeout=60)
    return int(done.stdout)
