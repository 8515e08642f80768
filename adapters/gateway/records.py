"""The words of the spool: what is stored for each message, in which state it is, and what the county gets back.

Plain frozen values; they know neither SQLite nor HTTP. `row` and `credential` are plaintext of sealed kinds: they are kept out of
`repr` so that no log line can carry them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Route(StrEnum):
    """How a record travels: raw documents as they are; sealed rows mapped here; certificates also issued here."""

    RAW = "raw"
    SEALED = "sealed"
    CERTIFICATE = "certificate"


class State(StrEnum):
    """Where an outgoing message stands. Raw documents start at READY, rows at SPOOLED; a certificate's steps lie between."""

    SPOOLED = "SPOOLED"
    INTENDED = "INTENDED"
    REGISTERED = "REGISTERED"
    ISSUED = "ISSUED"
    RECORDED = "RECORDED"
    READY = "READY"
    ACCEPTED = "ACCEPTED"
    SETTLED = "SETTLED"
    QUARANTINED = "QUARANTINED"
    NOT_SENT = "NOT_SENT"
    REFUSED = "REFUSED"


class InboxState(StrEnum):
    """Where a message from the mailbox stands. STAGED: written beside its place; WRITTEN: in the county's hands.

    The last three are final; WITHDRAWN: taken back (consent withdrawn, expired) before it was written back.
    """

    STORED = "STORED"
    RECEIVED = "RECEIVED"
    STAGED = "STAGED"
    WRITTEN = "WRITTEN"
    REJECTED = "REJECTED"
    PROCESSED = "PROCESSED"
    BUSINESS_ERROR = "BUSINESS_ERROR"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of records a county hands over: its mapping, how it travels, its place in the order, the transport's own settings."""

    name: str
    mapping: str
    kind: str
    route: Route
    stage: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to put into the spool. `key` identifies it for ever: the same key is never sent twice."""

    key: str
    source: str
    kind: str
    mapping: str
    route: Route
    stage: int
    content_type: str = ""
    file_name: str = ""
    body: bytes | None = field(default=None, repr=False)
    row: str | None = field(default=None, repr=False)
    row_number: int = 0

    @property
    def size(self) -> int:
        return len(self.body or b"") + len((self.row or "").encode())


@dataclass(frozen=True, slots=True)
class Item:
    """One outgoing message as stored."""

    seq: int
    message_id: str
    source: str
    kind: str
    mapping: str
    route: Route
    state: State
    held: str | None
    delivery: str | None
    row_number: int
    file_name: str
    content_type: str
    size: int
    row: str | None = field(repr=False)
    certificate: dict[str, Any] | None = field(repr=False)
    credential: str | None = field(repr=False)
    supersedes: str | None
    attempts: int
    error_code: str | None
    error_text: str | None
    submission_id: str | None
    receipt: str | None
    issue_receipt: str | None
    hub_state: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a batch put into the spool."""

    stored: int
    known: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of the mailbox as stored. `body` is what the hub delivered, still sealed for sealed kinds.

    `person` is the same for the messages that keep their order among themselves, and empty for one that stands alone.
    `received_at` is when the hub's log took it up, by which a key reported stolen is judged.
    """

    message_id: str
    mailbox_id: str
    kind: str
    sender: str
    digest: str
    content_type: str
    subjects: tuple[str, ...]
    state: InboxState
    errors: tuple[Mapping[str, str], ...]
    received_at: datetime
    body: bytes = field(repr=False)
    person: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WriteBack:
    """What the county is given for one message: keyed by `message_id`, so that writing it again changes nothing."""

    message_id: str
    kind: str
    sender: str
    subjects: tuple[str, ...]
    sent_at: datetime
    fields: Mapping[str, str] = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `gateway check`: what was looked at, whether it is well, and what to do if not."""

    subject: str
    ok: bool
    text: str
    remedy: str = ""
