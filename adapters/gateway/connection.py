"""The HTTP connection to the hub: token, one request, and every failure turned into HubError with its retry class.

SMART Backend Services: client_credentials with private_key_jwt, the token kept until shortly before it expires. No redirects are
followed and answers are read up to a bound. Nothing of a body is logged or put into an error.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx2

from adapters.errors import HubError, HubUnreachable, Retry, SignInRefused
from adapters.gateway import answers, tls
from adapters.gateway.backoff import http_date, retry_after_seconds
from adapters.gateway.clock import Clock, utc_now
from adapters.gateway.config import HubSettings
from certs.encoding import load_json

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ANSWER = 64 * 1024**2
MAX_DEPTH = 64
_BEFORE_SENDING = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)

Assertion = Callable[[Mapping[str, Any]], str]
"""Signs the claims of a client assertion as a compact JWS with the member's authentication key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, read in full."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    def json(self) -> Any:
        try:
            return load_json(self.content, max_bytes=MAX_ANSWER, max_depth=MAX_DEPTH)
        except ValueError:
            raise HubError(
                "the hub's answer is not JSON", code="bad-answer", retry=Retry.NORMAL, status=self.status
            ) from None

    def object(self) -> dict[str, Any]:
        value = self.json()
        if not isinstance(value, dict):
            raise HubError(
                "the hub's answer is not an object", code="bad-answer", retry=Retry.NORMAL, status=self.status
            )
        return value


class Connection:
    """One keep-alive pool to one hub. Use as an async context manager."""

    def __init__(self, settings: HubSettings, member: str, assertion: Assertion, *, clock: Clock = utc_now) -> None:
        self.base = settings.url.rstrip("/")
        self._member = member
        self._assertion = assertion
        self._clock = clock
        self._token: tuple[str, datetime] | None = None
        self._token_lock = asyncio.Lock()
        # A timeout bounds the wait for each part; this bounds all parts together.
        self._reading = 10 * settings.timeout_seconds
        self.skew: timedelta | None = None
        limits = httpx2.Limits(max_connections=settings.parallel + 4, max_keepalive_connections=settings.parallel + 4)
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(settings.timeout_seconds, connect=min(10, settings.timeout_seconds)),
            limits=limits,
            follow_redirects=False,
            trust_env=False,
            verify=tls.context(settings.ca_file),
            headers={"User-Agent": "lianqiao-gateway", "Accept-Encoding": answers.ACCEPTED},
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
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        body: object = None,
        timeout: float | None = None,
        public: bool = False,
    ) -> Answer:
        """One authorised request; a token the hub no longer accepts is renewed once. Raises HubError, HubUnreachable."""
        sent = dict(headers or {})
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            sent["Content-Type"] = "application/json"
        if public:
            return await self._exchange(method, path, sent, params, content, timeout)
        for renewed in (False, True):
            sent["Authorization"] = f"Bearer {await self._bearer(renew=renewed)}"
            try:
                return await self._exchange(method, path, sent, params, content, timeout)
            except SignInRefused:
                raise
            except HubError as error:
                if error.status != httpx2.codes.UNAUTHORIZED or renewed:
                    raise
        raise AssertionError("unreachable")

    async def _bearer(self, *, renew: bool) -> str:
        async with self._token_lock:
            now = self._clock()
            if self._token is not None and not renew and now < self._token[1]:
                return self._token[0]
            audience = f"{self.base}/auth/token"
            at = int(now.timestamp())
            claims = {"iss": self._member, "sub": self._member, "aud": audience, "jti": str(uuid.uuid4())}
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self._assertion({**claims, "iat": at, "exp": at + 240}),
            }
            try:
                answer = (await self._exchange("POST", "/auth/token", {}, None, None, None, form=form)).object()
            except HubUnreachable:
                raise
            except HubError as error:
                raise SignInRefused(error) from None
            token, lifetime = answer.get("access_token"), answer.get("expires_in")
            if not isinstance(token, str) or not isinstance(lifetime, int | float):
                raise HubError(
                    "the hub's token answer is incomplete", code="bad-answer", retry=Retry.NORMAL, status=200
                )
            self._token = (token, now + timedelta(seconds=max(lifetime - 30, lifetime / 2)))
            return token

    async def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        params: Mapping[str, str | int] | None,
        content: bytes | None,
        timeout: float | None,
        *,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        request = self._http.build_request(
            method,
            self.base + path,
            headers=headers,
            params=dict(params) if params else None,
            content=content,
            data=dict(form) if form else None,
            timeout=timeout if timeout is not None else httpx2.USE_CLIENT_DEFAULT,
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                answer = await _read(response, self._reading)
            finally:
                await response.aclose()
        except _BEFORE_SENDING as error:
            raise HubUnreachable(
                f"the hub does not answer at {self.base}: {type(error).__name__}", sent=False
            ) from None
        except httpx2.TransportError as error:
            raise HubUnreachable(f"the connection to the hub broke: {type(error).__name__}", sent=True) from None
        self._note_clock(answer)
        if response.is_success:
            return answer
        raise problem(answer, self._clock())

    def _note_clock(self, answer: Answer) -> None:
        told = answer.headers.get("date")
        if told:
            moment = http_date(told)
            self.skew = None if moment is None else moment - self._clock()


async def _read(response: httpx2.Response, seconds: float) -> Answer:
    try:
        content = await answers.read(response, limit=MAX_ANSWER, seconds=seconds)
    except answers.Unreadable as error:
        text = f"the hub's answer {error}"
        raise HubError(text, code="bad-answer", retry=Retry.CONTACT, status=response.status_code) from None
    return Answer(response.status_code, response.headers, content)


def _one_line(text: object, most: int) -> str:
    """What the hub says, as it may stand in a log or on a terminal: no control characters, no end without end."""
    return "".join(c if c.isprintable() else " " for c in str(text)[:most])


def problem(answer: Answer, now: datetime) -> HubError:
    """A refusal as HubError: the problem document's own code and class, or what the HTTP status says by itself."""
    code, retry, detail, trace = f"http-{answer.status}", _class_of(answer.status), "", ""
    try:
        document = load_json(answer.content, max_bytes=MAX_ANSWER, max_depth=MAX_DEPTH)
    except ValueError:
        document = None
    if isinstance(document, dict):
        code = _one_line(document.get("code") or document.get("error") or code, 80)
        said = document.get("detail") or document.get("title") or document.get("error_description") or ""
        detail = _one_line(said, 500)
        trace = _one_line(document.get("trace_id") or "", 80)
        if document.get("retry") in list(Retry):
            retry = Retry(document["retry"])
    return HubError(
        f"the hub answered {answer.status}: {detail or code}",
        code=code,
        retry=retry,
        status=answer.status,
        retry_after=retry_after_seconds(answer.headers.get("retry-after"), now),
        trace_id=trace,
    )


def _class_of(status: int) -> Retry:
    if status in {408, 425, 429} or status >= 500:
        return Retry.NORMAL
    if status in {401, 403, 405}:
        return Retry.CONTACT
    return Retry.FIX_FIRST
