"""Every refusal has a code of its own and a sentence in both languages."""

import re
from collections.abc import Iterator

import pytest

from certs import errors
from certs.errors import CertsError, catalogue


def tree(parent: type[CertsError] = CertsError) -> Iterator[type[CertsError]]:
    for child in parent.__subclasses__():
        yield child
        yield from tree(child)


LEAVES = [error for error in tree() if not error.__subclasses__()]


def test_each_code_belongs_to_one_error() -> None:
    assert len({error.code for error in LEAVES}) == len(LEAVES)
    assert set(catalogue()) == {error.code for error in LEAVES}


def test_a_group_is_never_raised() -> None:
    assert all(not error.code for error in tree() if error.__subclasses__())


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.__name__)
def test_a_clerk_can_read_it(error: type[CertsError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)
    assert error.retry in {"NORMAL", "CHECK_STATUS", "FIX_FIRST", "CONTACT"}
    assert error.message.en.endswith(".")
    assert error.message.en.isascii()
    assert error.message.zh.endswith("。")
    assert re.search("[\u4e00-\u9fff]{4}", error.message.zh)
    assert sum(other.message == error.message for other in LEAVES) == 1


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.__name__)
def test_the_tree_in_the_docstring_is_complete(error: type[CertsError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")


def test_the_detail_comes_before_the_sentence_for_operators() -> None:
    assert str(errors.Expired()) == f"expired: {errors.Expired.message.en}"
    assert str(errors.Expired("since noon")) == "expired: since noon"
    assert errors.Expired("since noon").detail == "since noon"
