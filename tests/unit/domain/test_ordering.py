"""What comes first in the queue."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import ordering
from hub.domain.ordering import Stakes

STAKES = st.builds(
    Stakes,
    weight=st.floats(-40, 80),
    reason=st.sampled_from(["uncertain", "contradiction", "new-evidence", "twins", "id-used-by-two"]),
    together=st.booleans(),
    papers=st.integers(0, 3),
    many_records=st.booleans(),
    deliveries=st.integers(0, 9),
    notices=st.integers(0, 9),
    certificates=st.integers(0, 9),
)
EVEN, PLAIN = Stakes(0.0, "uncertain"), Stakes(9.0, "uncertain")


def test_what_comes_before_what() -> None:
    def priority(stakes: Stakes) -> int:
        return ordering.of(stakes).priority

    assert priority(EVEN) > priority(PLAIN)
    assert priority(replace(PLAIN, reason="id-used-by-two")) > priority(replace(PLAIN, reason="twins"))
    assert priority(replace(EVEN, notices=1)) > priority(replace(EVEN, deliveries=1)) > priority(EVEN)
    assert priority(replace(EVEN, together=True)) > priority(replace(EVEN, papers=1))
    assert priority(EVEN) == 1000


@given(STAKES)
def test_the_factors_make_the_place_and_are_kept(stakes: Stakes) -> None:
    found = ordering.of(stakes)
    assert found.priority == round(1000 * found.uncertainty * found.harm * found.pending)
    assert 50 < found.priority < 40_000
    assert 0 < found.uncertainty <= 1
    assert found.why["waits"] == (stakes.deliveries + stakes.notices + stakes.certificates > 0)


@given(STAKES, st.sampled_from(["papers", "deliveries", "notices", "certificates"]))
def test_more_at_stake_is_never_later(stakes: Stakes, name: str) -> None:
    more = replace(stakes, **{name: getattr(stakes, name) + 1})
    assert ordering.of(more).priority >= ordering.of(stakes).priority


@given(STAKES)
def test_what_speaks_as_much_for_as_against_is_alike(stakes: Stakes) -> None:
    other = replace(stakes, weight=-stakes.weight)
    assert abs(ordering.of(other).priority - ordering.of(stakes).priority) <= 1
