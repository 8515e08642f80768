"""The client of a hub for integrators: sign in, send documents, follow them, read the mailbox, and speak FHIR.

What a receipt should prove is believed only once the receipt is verified against the trust list, signed by roots that the
caller pins. See docs/client.md.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from adapters.client import tls
from adapters.client.bodies import FileBody, Sent, digest_of
from adapters.client.bulk import Bulk
from adapters.client.calls import Accepted, HubClient, Leased
from adapters.client.clock import Clock, utc_now
from adapters.client.connection import Connection
from adapters.client.fhir import Fhir
from adapters.client.receipts import MAILBOX, SUBMISSION, Receipts
from adapters.client.resources import Resource
from adapters.client.retrying import Patience
from adapters.client.signing_in import assertion
from adapters.client.submissions import Submission
from adapters.client.trust import HeldTrust
from adapters.errors import ConfigError, HubError, ReceiptRefused, Retry
from certs.keys import Signer, VerifyKey

_PATIENT: Final = Patience()
_FOLLOWED: Final = 1.0
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Address:
    """Where the hub is; `ca_file` names an authority of one's own. A timeout bounds the wait for each part of an answer.

    `own` is the hub's own address, where it is reached under another one (a tunnel): assertions are made out to that. `cert_file`
    and `key_file` (PEM, no passphrase) are the client certificate to show, with its chain, and its key. Raises ConfigError for one
    of these two alone, and for http to another machine, where everybody on the way would read the token.
    """

    url: str
    ca_file: Path | None = None
    timeout_seconds: float = 30
    parallel: int = 8
    own: str = ""
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if not tls.is_private(self.url):
            raise ConfigError("the hub is not on this machine: use https://")
        tls.pair(self.cert_file, self.key_file)


@asynccontextmanager
async def connect(
    address: Address | str,
    member: str,
    keys: Sequence[Signer],
    *,
    roots: Collection[VerifyKey] = (),
    threshold: int = 2,
    scopes: Sequence[str] = (),
    hub_name: str = "hub",
    patience: Patience = _PATIENT,
    clock: Clock = utc_now,
) -> AsyncIterator["Hub"]:
    """A member's client of a hub. `keys` sign in, any of them; `roots` and `threshold` are what receipts are verified by."""
    reach = Address(address) if isinstance(address, str) else address
    signers = [assertion(key) for key in keys]
    async with Connection(
        reach,
        member,
        signers,
        clock=clock,
        scopes=scopes,
        patience=patience,
        agent="lianqiao-client",
        audience=reach.own,
    ) as connection:
        trust = HeldTrust(roots, threshold, clock)
        receipts = Receipts(trust, clock, hub=hub_name, member=member)
        yield Hub(connection, HubClient(connection), trust, receipts, Fhir(connection), Bulk(connection))


@dataclass(frozen=True, slots=True)
class Hub:
    """What one member asks of one hub. All methods raise HubError; those with receipts TrustError and ReceiptRefused too."""

    connection: Connection
    calls: HubClient
    trust: HeldTrust = field(repr=False)
    receipts: Receipts = field(repr=False)
    fhir: Fhir
    bulk: Bulk

    async def submit(
        self,
        document: bytes | Path,
        *,
        message_id: str,
        content_type: str,
        mapping: str | None = None,
        file_name: str | None = None,
        in_response_to: str | None = None,
        supersedes: str | None = None,
    ) -> Accepted:
        """Send a document, streamed where it is a file, until the hub has it and its receipt is verified.

        The message id is the caller's, kept by it until this returns: sent again under it, nothing is done twice.
        """
        self.trust.need_roots()
        content: Sent = await FileBody.of(document) if isinstance(document, Path) else document
        accepted = await self.calls.submit(
            content,
            message_id=message_id,
            content_type=content_type,
            mapping=mapping,
            file_name=file_name,
            in_response_to=in_response_to,
            supersedes=supersedes,
        )
        await self._check(accepted.receipt, SUBMISSION, accepted.submission_id, message_id, digest_of(content))
        return accepted

    async def submission(self, message_id: str) -> Submission | None:
        """State, both acknowledgements, issues and timeline of a message; None where the hub has none of that id."""
        found = await self.calls.submission(message_id)
        return None if found is None else Submission.of(found)

    async def settled(self, message_id: str, *, timeout: float = 300) -> Submission:
        """Wait for the application acknowledgement. Raises TimeoutError, also where the message is not known."""
        until = monotonic() + timeout
        while True:
            found = await self.submission(message_id)
            if found is not None and found.is_settled:
                return found
            if monotonic() + _FOLLOWED > until:
                state = found.state if found else "unknown"
                raise TimeoutError(f"message {message_id} is {state} after {timeout:g} s")
            await asyncio.sleep(_FOLLOWED)

    async def changes(self, cursor: str = "0") -> AsyncIterator[tuple[Submission, str]]:
        """One's messages that changed behind a cursor, each with the cursor to go on from when its page is dealt with."""
        while True:
            documents, following = await self.calls.changed_submissions(cursor, _PAGE)
            if not documents or following in (None, cursor):
                return
            for document in documents[:-1]:
                yield Submission.of(document), cursor
            cursor = str(following)
            yield Submission.of(documents[-1]), cursor

    async def lease(self, *, most: int = 20, lease_seconds: int = 60, wait_seconds: float = 20) -> list[Leased]:
        """What waits in the mailbox, lent; waits for the first item to come. Without `receive` in time it is lent again."""
        items, unreadable = await self.calls.lease(most=most, lease_seconds=lease_seconds, wait_seconds=wait_seconds)
        whole = [item for item in items if digest_of(item.body) == item.digest]
        if not whole and (items or unreadable):
            text = "what waits in the mailbox is not of the agreed form, or not what its digest says"
            raise HubError(text, code="bad-answer", retry=Retry.CONTACT, status=200)
        return whole

    async def receive(self, item: Leased, state: str = "RECEIVED", errors: Sequence[Mapping[str, str]] = ()) -> str:
        """Say what became of an item: RECEIVED, then PROCESSED or BUSINESS_ERROR with `errors`. The verified receipt."""
        self.trust.need_roots()
        receipt = await self.calls.give_receipt(item.id, state, item.digest, errors)
        await self._check(receipt, MAILBOX, item.id, item.message_id, item.digest)
        return receipt

    async def transaction(self, entries: Sequence[Mapping[str, Any]], *, message_id: str) -> tuple[Resource, str]:
        """All entries or none, as one message that may be sent again; the answer and its verified receipt."""
        self.trust.need_roots()
        answer, sent, headers = await self.fhir.bundle("transaction", entries, message_id)
        receipt = headers.get("receipt", "")
        await self._check(receipt, SUBMISSION, headers.get("submission-id", ""), message_id, digest_of(sent))
        return answer, receipt

    async def import_file(self, path: Path, *, message_id: str) -> str:
        """Send resources, one a line, streamed from a file; the id of the import, once its receipt is verified."""
        self.trust.need_roots()
        id_, receipt, digest = await self.bulk.begin_import(path, message_id)
        await self._check(receipt, SUBMISSION, id_, message_id, digest)
        return id_

    async def _check(self, receipt: str, what: str, id_: str, message_id: str, digest: str) -> None:
        """Verify a receipt; with the newest list, where the one at hand may be older than the hub's key."""
        await self.trust.refresh(self.calls)
        try:
            self.receipts.check(receipt, what=what, id_=id_, message_id=message_id, digest=digest)
        except ReceiptRefused:
            await self.trust.refresh(self.calls, anew=True)
            self.receipts.check(receipt, what=what, id_=id_, message_id=message_id, digest=digest)
