"""Which division lies in which."""

import pytest

from certs.divisions import covers, is_division, stem


@pytest.mark.parametrize(
    ("code", "significant"),
    [
        ("330000000000", "33"),
        ("330700000000", "3307"),
        ("330784000000", "330784"),
        ("330784001000", "330784001"),
        ("330784001201", "330784001201"),
        ("300000000000", "30"),
        ("331000000000", "3310"),
        ("110100000000", "1101"),
    ],
)
def test_significant_digits(code: str, significant: str) -> None:
    assert stem(code) == significant


def test_a_division_covers_itself_and_what_lies_in_it() -> None:
    assert covers("330784000000", "330784000000")
    assert covers("330784000000", "330784001201")
    assert covers("330000000000", "330784000000")
    assert not covers("330784001000", "330784000000")
    assert not covers("330784000000", "330785000000")
    assert not covers("330700000000", "331784000000")


@pytest.mark.parametrize("code", ["330784", "3307840000000", "030784000000", "33078400000a", "３３0784000000", None, 1])
def test_what_is_no_division(code: object) -> None:
    assert not is_division(code)
