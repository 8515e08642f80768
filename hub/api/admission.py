"""Who calls, and whether it is that member's turn: before anything of a request is read, in front of every route.

Every answer to a member says what is left of its quota, in the fields RateLimit-Policy and RateLimit
(draft-ietf-httpapi-ratelimit-headers-11). Callers without a member's token are passed on, to be refused where one is needed.
"""

from functools import lru_cache, partial
from typing import Final
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import last_resort
from hub.api import turns
from hub.api.connections import WHOLE
from hub.api.context import CALLER, CERTIFICATE
from hub.api.limits import stated_size
from hub.api.problems import written
from hub.api.turns import Turn, Turns
from hub.domain.quotas import DAY, Quota
from hub.errors import HubError, TooMany, Unauthenticated
from hub.runtime import Hub
from hub.services import allowances, tokens
from hub.services.allowances import Allowance
from hub.storage.database import Database
from hub.storage.members import Member

_BEARER: Final = b"bearer "
_LARGE: Final = 4 * 2**20
"""Bytes of a body up to which nobody asks what else of its sender is under way."""
_BODILESS: Final = frozenset({"GET", "HEAD"})
"""Whose bodies nobody waits for: a long answer would go on without a turn while one is listened for."""
_turns: Final[WeakKeyDictionary[Database, Turns]] = WeakKeyDictionary()


class _Admission:
    """Answers 429 where a member asks for more than its quota, or for more at once than its share."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _token(scope) if scope["type"] == "http" else ""
        if not token:
            await self._app(scope, receive, send)
            return
        hub: Hub = scope["app"].state.hub
        state = scope.setdefault("state", {})
        try:
            state[CALLER] = access = await tokens.access_of(hub, token, state.get(CERTIFICATE, ""))
        except Unauthenticated as refusal:
            state[CALLER] = refusal
            await self._app(scope, receive, send)
            return
        except HubError as error:
            await _refuse(scope, send, error)
            return
        await self._admitted(hub, access.member, scope, receive, send)

    async def _admitted(self, hub: Hub, member: Member, scope: Scope, receive: Receive, send: Send) -> None:
        allowance = allowances.of(hub, member)
        size, is_sent = stated_size(scope)

        async def told(message: Message) -> None:
            _add_fields(message, hub, allowance)
            await send(message)

        try:
            # A body of no stated size is weighed as it comes, and not begun when nothing is left of the day's.
            await allowance.admit(hub, member, size or int(is_sent))
            all_turns, share = _turns_of(hub), allowance.quota.at_once
            turn = all_turns.take_at_once(member.id, share) or await all_turns.take(member.id, share)
        except HubError as error:
            if isinstance(error, TooMany):
                await _turns_of(hub).hold(member.id)
            await _refuse(scope, told, error)
            return
        turns.put(scope["state"], turn)

        async def taken(message: Message) -> None:
            _add_fields(message, hub, allowance)
            if message.get("more_body", False):  # a part of a long answer, for which the caller may take its time
                await turn.while_waiting(send(message))
            else:
                await send(message)

        try:
            if is_sent and scope["method"] not in _BODILESS:
                await _Arriving(scope, allowance, turn, receive, taken).answered_by(self._app, scope)
            else:
                await self._app(scope, receive, taken)
        finally:
            turn.end()


class _Arriving:
    """One request's body on its way in, which is weighed, and takes nobody's turn while it does not come."""

    def __init__(self, scope: Scope, allowance: Allowance, turn: Turn, receive: Receive, send: Send) -> None:
        self._is_here = partial(scope.get("state", {}).get, WHOLE)
        self._allowance, self._turn, self._receive, self._send = allowance, turn, receive, send
        self._whole = self._begun = False
        self._held = 0
        self._refusal: TooMany | None = None

    async def answered_by(self, app: ASGIApp, scope: Scope) -> None:
        """The application's answer; or that others wait already, whatever it makes of that."""
        try:
            await app(scope, self._received, self._told)
        except Exception:
            if self._refusal is None:
                raise
        finally:
            self._allowance.hold(-self._held)
        if self._refusal is not None and not self._begun:
            await _refuse(scope, self._send, self._refusal)

    async def _received(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await (self._receive() if self._is_here() else self._turn.while_waiting(self._receive()))
            if message["type"] == "http.request":
                self._weigh(len(message.get("body", b"")))
        except TooMany as error:
            self._refusal = error
            raise
        self._whole = not message.get("more_body", False)
        return message

    def _weigh(self, size: int) -> None:
        """Raises TooMany where the member's bodies, which are in memory until they are whole, are too large together."""
        self._allowance.receive(size)
        self._held += size
        self._allowance.hold(size)
        if self._held > _LARGE:
            self._allowance.check_held()

    async def _told(self, message: Message) -> None:
        if self._refusal is None or self._begun:
            self._begun = True
            await self._send(message)


def _token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == _BEARER:
            found: str = value[7:].decode("latin-1").strip()
            return found
    return ""


def _turns_of(hub: Hub) -> Turns:
    found = _turns.get(hub.database)
    if found is None:
        found = _turns[hub.database] = Turns(hub.settings.requests_at_once)
    return found


@lru_cache(maxsize=1024)
def policy(quota: Quota, most: int) -> bytes:
    """The field RateLimit-Policy: what may be asked for; of one member no process works on more than `most` at once."""
    said = (
        f'"requests";q={quota.burst};w={quota.window}, "bytes";q={quota.bytes_a_day};qu="content-bytes";w={DAY:.0f}, '
        f'"at-once";q={min(quota.at_once, most)};qu="concurrent-requests"'
    )
    return said.encode()


def _add_fields(message: Message, hub: Hub, allowance: Allowance) -> None:
    """Say with the head of an answer what is left."""
    if message["type"] == "http.response.start":
        requests, filled, sent, refilled = allowance.left(hub.now())
        left = f'"requests";r={requests};t={filled}, "bytes";r={sent};t={refilled}'
        said = (b"ratelimit-policy", policy(allowance.quota, _turns_of(hub).most)), (b"ratelimit", left.encode())
        message["headers"] = [*message.get("headers", ()), *said]


async def _refuse(scope: Scope, send: Send, error: HubError) -> None:
    violated = [error.policy] if isinstance(error, TooMany) and error.policy else []
    extra = {"violated-policies": violated} if violated else None
    trace = last_resort.trace_id(scope)
    media_type, body = written(scope["path"], error.status, error.code, error.detail, error.retry, trace, extra)
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"trace-id", trace.encode()),
    ]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def install(app: FastAPI) -> None:
    """Put admission in front of everything else."""
    app.add_middleware(_Admission)
