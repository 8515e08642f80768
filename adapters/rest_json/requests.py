"""Signed requests to the county: HMAC over what is sent, and its errors recognised wherever it hides them.

The county answers errors inside HTTP 200 (`{"code": 500}`); those and broken connections are tried again a few times, with a pause
that grows. A refusal of our signature is not: it asks for a person.
"""

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from typing import Any

import httpx2

from adapters.client import answers, tls
from adapters.client.clock import Clock, utc_now
from adapters.errors import Retry, TransportError
from adapters.gateway.config import read_secret
from adapters.rest_json.settings import RestJsonSettings


def signature(secret: bytes, method: str, target: str, timestamp: str, body: bytes) -> str:
    """X-Sign: hex HMAC-SHA256 of method, path with query as sent, timestamp and hex SHA-256 of the body, one a line."""
    text = "\n".join((method.upper(), target, timestamp, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


class CountyRequests:
    """One pool of connections to one county."""

    def __init__(self, settings: RestJsonSettings, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._secret = read_secret(settings.secret_file).strip()
        self._clock = clock
        self._http = httpx2.AsyncClient(
            timeout=settings.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
            verify=tls.context(settings.ca_file),
            headers={"User-Agent": "lianqiao-gateway", "Accept-Encoding": answers.ACCEPTED},
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, params: Mapping[str, str | int]) -> tuple[bytes, Any]:
        """The exact bytes of the answer and its `data`."""
        return await self._persist("GET", path, params, b"")

    async def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """Send a document; its bytes are the same at every attempt and after every restart."""
        body = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        return (await self._persist("POST", path, {}, body))[1]

    async def _persist(self, method: str, path: str, params: Mapping[str, str | int], body: bytes) -> tuple[bytes, Any]:
        attempt = 1
        while True:
            try:
                return await self._once(method, path, params, body)
            except TransportError as error:
                if error.retry is not Retry.NORMAL or attempt >= self._settings.attempts:
                    raise
            await asyncio.sleep(self._settings.pause_seconds * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311 - jitter
            attempt += 1

    async def _once(self, method: str, path: str, params: Mapping[str, str | int], body: bytes) -> tuple[bytes, Any]:
        url = httpx2.URL(self._settings.url.rstrip("/") + path, params=dict(params) or None)
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "X-App-Id": self._settings.app_id,
            "X-Timestamp": timestamp,
            "X-Sign": signature(self._secret, method, url.raw_path.decode("ascii"), timestamp, body),
        }
        if body:
            headers["Content-Type"] = "application/json"
        try:
            async with self._http.stream(method, url, headers=headers, content=body or None) as response:
                content = await self._read(response)
        except httpx2.TransportError as error:
            raise TransportError(f"the county's system does not answer: {type(error).__name__}") from None
        return content, answer_data(response.status_code, content)

    async def _read(self, response: httpx2.Response) -> bytes:
        settings = self._settings
        try:
            return await answers.read(response, limit=settings.max_page_bytes, seconds=10 * settings.timeout_seconds)
        except answers.Unreadable as error:
            raise TransportError(f"the county's answer {error}", code="bad-answer", retry=Retry.CONTACT) from None


def answer_data(status: int, content: bytes) -> Any:
    """The `data` of a county's answer. Raises TransportError for every error, also the one inside HTTP 200."""
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        document = None
    code = document.get("code") if isinstance(document, dict) else None
    if status in {401, 403} or code in {401, 403}:
        raise TransportError(
            "the county's system refuses our signature: compare app_id, secret_file and this machine's clock with the county's",
            code="county-refuses-signature",
            retry=Retry.CONTACT,
        )
    if status == 404:
        raise TransportError("the county's system knows no such path", code="county-path", retry=Retry.FIX_FIRST)
    if code == 409:
        raise TransportError(
            "the county holds other content under this id", code="county-conflict", retry=Retry.CONTACT
        )
    if status != 200 or code not in {0, 200}:
        raise TransportError(f"the county's system answered HTTP {status} with code {code}")
    return document["data"] if isinstance(document, dict) and "data" in document else document
