"""An answer is read up to its bounds in bytes and seconds, and unpacked only as it was asked for."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx2
import pytest

from adapters.client import answers
from adapters.client.answers import Answer, Unreadable
from adapters.client.calls import HubClient, _items
from adapters.client.problems import problem
from adapters.errors import HubError
from tests.unit.adapters.test_backoff import NOW


def response(content: bytes, pause: float = 0, **headers: str) -> httpx2.Response:
    async def parts() -> AsyncIterator[bytes]:
        for place in range(0, len(content), 1000):
            await asyncio.sleep(pause)
            yield content[place : place + 1000]

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(200, headers=named, content=parts())


async def test_an_answer_within_its_bounds_is_read() -> None:
    content = b"x" * 5000
    assert await answers.read(response(content), limit=5000, seconds=5) == content
    packed = response(gzip.compress(content), content_encoding="gzip")
    assert await answers.read(packed, limit=5000, seconds=5) == content


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (response(b"x" * 5001), "too large"),
        (response(gzip.compress(b"x" * 10**6), content_encoding="gzip"), "too large"),
        (response(zlib.compress(b"x"), content_encoding="deflate"), "packed"),
        (response(gzip.compress(gzip.compress(b"x")), content_encoding="gzip, gzip"), "packed"),
        (response(b"x", content_encoding="br"), "packed"),
        (response(b"x", content_encoding="zstd"), "packed"),
        (response(b"no gzip at all", content_encoding="gzip"), "damaged"),
        (response(b"x" * 4000, pause=0.1), "slowly"),
    ],
)
async def test_an_answer_beyond_them_is_not(given: httpx2.Response, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        await answers.read(given, limit=5000, seconds=0.25)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": 1, "a": 2}', b"\xff"])
def test_a_strange_document_of_the_hub_is_a_bad_answer(content: bytes) -> None:
    with pytest.raises(HubError) as caught:
        Answer(200, {}, content).json()
    assert caught.value.code == "bad-answer"
    assert problem(Answer(500, {}, content), NOW).code == "http-500"


def test_what_the_hub_says_cannot_steer_a_terminal() -> None:
    content = b'{"code": "x\\u001b[2J", "detail": "a\\u001b]0;title\\u0007\\r\\nb\\u202ec", "retry": ["NORMAL"]}'
    error = problem(Answer(400, {}, content), NOW)
    assert f"{error}{error.code}{error.text}".isprintable()


@pytest.mark.parametrize("items", [b"5", b"null", b'{"a": 1}', b"[1]", b'"x"'])
def test_a_list_of_another_form_is_a_bad_answer(items: bytes) -> None:
    with pytest.raises(HubError):
        _items(Answer(200, {}, b'{"items": ' + items + b"}"))


class Fixed:
    """Answers every call the same."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def call(self, *_: object, **__: object) -> Answer:
        return Answer(201, {}, self.content)


@pytest.mark.parametrize(
    ("uri", "index", "good"),
    [
        ('"https://hub.example/status/1"', "7", True),
        ('"https://hub.example/status/1"', "-1", False),
        ('"https://hub.example/status/1"', "true", False),
        ('"https://hub.example/status/1"', '"7"', False),
        ('"https://hub.example/status/1"', "99999999999", False),
        ('"https://hub.example/elsewhere"', "7", False),
        ('"file:///status/1"', "7", False),
        ('"javascript:/status/1"', "7", False),
        (f'"https://hub.example/{"x" * 500}/status/1"', "7", False),
        ("null", "7", False),
    ],
)
async def test_a_status_that_would_spoil_a_certificate_is_not_signed(uri: str, index: str, good: bool) -> None:
    content = f'{{"certificate_id": "c", "status_uri": {uri}, "status_index": {index}}}'.encode()
    client = HubClient(Fixed(content))  # type: ignore[arg-type]
    registering = client.register_certificate(kind="k", number="n", subject="s", message_id="m")
    if good:
        assert (await registering).status_index == 7
    else:
        with pytest.raises(HubError) as caught:
            await registering
        assert caught.value.code == "bad-answer"
