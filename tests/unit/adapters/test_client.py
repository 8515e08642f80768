"""The parts of the client that need no hub: what is sent again, how refusals and lists are read, what is never followed."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.client import bulk, paging, resources
from adapters.client.answers import Answer
from adapters.client.connection import Connection
from adapters.client.problems import problem
from adapters.client.retrying import Patience, may_repeat, patiently
from adapters.errors import HubError, HubUnreachable, Invalid, Retry, SignInRefused, TooMany, Unavailable, of_status
from hub.fhir.outcome import outcome
from tests.unit.adapters.test_backoff import NOW


def error(status: int, retry: Retry, *, told: bool = True) -> HubError:
    return of_status(status)("said", code="x", retry=retry, status=status, told=told)


@pytest.mark.parametrize(
    ("failure", "repeatable", "again"),
    [
        (error(400, Retry.FIX_FIRST), True, False),
        (error(403, Retry.CONTACT), True, False),
        (error(409, Retry.CHECK_STATUS), True, False),
        (error(503, Retry.CHECK_STATUS), False, False),  # the hub does not know whether it was done
        (error(503, Retry.CHECK_STATUS), True, True),
        (error(500, Retry.NORMAL), False, True),  # the hub itself says that nothing was done
        (error(502, Retry.NORMAL, told=False), False, False),  # something between says nothing of that
        (error(502, Retry.NORMAL, told=False), True, True),
        (error(503, Retry.NORMAL, told=False), False, True),
        (error(429, Retry.NORMAL, told=False), False, True),
        (HubUnreachable("gone", sent=False), False, True),
        (HubUnreachable("gone", sent=True), False, False),
        (HubUnreachable("gone", sent=True), True, True),
        (SignInRefused(error(502, Retry.NORMAL, told=False)), False, True),
        (SignInRefused(error(401, Retry.CONTACT)), True, False),
    ],
)
def test_what_is_sent_again(failure: HubError, repeatable: bool, again: bool) -> None:
    assert may_repeat(failure, repeatable=repeatable) is again


async def test_patience_ends() -> None:
    tried = 0

    async def fail() -> None:
        nonlocal tried
        tried += 1
        raise error(503, Retry.NORMAL)

    with pytest.raises(Unavailable):
        await patiently(fail, Patience(attempts=3, first=0, cap=0), repeatable=True)
    assert tried == 3
    with pytest.raises(Unavailable):
        await patiently(fail, Patience(attempts=3, first=9, cap=9, total=1), repeatable=True)
    assert tried == 4


def test_an_outcome_of_the_hub_is_read_whole() -> None:
    said = outcome(429, "too-many", "Later.", "NORMAL", "trace")
    found = problem(Answer(429, {"retry-after": "7"}, json.dumps(said).encode()), NOW)
    assert isinstance(found, TooMany)
    assert (found.code, found.retry, found.trace_id, found.retry_after, found.told) == (
        "too-many",
        Retry.NORMAL,
        "trace",
        7.0,
        True,
    )
    said["issue"][0]["expression"] = ["Patient.gender"]
    assert problem(Answer(422, {}, json.dumps(said).encode()), NOW).path == "Patient.gender"


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["issue", "details", "coding", "extension", "expression", "code", "url", "resourceType"]), inner)))  # fmt: skip
def test_whatever_a_refusal_holds_it_is_an_error(issue: Any) -> None:
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    found = problem(Answer(400, {}, body), NOW)
    assert isinstance(found, Invalid)
    assert found.code


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_the_same_both_ways(number: Decimal) -> None:
    sent = resources.write({"resourceType": "Observation", "value": number})
    read = Answer(200, {}, sent).object(Decimal)["value"]
    assert read == number
    if "." in str(number) and "E" not in str(number):
        assert str(read) == str(number)


@given(st.text(min_size=1, max_size=20))
def test_a_part_of_a_path_is_one_part(text: str) -> None:
    assert not set(paging.segment(text)) & set("/?#")
    assert paging.segment(text) not in {".", ".."}


class _Lying:
    """A hub whose every page is empty, and says that another one follows."""

    def __init__(self) -> None:
        self.asked = 0

    async def call(self, method: str, path: str, **_: Any) -> Answer:
        self.asked += 1
        link = {"relation": "next", "url": f"http://h/fhir/Patient?at={self.asked}"}
        return Answer(200, {}, json.dumps({"resourceType": "Bundle", "link": [link]}).encode())


async def test_pages_that_lead_nowhere_have_an_end() -> None:
    lying = _Lying()
    with pytest.raises(HubError) as caught:
        [one async for one in paging.entries(cast(Connection, lying), "/fhir/Patient", {}, {}, most=5)]
    assert caught.value.code == "bad-answer"
    assert lying.asked == 101


@pytest.mark.parametrize(
    "listed",
    [
        {"type": "../../x", "url": "http://h/fhir/bulk/01a217ed-548b-7dda-a15f-0b471fb787c1/1"},
        {"type": "Patient", "url": "http://h/fhir/bulk/01a217ed-548b-7dda-a15f-0b471fb787c1/../x"},
        {"type": "Patient", "url": "file:///etc/passwd"},
        {"type": "Patient"},
        "Patient",
    ],
)
def test_a_list_of_files_names_nothing_else(listed: Any) -> None:
    with pytest.raises(HubError) as caught:
        bulk._file(listed, deleted=False)
    assert caught.value.code == "bad-answer"


async def test_a_line_has_an_end() -> None:
    async def parts(*content: bytes) -> AsyncIterator[bytes]:
        for one in content:
            yield one

    assert [line async for line in bulk._lines(parts(b"a\nb", b"c\n\n", b"d"))] == [b"a", b"bc", b"d"]
    with pytest.raises(HubError):
        [line async for line in bulk._lines(parts(*[b"x" * 100_000] * 20))]
