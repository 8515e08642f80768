"""The division table: by code and year, by name, by free text; history followed, ambiguity reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import divisions
from mappings.divisions import canonical, expand, full_name, known, lookup, resolve, successor
from mappings.engine.model import Noted, Place
from mappings.engine.transforms.places import division_any, division_code, division_text

CODES = sorted(divisions._lines())


def test_a_renamed_county_keeps_its_code() -> None:
    assert full_name("410108", 2003) == "河南省郑州市邙山区"
    assert full_name("410108") == "河南省郑州市惠济区"
    assert successor("410108") is None


def test_a_county_with_a_new_code_leads_to_it() -> None:
    assert successor("441827") == "441803"
    assert canonical("441827103000") == "441803103000"
    assert full_name("441827") == "广东省清远市清新县"


def test_town_digits_do_not_survive_a_merger() -> None:
    assert canonical("110103001002") == "110101000000"


def test_a_code_given_anew_needs_its_year() -> None:
    named = {year: (found.name if (found := lookup("469025", year)) else None) for year in (2005, 2010)}
    assert named == {2005: "定安县", 2010: "白沙黎族自治县"}
    assert canonical("469025", 2005) == "469021"
    assert canonical("469025") == "469025"


@given(st.sampled_from(CODES))
def test_following_history_ends_at_a_fixed_point(code: str) -> None:
    today = canonical(code)
    assert canonical(today) == today
    assert known(today)
    assert len(expand(today)) == 12


@given(st.sampled_from(CODES))
def test_a_full_name_leads_back(code: str) -> None:
    division = lookup(code)
    assert division is not None
    name = full_name(code)
    if name is None or division.name in divisions._GENERIC or not division.current:
        return
    found = resolve(name)
    assert found.code == expand(code) or code in found.candidates


@pytest.mark.parametrize(
    ("address", "code", "status"),
    [
        ("河南省郑州市惠济区古荥镇孙庄村3组", "410108000000", "found"),
        ("河南省 郑州市 惠济区", "410108000000", "found"),
        ("中国河南省惠济区", "410108000000", "found"),
        ("邙山区花园口", "410108000000", "found"),
        ("清新县太和镇", "441803000000", "found"),
        ("浙江永康", "330784000000", "found"),
        ("永康", "330784000000", "found"),
        ("北京市市辖区朝阳区", "110105000000", "found"),
        ("北京朝阳", "110105000000", "found"),
        ("河南省济源市", "419001000000", "found"),
        ("广东省东莞市长安镇", "441900000000", "found"),
        ("贵州省毕节市毕节市新民乡", "520502000000", "found"),
        ("新疆维吾尔自治区乌鲁木齐市天山区", "650102000000", "found"),
        ("恩施土家族苗族自治州恩施市", "422801000000", "found"),
        ("河南省", "410000000000", "incomplete"),
        ("河南郑州金水路22号", "410100000000", "incomplete"),
        ("朝阳区", None, "ambiguous"),
        ("鼓楼区五一路", None, "ambiguous"),
        ("吉林", None, "ambiguous"),
        ("四川北路100号", None, "none"),
        ("古荥镇孙庄村", None, "none"),
        ("", None, "none"),
    ],
)
def test_addresses(address: str, code: str | None, status: str) -> None:
    found = resolve(address)
    assert (found.code, found.status) == (code, status)


def test_context_settles_within_a_city_and_assumes_only_for_known_towns() -> None:
    assert resolve("鼓楼区", "410204").code == "410204000000"
    assert resolve("鼓楼区", "410108").status == "ambiguous"
    assert resolve("古荥镇孙庄村", "410108").status == "none"
    assert resolve("古荥镇孙庄村", "410108", ("古荥",)).status == "assumed"


def test_candidates_are_named() -> None:
    answer = division_text()("朝阳区")
    assert isinstance(answer, Noted)
    assert dict(answer.notes[0].words)["candidates"] == "北京市朝阳区、吉林省长春市朝阳区"
    assert answer.value == Place(None, "朝阳区")


@given(st.text(max_size=40))
def test_no_address_breaks_the_reading(address: str) -> None:
    found = resolve(address)
    assert found.code is None or (len(found.code) == 12 and found.status in ("found", "incomplete"))


@given(st.sampled_from(CODES), st.sampled_from(["", "103", "103205"]))
def test_codes_of_any_length(code: str, more: str) -> None:
    answer = division_code(code + more)
    place = answer.value if isinstance(answer, Noted) else answer
    assert isinstance(place, Place)
    assert place.code is not None
    assert len(place.code) == 12
    assert place.given_code in (None, code + more)


@pytest.mark.parametrize("text", ["99", "41010", "000000", "abcdef", "4101081"])
def test_codes_that_are_none(text: str) -> None:
    answer = division_code(text)
    assert isinstance(answer, Noted)
    assert answer.value is None


def test_an_unknown_code_is_kept_with_a_warning() -> None:
    answer = division_code("410199")
    assert isinstance(answer, Noted)
    assert answer.value == Place("410199000000", None)
    assert answer.notes[0].code == "division-unknown"


def test_words_or_code() -> None:
    read = division_any()
    assert read("330784") == Place("330784000000", None)
    assert read("浙江永康") == Place("330784000000", "浙江永康")


def test_the_table_is_whole() -> None:
    for code in CODES:
        for spell in divisions._spells(code):
            assert spell.relation in (None, "renamed", "recoded", "merged", "ended")
            assert (spell.until is None) == (spell.relation is None)
            assert spell.successor is None or known(spell.successor)
            assert spell.successor is not None or spell.relation in (None, "ended")
