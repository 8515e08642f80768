"""The HTTP connection to the hub: one authorised request, and every failure turned into HubError with its retry class.

No redirects are followed and answers are read up to a bound. Nothing of a body is logged or put into an error. The gateway and
the client for integrators (`adapters.client.hub`) both speak to the hub through this and nothing else.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import urlencode

import httpx2

from adapters.client import answers, tls
from adapters.client.answers import MAX_ANSWER, Answer
from adapters.client.backoff import http_date
from adapters.client.bodies import Sent
from adapters.client.clock import Clock, utc_now
from adapters.client.problems import problem
from adapters.client.retrying import ONCE, Patience, patiently
from adapters.client.signing_in import Assertion, SignIn
from adapters.errors import HubError, HubUnreachable, Retry

_BEFORE_SENDING = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_SAFE: Final = frozenset({"GET", "HEAD"})

Pairs = Sequence[tuple[str, str]] | Mapping[str, str] | Mapping[str, str | int]
"""Parameters by name, or as pairs where a name comes more than once."""


class Reach(Protocol):
    """Where the hub is and how to talk to it."""

    @property
    def url(self) -> str: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def cert_file(self) -> Path | None: ...
    @property
    def key_file(self) -> Path | None: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def parallel(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, as often as it is sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    params: Pairs | None = None
    content: Sent | None = None
    form: Pairs | None = None
    timeout: float | None = None


class Connection:
    """One keep-alive pool to one hub. Use as an async context manager."""

    def __init__(
        self,
        reach: Reach,
        member: str,
        assertions: Sequence[Assertion],
        *,
        clock: Clock = utc_now,
        scopes: Sequence[str] = (),
        patience: Patience = ONCE,
        agent: str = "lianqiao-gateway",
        audience: str = "",
    ) -> None:
        self.base = reach.url.rstrip("/")
        self.patience = patience
        endpoint = f"{(audience or self.base).rstrip('/')}/auth/token"
        self.sign_in = SignIn(endpoint, member, assertions, scopes, clock)
        self.skew: timedelta | None = None
        self._clock = clock
        # A timeout bounds the wait for each part; this bounds all parts together.
        self._reading = 10 * reach.timeout_seconds
        limits = httpx2.Limits(max_connections=reach.parallel + 4, max_keepalive_connections=reach.parallel + 4)
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(reach.timeout_seconds, connect=min(10, reach.timeout_seconds)),
            limits=limits,
            follow_redirects=False,
            trust_env=False,
            verify=tls.context(reach.ca_file, reach.cert_file, reach.key_file),
            headers={"User-Agent": agent, "Accept-Encoding": answers.ACCEPTED},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Pairs | None = None,
        content: Sent | None = None,
        body: object = None,
        form: Pairs | None = None,
        timeout: float | None = None,
        public: bool = False,
        repeatable: bool = False,
    ) -> Answer:
        """One authorised request, sent as often as the connection's patience has it; a token the hub no longer accepts is renewed.

        `repeatable` says that sending it twice is as good as once, which reading always is. Raises HubError, HubUnreachable.
        """
        sent = dict(headers or {})
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            sent["Content-Type"] = "application/json"
        asked = _Asked(method, path, sent, params, content, form, timeout)

        async def once() -> Answer:
            async with self._opened(asked, public=public) as response:
                return await _read(response, self._reading)

        return await patiently(once, self.patience, repeatable=repeatable or method in _SAFE)

    @asynccontextmanager
    async def download(
        self, path: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """An answer of any size in parts, as they come; not tried again. Raises HubError, HubUnreachable."""
        async with self._opened(_Asked("GET", path, dict(headers or {})), public=False) as response:
            yield answers.unpacked(response)

    @asynccontextmanager
    async def _opened(self, asked: _Asked, *, public: bool) -> AsyncIterator[httpx2.Response]:
        """A successful response whose body was not read yet; what breaks while it is read is told as what breaks before."""
        try:
            response = await self._authorised(asked, public=public)
            try:
                with self._breaking():
                    yield response
            finally:
                await response.aclose()
        except HubError as error:
            error.asked = error.asked or f"{asked.method} {asked.path}"
            raise

    async def _authorised(self, asked: _Asked, *, public: bool) -> httpx2.Response:
        refused = ""
        while True:
            token = "" if public else await self.sign_in.token(self._post_form, refused=refused)
            try:
                return await self._exchange(asked, token)
            except HubError as error:
                if error.status != httpx2.codes.UNAUTHORIZED or not token or refused:
                    raise
                refused = token

    async def _post_form(self, form: Mapping[str, str]) -> Answer:
        response = await self._exchange(_Asked("POST", "/auth/token", {}, form=form), "")
        try:
            with self._breaking():
                return await _read(response, self._reading)
        finally:
            await response.aclose()

    async def _exchange(self, asked: _Asked, token: str) -> httpx2.Response:
        """The response to one request, if it is a success. Raises HubError, HubUnreachable."""
        with self._breaking():
            response = await self._http.send(self._request(asked, token), stream=True)
            self._note_clock(response.headers)
            if response.is_success:
                return response
            try:
                answer = await _read(response, self._reading)
            finally:
                await response.aclose()
        raise problem(answer, self._clock())

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            yield
        except _BEFORE_SENDING as error:
            text = f"the hub does not answer at {self.base}: {type(error).__name__}"
            raise HubUnreachable(text, sent=False) from None
        except httpx2.TransportError as error:
            text = f"the connection to the hub broke: {type(error).__name__}"
            ended = not isinstance(error, httpx2.TimeoutException)
            if ended and self.skew is None and self.base.startswith("https:"):
                # In TLS 1.3 a certificate that is missing or refused looks like this: the end before the first answer.
                text += "; if it asks for client certificates, see cert_file and key_file"
            raise HubUnreachable(text, sent=True) from None
        except answers.Unreadable as error:
            text = f"the hub's answer {error}"
            raise HubError(text, code="bad-answer", retry=Retry.CONTACT, status=httpx2.codes.OK) from None

    def _request(self, asked: _Asked, token: str) -> httpx2.Request:
        headers = dict(asked.headers)
        content = asked.content
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if asked.form is not None:
            content = urlencode(pairs_of(asked.form)).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if content is not None and not isinstance(content, bytes):
            headers["Content-Length"] = str(content.size)
        return self._http.build_request(
            asked.method,
            self.base + asked.path,
            headers=headers,
            params=tuple(pairs_of(asked.params)) if asked.params else None,
            content=content if content is None or isinstance(content, bytes) else content.parts(),
            timeout=asked.timeout if asked.timeout is not None else httpx2.USE_CLIENT_DEFAULT,
        )

    def _note_clock(self, headers: Mapping[str, str]) -> None:
        told = headers.get("date")
        if told:
            moment = http_date(told)
            self.skew = None if moment is None else moment - self._clock()


def pairs_of(given: Pairs) -> list[tuple[str, str]]:
    """The parameters in their order."""
    return [(name, str(value)) for name, value in (given.items() if isinstance(given, Mapping) else given)]


async def _read(response: httpx2.Response, seconds: float) -> Answer:
    try:
        content = await answers.read(response, limit=MAX_ANSWER, seconds=seconds)
    except answers.Unreadable as error:
        text = f"the hub's answer {error}"
        raise HubError(text, code="bad-answer", retry=Retry.CONTACT, status=response.status_code) from None
    return Answer(response.status_code, response.headers, content)
