"""Which state may follow which."""

import pytest

from hub.domain.messages import FINAL, State, may_follow


def test_final_states_end_but_for_a_replay() -> None:
    for state in FINAL - {State.BUSINESS_ERROR}:
        assert not any(may_follow(state, other) for other in State)
    assert [s for s in State if may_follow(State.BUSINESS_ERROR, s)] == [State.PROCESSED]


@pytest.mark.parametrize(
    ("current", "following"),
    [(State.AVAILABLE, State.RECEIVED), (State.RECEIVED, State.PROCESSED), (State.AVAILABLE, State.VOIDED)],
)
def test_the_recipients_way(current: State, following: State) -> None:
    assert may_follow(current, following)


def test_nothing_is_processed_before_it_is_accepted() -> None:
    assert not may_follow(State.VOIDED, State.PROCESSED)
    assert not may_follow(State.PROCESSED, State.RECEIVED)
