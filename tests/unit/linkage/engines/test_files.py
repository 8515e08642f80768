"""Files as people have them: what is read, and in which words anything else is refused."""

import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from hub.errors import Invalid
from hub.linkage.engines import files
from hub.linkage.engines.cells import Cells
from tests.unit.linkage.engines import rows

ROWS = [
    {"record_id": "a", "name": "王晓燕", "birth_date": "1990-05-01"},
    {"record_id": "b", "name": "李刚", "birth_date": ""},
]


def cells_of(path: Path) -> list[tuple[str, ...]]:
    return rows_of(files.read(path, 1), ("record_id", "name", "birth_date"))


def rows_of(cells: Cells, columns: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(cells.column(name).strings() for name in columns), strict=True))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str, end: str) -> None:
    file = tmp_path / "people.csv"
    text = "record_id,备注,name,birth_date\na,某,王晓燕,1990-05-01\n\nb,,李刚,\n".replace("\n", end)
    file.write_bytes(text.encode(encoding))
    assert cells_of(file) == [("a", "王晓燕", "1990-05-01"), ("b", "李刚", "")]


def test_columns_in_any_order_case_and_padding_and_none_but_the_id_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(' Name ,other,RECORD_ID\n"王,晓\n燕",x,a\n', encoding="utf-8")
    assert cells_of(file) == [("a", "王,晓\n燕", "")]


def test_a_name_that_is_a_pattern_is_no_pattern(tmp_path: Path) -> None:
    rows.write(tmp_path / "people 1.csv", ROWS, ["record_id", "name"])
    file = rows.write(tmp_path / "people [1]*?'.csv", ROWS[:1], ["record_id", "name", "birth_date"])
    assert len(cells_of(file)) == 1


def test_parquet_with_numbers_and_dates(tmp_path: Path) -> None:
    file = tmp_path / "people.data"
    duckdb.sql(
        "COPY (SELECT 7 AS record_id, '王晓燕' AS name, DATE '1990-05-01' AS birth_date, 13812345670.0::DOUBLE AS phone,"
        " NULL::DOUBLE AS sex)"
        f" TO '{file}' (FORMAT parquet)"
    )
    columns = ("record_id", "name", "birth_date", "phone", "sex")
    assert rows_of(files.read(file, 1), columns) == [("7", "王晓燕", "1990-05-01", "13812345670", "")]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "file-empty", "is empty"),
        (b"record_id,name\n", "file-empty", "no records"),
        (b"\n\n", "file-empty", "no header"),
        (b"id,name\n1,a\n", "column-missing", "its columns are id, name"),
        (b"record_id;name\n1;a\n", "column-missing", "record_id;name"),
        (b"record_id,source\n1,a\n", "column-missing", "none of the columns"),
        (b"record_id,name,Name\n1,a,b\n", "column-repeated", "two columns name"),
        (b"record_id,name\n1,a\n2,b,secret\n3,c\n", "file-unreadable", "line 3 has 3 cells where the header has 2"),
        (b"record_id,name\n1,a\n2\n", "file-unreadable", "line 3 has 1 cells where the header has 2"),
        (b'record_id,name\n1,a\n2,"secret\n3,c\n', "file-unreadable", "line 3"),
        (b'record_id,name\n1,"secret"x\n', "file-unreadable", "line 2"),
        (b"record_id,name\n1,a\n,b\n \x20,c\n", "record-id-missing", "2 rows have no record_id: lines 3, 4"),
        (b'record_id,name\n1,"a\nb"\n\n2,c\n1,secret\n', "record-id-repeated", "1 rows repeat a record_id"),
        (b'record_id,name\n1,"a\nb"\n\n2,c\n1,secret\n', "record-id-repeated", ": lines 2, 6."),
        (b"record_id,name\n" + b"1,a\n" * 9, "record-id-repeated", "lines 2, 3, 4, 5, 6 …"),
        (b"record_id,name\n1,\xff\xfe\xff\n", "encoding-unknown", "neither UTF-8 nor GB18030"),
        ("record_id,name\n1,王\n".encode("utf-16"), "encoding-unknown", "neither UTF-8 nor GB18030"),
        (b"PK\x03\x04 and so on", "file-unreadable", "save it as CSV"),
        (b"PAR1 and no more", "file-unreadable", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, content: bytes, code: str, words: str) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        files.read(file, 1)
    assert refused.value.code == code
    assert words in refused.value.detail
    assert "secret" not in refused.value.detail


def test_rows_of_parquet_are_numbered_from_one(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    duckdb.sql(f"COPY (SELECT unnest(['1', '2', '1']) AS record_id, 'x' AS name) TO '{file}' (FORMAT parquet)")
    with pytest.raises(Invalid, match="rows 1, 3"):
        files.read(file, 1)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(Invalid, match="file-missing"):
            files.read(path, 1)


BLANKS = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Zs"]


@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_are_taken_off_all_cells_but_the_id(tmp_path: Path, blank: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"record_id,name,birth_date\n{blank}a,{blank}王 燕,{blank}1990{blank}\n", encoding="utf-8")
    assert cells_of(file) == [(f"{blank}a", "王 燕", "1990")]
