"""The county's HTTP interface: read tables page by page, write rows, take in what others send back.

Misbehaves as the real thing does (README): errors inside HTTP 200, overlapping pages, `"null"` for nothing. The errors
follow from the seed and the request, and go away when the very same request is sent again.
"""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.demo.counties.yongkang.signatures import refusal
from hub.demo.counties.yongkang.store import KEYS, TABLES, Conflict, Store

MAX_BODY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How the system behaves. `failures` is the share of requests whose first attempt is answered with code 500."""

    secrets: dict[str, bytes]
    seed: int = 0
    failures: float = 0.05
    page_size: int = 500
    overlap: int = 5


class _Answer(Exception):
    """Ends the handling of a request with a refusal."""

    def __init__(self, code: int, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.response = _envelope(code, message, status=status)


def _envelope(code: int, message: str, data: Any = None, *, status: int = 200) -> JSONResponse:
    return JSONResponse({"code": code, "msg": message, "data": data}, status_code=status)


def create_app(store: Store, manners: Manners) -> Starlette:
    """The application over one store; every route but the health check wants a signed request."""
    county = _Interface(store, manners)
    return Starlette(
        routes=[
            Route("/healthz", _health),
            Route("/api/v2/tbfk", county.guarded(county.take_in), methods=["POST"]),
            Route("/api/v2/tbfk", county.guarded(county.counts), methods=["GET"]),
            Route("/api/v2/{table}", county.guarded(county.write), methods=["POST"]),
            Route("/api/v2/{table}", county.guarded(county.read), methods=["GET"]),
        ]
    )


async def _health(_: Request) -> Response:
    return _envelope(200, "ok")


class _Interface:
    def __init__(self, store: Store, manners: Manners) -> None:
        self._store = store
        self._manners = manners

    def guarded(self, handler: Callable[[Request, bytes], Response]) -> Callable[[Request], Awaitable[Response]]:
        """`handler` behind the signature check and the failures of a bad day."""

        async def handle(request: Request) -> Response:
            try:
                body = await _body(request)
                _authenticate(request, body, self._manners)
                _fail_at_times(request, body, self._store, self._manners)
                return handler(request, body)
            except _Answer as answer:
                return answer.response

        return handle

    def read(self, request: Request, _: bytes) -> Response:
        table, manners = _table(request), self._manners
        since, number = _number(request, "since", 0), max(1, _number(request, "page", 1))
        page = self._store.page(table, since, number, manners.page_size, manners.overlap)
        data = {"list": page.rows, "page": number, "pages": page.pages, "total": page.total, "rowver": page.newest}
        return _envelope(200, "ok", data)

    def write(self, request: Request, body: bytes) -> Response:
        table = _table(request)
        content = _json(body)
        rows = content if isinstance(content, list) else [content]
        if not all(isinstance(row, dict) and row.get(KEYS[table]) for row in rows):
            raise _Answer(400, f"{KEYS[table]} 不能为空")
        self._store.put(table, rows)
        versions = [(self._store.row(table, str(row[KEYS[table]])) or {}).get("rowver") for row in rows]
        return _envelope(200, "ok", {"rowver": versions if isinstance(content, list) else versions[0]})

    def take_in(self, _: Request, body: bytes) -> Response:
        message = _json(body)
        if not isinstance(message, dict) or not isinstance(message.get("message_id"), str):
            raise _Answer(400, "message_id 不能为空")
        message_id = message["message_id"]
        try:
            new = self._store.receive(message_id, str(message.get("kind", "")), body, datetime.now(UTC).isoformat())
        except Conflict:
            raise _Answer(409, "同一 message_id 内容不一致") from None
        return _envelope(200, "ok", {"message_id": message_id, "new": new})

    def counts(self, _: Request, __: bytes) -> Response:
        return _envelope(200, "ok", asdict(self._store.inbox()))


def _table(request: Request) -> str:
    table = str(request.path_params["table"])
    if table not in TABLES:
        raise _Answer(404, "接口不存在", status=404)
    return table


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise _Answer(413, "请求体过大", status=413)
    return bytes(body)


def _target(request: Request) -> str:
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("ascii")


def _authenticate(request: Request, body: bytes, manners: Manners) -> None:
    headers = request.headers
    why = refusal(
        manners.secrets,
        headers.get("x-app-id", ""),
        headers.get("x-timestamp", ""),
        headers.get("x-sign", ""),
        request.method,
        _target(request),
        body,
        time.time(),
    )
    if why:
        raise _Answer(401, f"签名校验失败: {why}", status=401)


def _fail_at_times(request: Request, body: bytes, store: Store, manners: Manners) -> None:
    """Answer HTTP 200 with code 500 to the first attempt of those requests that the seed picks out."""
    if not manners.failures:
        return
    identity = f"{manners.seed} {request.method} {_target(request)} ".encode() + hashlib.sha256(body).digest()
    digest = hashlib.sha256(identity).hexdigest()
    if int(digest[:8], 16) / 0x1_0000_0000 < manners.failures and store.count_attempt(digest) == 1:
        raise _Answer(500, "系统繁忙，请稍后再试")


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise _Answer(400, f"{name} 参数错误")
    return int(text)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise _Answer(400, "请求体不是有效的 JSON") from None
