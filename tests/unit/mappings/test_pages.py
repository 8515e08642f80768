"""JSON pages: their shapes, error pages served as success, exact numbers, each record's own text."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from mappings.engine.readers.limits import Limits
from mappings.examples import RECEIVED_AT

PERSON = mappings.load("yongkang/person.v1")
WANG = {"rybh": "YK1", "xm": "王芳", "xbdm": "2"}


def read(data: object, limits: Limits | None = None) -> tuple[list[mappings.Row], list[mappings.Issue]]:
    body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    batches = list(PERSON.read(io.BytesIO(body), file_name="page.json", limits=limits))
    return [row for batch in batches for row in batch.rows], [issue for batch in batches for issue in batch.issues]


def refusal(data: object, limits: Limits | None = None) -> mappings.Issue:
    with pytest.raises(mappings.UnreadableFile) as caught:
        read(data, limits)
    return caught.value.issue


@pytest.mark.parametrize(
    "document",
    [
        {"code": 200, "data": [WANG]},
        {"code": "200", "data": {"list": [WANG], "page": 1}},
        {"data": {"page": 1, "list": [WANG]}, "code": 0},
        {"code": 200, "data": WANG},
        [WANG],
        WANG,
    ],
)
def test_every_shape_of_page(document: object) -> None:
    rows, issues = read(document)
    assert [(row.number, row.cells["xm"]) for row in rows] == [(1, "王芳")]
    assert issues == []


@pytest.mark.parametrize(
    "document", [{"code": 200, "data": []}, {"code": 200, "data": None}, {"code": 200, "data": {"list": []}}, []]
)
def test_an_empty_page_has_no_rows(document: object) -> None:
    assert read(document) == ([], [])


def test_an_error_page_is_a_fault_of_the_file() -> None:
    issue = refusal({"code": 500, "msg": "系统繁忙", "data": [WANG]})
    assert issue.code == "source-error-page"
    assert "500" in issue.text
    assert "系统繁忙" in issue.text_zh


def test_numbers_keep_every_digit() -> None:
    rows, _ = read(b'[{"rybh": 12345678901234567890123, "xm": "x", "csrq": 1496246400000, "lxdh": 1.50}]')
    cells = rows[0].cells
    assert (cells["rybh"], cells["csrq"], cells["lxdh"]) == ("12345678901234567890123", "1496246400000", "1.50")


def test_each_row_keeps_its_own_text() -> None:
    first, second = '{"rybh":"A",  "xm":"王\\u82b3"}', '{"xm" : "李强"}'
    rows, _ = read(f'{{"code":200, "data":[ {first} ,\n{second} ]}}'.encode())
    assert [row.original for row in rows] == [first, second]
    assert rows[0].cells["xm"] == "王芳"


def test_nothing_is_said_in_three_ways() -> None:
    rows, _ = read([{"rybh": "A", "xm": "null", "csrq": None, "lxdh": ""}])
    assert [rows[0].cells[name] for name in ("xm", "csrq", "lxdh")] == [None, None, None]


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'[{"a":1},]',
        b'[{"a":1} {"b":2}]',
        b'{"code":200,"data":[1',
        b"[1]]",
        b'"text"',
        b"12",
        b"nul",
        b'{"code":200,"data":"x"}',
    ],
)
def test_what_is_not_json(data: bytes) -> None:
    with pytest.raises(mappings.UnreadableFile):
        read(data)


def test_the_place_of_a_json_error_is_in_bytes() -> None:
    data = '[{"xm":"王芳"},]'.encode()
    assert f"byte {len(data) - 1}" in refusal(data).text


def test_wrong_bytes_name_row_and_offset() -> None:
    issue = refusal('[\n{"xm":"王芳"}]'.encode("gbk"))
    assert (issue.code, issue.row) == ("wrong-encoding", 2)
    assert "byte 9" in issue.text


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b'[{"a":' + b"[" * 50 + b"]" * 50 + b"}]"])
def test_deep_nesting_is_refused(data: bytes) -> None:
    assert refusal(data).code == "json-too-deep"


def test_brackets_inside_text_are_not_nesting() -> None:
    rows, _ = read([WANG | {"bz": "[" * 100 + '"\\'}])
    assert rows[0].cells["bz"] == "[" * 100 + '"\\'


def test_a_page_beyond_the_limit_is_refused() -> None:
    assert refusal([WANG] * 100, Limits(json_bytes=1000)).code == "too-large"


@pytest.mark.parametrize("item", [1, "text", None, [1]])
def test_an_entry_that_is_no_record_is_an_error_of_its_row(item: object) -> None:
    rows, _ = read([WANG, item, WANG])
    assert [issue.code for row in rows for issue in row.issues] == ["not-a-record"]
    assert [row.number for row in rows] == [1, 2, 3]


def test_a_repeated_member_is_an_error_of_its_row() -> None:
    rows, _ = read(b'[{"xm":"A","xm":"B"},{"xm":"C"}]')
    assert [issue.code for issue in rows[0].issues] == ["repeated-member"]
    assert rows[1].issues == ()


def test_an_unknown_member_is_told_once() -> None:
    rows, issues = read([WANG | {"xlh": "1"}, WANG | {"xlh": "2"}])
    assert [(issue.code, issue.column, issue.row) for issue in issues] == [("unknown-column", "xlh", 1)]
    assert rows[1].cells["xlh"] == "2"


def test_other_formats_are_refused() -> None:
    assert refusal(b"xm,xbdm\r\n").code == "wrong-format"
    assert refusal(b"PK\x03\x04rest").code == "wrong-format"
    assert refusal(b"\xd0\xcf\x11\xe0rest").code == "old-or-locked-workbook"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["code", "data", "list", "xm", "csrq", "zjhm", "odd"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_breaks_reader_or_mapping(document: object) -> None:
    try:
        rows, _ = read(document)
    except mappings.UnreadableFile:
        return
    context = mappings.Context("yongkang", RECEIVED_AT)
    assert [result.row for result in PERSON.apply(rows, context)] == [row.number for row in rows]


def test_of_very_many_unknown_members_only_the_number_is_told() -> None:
    _, issues = read([WANG | {f"x{record}-{number}": "1" for number in range(3)} for record in range(2500)])
    assert [issue.code for issue in issues] == ["unknown-column"] * 100 + ["more-columns"]
    assert ("7400" in issues[-1].text, issues[-1].row) == (True, 2500)
