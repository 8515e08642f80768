"""What belongs in a sealed report does not leave the county in an open document."""

import io
import json
from pathlib import Path

import pytest

import mappings
from adapters.gateway import withheld

PERSON_PAGE = "yongkang/person.v1"
PERSON_SHEET = "huiji/person.v1"


def test_a_page_goes_on_without_the_fields_that_are_withheld() -> None:
    page = {"code": 200, "data": {"list": [{"rybh": "1", "xm": "王芳", "byff": "700", "rowver": 7}], "page": 1}}
    sent = withheld.without(PERSON_PAGE, json.dumps(page, ensure_ascii=False).encode())
    assert json.loads(sent) == {"code": 200, "data": {"list": [{"rybh": "1", "xm": "王芳", "rowver": 7}], "page": 1}}


def test_a_page_without_them_keeps_every_byte() -> None:
    page = b'{"code": 200,  "data": [{"xm": "byff is only a word here", "rowver": 1.50}]}'
    assert withheld.without(PERSON_PAGE, page) is page or withheld.without(PERSON_PAGE, page) == page


def test_a_field_whose_name_is_written_with_escapes_is_withheld_too() -> None:
    page = b'{"data": {"list": [{"xm": "x", "b\\u0079ff": "700"}]}}'
    assert json.loads(withheld.without(PERSON_PAGE, page)) == {"data": {"list": [{"xm": "x"}]}}


def test_a_spreadsheet_with_such_a_column_comes_back_to_its_clerk(tmp_path: Path) -> None:
    file = tmp_path / "流动人口信息.csv"
    file.write_bytes(
        "登记编号,姓名,性别,身份证号码,出生年月,户籍地,现居住地,避孕措施\r\n1,王芳,女,,1990-01-02,x,y,上环\r\n".encode(
            "gb18030"
        )
    )
    with pytest.raises(mappings.UnreadableFile) as refused:
        withheld.check(PERSON_SHEET, io.BytesIO(file.read_bytes()), file.name)
    assert (refused.value.issue.code, refused.value.issue.column) == (withheld.CODE, "避孕措施")
    assert "上环" not in str(refused.value.issue)


def test_a_spreadsheet_without_one_passes(tmp_path: Path) -> None:
    file = tmp_path / "流动人口信息.csv"
    file.write_bytes(
        "登记编号,姓名,性别,身份证号码,出生年月,户籍地,现居住地\r\n1,王芳,女,,1990-01-02,x,y\r\n".encode("gb18030")
    )
    withheld.check(PERSON_SHEET, io.BytesIO(file.read_bytes()), file.name)
