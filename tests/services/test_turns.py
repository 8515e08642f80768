"""Which transactions may be done at once: none that asks for what another writes, and none ahead of what it waits for."""

from uuid import UUID, uuid4

import pytest

from hub.fhir.fed import Identifier
from hub.services.exchange import turns
from hub.services.exchange.turns import MOST, About

ONE, TWO = (("Patient", Identifier("urn:x", number)) for number in "12")
ELSEWHERE = ("Organization", ONE[1])
ID = UUID(int=1)
Named = tuple[str, Identifier]


def _about(
    *ids: UUID, asked: tuple[Named, ...] = (), written: tuple[Named, ...] = (), entries: int = 3, is_plain: bool = True
) -> About:
    return About(frozenset((uuid4(), *ids)), frozenset(asked), frozenset(written), entries, is_plain)


@pytest.mark.parametrize(
    ("waiting", "chosen"),
    [
        ([_about(), _about()], [0, 1]),
        ([_about(ID), _about(), _about(ID)], [0, 1]),
        ([_about(asked=(ONE,)), _about(asked=(ONE,)), _about(asked=(TWO,))], [0, 2]),
        ([_about(asked=(ONE,)), _about(written=(ONE,))], [0]),
        ([_about(written=(ONE,)), _about(asked=(ONE,))], [0]),
        ([_about(written=(ONE,)), _about(written=(ONE,))], [0, 1]),
        ([_about(written=(ONE,)), _about(asked=(ELSEWHERE,))], [0, 1]),
        # What waits is not overtaken by what would have to wait for it.
        ([_about(asked=(ONE,)), _about(ID, asked=(ONE,)), _about(ID)], [0]),
        ([_about(is_plain=False), _about()], [0]),
        ([_about(), _about(is_plain=False), _about()], [0]),
        ([_about(entries=MOST + 1), _about()], [0]),
        ([_about(entries=MOST - 5), _about(entries=5), _about(entries=1)], [0, 1]),
    ],
)
def test_those_that_are_apart_from_all_before_them_go_with_the_first(waiting: list[About], chosen: list[int]) -> None:
    assert turns.first(waiting) == chosen


def test_a_message_that_is_refused_already_hinders_none_but_itself() -> None:
    refused = turns.about(ID, None)
    assert turns.first([_about(), refused, _about()]) == [0, 1, 2]
    assert turns.first([refused, turns.about(ID, None)]) == [0]
