"""Applying a mapping: one result per row whatever is in it, keys, cross-checks of a person, purity, refused content."""

import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappings
from mappings import vocabulary as v
from mappings.engine import apply as engine_apply
from mappings.examples import RECEIVED_AT

PERSON = mappings.load("huiji/person.v1")
REPORT = mappings.load("huiji/contraception_report.v1")
CONTEXT = mappings.Context("huiji", RECEIVED_AT)
WANG = {
    "登记编号": "HJ1",
    "姓名": "王芳",
    "性别": "女",
    "身份证号码": "410108199211120322",
    "出生年月": "1992.11.12",
    "户籍地": "河南省郑州市惠济区",
    "现居住地": "浙江永康",
}
CHECK = {
    "报告单号": "BY1",
    "登记编号": "HJ1",
    "姓名": "王芳",
    "身份证号码": "410108199211120322",
    "户籍地": "惠济区",
    "现居住地": "浙江永康",
    "避孕措施": "上环",
    "检查单位": "永康市妇幼保健院",
    "报告日期": "2024.5.7",
    "同意书编号": "TY1",
}


def apply(**changes: str | None) -> mappings.RowResult:
    return translate(PERSON, WANG, **changes)


def translate(mapping: mappings.Mapping, base: dict[str, str], **changes: str | None) -> mappings.RowResult:
    cells: dict[str, str | None] = {**base, **changes}
    return mapping.apply([mappings.Row(7, cells, "original")], CONTEXT)[0]


def codes(result: mappings.RowResult) -> list[str]:
    return [issue.code for issue in result.issues]


def test_a_person_becomes_one_patient() -> None:
    result = apply()
    assert (result.ok, result.row, result.key, codes(result)) == (True, 7, "HJ1", [])
    (patient,) = result.resources
    assert "id" not in patient
    assert patient["identifier"] == [
        {"use": "usual", "system": v.record_system("huiji"), "value": "HJ1"},
        {"use": "official", "system": v.RESIDENT_ID, "value": "410108199211120322"},
    ]
    assert result.routing == mappings.Routing("HJ1", "410108000000", "330784000000")


def test_codes_as_sent_stand_beside_their_translation() -> None:
    patient = apply(婚姻状况="离异", 民族="回").resources[0]
    assert [(c["system"], c["code"]) for c in patient["maritalStatus"]["coding"]] == [
        (v.MARITAL, "40"),
        (v.V3_MARITAL, "D"),
        (v.original_system("huiji", "marital"), "离异"),
    ]
    ethnicity = next(e for e in patient["extension"] if e["url"] == v.ETHNICITY)
    assert [c["code"] for c in ethnicity["valueCodeableConcept"]["coding"]] == ["03", "回"]


def test_a_code_that_is_not_in_the_table_keeps_its_original_only() -> None:
    result = apply(婚姻状况="同居")
    assert (result.ok, codes(result)) == (True, ["unmapped-code"])
    assert [c["code"] for c in result.resources[0]["maritalStatus"]["coding"]] == ["同居"]


@pytest.mark.parametrize("column", ["姓名", "性别"])
def test_what_is_required_is_told(column: str) -> None:
    result = apply(**{column: None})
    assert (result.ok, result.resources, codes(result)) == (False, [], ["required-missing"])
    assert result.issues[0].column == column


def test_the_id_settles_an_ambiguous_month_and_fills_a_missing_date() -> None:
    result = apply(出生年月="1990.1", 身份证号码="410108199010010011")
    assert result.resources[0]["birthDate"] == "1990-10"
    assert "date-month-from-id" in codes(result)
    assert "date-month-ambiguous" not in codes(result)
    result = apply(出生年月=None)
    assert result.resources[0]["birthDate"] == "1992-11-12"
    assert codes(result) == ["birth-date-from-id"]


def test_what_contradicts_the_id_is_told_and_kept() -> None:
    result = apply(出生年月="1991.11.12", 性别="男")
    assert codes(result) == ["id-birth-date-differs", "id-sex-differs"]
    assert (result.resources[0]["birthDate"], result.resources[0]["gender"]) == ("1991-11-12", "male")


@pytest.mark.parametrize(("text", "code"), [("2030-01-01", "date-in-future"), ("1890-01-01", "birth-date-too-old")])
def test_dates_that_cannot_be_are_told(text: str, code: str) -> None:
    assert codes(apply(出生年月=text, 身份证号码=None)) == [code]


def test_an_unusable_id_is_kept_as_it_was_written() -> None:
    result = apply(身份证号码="4.1E+17")
    assert codes(result) == ["id-ruined"]
    assert len(result.resources[0]["identifier"]) == 1
    kept = next(e for e in result.resources[0]["extension"] if e["url"] == v.ORIGINAL_CODE)
    assert kept["valueCoding"] == {"system": "urn:lianqiao:huiji:resident-id", "display": "4.1E+17"}


def test_another_document_has_the_system_of_its_kind() -> None:
    result = apply(证件类型="护照", 身份证号码="E12345678")
    assert result.resources[0]["identifier"][1] == {
        "use": "official",
        "system": v.document_system("03"),
        "value": "E12345678",
    }


def test_children_and_relatives() -> None:
    patient = apply(
        子女姓名="李小明、李小红", 配偶姓名="李强", 配偶身份证号码="410108198808081237", 配偶出生年月="1988.8"
    ).resources[0]
    assert [e["valueString"] for e in patient["extension"] if e["url"] == v.CHILD] == ["李小明", "李小红"]
    (spouse,) = patient["contact"]
    assert spouse["relationship"][0]["coding"][0]["code"] == "SPS"
    assert spouse["name"] == {"text": "李强"}
    assert spouse["extension"] == [
        {"url": v.CONTACT_IDENTIFIER, "valueIdentifier": {"system": v.RESIDENT_ID, "value": "410108198808081237"}},
        {"url": v.CONTACT_BIRTH_DATE, "valueDate": "1988-08"},
    ]


def test_a_former_division_leads_to_todays_and_is_kept() -> None:
    address = apply(户籍地="清新县太和镇").resources[0]["address"][0]
    assert {e["url"]: e.get("valueCode") for e in address["extension"]}[v.DIVISION] == "441803000000"
    assert {"system": "urn:lianqiao:huiji:division", "code": "441827"} in [
        e.get("valueCoding") for e in address["extension"]
    ]


def test_a_derived_number_is_the_same_in_every_sheet_and_for_both_id_forms() -> None:
    person, report = apply(登记编号=None), translate(REPORT, CHECK, 登记编号=None)
    assert person.key is not None
    assert person.key.startswith("d-")
    assert report.routing is not None
    assert person.key == report.routing.subject
    old = apply(登记编号=None, 身份证号码="410108921112032")
    assert old.key == person.key
    assert apply(登记编号=None, 身份证号码="无", 出生年月="不详").key is None


def test_a_contraception_column_in_a_person_sheet_is_not_taken_over() -> None:
    result = apply(避孕措施="上环")
    assert (result.ok, codes(result)) == (True, ["withheld-content"])
    assert "上环" not in json.dumps(result.resources, ensure_ascii=False)
    assert codes(apply(避孕措施="A95")) == ["forbidden-content"]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("备注", "政策外二孩"),
        ("备注", "已交社会抚养费"),
        ("备注", "外出躲藏"),
        ("社会抚养费金额", "3000"),
        ("政策内外", "内"),
        ("查环查孕次数", "4"),
        ("孕检任务", "4"),
        ("孕检结果", "阴性"),
        ("别的列", "计划外"),
    ],
)
def test_forbidden_content_refuses_the_row_and_is_not_quoted(column: str, text: str) -> None:
    result = apply(**{column: text})
    assert (result.ok, result.resources, result.routing) == (False, [], None)
    (issue,) = result.issues
    assert (issue.code, issue.column, issue.value) == ("forbidden-content", column, None)


@pytest.mark.parametrize("text", ["计划生育服务站", "孕产妇保健院", "避孕药具"])
def test_harmless_words_are_not_refused(text: str) -> None:
    assert apply(备注=text).ok


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("康检结果", "早孕"),
        ("康检结果", "未孕"),
        ("康检结果", "HCG阴性"),
        ("避孕措施", "现孕"),
        ("备注", "人流术后"),
        ("避孕措施", "外出躲藏"),
    ],
)
def test_a_pregnancy_result_refuses_the_report(column: str, text: str) -> None:
    assert codes(translate(REPORT, CHECK, **{column: text})) == ["forbidden-content"]


@pytest.mark.parametrize("text", ["环位正常", "避孕措施落实", "建议孕前优生检查"])
def test_an_ordinary_finding_passes(text: str) -> None:
    assert translate(REPORT, CHECK, 康检结果=text).ok


def test_a_report_says_the_same_whenever_it_is_received() -> None:
    row = mappings.Row(7, dict(CHECK), "")
    later = mappings.Context("huiji", datetime(2025, 1, 1, tzinfo=UTC))
    assert REPORT.apply([row], CONTEXT)[0].resources == REPORT.apply([row], later)[0].resources


def test_a_report_without_consent_number_is_told() -> None:
    result = translate(REPORT, CHECK, 同意书编号=None)
    assert (result.ok, codes(result)) == (True, ["birth-date-from-id", "consent-missing"])
    assert result.routing is not None
    assert result.routing.consent_ref is None


CONSENT_SHEET = {
    "同意书编号": "TY1",
    "登记编号": "HJ1",
    "姓名": "王芳",
    "同意内容": "报告单",
    "使用目的": "服务衔接",
    "接收地区": "浙江永康",
    "生效日期": "2024.1.10",
    "截止日期": "2025.1.9",
}
CONSENT_PAGE = {
    "sqbh": "TY1",
    "rybh": "Y1",
    "xm": "王芳",
    "sjlx": "contraception-report",
    "sqmd": "continuity-of-care",
    "jsdq": "330784",
    "sxrq": "2024-01-10",
    "jzrq": "2025-01-09",
}


@pytest.mark.parametrize("text", ["99991231", "9999-12-31", "长期"])
@pytest.mark.parametrize(
    ("name", "base", "end", "start"),
    [
        ("huiji/consent.v1", CONSENT_SHEET, "截止日期", "生效日期"),
        ("yongkang/consent.v1", CONSENT_PAGE, "jzrq", "sxrq"),
    ],
)
def test_a_consent_without_an_end_is_none(name: str, base: dict[str, str], end: str, start: str, text: str) -> None:
    mapping = mappings.load(name)
    assert translate(mapping, base).ok
    result = translate(mapping, base, **{end: text})
    assert (result.ok, codes(result), result.issues[0].column) == (False, ["period-without-end"], end)
    assert codes(translate(mapping, base, **{start: text})) == ["date-unreadable", "required-missing"]
    assert codes(translate(mapping, base, **{start: "00010101"})) == ["date-unreadable", "required-missing"]


def test_a_context_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        mappings.Context("huiji", datetime(2024, 6, 1))  # noqa: DTZ001


CELLS = st.dictionaries(
    st.sampled_from(
        [
            *WANG,
            "婚姻状况",
            "联系电话",
            "子女姓名",
            "配偶姓名",
            "配偶身份证号码",
            "流入日期",
            "备注",
            "证件类型",
            "别的",
        ]
    ),
    st.none()
    | st.text(max_size=20)
    | st.sampled_from([*WANG.values(), "4.1E+17", "1990.1", "农历1990年五月初三", "朝阳区", "null"]),
)


@given(st.lists(CELLS, max_size=5))
def test_any_rows_give_one_result_each_in_order_and_stay_as_they_were(found: list[dict[str, str | None]]) -> None:
    rows = [mappings.Row(number, cells, "") for number, cells in enumerate(found, 1)]
    before = copy.deepcopy(rows)
    results = PERSON.apply(rows, CONTEXT)
    assert [result.row for result in results] == [row.number for row in rows]
    assert rows == before
    for result in results:
        assert result.ok == (bool(result.resources) and not any(issue.severity == "error" for issue in result.issues))
        json.dumps([result.resources, [issue.to_json() for issue in result.issues]])
        assert all(len(issue.value or "") <= 200 for issue in result.issues)


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_a_row_is_translated_alike_alone_and_among_others(found: list[dict[str, str | None]]) -> None:
    rows = [mappings.Row(number, cells, "") for number, cells in enumerate(found, 1)]
    together = PERSON.apply(rows, CONTEXT)
    assert together == [PERSON.apply([row], CONTEXT)[0] for row in rows]


def test_adding_to_a_resource_does_not_change_others() -> None:
    first = apply()
    first.resources[0]["id"] = "1"
    first.resources[0]["identifier"].append({"value": "x"})
    assert "id" not in apply().resources[0]
    assert len(apply().resources[0]["identifier"]) == 2


def test_what_breaks_over_one_row_is_that_rows_error(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [mappings.Row(number, {**WANG, "登记编号": f"HJ{number}"}, "original") for number in (1, 2, 3)]
    whole = PERSON.apply(rows, CONTEXT)
    translated = engine_apply._translate

    def breaking(program: engine_apply.Program, row: mappings.Row, context: mappings.Context) -> mappings.RowResult:
        if row.number == 2:
            raise OverflowError("410108199211120322")
        return translated(program, row, context)

    monkeypatch.setattr(engine_apply, "_translate", breaking)
    first, broken, last = PERSON.apply(rows, CONTEXT)
    assert [first, last] == [whole[0], whole[2]]
    assert (broken.ok, codes(broken)) == (False, ["row-failed"])
    assert "OverflowError" in broken.issues[0].text
    assert "410108199211120322" not in broken.issues[0].text + broken.issues[0].text_zh
