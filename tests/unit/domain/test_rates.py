"""Bounded memories of who asked when: evenly refilled, locked ever longer, never larger than they may be."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.rates import Delays, Rates, place_of

NOW = datetime(2025, 6, 18, 2, 30, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_rate_is_refilled_evenly_and_counts_each_key_alone() -> None:
    rates = Rates(3, 60)
    assert [rates.wait("a", NOW) for _ in range(3)] == [0.0] * 3
    assert rates.wait("a", NOW) == pytest.approx(20)
    assert rates.wait("b", NOW) == 0.0
    assert rates.wait("a", after(19)) == pytest.approx(1)
    assert rates.wait("a", after(20)) == 0.0
    assert rates.wait("a", after(20)) == pytest.approx(20)
    assert [rates.wait("a", after(200)) for _ in range(3)] == [0.0] * 3


def test_a_clock_that_is_set_back_locks_nobody_for_long() -> None:
    rates = Rates(2, 60)
    rates.wait("a", after(86_400))
    assert rates.wait("a", NOW) <= 60


def test_the_oldest_is_forgotten_before_there_are_too_many() -> None:
    rates, delays = Rates(1, 60, keys=2), Delays(1, 60, 60, keys=2)
    for key in ("a", "b", "c"):
        rates.wait(key, NOW)
        delays.count(key, NOW)
    assert [rates.wait(key, NOW) > 0 for key in ("c", "b", "a")] == [True, True, False]
    assert [delays.count(key, NOW).admitted for key in ("c", "b", "a")] == [False, False, True]


def test_a_lock_doubles_to_its_longest_and_a_success_ends_it() -> None:
    delays, at, locks = Delays(3, 60, 400), 0.0, []
    for _ in range(7):
        counted = delays.count("a", after(at))
        assert counted.admitted
        locks.append(counted.lock)
        assert not counted.lock or not delays.count("a", after(at + counted.lock - 1)).admitted
        at += counted.lock
    assert locks == [0, 0, 60, 120, 240, 400, 400]
    delays.forget("a")
    assert delays.count("a", after(at)).failures == 1


def test_a_day_of_rest_begins_anew() -> None:
    delays = Delays(3, 60, 400)
    assert [delays.count("a", at).failures for at in (NOW, after(10), after(86_500))] == [1, 2, 1]


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 200, "x" * 64),
    ],
)
def test_a_place_is_an_address_or_the_network_of_one_customer(host: str, place: str) -> None:
    assert place_of(host) == place


def test_what_is_left_is_told_without_being_taken() -> None:
    rates = Rates(2, 60)
    assert [rates.left("a", NOW) for _ in range(5)] == [0.0] * 5
    assert [rates.wait("a", NOW) for _ in range(2)] == [0.0] * 2
    assert rates.left("a", NOW) == rates.wait("a", NOW) == pytest.approx(30)
    assert rates.left("a", after(30)) == 0.0
