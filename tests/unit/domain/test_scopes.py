"""Scopes: what is read is written again, what two share is what both open, and what is not understood opens nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import scopes
from hub.domain.policy import PURPOSES
from hub.domain.scopes import EVERYTHING

KINDS = ("Patient", "Observation", "*")
RIGHTS = [f"system/{kind}.{letter}" for kind in KINDS for letter in scopes.LETTERS]
RIGHTS += [f"lianqiao/{part}.{letter}" for part, letters in scopes.PARTS.items() for letter in letters]
RIGHTS += [scopes.purpose(name) for name in sorted(PURPOSES)]
SOME = st.frozensets(st.sampled_from(RIGHTS), max_size=12) | st.just(frozenset({EVERYTHING}))
CONCRETE = [right for right in RIGHTS if "*" not in right]


@given(SOME)
def test_what_is_written_is_read_again(some: frozenset[str]) -> None:
    assert scopes.read(scopes.write(some)) == some
    assert scopes.write(scopes.read(scopes.write(some))) == scopes.write(some)


@given(SOME, SOME)
def test_what_two_share_is_what_both_open(asked: frozenset[str], allowed: frozenset[str]) -> None:
    both = scopes.shared(asked, allowed)
    assert both == scopes.shared(allowed, asked)
    for right in [*CONCRETE, EVERYTHING, "system/Encounter.r"]:
        assert scopes.opens(both, right) == (scopes.opens(asked, right) and scopes.opens(allowed, right))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("system/Patient.read", "system/Patient.rs"),
        ("system/*.write", "system/*.cud"),
        ("system/*.*", "system/*.cruds"),
        ("system/Patient.s system/Patient.c", "system/Patient.cs"),
        ("lianqiao/mailbox.u openid lianqiao/mailbox.r", "lianqiao/mailbox.ru"),
        ("lianqiao/purpose.continuity-of-care", "lianqiao/purpose.continuity-of-care"),
    ],
)
def test_what_is_said_is_written_in_order(said: str, meant: str) -> None:
    assert scopes.write(scopes.read(said)) == meant


@pytest.mark.parametrize(
    "said",
    [
        "", "system/Patient", "system/Patient.", "system/Patient.sr", "system/Patient.rr", "system/Patient.x",
        "user/Patient.r", "patient/Patient.r", "system/patient.r", "system/Patient.r?gender=male", "system/**.r",
        "system/Patient.rs\u200b", "lianqiao/exchange.r", "lianqiao/mailbox.c", "lianqiao/mailbox.ur", "lianqiao/mailbox.",
        "lianqiao/nothing.r", "lianqiao/purpose.marketing", "lianqiao/purpose.", "LIANQIAO/EXCHANGE",
    ],
)  # fmt: skip
def test_what_is_not_understood_opens_nothing(said: str) -> None:
    assert scopes.read(said) == frozenset()


@given(st.text(max_size=40))
def test_whatever_is_said_opens_no_more_than_it_names(said: str) -> None:
    for right in scopes.read(said):
        assert right.rpartition(".")[0] in said or right == EVERYTHING == said.strip()


def test_every_scope_that_is_offered_can_be_had() -> None:
    assert all(scopes.write(scopes.read(scope)) == scope for scope in scopes.supported(["Patient", "Observation"]))
