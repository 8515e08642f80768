"""What the stand-in hub holds in memory: submissions, mailboxes, certificates; and how badly it is to behave."""

import random
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from certs.status import StatusList


@dataclass(slots=True)
class Manners:
    """Shares of requests that go wrong. `lost`: done, but the answer never arrives; `busy`: 503, nothing done.

    `settle_seconds`: how long a document waits for its translation; `longest_lease` caps what a reader asks for.
    `twist`: the claim that receipts state wrongly, or "signature" for those of a stranger's key.
    """

    seed: int = 0
    lost: float = 0
    busy: float = 0
    settle_seconds: float = 0
    longest_lease: float = 3600
    twist: str = ""
    draws: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draws = random.Random(self.seed)  # noqa: S311 - reproducible misbehaviour


@dataclass(slots=True)
class Submission:
    id: str
    member: str
    message_id: str
    kind: str
    mapping: str | None
    digest: str
    body: bytes
    answer: bytes
    at: datetime
    headers: dict[str, str]
    change: int
    arrivals: int = 1
    state: str = "ACCEPTED"
    ack: dict[str, Any] | None = None
    issues: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Letter:
    """One item of a mailbox."""

    id: str
    to: str
    sender: str
    submission: str
    message_id: str
    kind: str
    content_type: str
    digest: str
    body: bytes
    subjects: list[str]
    queued_at: datetime
    state: str = "AVAILABLE"
    lease_until: datetime | None = None
    attempt: int = 0
    states: list[str] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Certificate:
    id: str
    issuer: str
    message_id: str
    kind: str
    number: str
    index: int
    digests: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """Everything, behind one lock. `refused`: (member, code) of what was turned away."""

    submissions: dict[tuple[str, str], Submission] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    consents: set[tuple[str, str]] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)
    status: StatusList | None = None
    changes: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def next_change(self) -> int:
        self.changes += 1
        return self.changes

    def of(self, member: str, *, raw: bool | None = None) -> list[Submission]:
        with self.lock:
            found = [s for (owner, _), s in self.submissions.items() if owner == member]
        return found if raw is None else [s for s in found if (s.mapping is not None) is raw]

    def deliver(self, to: str, submission: Submission, content_type: str, now: datetime, subjects: list[str]) -> Letter:
        letter = Letter(
            id=str(uuid.uuid4()),
            to=to,
            sender=submission.member,
            submission=submission.id,
            message_id=submission.message_id,
            kind=submission.kind,
            content_type=content_type,
            digest=submission.digest,
            body=submission.body,
            subjects=subjects,
            queued_at=now,
        )
        self.letters[letter.id] = letter
        return letter

    def lease(self, member: str, most: int, seconds: float, now: datetime) -> list[Letter]:
        found = [
            letter
            for letter in self.letters.values()
            if letter.to == member
            and letter.state in {"AVAILABLE", "RECEIVED"}
            and (letter.lease_until is None or letter.lease_until < now)
        ][:most]
        for letter in found:
            letter.lease_until = now + timedelta(seconds=seconds)
            letter.attempt += 1
        return found
