"""A county's pages are read as agreed or refused; requests are signed as the county checks them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import Retry, TransportError
from adapters.rest_json.pages import page_of, without_first
from adapters.rest_json.requests import answer_data, signature
from hub.demo.counties.yongkang.signatures import sign


def test_a_page_tells_its_versions_and_whether_more_follows() -> None:
    page = page_of({"list": [{"rowver": 3}, {"rowver": "5"}], "pages": 2})
    assert (page.versions, page.last, page.newest(0), page.newest(9)) == ((3, 5), False, 5, 9)
    assert page_of({"list": [], "pages": 3}).last
    assert page_of({"list": [{"rowver": 1}], "pages": 1}).last
    assert not page_of({"list": [{"rowver": 1}], "pages": 3}, number=2).last
    assert page_of({"list": [{"rowver": 1}, {"rowver": 2}, {"rowver": 4}], "pages": 1}).repeated(2) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), min_size=1, max_size=4),
    st.data(),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_known_rows_are_cut_and_nothing_else(
    rows: list[Any], data: st.DataObject, ascii_only: bool, indent: Any
) -> None:
    known = data.draw(st.integers(0, len(rows)))
    document = {"list": [0], "code": 200, "data": {"page": 1, "list": rows, "pages": 2}, "msg": {"data": [1]}}
    content = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    cut = without_first(content, known)
    assert json.loads(cut) == {**document, "data": {**document["data"], "list": rows[known:]}}  # type: ignore[dict-item]
    assert known or cut == content
    if rows[known:] and indent is None:
        assert json.dumps(rows[known:], ensure_ascii=ascii_only).encode()[1:-1] in cut


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"list": None},
        {"list": ["row"]},
        {"list": [{}]},
        {"list": [{"rowver": -1}]},
        {"list": [{"rowver": True}]},
        {"list": [{"rowver": "²"}]},
        {"list": [{"rowver": "１２"}]},
        {"list": [{"rowver": "9" * 5000}]},
        {"list": [{"rowver": 2**63}]},
        {"list": [{"rowver": 5}, {"rowver": 4}]},
    ],
)
def test_a_page_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises(TransportError) as caught:
        page_of(data)
    assert caught.value.retry is Retry.CONTACT


@given(st.binary(max_size=20), st.binary(max_size=50), st.text("abc/?=&1", max_size=20), st.integers(0, 2**31))
def test_our_signature_is_the_countys(secret: bytes, body: bytes, target: str, at: int) -> None:
    assert signature(secret, "get", target, str(at), body) == sign(secret, "GET", target, str(at), body)


@pytest.mark.parametrize(
    ("status", "content", "code", "retry"),
    [
        (200, b'{"code": 500, "msg": "busy"}', "county-unavailable", Retry.NORMAL),
        (500, b"oops", "county-unavailable", Retry.NORMAL),
        (200, b"<html>", "county-unavailable", Retry.NORMAL),
        (200, b"[" * 100_000, "county-unavailable", Retry.NORMAL),
        (200, b"\xff\xfe{\x00}\x00", "county-unavailable", Retry.NORMAL),
        (401, b'{"code": 401}', "county-refuses-signature", Retry.CONTACT),
        (200, b'{"code": 401}', "county-refuses-signature", Retry.CONTACT),
        (404, b'{"code": 404}', "county-path", Retry.FIX_FIRST),
        (200, b'{"code": 409}', "county-conflict", Retry.CONTACT),
    ],
)
def test_an_error_is_seen_wherever_it_hides(status: int, content: bytes, code: str, retry: Retry) -> None:
    with pytest.raises(TransportError) as caught:
        answer_data(status, content)
    assert (caught.value.code, caught.value.retry) == (code, retry)


def test_a_good_answer_gives_its_data() -> None:
    assert answer_data(200, b'{"code": 200, "data": {"a": 1}}') == {"a": 1}
    assert answer_data(200, b'{"code": 0, "data": null}') is None
