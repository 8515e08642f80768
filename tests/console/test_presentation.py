"""How records look: masking that keeps enough to compare and no more, marks, the waterfall, exports, times."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.console.i18n.times import Times
from hub.console.presentation import bars, masking, records, waterfall
from hub.console.presentation.masking import Piece
from hub.console.presentation.spreadsheet import neutral, spreadsheet
from hub.linkage import features, model
from hub.linkage.explain import explain
from tests.console import people

MODEL = model.load()


def text(pieces: masking.Pieces) -> str:
    return "".join(piece.text for piece in pieces)


@given(st.from_regex(r"[1-9]\d{16}[\dX]", fullmatch=True))
def test_a_masked_resident_number_shows_its_division_only(number: str) -> None:
    shown = masking.resident_id(number)
    assert shown[:6] == number[:6]
    assert set(shown[6:]) == {masking.DOT}
    assert len(shown) == len(number)


@pytest.mark.parametrize(("number", "shown"), [("13858912046", "138••••••46"), ("12345", "•••••"), ("", "")])
def test_a_masked_phone(number: str, shown: str) -> None:
    assert masking.phone(number) == shown


def test_places_that_differ_are_marked_without_showing_their_digits() -> None:
    own, other = "410108198703140261", "410108198713148261"
    pieces = masking.by_place(masking.resident_id(own), own, other)
    assert text(pieces) == masking.resident_id(own)
    assert [len(piece.text) for piece in pieces if piece.differs] == [1, 1]
    assert all(piece.text == masking.DOT for piece in pieces if piece.differs)


def test_numbers_that_have_nothing_in_common_are_not_marked() -> None:
    assert masking.by_place("138••••••46", "13858912046", "15603719925") == (Piece("138••••••46"),)
    assert masking.by_place("4101", "4101", "41012") == (Piece("4101"),)


@given(st.text(max_size=30), st.text(max_size=30))
def test_marks_never_change_the_text(own: str, other: str) -> None:
    assert text(masking.by_text(own, other)) == own


def test_a_number_is_marked_whole() -> None:
    assert [piece.text for piece in masking.by_text("古荥镇12号", "古荥镇17号") if piece.differs] == ["12"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_no_exported_cell_is_a_formula(cell: str) -> None:
    shown = neutral(cell)
    assert not shown.lstrip(" \u00a0\u3000").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert shown.removeprefix("'") == cell or shown == cell


def test_a_spreadsheet_opens_as_chinese_and_quotes() -> None:
    made = spreadsheet(["姓名"], [['=HYPERLINK("x")'], ["a,b"]])
    assert made.startswith(b"\xef\xbb\xbf")
    assert made.decode("utf-8-sig") == '姓名\r\n"\'=HYPERLINK(""x"")"\r\n"a,b"\r\n'


@pytest.mark.parametrize("pair", people.PAIRS)
def test_the_waterfall_ends_where_the_score_is(pair: Any) -> None:
    a, b = (features.extract(patient) for patient in pair())
    evidence = explain(MODEL, a, b)
    fall = waterfall.fall(evidence, MODEL.review, MODEL.auto)
    assert fall.weight == pytest.approx(sum(line.weight for line in evidence))
    assert fall.steps[0].line.field == "prior"
    assert all(0 <= step.start <= 100 and 0 < step.width <= 100.5 for step in fall.steps)
    assert fall.steps[-1].level == pytest.approx(fall.level, abs=1.0)
    assert fall.review < fall.auto
    for before, after in zip(fall.steps, fall.steps[1:], strict=False):
        ends = (after.start, after.start + after.width)
        assert min(abs(before.level - end) for end in ends) < 0.5
    drawn = {step.line.field for step in fall.steps} | {line.field for line in fall.quiet}
    assert {line.field for line in evidence if abs(line.weight) > 0.05} <= drawn


@given(st.floats(-1e6, 1e6))
def test_the_bar_stays_inside_and_nothing_is_certain(weight: float) -> None:
    bar = bars.strength(weight, -4.6, 4.8)
    assert 0 <= bar.start <= 100
    assert bar.start + bar.width <= 101
    assert 1 <= bar.likelihood <= 99


def test_the_likelihood_is_the_weights() -> None:
    assert [bars.likelihood(weight) for weight in (-1, 0, 1, 3.17)] == [33, 50, 67, 90]


def test_what_a_patient_says() -> None:
    a, b = people.slips()
    assert records.names(b) == ("王秀瑛", ("王小英",))
    assert records.phones(a) == ("13858912046",)
    place = records.place(b, "residence")
    assert place is not None
    assert (place.division, place.whole) == ("浙江省金华市永康市", "浙江省永康市西城花川工业区")
    spouse = next(iter(records.relatives(a)))
    assert (spouse.role, spouse.name, spouse.id_number[:6]) == ("spouse", "刘建国", "410108")
    assert records.children(a) == ("刘雨桐",)
    assert records.concept(a["maritalStatus"]) == "已婚"


@pytest.mark.parametrize(
    "patient", [{}, {"name": [], "address": [{}], "contact": [{}], "telecom": [{}], "identifier": [{}]}]
)
def test_a_bare_patient_says_nothing(patient: dict[str, Any]) -> None:
    assert records.names(patient) == ("", ())
    assert (*records.phones(patient), *records.children(patient), *records.other_documents(patient)) == ()
    assert records.place(patient, "origin") is None
    assert list(records.relatives(patient)) == []


def test_times_are_local_and_dates_keep_their_precision() -> None:
    zh, en = Times("zh", "Asia/Shanghai"), Times("en", "Asia/Shanghai")
    at = datetime(2025, 6, 17, 20, 5, tzinfo=UTC)
    assert zh.moment(at) == "2025年6月18日 04:05"
    assert en.moment(at) == "18 Jun 2025, 04:05"
    assert zh.day(at) == "2025年6月18日 星期三"
    assert [zh.written(value) for value in ("1987", "1987-03", "1987-03-14", "农历")] == [
        "1987年",
        "1987年3月",
        "1987年3月14日",
        "农历",
    ]
    assert [en.written(value) for value in ("1987-03", "1987-03-14", "1987-02-31")] == [
        "1987-03",
        "14 Mar 1987",
        "1987-02-31",
    ]
