"""CSV: encodings told and checked before the first row, long lines refused early, odd tables read as people mean them."""

import io
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from mappings.engine.readers.limits import Limits
from mappings.examples import RECEIVED_AT

HEADER = "姓名,性别,身份证号码,出生年月,户籍地,现居住地"
WANG = "王芳,女,410108199211120322,1992.11,惠济区,浙江永康"
LI = "李强,男,410108198808081237,1988.8,惠济区,浙江永康"
PERSON = mappings.load("huiji/person.v1")


def document(*lines: str, encoding: str = "gb18030") -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode(encoding)


def read(data: bytes, limits: Limits | None = None) -> tuple[list[mappings.Row], list[mappings.Issue]]:
    rows: list[mappings.Row] = []
    issues: list[mappings.Issue] = []
    for batch in PERSON.read(io.BytesIO(data), file_name="may.csv", limits=limits):
        rows += batch.rows
        issues += batch.issues
    return rows, issues


def refusal(data: bytes, limits: Limits | None = None) -> mappings.Issue:
    with pytest.raises(mappings.UnreadableFile) as caught:
        read(data, limits)
    assert caught.value.issue.file == "may.csv"
    assert caught.value.issue.severity == "error"
    return caught.value.issue


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encoding_and_delimiter_are_told_from_the_header(encoding: str, delimiter: str) -> None:
    data = document(HEADER.replace(",", delimiter), WANG.replace(",", delimiter), encoding=encoding)
    rows, issues = read(data)
    assert issues == []
    assert rows[0].cells["姓名"] == "王芳"
    assert rows[0].number == 2
    assert rows[0].original == WANG.replace(",", delimiter)


def test_of_very_many_unknown_columns_only_the_number_is_told() -> None:
    more = "".join(f",x{number}" for number in range(5000))
    _, issues = read(document(HEADER + more, WANG + "," * 5000))
    assert [issue.code for issue in issues] == ["unknown-column"] * 100 + ["more-columns"]
    assert "4900" in issues[-1].text


def test_of_very_many_lines_that_are_no_records_only_the_number_is_told() -> None:
    lines = [HEADER, WANG, *["合计"] * 5000, LI, *["合计"] * 5000]
    rows, issues = read(document(*lines))
    assert [row.cells["姓名"] for row in rows] == ["王芳", "李强"]
    assert [issue.code for issue in issues] == ["row-is-total"] * 100 + ["more-lines-beside"]
    assert "9900" in issues[-1].text


def test_characters_beyond_gbk_are_read() -> None:
    rows, _ = read(document(HEADER, WANG.replace("王芳", "㼆𠮷")))
    assert rows[0].cells["姓名"] == "㼆𠮷"


def test_a_short_text_that_fits_both_encodings_is_told_by_the_columns() -> None:
    rows, _ = read(document(HEADER, WANG.replace("王芳", "联通")))
    assert rows[0].cells["姓名"] == "联通"


def test_a_wrong_byte_names_row_and_offset_before_any_row() -> None:
    good = document(HEADER, *[WANG] * 5000)
    issue = refusal(good + b"\xff\xff,\r\n")
    assert (issue.code, issue.row) == ("wrong-encoding", 5002)
    assert f"byte {len(good)}" in issue.text


def test_utf_16_is_refused() -> None:
    assert refusal(document(HEADER, WANG, encoding="utf-16")).code in ("wrong-encoding", "no-header")


def test_two_encodings_in_one_file_are_refused() -> None:
    issue = refusal(document(HEADER, WANG) + document(LI, encoding="utf-8"))
    assert (issue.code, issue.row) == ("mixed-encoding", 3)
    issue = refusal(document(HEADER, WANG, encoding="utf-8") + document(LI))
    assert (issue.code, issue.row) == ("mixed-encoding", 3)


NAMES = st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=8).map(
    "王{}".format
)


@given(st.lists(NAMES, min_size=1, max_size=8), st.sampled_from(["gb18030", "utf-8"]))
def test_no_name_is_ever_mojibake(found: list[str], encoding: str) -> None:
    rows, _ = read(document(HEADER, *[WANG.replace("王芳", name) for name in found], encoding=encoding))
    assert [row.cells["姓名"] for row in rows] == found


def outcome(data: bytes) -> list[mappings.Row] | mappings.Issue:
    try:
        return read(data)[0]
    except mappings.UnreadableFile as fault:
        return fault.issue


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    assert outcome(data) is not None


@given(st.binary(max_size=200))
def test_no_bytes_below_a_header_break_the_reader(data: bytes) -> None:
    found = outcome(document(HEADER) + data)
    if isinstance(found, list):
        results = PERSON.apply(found, mappings.Context("huiji", RECEIVED_AT))
        assert [result.row for result in results] == [row.number for row in found]


class Endless(io.RawIOBase):
    """One line without an end; counts what is taken from it."""

    def __init__(self, start: bytes, size: int) -> None:
        self._start, self._size, self._at, self.taken = start, size, 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset
        return offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self._size - self._at)
        chunk = self._start[self._at : self._at + size]
        buffer[:size] = chunk + b"1" * (size - len(chunk))
        self._at += size
        self.taken += size
        return size


def test_a_line_of_a_gigabyte_is_refused_after_a_fixed_number_of_bytes() -> None:
    stream = Endless(document(HEADER), 10**9)
    tracemalloc.start()
    with pytest.raises(mappings.UnreadableFile) as caught:
        list(PERSON.read(io.BufferedReader(stream), file_name="big.csv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.issue.code == "line-too-long"
    assert caught.value.issue.row == 2
    assert stream.taken < 300_000
    assert peak < 4_000_000


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(lines: int) -> int:
        data = document(HEADER, *[WANG] * lines)
        tracemalloc.start()
        for batch in PERSON.read(io.BytesIO(data), batch_size=100):
            assert batch.rows
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20_000) < peak(1_000) * 1.5 + 500_000


def test_a_missing_quotation_mark_does_not_swallow_the_file() -> None:
    issue = refusal(document(HEADER, f'"{WANG}', *[LI] * 100))
    assert (issue.code, issue.row) == ("record-too-long", 2)


def test_line_breaks_inside_a_cell_keep_numbers_and_original() -> None:
    rows, _ = read(document(HEADER, WANG.replace("惠济区", '"惠济区\n古荥镇"'), LI))
    assert [(row.number, row.cells["户籍地"]) for row in rows] == [(2, "惠济区\n古荥镇"), (4, "惠济区")]
    assert "\n古荥镇" in rows[0].original


def test_two_header_rows_under_a_title() -> None:
    rows, issues = read(
        document(
            "流动人口登记表（5月）,,,,,,,",
            "基本情况,,,,户籍地,现居住地,配偶情况,",
            "姓名,性别,身份证号码,出生年月,,,姓名,身份证号码",
            f"{WANG},李强,410108198808081237",
        )
    )
    assert issues == []
    assert (rows[0].number, rows[0].cells["姓名"], rows[0].cells["配偶姓名"]) == (4, "王芳", "李强")
    assert rows[0].cells["配偶身份证号码"] == "410108198808081237"


def test_a_missing_column_is_named() -> None:
    issue = refusal(document(HEADER.replace("身份证号码,", ""), WANG))
    assert (issue.code, issue.column, issue.row) == ("missing-column", "身份证号码", 1)
    assert "现居住地" in issue.text_zh


def test_a_repeated_column_is_refused() -> None:
    assert refusal(document(f"{HEADER},姓名", f"{WANG},x")).code == "repeated-column"


def test_an_unknown_column_is_a_warning_and_its_text_stays_in_the_row() -> None:
    rows, issues = read(document(f"{HEADER},村干部", f"{WANG},周某"))
    assert [(issue.code, issue.column) for issue in issues] == [("unknown-column", "村干部")]
    assert rows[0].cells["村干部"] == "周某"


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"a,b,c\r\n1,2,3\r\n"])
def test_files_without_a_table(data: bytes) -> None:
    assert refusal(data).code in ("empty-file", "no-header")


def test_totals_and_remarks_are_skipped_wherever_they_stand() -> None:
    rows, issues = read(
        document(
            HEADER,
            WANG,
            "小计,1人,,,,",
            LI,
            "合 计：2人,,,,,",
            "合计",
            ",,,,,",
            HEADER,
            "填表人：陈静,,审核人：周洁,,,",
            LI,
        )
    )
    assert [row.number for row in rows] == [2, 4, 10]
    assert [(issue.code, issue.row) for issue in issues] == [
        ("row-is-total", 3),
        ("row-is-total", 5),
        ("row-is-total", 6),
        ("row-is-note", 9),
    ]


def test_a_person_whose_name_begins_like_a_total_is_a_person() -> None:
    rows, _ = read(document(HEADER, WANG.replace("王芳", "总政委"), WANG.replace("王芳", "全小计")))
    assert len(rows) == 2


def test_ditto_takes_the_row_above_and_says_when_there_is_none() -> None:
    rows, _ = read(
        document(
            HEADER,
            WANG.replace("惠济区", "同上"),
            WANG,
            "小计,1人,,,,",
            LI.replace("惠济区", "〃"),
            LI.replace("李强", "同上"),
        )
    )
    assert [row.cells["户籍地"] for row in rows] == [None, "惠济区", "惠济区", "惠济区"]
    assert [issue.code for issue in rows[0].issues] == ["ditto-without-row"]
    assert rows[3].cells["姓名"] == "同上"
    assert "同上" in rows[0].original


@pytest.mark.parametrize(("line", "code"), [(f"{WANG},x", "row-too-long"), ("王芳,女", "row-too-short")])
def test_ragged_rows_are_kept_with_their_text(line: str, code: str) -> None:
    rows, _ = read(document(HEADER, line, LI))
    assert [issue.code for issue in rows[0].issues] == [code]
    assert rows[0].original == line
    results = PERSON.apply(rows, mappings.Context("huiji", RECEIVED_AT))
    assert [result.ok for result in results] == [False, True]


def test_trailing_empty_cells_are_no_mistake() -> None:
    rows, _ = read(document(HEADER, f"{WANG},,,"))
    assert rows[0].issues == ()


def test_a_lone_carriage_return_is_a_blank() -> None:
    rows, _ = read(document(HEADER, WANG.replace("惠济区", "惠济区\r古荥镇")))
    assert rows[0].cells["户籍地"] == "惠济区 古荥镇"


def test_a_cell_beyond_all_measure_is_refused() -> None:
    issue = refusal(document(HEADER, *['"' + "x" * 60_000] * 1, *["x" * 60_000] * 5))
    assert issue.code == "record-unreadable"


def test_damaged_text_is_an_error_of_the_row() -> None:
    rows, _ = read(document(HEADER, WANG.replace("王芳", "王\ufffd"), LI, encoding="utf-8"))
    assert [(issue.code, issue.column) for issue in rows[0].issues] == [("text-damaged", "姓名")]
    assert rows[1].issues == ()


def test_odd_spaces_and_invisible_marks_are_trimmed() -> None:
    rows, _ = read(document(HEADER, WANG.replace("王芳", "\u00a0王芳\u3000\u200b")))
    assert rows[0].cells["姓名"] == "王芳"


def test_spreadsheet_errors_are_empty_and_told() -> None:
    rows, _ = read(document(HEADER, WANG.replace("410108199211120322", "#N/A")))
    assert rows[0].cells["身份证号码"] is None
    assert [issue.code for issue in rows[0].issues] == ["cell-error"]


def test_a_stream_that_cannot_be_read_twice() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, chunks: Iterable[bytes]) -> None:
            self._data = io.BytesIO(b"".join(chunks))

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return self._data.readinto(buffer)

    batches = list(PERSON.read(io.BufferedReader(Pipe([document(HEADER, WANG)]))))
    assert batches[0].rows[0].cells["姓名"] == "王芳"


def test_batches_have_the_size_asked_for() -> None:
    batches = list(PERSON.read(io.BytesIO(document(HEADER, *[WANG] * 25)), batch_size=10))
    assert [len(batch.rows) for batch in batches] == [10, 10, 5]


def test_a_row_survives_storage() -> None:
    rows, _ = read(document(HEADER, "王芳,女", WANG))
    assert [mappings.Row.from_json(row.to_json()) for row in rows] == rows
