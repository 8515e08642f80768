"""JSON as evidence: every digit stays, names stand once, and what is no JSON is told from what is too much of it."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.fhir import exact, strict_json

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)


class Digits(str):
    """A number as it is written."""

    __slots__ = ()


def _written(value: Any, spaces: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """JSON of the value as a careless sender writes it: spaces anywhere, characters escaped or not."""
    space: str = spaces(st.sampled_from(("", "", " ", "\n ")))
    if isinstance(value, Digits):
        return f"{value}{space}"
    if isinstance(value, dict):
        pairs = [f"{_written(name, spaces)}:{space}{_written(inner, spaces)}" for name, inner in value.items()]
        return f"{{{space}{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{space}{f',{space}'.join(_written(one, spaces) for one in value)}]"
    return json.dumps(value, ensure_ascii=spaces(st.booleans())) + space


VALUES = st.recursive(
    st.none() | st.booleans() | TEXTS | NUMBERS.map(Digits),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def _plain(value: Any) -> Any:
    """The value as a JSON reader with exact numbers gives it, numbers marked."""
    if isinstance(value, Digits):
        return ("number", str(value))
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _read(body: bytes) -> Any:
    return json.loads(body, parse_float=lambda text: ("number", text), parse_int=lambda text: ("number", text))


@given(st.data(), VALUES)
def test_canonical_bytes_say_the_same_with_the_same_digits(data: st.DataObject, value: Any) -> None:
    body = _written(value, data.draw).encode()
    canonical = strict_json.canonical(body)
    assert _read(canonical) == _plain(value)
    assert strict_json.canonical(canonical) == canonical
    assert exact.write(strict_json.read(body).exact()) == canonical


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b'{"b":1.00,"a":2}', b'{"a":2,"b":1.00}'),
        (b'{"value": 62.50}', b'{"value":62.50}'),
        (b'{"value":-0}', b'{"value":-0}'),
        (b"0E0", b"0E0"),
        (b'[1e2,1E+2,100.0]', b"[1e2,1E+2,100.0]"),
        (b'{"v":123456789012345678901234567890}', b'{"v":123456789012345678901234567890}'),
        (b'{"v":0.1000000000000000055511151231257827}', b'{"v":0.1000000000000000055511151231257827}'),
        (b'{"v":9007199254740993.0}', b'{"v":9007199254740993.0}'),
        (b'{"\\u6587": "\\u5b57"}', '{"文":"字"}'.encode()),
    ],
)  # fmt: skip
def test_numbers_stay_as_they_were_sent(body: bytes, canonical: bytes) -> None:
    assert strict_json.canonical(body) == canonical


def test_what_is_changed_in_a_value_leaves_its_numbers_alone() -> None:
    value = strict_json.read(b'{"z":{"value":1.500},"id":"1"}').exact()
    del value["id"]
    assert exact.write(value | {"a": "b"}) == b'{"a":"b","z":{"value":1.500}}'


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b'{"a":1,"a":2}', "duplicate-key", "'a'"),
        (b'{"a":1,"\\u0061":2}', "duplicate-key", "'a'"),
        (b'{"x":"\\u003a","a":1,"a":2}', "duplicate-key", "'a'"),
        (b'{"a" : 1, "b":"\\u0022:", "a":2}', "duplicate-key", "'a'"),
        (b'{"a":[{"b":{"c":1.0,"c":1.0}}]}', "duplicate-key", "'c'"),
        ('{"陈庆玉":1,"陈庆玉":2}'.encode(), "duplicate-key", "A name"),
        (b'{"a":NaN}', "bad-number", "NaN"),
        (b'{"a":-Infinity}', "bad-number", "Infinity"),
        (b'{"a":1e400}', "bad-number", "too large"),
        (b'{"a":' + b"9" * 70 + b"}", "bad-number", "64 characters"),
        (b'{"a":0.' + b"1" * 70 + b"}", "bad-number", "64 characters"),
        (b"[" * 65 + b"]" * 65, "bad-request", "64 layers"),
        (b'{"a":"}","b":' * 65 + b"1" + b',"z":"{"}' * 65, "bad-request", "64 layers"),
        (b"[" * 5000 + b"]" * 5000, "bad-request", "64 layers"),
        (b'{"a":}', "bad-request", "not JSON"),
        (b"\xff", "bad-request", "not JSON"),
        (b"", "bad-request", "not JSON"),
        (b'{"a":01}', "bad-request", "not JSON"),
        (b'{"a":"\\ud800"}', "bad-request", "not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_evidence_is_refused_with_the_reason(body: bytes, code: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        strict_json.read(body)
    assert refused.value.code == code
    assert said in refused.value.detail
    assert "陈" not in refused.value.detail


def test_the_deepest_that_is_allowed_is_read() -> None:
    assert strict_json.read(b"[" * 64 + b"]" * 64).canonical == b"[" * 64 + b"]" * 64
    assert strict_json.read(b"[" * 64 + b"1.50" + b"]" * 64).canonical == b"[" * 64 + b"1.50" + b"]" * 64


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        found = strict_json.read(body)
    except Invalid:
        return
    assert orjson.loads(found.canonical) == found.value


@given(NUMBERS)
def test_a_number_is_worth_what_it_was(text: str) -> None:
    canonical = strict_json.canonical(b'{"v":%b}' % text.encode())
    assert json.loads(canonical, parse_float=Decimal, parse_int=Decimal)["v"].as_tuple() == Decimal(text).as_tuple()


def test_a_space_before_the_colon_hides_no_digits() -> None:
    assert strict_json.canonical(b'{"a" :0E0,"b"\n: 1.00}') == b'{"a":0E0,"b":1.00}'
