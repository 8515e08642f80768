"""A hub to test gateways against: the wire contract over real HTTP with real signatures, everything in memory.

It stores, acknowledges, delivers and keeps certificates as the contract says; it links nobody and reads raw documents only to learn which
consents exist. Contract tests hold it to the behaviour of the real hub.
"""

import asyncio
import base64
import hashlib
import io
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import mappings
from adapters.gateway.testing.ledger import Certificate, Ledger, Letter, Manners, Submission
from adapters.gateway.testing.world import World
from certs import seal, tokens
from certs.errors import CertsError
from certs.keys import SigningKey, VerifyKey
from certs.status import StatusList, draw_index
from mappings import vocabulary

Handler = Callable[[Request, str], Awaitable[Response]]
_FINAL = ("PROCESSED", "BUSINESS_ERROR")


class Refused(Exception):
    """Ends a request with a problem document."""

    def __init__(self, status: int, code: str, retry: str, **headers: str) -> None:
        super().__init__(code)
        self.response = JSONResponse(
            {
                "type": f"urn:lianqiao:problem:{code}",
                "title": code,
                "status": status,
                "detail": f"refused: {code}",
                "code": code,
                "retry": retry,
                "trace_id": secrets.token_hex(8),
            },
            status_code=status,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            media_type="application/problem+json",
        )


class StandInHub:
    """The application is `app`; `base` must be set to its address before the first request."""

    def __init__(self, world: World, manners: Manners | None = None) -> None:
        self.world = world
        self.manners = manners or Manners()
        self.ledger = Ledger()
        self.base = "http://127.0.0.1"
        self.refuse_mapping: str | None = None
        self._tokens: dict[str, str] = {}
        self._seen: set[str] = set()
        self.app = Starlette(
            routes=[
                Route("/healthz", self._health),
                Route("/auth/token", self._token, methods=["POST"]),
                Route("/.well-known/trust-list", self._trust_list),
                Route("/status/{name}", self._status_list),
                Route("/submissions", self._guarded(self._submit), methods=["POST"]),
                Route("/submissions", self._guarded(self._list)),
                Route("/submissions/{id}/issues", self._guarded(self._issues)),
                Route("/mailbox", self._guarded(self._lease), methods=["POST"]),
                Route("/mailbox/{id}/receipt", self._guarded(self._receipt), methods=["POST"]),
                Route("/certificates", self._guarded(self._register), methods=["POST"]),
                Route("/certificates/{id}", self._guarded(self._record), methods=["PUT"]),
            ]
        )

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            draws = self.manners.draws
            try:
                if draws.random() < self.manners.busy:
                    raise Refused(503, "unavailable", "NORMAL", Retry_After="0")
                member = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
                if member is None:
                    raise Refused(401, "invalid-token", "CONTACT")
                response = await handler(request, member)
            except Refused as refused:
                response = refused.response
            if draws.random() < self.manners.lost:
                return StreamingResponse(_broken(), headers={"Content-Length": "1000"})
            return response

        return handle

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"ok": True})

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        try:
            token = tokens.take_apart(form.get("client_assertion", ""))
            member, key = self._key_of(token.kid)
            claims = tokens.check(token, key, typ="JWT")
        except (CertsError, KeyError):
            return Refused(401, "invalid-client", "CONTACT").response
        now = datetime.now(UTC).timestamp()
        fresh = claims["jti"] not in self._seen and now - 300 < claims["iat"] <= claims["exp"] <= now + 300
        if claims["aud"] != f"{self.base}/auth/token" or claims["sub"] != member or not fresh:
            return Refused(401, "invalid-client", "CONTACT").response
        self._seen.add(claims["jti"])
        access = secrets.token_urlsafe(16)
        self._tokens[access] = member
        return JSONResponse({"access_token": access, "token_type": "bearer", "expires_in": 300, "scope": "system/*.*"})

    def _key_of(self, kid: str | None) -> tuple[str, VerifyKey]:
        for name, keys in self.world.auth.items():
            for key in keys:
                if key.kid == kid:
                    return name, key
        raise KeyError(kid)

    async def _trust_list(self, _: Request) -> Response:
        return Response(self.world.signed_trust_list(self.world.now), media_type="application/jose+json")

    async def _status_list(self, request: Request) -> Response:
        made = self._statuses()
        if not made.uri.endswith("/" + request.path_params["name"]):
            return Refused(404, "not-found", "FIX_FIRST").response
        return Response(made.sign(self.world.hub_key, datetime.now(UTC)), media_type="application/statuslist+jwt")

    def _statuses(self) -> StatusList:
        with self.ledger.lock:
            if self.ledger.status is None:
                self.ledger.status = StatusList(f"{self.base}/status/1", 1 << 12)
            return self.ledger.status

    async def _submit(self, request: Request, member: str) -> Response:
        headers = {
            name: request.headers.get(name, "") for name in ("message-id", "attempt-id", "mapping", "supersedes")
        }
        message_id = str(uuid.UUID(headers["message-id"]))
        uuid.UUID(headers["attempt-id"])
        body = await request.body()
        sha = hashlib.sha256(body)
        if request.headers.get("content-digest") != f"sha-256=:{base64.b64encode(sha.digest()).decode()}:":
            raise Refused(400, "digest-mismatch", "NORMAL")
        digest = f"sha-256:{sha.hexdigest()}"
        with self.ledger.lock:
            known = self.ledger.submissions.get((member, message_id))
            if known is not None:
                known.arrivals += 1
                if known.digest != digest:
                    self.ledger.refused.append((member, "digest-conflict"))
                    raise Refused(409, "digest-conflict", "FIX_FIRST")
                return Response(known.answer, media_type="application/json")
            return self._store(request, member, message_id, digest, body, headers)

    def _store(
        self, request: Request, member: str, message_id: str, digest: str, body: bytes, headers: dict[str, str]
    ) -> Response:
        now = datetime.now(UTC)
        sealed = request.headers["content-type"] == vocabulary.SEALED_MEDIA_TYPE
        header = self._permit(member, seal.read_header(body)) if sealed else None
        if self.refuse_mapping is not None and headers["mapping"] == self.refuse_mapping:
            raise Refused(400, "unknown-mapping", "FIX_FIRST")
        mapping = None if sealed else _open_mapping(headers["mapping"])
        submission = Submission(
            id=str(uuid.uuid4()),
            member=member,
            message_id=message_id,
            kind=header.typ if header else mapping.kind if mapping else "",
            mapping=headers["mapping"] or None,
            digest=digest,
            body=body,
            answer=b"",
            at=now,
            headers=headers,
            change=self.ledger.next_change(),
        )
        submission.answer = self._acknowledge(submission)
        self.ledger.submissions[member, message_id] = submission
        if header is not None:
            self.ledger.deliver(header.to, submission, vocabulary.SEALED_MEDIA_TYPE, now, [f"here-{header.subject}"])
        return Response(submission.answer, status_code=202, media_type="application/json")

    def _permit(self, member: str, header: seal.Header) -> seal.Header:
        if (
            header.typ == vocabulary.CONTRACEPTION_REPORT
            and (member, header.consent_ref or "") not in self.ledger.consents
        ):
            self.ledger.refused.append((member, "no-consent"))
            raise Refused(403, "no-consent", "CONTACT")
        return header

    def _acknowledge(self, submission: Submission) -> bytes:
        leaf = hashlib.sha256(submission.id.encode()).hexdigest()
        return json.dumps(
            {
                "submission_id": submission.id,
                "message_id": submission.message_id,
                "digest": submission.digest,
                "state": "ACCEPTED",
                "received_at": submission.at.isoformat(),
                "leaf": leaf,
                "receipt": self._sign("submission", submission.member, submission, submission.digest),
            }
        ).encode()

    async def _list(self, request: Request, member: str) -> Response:
        with self.ledger.lock:
            self._settle(member)
            message_id = request.query_params.get("message_id")
            if message_id is not None:
                known = self.ledger.submissions.get((member, message_id))
                if known is None:
                    raise Refused(404, "not-found", "FIX_FIRST")
                return JSONResponse(_document(known))
            after = int(request.query_params.get("changed_after") or 0)
            found = sorted((s for s in self.ledger.of(member) if s.change > after), key=lambda s: s.change)
            found = found[: int(request.query_params.get("limit", 100))]
            cursor = found[-1].change if found else after
            return JSONResponse({"items": [_document(s) for s in found], "cursor": cursor})

    def _settle(self, member: str) -> None:
        """Translate what has lain long enough: here it only means to learn the consents."""
        now = datetime.now(UTC)
        for submission in self.ledger.of(member, raw=True):
            if submission.ack is not None or (now - submission.at).total_seconds() < self.manners.settle_seconds:
                continue
            mapping = mappings.load(submission.mapping or "")
            context = mappings.Context(member, submission.at)
            rows = [row for batch in mapping.read(io.BytesIO(submission.body)) for row in batch.rows]
            results = mapping.apply(rows, context)
            if mapping.kind == vocabulary.CONSENT:
                self.ledger.consents |= {(member, str(result.key)) for result in results if result.ok}
            submission.issues = [issue.to_json() for result in results for issue in result.issues if not result.ok]
            submission.state = "PROCESSED"
            submission.ack = {"state": "PROCESSED", "at": now.isoformat(), "errors": [], "warnings": []}
            submission.change = self.ledger.next_change()

    async def _issues(self, request: Request, member: str) -> Response:
        found = next((s for s in self.ledger.of(member) if s.id == request.path_params["id"]), None)
        if found is None:
            raise Refused(404, "not-found", "FIX_FIRST")
        after = int(request.query_params.get("after") or 0)
        items = found.issues[after : after + int(request.query_params.get("limit", 100))]
        return JSONResponse({"items": items, "after": after + len(items) if items else None})

    async def _lease(self, request: Request, member: str) -> Response:
        wanted = await request.json()
        running = asyncio.get_running_loop()
        deadline = running.time() + wanted["wait_seconds"]
        while True:
            with self.ledger.lock:
                seconds = min(wanted["lease_seconds"], self.manners.longest_lease)
                letters = self.ledger.lease(member, wanted["max"], seconds, datetime.now(UTC))
            if letters or running.time() >= deadline:
                return JSONResponse({"items": [_item(letter) for letter in letters]})
            await asyncio.sleep(0.05)

    async def _receipt(self, request: Request, member: str) -> Response:
        said = await request.json()
        with self.ledger.lock:
            letter = self.ledger.letters.get(request.path_params["id"])
            if letter is None or letter.to != member:
                raise Refused(404, "not-found", "FIX_FIRST")
            if said["digest"] != letter.digest:
                raise Refused(409, "digest-conflict", "FIX_FIRST")
            if letter.state == "VOIDED" or (letter.state in _FINAL and said["state"] not in (letter.state, "RECEIVED")):
                raise Refused(409, "state-conflict", "FIX_FIRST")
            if (said["state"] == "BUSINESS_ERROR") != bool(said["errors"]):
                raise Refused(400, "bad-request", "FIX_FIRST")
            letter.states.append(said["state"])
            if letter.state not in _FINAL:
                letter.state = said["state"]
                letter.errors = said["errors"]
            receipt = self._sign("mailbox", member, letter, letter.digest)
            return JSONResponse({"receipt": receipt, "state": letter.state})

    async def _register(self, request: Request, member: str) -> Response:
        said, message_id = await request.json(), str(uuid.UUID(request.headers["message-id"]))
        with self.ledger.lock:
            held = self.ledger.certificates.values()
            known = next((c for c in held if (c.issuer, c.message_id) == (member, message_id)), None)
            if known is None:
                if any((c.issuer, c.kind, c.number) == (member, said["kind"], said["number"]) for c in held):
                    raise Refused(409, "already-issued", "FIX_FIRST")
                index = draw_index(1 << 12)
                known = Certificate(str(uuid.uuid4()), member, message_id, said["kind"], said["number"], index)
                self.ledger.certificates[known.id] = known
        answer = {"certificate_id": known.id, "status_uri": self._statuses().uri, "status_index": known.index}
        return JSONResponse(answer, status_code=201)

    async def _record(self, request: Request, member: str) -> Response:
        said = await request.json()
        with self.ledger.lock:
            known = self.ledger.certificates.get(request.path_params["id"])
            if known is None or known.issuer != member:
                raise Refused(404, "not-found", "FIX_FIRST")
            if known.digests and said["digest"] not in known.digests:
                raise Refused(409, "digest-conflict", "FIX_FIRST")
            known.digests.append(said["digest"])
        return JSONResponse({"receipt": self._sign("certificate", member, known, said["digest"])})

    def _sign(self, what: str, member: str, kept: Submission | Letter | Certificate, digest: str) -> str:
        """A receipt, twisted as `manners` want it."""
        claims = {
            "iss": self.base,
            "sub": member,
            "iat": int(datetime.now(UTC).timestamp()),
            "what": what,
            "id": kept.id,
            "message_id": kept.message_id,
            "digest": digest,
            "leaf": hashlib.sha256(kept.id.encode()).hexdigest(),
        }
        twist = self.manners.twist
        signer = SigningKey.generate() if twist == "signature" else self.world.hub_key
        changed = {twist: "00"} if twist in claims else {}
        return tokens.sign({**claims, **changed}, typ="lianqiao-receipt+jwt", signer=signer)


def _open_mapping(name: str) -> mappings.Mapping:
    try:
        mapping = mappings.load(name)
    except mappings.UnknownMapping:
        raise Refused(400, "unknown-mapping", "FIX_FIRST") from None
    if mapping.sealed:
        raise Refused(400, "must-be-sealed", "FIX_FIRST")
    return mapping


async def _broken() -> AsyncIterator[bytes]:
    yield b"{"
    raise ConnectionResetError("the answer is lost on the way")


def _document(submission: Submission) -> dict[str, Any]:
    return {
        "submission_id": submission.id,
        "message_id": submission.message_id,
        "kind": submission.kind,
        "mapping": submission.mapping,
        "state": submission.state,
        "received_at": submission.at.isoformat(),
        "commit_ack": json.loads(submission.answer),
        "application_ack": submission.ack,
        "counts": {},
        "issues": submission.issues[:100],
        "timeline": [],
    }


def _item(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "message_id": letter.message_id,
        "kind": letter.kind,
        "from": letter.sender,
        "digest": letter.digest,
        "content_type": letter.content_type,
        "body": base64.b64encode(letter.body).decode(),
        "recipient_subjects": letter.subjects,
        "queued_at": letter.queued_at.isoformat(),
        "lease_until": letter.lease_until.isoformat() if letter.lease_until else None,
        "attempt": letter.attempt,
    }
