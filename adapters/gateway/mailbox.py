"""Reads the mailbox: lease, store, receipt RECEIVED, open, write back to the county, receipt PROCESSED or BUSINESS_ERROR.

The message is stored before it is acknowledged, and every step is durable before the next: after a crash the same message goes on where
it stood, and is written back once however often it is delivered. Works on batches; messages about one person keep their order.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from adapters.client.backoff import delay
from adapters.client.calls import HubClient, Leased
from adapters.client.clock import Clock
from adapters.client.receipts import MAILBOX, Receipts
from adapters.errors import GatewayError, HubError, HubUnreachable, SignInRefused, TrustError
from adapters.gateway.config import RunSettings
from adapters.gateway.loops import describe
from adapters.gateway.opening import BusinessError, Opener
from adapters.gateway.records import InboxState, Incoming, WriteBack
from adapters.gateway.spool import Spool, Step
from adapters.gateway.transport import Transport
from certs import seal
from certs.errors import CertsError
from mappings import vocabulary

BATCH = 40
MOST_UNFINISHED = 10 * BATCH
# The hub's own words for it. A bare 404 may be a proxy's page and says nothing about the message.
_TAKEN_BACK = frozenset({"not-found", "state-conflict"})
_MOST_TEXT = 500
# Neither with the county nor refused: what comes after it about the same person waits for it.
_UNDECIDED = frozenset({InboxState.STORED, InboxState.RECEIVED, InboxState.STAGED})
_FINISHED = frozenset({InboxState.PROCESSED, InboxState.BUSINESS_ERROR, InboxState.WITHDRAWN})

Act = Callable[[Incoming], Awaitable[Step]]


class Mailbox:
    """The step between the hub and the county."""

    def __init__(
        self,
        spool: Spool,
        client: HubClient,
        receipts: Receipts,
        opener: Opener,
        transport: Transport,
        settings: RunSettings,
        clock: Clock,
        *,
        parallel: int,
    ) -> None:
        self._spool = spool
        self._client = client
        self._receipts = receipts
        self._opener = opener
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._parallel = asyncio.Semaphore(parallel)
        self._opened: dict[str, WriteBack] = {}

    async def fetch(self, *, wait_seconds: float) -> int:
        """Lease and store what waits; the number of items. Raises GatewayError if an item was not of the agreed form.

        Nothing is leased while too much waits to be written back: the hub keeps it more safely than a county that is down.
        """
        if await asyncio.to_thread(self._spool.inbox.unfinished) >= MOST_UNFINISHED:
            return 0
        leased, unreadable = await self._client.lease(
            most=BATCH, lease_seconds=self._settings.mailbox_lease_seconds, wait_seconds=wait_seconds
        )
        arrived = [self._incoming(item) for item in leased]
        strangers, repeated = await asyncio.to_thread(self._spool.inbox.put, arrived)
        conflict = {"code": "digest-conflict", "text": "this message id was used for other content before", "path": ""}
        answers = [
            *((stranger, InboxState.BUSINESS_ERROR, (conflict,)) for stranger in strangers),
            *((message, message.state, message.errors) for message in repeated),
        ]
        refused: TrustError | None = None
        for message, state, errors in answers:
            try:
                await self._answer(message, state, errors)
            except TrustError as error:
                # Its lease runs out and it comes again; the others are answered meanwhile.
                refused = error
        if refused is not None:
            raise refused
        if unreadable:
            raise GatewayError(f"{unreadable} items of the mailbox are not of the agreed form", code="bad-answer")
        return len(leased)

    async def work(self) -> int:
        """Take a batch as far as it goes; the number finished. One message's trouble stops only what follows about its person."""
        messages = await asyncio.to_thread(self._spool.inbox.open_messages, BATCH, self._clock())
        phases: tuple[tuple[InboxState, Act], ...] = (
            (InboxState.STORED, lambda message: self._receipt(message, InboxState.RECEIVED)),
            (InboxState.RECEIVED, self._stage),
            (InboxState.STAGED, self._publish),
            (InboxState.WRITTEN, lambda message: self._receipt(message, InboxState.PROCESSED)),
            (InboxState.REJECTED, self._refuse),
        )
        try:
            for state, act in phases:
                messages = await self._phase(messages, state, act)
        finally:
            # Plaintext is not kept in memory beyond the batch.
            self._opened.clear()
        return sum(message.state in _FINISHED for message in messages)

    async def _phase(self, messages: list[Incoming], state: InboxState, act: Act) -> list[Incoming]:
        """Do `act` for the messages in `state`; what succeeded is recorded in one transaction. Those left to go on with."""
        persons: dict[str, list[Incoming]] = {}
        for message in messages:
            if message.state is state:
                persons.setdefault(message.person or message.message_id, []).append(message)
        steps: dict[str, Step] = {}
        troubles = await asyncio.gather(*(self._in_order(group, act, steps) for group in persons.values()))
        if steps:
            await asyncio.to_thread(self._spool.inbox.move, list(steps.values()), now=self._clock())
        failed = {message.message_id for group in troubles for message, _ in group}
        for message, error in (trouble for group in troubles for trouble in group):
            if isinstance(error, HubUnreachable | SignInRefused):
                raise error
            await asyncio.to_thread(self._later, message, error)
        return [_after(message, steps.get(message.message_id)) for message in _unhindered(messages, failed)]

    async def _in_order(
        self, messages: Sequence[Incoming], act: Act, steps: dict[str, Step]
    ) -> list[tuple[Incoming, GatewayError]]:
        troubles = []
        for message in messages:
            async with self._parallel:
                try:
                    steps[message.message_id] = await act(message)
                except GatewayError as error:
                    troubles.append((message, error))
                except Exception as error:  # noqa: BLE001 - whatever one message does, the others go on
                    troubles.append((message, GatewayError(describe(error), code="unexpected")))
            if troubles and message.state in _UNDECIDED:
                break
        return troubles

    async def _open(self, message: Incoming) -> WriteBack:
        if message.message_id not in self._opened:
            self._opened[message.message_id] = await self._opener.open(message)
        return self._opened[message.message_id]

    async def _stage(self, message: Incoming) -> Step:
        try:
            written = await self._open(message)
        except BusinessError as error:
            return _rejected(message, error)
        await self._transport.stage(written)
        return Step(message.message_id, message.state, InboxState.STAGED)

    async def _publish(self, message: Incoming) -> Step:
        try:
            written = await self._open(message)
        except BusinessError as error:
            # Good when it was staged, not any more (a crash lay between). What the county has by now, it has: its sender
            # is told so. Otherwise it is not given it.
            if await self._transport.holds(message.message_id):
                return _rejected(message, error)
            return Step(message.message_id, message.state, InboxState.WRITTEN)
        await self._transport.publish(written)
        return Step(message.message_id, message.state, InboxState.WRITTEN)

    async def _refuse(self, message: Incoming) -> Step:
        # Not before it is known for refused: whether it was still held could not be found out a second time.
        await self._transport.withdraw(message.message_id)
        return await self._receipt(message, InboxState.BUSINESS_ERROR)

    async def _receipt(self, message: Incoming, state: InboxState) -> Step:
        try:
            receipt = await self._acknowledge(message, state, message.errors)
        except HubError as error:
            if error.code not in _TAKEN_BACK:
                raise
            # Expired or withdrawn meanwhile. Before it was written back that is the end of it; afterwards what the
            # county was given stays, and nothing is owed to the hub any more.
            receipt = f"not taken: {error.code}"
            state = InboxState.WITHDRAWN if state is InboxState.RECEIVED else state
        return Step(message.message_id, message.state, state, receipt=receipt)

    def _later(self, message: Incoming, error: GatewayError) -> None:
        now = self._clock()
        attempt = self._spool.inbox.attempts(message.message_id) + 1
        wait = delay(
            attempt,
            first=self._settings.retry_first_seconds,
            cap=self._settings.retry_cap_seconds,
            draw=random.random(),  # noqa: S311 - jitter
        )
        self._spool.inbox.defer(message.message_id, text=str(error), due=now + timedelta(seconds=wait), now=now)

    async def _answer(self, message: Incoming, state: InboxState, errors: Sequence[Mapping[str, str]]) -> None:
        """Settle a place in the mailbox whose message needs nothing more from us; nothing is stored."""
        await self._acknowledge(message, InboxState.RECEIVED, ())
        await self._acknowledge(message, state, errors)

    async def _acknowledge(self, message: Incoming, state: InboxState, errors: Sequence[Mapping[str, str]]) -> str:
        """Tell the hub; its receipt, verified. Raises HubError, ReceiptRefused: then the hub was told nothing that counts."""
        receipt = await self._client.give_receipt(message.mailbox_id, state, message.digest, errors)
        self._receipts.check(
            receipt, what=MAILBOX, id_=message.mailbox_id, message_id=message.message_id, digest=message.digest
        )
        return receipt

    def _incoming(self, item: Leased) -> Incoming:
        return Incoming(
            message_id=item.message_id,
            mailbox_id=item.id,
            kind=item.kind,
            sender=item.sender,
            digest=item.digest,
            content_type=item.content_type,
            subjects=item.subjects,
            state=InboxState.STORED,
            errors=(),
            received_at=item.queued_at or self._clock(),
            body=item.body,
            person=_person_of(item),
        )


def _person_of(item: Leased) -> str:
    """By the sender's number of the person, which stays the same when the hub learns our numbers of her between two messages."""
    if item.content_type.split(";")[0].strip() == vocabulary.SEALED_MEDIA_TYPE:
        try:
            return json.dumps([item.sender, seal.read_header(item.body).subject])
        except CertsError:
            return ""  # It is refused when it is opened.
    return json.dumps([item.sender, *item.subjects]) if item.subjects else ""


def _unhindered(messages: Sequence[Incoming], failed: Collection[str]) -> list[Incoming]:
    """Those to go on with: not what failed, nor what follows a message about the same person that is still undecided."""
    left, held = [], set()
    for message in messages:
        if message.message_id in failed:
            if message.person and message.state in _UNDECIDED:
                held.add(message.person)
        elif message.person not in held:
            left.append(message)
    return left


def _rejected(message: Incoming, error: BusinessError) -> Step:
    errors = ({"code": error.code, "text": error.text[:_MOST_TEXT], "path": ""},)
    return Step(message.message_id, message.state, InboxState.REJECTED, errors=errors)


def _after(message: Incoming, step: Step | None) -> Incoming:
    if step is None:
        return message
    return replace(message, state=step.after, errors=message.errors if step.errors is None else step.errors)
