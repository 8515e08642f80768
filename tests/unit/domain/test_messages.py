"""Which state may follow which."""

import pytest

from hub.domain.messages import FINAL, State, before, may_follow


def test_final_states_end_but_for_a_replay() -> None:
    again = {
        State.BUSINESS_ERROR: {State.PROCESSED},
        State.PROCESSED: {State.PROCESSED},
        State.DEAD: {State.ACCEPTED},
    }
    for state in FINAL:
        assert {other for other in State if may_follow(state, other)} == again.get(state, set())


def test_before_is_the_other_way_round() -> None:
    assert all((earlier in before(state)) == may_follow(earlier, state) for state in State for earlier in State)


@pytest.mark.parametrize(
    ("current", "following"),
    [(State.AVAILABLE, State.RECEIVED), (State.RECEIVED, State.PROCESSED), (State.AVAILABLE, State.VOIDED)],
)
def test_the_recipients_way(current: State, following: State) -> None:
    assert may_follow(current, following)


def test_nothing_is_processed_before_it_is_accepted() -> None:
    assert not may_follow(State.VOIDED, State.PROCESSED)
    assert not may_follow(State.PROCESSED, State.RECEIVED)
