"""A cell a county sent never becomes a formula in somebody's spreadsheet, and can be had back as it was."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from adapters.gateway.tables import csv_bytes, neutralise, restore

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FORMULAS = st.sampled_from("=+-@\t\r'＝").flatmap(lambda first: CELLS.map(lambda rest: first + rest))


@given(CELLS | FORMULAS)
def test_what_was_neutralised_can_be_restored(cell: str) -> None:
    assert restore(neutralise(cell)) == cell


@given(FORMULAS)
def test_nothing_that_starts_a_formula_stays_in_front(cell: str) -> None:
    assert neutralise(cell).startswith("'")


@given(st.lists(st.lists(CELLS | FORMULAS, min_size=2, max_size=2), max_size=5))
def test_a_table_survives_reading_it_again(rows: list[list[str]]) -> None:
    data = csv_bytes(["甲", "=乙"], rows)
    assert data.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [[restore(cell) for cell in row] for row in read] == [["甲", "=乙"], *rows]
