"""What is asked of the hub beside FHIR, one method for each call of the wire contract (WIRE.md).

The methods return small frozen values and raise HubError; how often to try again is the connection's patience. Bytes given to `submit` are
sent exactly as they are: a retransmission is identical and differs in its Attempt-Id only.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from adapters.client.answers import Answer
from adapters.client.bodies import Sent, content_digest
from adapters.client.connection import Connection
from adapters.errors import HubError

STATUS_URI = re.compile(r"https?://[\x21-\x7e]{1,400}/status/[A-Za-z0-9_-]{1,90}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The hub's commit acknowledgement. `receipt` is a compact JWS, not verified here."""

    submission_id: str
    message_id: str
    digest: str
    state: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Leased:
    """One item of the mailbox."""

    id: str
    message_id: str
    kind: str
    sender: str
    digest: str
    content_type: str
    subjects: tuple[str, ...]
    queued_at: datetime | None
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registration:
    """The place in a status list that the hub reserved for a certificate."""

    certificate_id: str
    status_uri: str
    status_index: int


class HubClient:
    """The calls. Times out and fails as `Connection` does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def submit(
        self,
        body: Sent,
        *,
        message_id: str,
        content_type: str,
        mapping: str | None = None,
        file_name: str | None = None,
        in_response_to: str | None = None,
        supersedes: str | None = None,
    ) -> Accepted:
        """POST /submissions. 202 and 200 (known already) are the same to the sender."""
        optional = {
            "Mapping": mapping,
            "File-Name": quote(file_name, safe="") if file_name else None,
            "In-Response-To": in_response_to,
            "Supersedes": supersedes,
        }
        headers = {
            "Message-Id": message_id,
            "Attempt-Id": str(uuid.uuid4()),
            "Content-Type": content_type,
            "Content-Digest": content_digest(body),
            **{name: value for name, value in optional.items() if value},
        }
        answer = await self._connection.call("POST", "/submissions", headers=headers, content=body, repeatable=True)
        return _accepted(answer.object(), answer)

    async def submission(self, message_id: str) -> dict[str, Any] | None:
        """What the hub knows of one of our messages; None if nothing."""
        try:
            answer = await self._connection.call("GET", "/submissions", params={"message_id": message_id})
        except HubError as error:
            if error.status == 404:
                return None
            raise
        return answer.object()

    async def changed_submissions(self, cursor: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Our submissions that changed after `cursor`, and the cursor to go on from."""
        answer = await self._connection.call(
            "GET", "/submissions", params={"changed_after": cursor or "0", "limit": limit}
        )
        document = answer.object()
        following = document.get("cursor")
        return _items(answer), None if following is None else str(following)

    async def submission_issues(self, submission_id: str, after: str | None, limit: int) -> dict[str, Any]:
        params: dict[str, str | int] = {"limit": limit}
        if after:
            params["after"] = after
        answer = await self._connection.call(
            "GET", f"/submissions/{quote(submission_id, safe='')}/issues", params=params
        )
        return answer.object()

    async def lease(self, *, most: int, lease_seconds: int, wait_seconds: float) -> tuple[list[Leased], int]:
        """POST /mailbox; waits at the hub up to `wait_seconds` for the first item. The items, and how many could not be read."""
        answer = await self._connection.call(
            "POST",
            "/mailbox",
            body={"max": most, "lease_seconds": lease_seconds, "wait_seconds": wait_seconds},
            timeout=wait_seconds + 30,
            repeatable=True,  # what was lent to nobody is lent again when its lease is over
        )
        items = _items(answer)
        read = [leased for item in items if (leased := _leased(item)) is not None]
        return read, len(items) - len(read)

    async def give_receipt(
        self, mailbox_id: str, state: str, digest: str, errors: Sequence[Mapping[str, str]] = ()
    ) -> str:
        """POST /mailbox/{id}/receipt; idempotent. The hub's signed answer."""
        body: dict[str, Any] = {"state": state, "digest": digest, "errors": [dict(e) for e in errors]}
        path = f"/mailbox/{quote(mailbox_id, safe='')}/receipt"
        answer = await self._connection.call("POST", path, body=body, repeatable=True)
        return str(answer.object().get("receipt", ""))

    async def register_certificate(self, *, kind: str, number: str, subject: str, message_id: str) -> Registration:
        """POST /certificates: the hub stores what will be signed and reserves its status. Same id, same answer."""
        answer = await self._connection.call(
            "POST",
            "/certificates",
            headers={"Message-Id": message_id},
            body={"kind": kind, "number": number, "subject": subject},
            repeatable=True,
        )
        document = answer.object()
        match document:
            case {"certificate_id": str(made), "status_uri": str(uri), "status_index": int(index)}:
                # They will stand in what we sign: an address nobody looks up or no index at all would spoil it for ever.
                if type(index) is int and 0 <= index < 2**31 and STATUS_URI.fullmatch(uri):
                    return Registration(made, uri, index)
        raise _incomplete("registration", answer)

    async def record_certificate(
        self, certificate_id: str, *, digest: str, issued_at: str, expires_at: str | None
    ) -> str:
        """PUT /certificates/{id}: the digest of what was signed. The hub's signed answer."""
        body = {"digest": digest, "issued_at": issued_at, "expires_at": expires_at}
        path = f"/certificates/{quote(certificate_id, safe='')}"
        answer = await self._connection.call("PUT", path, body=body, repeatable=True)
        return str(answer.object().get("receipt", ""))

    async def trust_list(self) -> bytes:
        return (await self._connection.call("GET", "/.well-known/trust-list", public=True)).content

    async def status_list(self, path: str) -> bytes:
        """A status list by its path at the hub (`/status/...`), as the signed token it is."""
        return (
            await self._connection.call("GET", path, public=True, headers={"Accept": "application/statuslist+jwt"})
        ).content

    async def health(self) -> None:
        await self._connection.call("GET", "/healthz", public=True)


def accepted_from(document: Mapping[str, Any]) -> Accepted | None:
    """The commit acknowledgement inside a submission that the hub was asked about; None if it is not given in full."""
    ack = document.get("commit_ack")
    if not isinstance(ack, dict):
        return None
    merged = {**document, **ack}
    wanted = ("submission_id", "message_id", "digest", "state", "receipt")
    if not all(isinstance(merged.get(name), str) and merged[name] for name in wanted):
        return None
    return Accepted(**{name: merged[name] for name in wanted})


def _accepted(document: Mapping[str, Any], answer: Answer) -> Accepted:
    try:
        return Accepted(
            *(str(document[name]) for name in ("submission_id", "message_id", "digest", "state", "receipt"))
        )
    except KeyError:
        raise _incomplete("acknowledgement", answer) from None


def _leased(item: Mapping[str, Any]) -> Leased | None:
    """None for an item that is not of the agreed form: it must not keep the others from being read."""
    try:
        return Leased(
            id=str(item["id"]),
            message_id=str(uuid.UUID(str(item["message_id"]))),
            kind=str(item["kind"]),
            sender=str(item["from"]),
            digest=str(item["digest"]),
            content_type=str(item["content_type"]),
            subjects=tuple(str(s) for s in item.get("recipient_subjects") or ()),
            queued_at=_moment(item.get("queued_at")),
            body=base64.b64decode(item["body"], validate=True),
        )
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None


def _moment(value: object) -> datetime | None:
    """When the log took the message up; None where it is not said. Raises ValueError for a time without a zone."""
    if not isinstance(value, str):
        return None
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


def _items(answer: Answer) -> list[dict[str, Any]]:
    items = answer.object().get("items", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _incomplete("list", answer)
    return items


def _incomplete(what: str, answer: Answer) -> HubError:
    return answer.bad(f"the hub's {what} is incomplete")
