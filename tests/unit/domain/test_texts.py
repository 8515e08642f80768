"""Texts in JSON values: found however deep they are, and without a frame of the stack for each layer."""

from typing import Any

import pytest

from hub.domain.texts import MOST_LAYERS, all_can_be_kept, is_too_deep


def layers(number: int, inside: Any, *, named: bool = False) -> Any:
    value = inside
    for _ in range(number):
        value = {"a": value} if named else [1, value]
    return value


@pytest.mark.parametrize("named", [True, False])
def test_a_text_is_found_however_deep(named: bool) -> None:
    assert all_can_be_kept(layers(50_000, "fine", named=named))
    assert not all_can_be_kept(layers(50_000, "\0", named=named))
    assert not all_can_be_kept(layers(3, {"\ud800": 1}, named=named))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("number", "deep"), [(0, False), (1, False), (MOST_LAYERS, False), (MOST_LAYERS + 1, True), (50_000, True)]
)
def test_layers_are_counted(number: int, deep: bool, named: bool) -> None:
    assert is_too_deep(layers(number, "x", named=named)) is deep
