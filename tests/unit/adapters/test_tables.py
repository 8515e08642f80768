"""A cell a county sent never becomes a formula in somebody's spreadsheet, and can be had back as it was."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateway.tables import csv_bytes, neutralise, restore

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫⁼⁺⁻₌₊₋−"
UNSEEN = " \t\r\n\v\0\x1b\x85\xa0\xad\u034f\u115f\u1160\u1680\u180e\u2003\u200b\u200d\u200f\u2028\u202e\u2060\u2800"
UNSEEN += "\u3000\u3164\ufe0f\ufeff\uffa0\U000e0020"
BEFORE = st.text(st.sampled_from(UNSEEN), max_size=4)
# A digit right behind a minus sign may be a plain number, which is no formula.
FORMULAS = st.builds(
    lambda before, sign, rest: f"{before}{sign}x{rest}", BEFORE, st.sampled_from(SIGNS + "'\t\r\n"), CELLS
).filter(lambda cell: cell.lstrip(UNSEEN)[:1] != "'" or cell.startswith("'"))


@given(CELLS | FORMULAS)
def test_what_was_neutralised_can_be_restored(cell: str) -> None:
    assert restore(neutralise(cell)) == cell


@given(FORMULAS)
def test_nothing_that_starts_a_formula_stays_in_front(cell: str) -> None:
    assert neutralise(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell",
    [
        " =cmd|'/C calc'!A0",
        "\u3000＝1+1",
        "\t=1",
        "\r\n@SUM(A1)",
        "\u200b+1",
        "\ufeff-1",
        " -1",
        "-1+1",
        "--1",
        "-1e5",
        "-１",
        "-",
        "+86 138",
        "\x85x",
    ],
)
def test_a_formula_behind_what_is_not_seen_is_neutralised(cell: str) -> None:
    assert neutralise(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["", "-5", "-12.50", "0", "2026-01-02", "李娜", " 李娜", "\u3000", "a=b", "（-5）", "3-5"]
)
def test_what_is_no_formula_stays_readable(cell: str) -> None:
    assert neutralise(cell) == cell == restore(cell)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9))
def test_plain_numbers_stay_numbers(number: Decimal) -> None:
    assert neutralise(f"{number:f}") == f"{number:f}"


def test_every_cell_is_quoted_because_programs_differ_in_their_separator() -> None:
    data = csv_bytes(["a"], [["x;=1"]]).decode("utf-8-sig")
    assert data == '"a"\r\n"x;=1"\r\n'


@given(st.lists(st.lists(CELLS | FORMULAS, min_size=2, max_size=2), max_size=5))
def test_a_table_survives_reading_it_again(rows: list[list[str]]) -> None:
    data = csv_bytes(["甲", "=乙"], rows)
    assert data.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [[restore(cell) for cell in row] for row in read] == [["甲", "=乙"], *rows]
