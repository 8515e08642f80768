"""The county of Huiji: workbooks another program can read, files that appear complete, an inbox that counts arrivals."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from hub.demo.counties.huiji.drop import drop, typed_cells
from hub.demo.counties.huiji.inbox import READ, Inbox
from hub.demo.population import Shape, Story, build
from hub.demo.population.dialects.huiji import rows, workbooks
from hub.demo.population.dialects.huiji.sheets import FIRST_ROW, Table, lines, write_csv, write_workbook
from hub.demo.population.dialects.huiji.workbooks import Cell, Formula
from mappings import vocabulary

AS_OF = date(2025, 6, 1)
TABLE = Table("登记表", (("", ("编号",)), ("基本情况", ("姓名", "性别")), ("", ("备注",))))


@pytest.fixture(scope="module")
def story() -> Story:
    return build(5, AS_OF, Shape(people=1500))


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ")])
def test_columns_have_the_letters_of_a_spreadsheet(index: int, letters: str) -> None:
    assert workbooks.column_letters(index) == letters


def test_a_workbook_is_read_by_another_program(tmp_path: Path) -> None:
    content: list[list[Cell]] = [
        ['姓名 <&> "x"', " 前后有空格 ", 410108197208012000.0],
        [date(1990, 5, 1), 33000, None],
        [Formula("A1", "结果"), "中", "末"],
    ]
    assert workbooks.write(tmp_path / "a.xlsx", "表", content, ["A1:B1"]) == 3
    sheet = CalamineWorkbook.from_path(tmp_path / "a.xlsx").get_sheet_by_index(0)
    assert sheet.to_python() == [
        ['姓名 <&> "x"', " 前后有空格 ", 410108197208012000.0],
        [date(1990, 5, 1), 33000.0, ""],
        ["结果", "中", "末"],
    ]
    assert sheet.merged_cell_ranges == [((0, 0), (0, 1))]


def test_a_table_has_a_title_two_header_rows_and_a_total() -> None:
    found = list(lines(TABLE, [["1", "王芳", "女", ""]], AS_OF))
    assert found == [
        ["登记表（2025年6月）", "", "", ""],
        ["编号", "基本情况", "", "备注"],
        ["", "姓名", "性别", ""],
        ["1", "王芳", "女", ""],
        ["合计", "1人", "", ""],
    ]
    assert TABLE.merged() == ["A1:D1", "A2:A3", "B2:C2", "D2:D3"]
    assert found[FIRST_ROW - 1][1] == "王芳"


def test_files_are_gbk_and_lose_what_gbk_does_not_have(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [["王㛃", "阿米娜·买买提"]])
    assert (tmp_path / "a.csv").read_bytes() == "王?,阿米娜·买买提\r\n".encode("gbk")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


def test_the_drop_has_every_record_once(story: Story, tmp_path: Path) -> None:
    written = drop(tmp_path, story, [vocabulary.PERSON])
    ids = []
    for name in written:
        ids += [row[0] for row in _rows(tmp_path / name)[FIRST_ROW - 1 : -1]]
    assert ids == [record.record_id for record in story.records["huiji"]]
    assert sum(written.values()) == len(ids)
    assert {Path(name).suffix for name in written} == {".csv", ".xlsx"}


def test_the_same_story_gives_the_same_file(story: Story, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        drop(tmp_path / folder, story, [vocabulary.PERSON])
    first, second = (sorted((tmp_path / folder).glob("*.csv")) for folder in ("first", "second"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_rows_are_written_in_many_ways(story: Story) -> None:
    found = list(rows.person_rows(story.records["huiji"]))
    columns = list(zip(*found, strict=True))
    assert {len(row) for row in found} == {len(rows.PERSON.columns)}
    born = columns[4]
    for pattern in ("年", ".", "/", "-", "农历"):
        assert any(pattern in text for text in born), pattern
    assert any(text.isdigit() and len(text) == 5 for text in born)
    assert rows.DITTO in columns[9]
    assert any("邙山区" in text for text in columns[9])
    assert any("０" in text for text in columns[3])
    assert any("、" in text for text in columns[18])


def test_a_workbook_keeps_numbers_as_numbers() -> None:
    columns = ("姓名", "出生年月", "联系电话", "身份证号码", "流入日期")
    assert typed_cells(columns, ("王芳", "33000", "13800000000", "4.10108E+17", "2020-01-02"), 1) == [
        "王芳",
        33000,
        13800000000,
        4.10108e17,
        date(2020, 1, 2),
    ]


def _rows(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(path.read_text("gbk"))))
    return [[str(cell) for cell in row] for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()]


def test_merged_ranges_reach_the_workbook(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", TABLE, lines(TABLE, [], AS_OF))
    ranges = CalamineWorkbook.from_path(tmp_path / "a.xlsx").get_sheet_by_index(0).merged_cell_ranges
    assert ranges is not None
    assert len(ranges) == 4


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    found = Inbox(tmp_path / "county.sqlite", tmp_path / "inbox")
    yield found
    found.close()


def test_the_inbox_keeps_each_message_once_and_counts_every_file(inbox: Inbox, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    for number, body in enumerate(["姓名\r\n王芳\r\n", "姓名\r\n王芳\r\n", "别的\r\n"]):
        (folder / "m-1.csv").write_text(body, "utf-8")
        (folder / f"m-{number + 2}.csv").write_text(body, "utf-8")
        (folder / ".m-9.csv.part").write_text("unfinished", "utf-8")
        assert inbox.take_in() == 2
    summary = inbox.summary()
    assert (sum(summary.messages.values()), summary.arrivals, summary.repeated, summary.conflicting) == (4, 6, 2, 1)
    assert len(inbox.bodies()) == 4
    assert len(list((folder / READ).iterdir())) == 6
    assert [entry.name for entry in folder.iterdir() if entry.is_file()] == [".m-9.csv.part"]


def test_a_file_entered_before_a_crash_is_not_counted_twice(inbox: Inbox, tmp_path: Path) -> None:
    file = tmp_path / "inbox" / "m-1.csv"
    file.write_text("x", "utf-8")
    inbox._enter(file)
    again = Inbox(tmp_path / "county.sqlite", tmp_path / "inbox")
    assert again.take_in() == 1
    assert again.summary().arrivals == 1
    again.close()


def test_what_the_gateway_writes_back_is_known_by_its_message_id(inbox: Inbox, tmp_path: Path) -> None:
    text = "\ufeff消息编号,类别,发送单位\r\n{},{},yongkang\r\n"
    for name, message_id, kind in (
        ("a.csv", "m-1", "避孕节育情况报告单"),
        ("b.csv", "m-1", "避孕节育情况报告单"),
        ("c.csv", "m-2", "结婚证"),
        ("d.csv", "m-3", "通报"),
    ):
        (tmp_path / "inbox" / name).write_text(text.format(message_id, kind), "utf-8")
    inbox.take_in()
    summary = inbox.summary()
    assert summary.messages == {"contraception-report": 1, "marriage-certificate": 1, "通报": 1}
    assert (summary.arrivals, summary.repeated, summary.conflicting) == (4, 1, 0)
