"""One spelling for one value, and nothing that two readers could understand differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.encoding import b64url, dump_json, load_json, load_object, unb64url

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=100))
def test_base64url_round_trip(data: bytes) -> None:
    assert unb64url(b64url(data)) == data


@given(st.text("ABCDwxyz0189-_", max_size=12))
def test_bytes_have_one_spelling(text: str) -> None:
    try:
        data = unb64url(text)
    except ValueError:
        return
    assert b64url(data) == text


@pytest.mark.parametrize("text", ["A", "AB==", "A+8A", "A/8A", "AB", "AAB", "AA A", "AA\n", "中文", "QQ=="])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        unb64url(text)


@given(values)
def test_json_round_trip(value: object) -> None:
    data = dump_json(value)
    assert load_json(data, max_bytes=100_000) == value
    assert dump_json(load_json(data, max_bytes=100_000)) == data


def test_names_are_sorted_and_nothing_is_escaped() -> None:
    assert dump_json({"乙": 1, "a": "甲"}) == '{"a":"甲","乙":1}'.encode()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":{"b":1,"b":1}}', "twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"1e999", "range"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'"\xff"', "UTF-8"),
        (b"{", "not JSON"),
        (b'{"a":1} x', "not JSON"),
        (b"[" * 17 + b"]" * 17, "deep"),
        (b"[" * 100_000, "deep"),
        (b'"' + b"x" * 200_000 + b'"', "longer"),
    ],
)
def test_ambiguous_or_hostile_json_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        load_json(data, max_bytes=150_000)


def test_a_refusal_does_not_quote_what_it_read() -> None:
    with pytest.raises(ValueError, match="not JSON") as caught:
        load_json('{"name": "欧阳桂兰", oops}'.encode(), max_bytes=100)
    assert "欧阳" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_object_is_asked_for() -> None:
    with pytest.raises(ValueError, match="object"):
        load_object(b"[]", max_bytes=10)
