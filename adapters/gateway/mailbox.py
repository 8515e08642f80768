"""Reads the mailbox: lease, store, receipt RECEIVED, open, write back to the county, receipt PROCESSED or BUSINESS_ERROR.

The message is stored before it is acknowledged, and every step is durable before the next: after a crash the same message goes on where
it stood, and is written back once however often it is delivered. An acknowledgement is never acknowledged.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

from adapters.errors import GatewayError, HubError, HubUnreachable, SignInRefused
from adapters.gateway.backoff import delay
from adapters.gateway.client import HubClient, Leased
from adapters.gateway.clock import Clock
from adapters.gateway.config import RunSettings
from adapters.gateway.opening import BusinessError, Opener
from adapters.gateway.records import InboxState, Incoming
from adapters.gateway.spool import Spool
from adapters.gateway.transport import Transport

BATCH = 20
_GONE = frozenset({404, 410})
_TAKEN_BACK = "state-conflict"
_MOST_TEXT = 500


class Mailbox:
    """The step between the hub and the county."""

    def __init__(
        self, spool: Spool, client: HubClient, opener: Opener, transport: Transport, settings: RunSettings, clock: Clock
    ) -> None:
        self._spool = spool
        self._client = client
        self._opener = opener
        self._transport = transport
        self._settings = settings
        self._clock = clock

    async def fetch(self, *, wait_seconds: float) -> int:
        """Lease and store what waits; the number of items. Raises GatewayError if an item was not of the agreed form."""
        leased, unreadable = await self._client.lease(
            most=BATCH, lease_seconds=self._settings.mailbox_lease_seconds, wait_seconds=wait_seconds
        )
        arrived = [self._incoming(item) for item in leased]
        strangers, repeated = await asyncio.to_thread(self._spool.inbox.put, arrived)
        for stranger in strangers:
            error = {"code": "digest-conflict", "text": "this message id was used for other content before", "path": ""}
            await self._answer(stranger, InboxState.BUSINESS_ERROR, [error])
        for message in repeated:
            await self._answer(message, message.state, message.errors)
        if unreadable:
            raise GatewayError(f"{unreadable} items of the mailbox are not of the agreed form", code="bad-answer")
        return len(leased)

    async def work(self) -> int:
        """Take every stored message as far as it goes; the number finished. One message's trouble does not stop the others."""
        finished = 0
        for message in await asyncio.to_thread(self._spool.inbox.open_messages, BATCH, self._clock()):
            try:
                await self._advance(message)
            except (HubUnreachable, SignInRefused):
                raise
            except GatewayError as error:
                await asyncio.to_thread(self._later, message, error)
            else:
                finished += 1
        return finished

    async def _advance(self, message: Incoming) -> None:
        """From the state it is in to the end. Each state is recorded when its step is done."""
        if message.state is InboxState.STORED:
            message = await self._receipt(message, InboxState.RECEIVED)
        if message.state is InboxState.RECEIVED:
            message = await self._stage(message)
        if message.state is InboxState.STAGED:
            message = await self._publish(message)
        if message.state is InboxState.WRITTEN:
            await self._receipt(message, InboxState.PROCESSED)
        elif message.state is InboxState.REJECTED:
            await self._receipt(message, InboxState.BUSINESS_ERROR)

    async def _stage(self, message: Incoming) -> Incoming:
        try:
            written = await self._opener.open(message)
        except BusinessError as error:
            return await self._reject(message, error)
        await self._transport.stage(written)
        return await self._move(message, InboxState.STAGED)

    async def _publish(self, message: Incoming) -> Incoming:
        try:
            written = await self._opener.open(message)
        except BusinessError as error:
            # Good when it was staged, withdrawn since (a crash lay between): the county is not given it any more.
            await self._transport.withdraw(message.message_id)
            return await self._reject(message, error)
        await self._transport.publish(written)
        return await self._move(message, InboxState.WRITTEN)

    async def _reject(self, message: Incoming, error: BusinessError) -> Incoming:
        errors = ({"code": error.code, "text": error.text[:_MOST_TEXT], "path": ""},)
        return await self._move(message, InboxState.REJECTED, errors=errors)

    async def _receipt(self, message: Incoming, state: InboxState) -> Incoming:
        try:
            receipt = await self._client.give_receipt(message.mailbox_id, state, message.digest, message.errors)
        except HubError as error:
            if error.status not in _GONE and error.code != _TAKEN_BACK:
                raise
            # Expired or withdrawn meanwhile. Before it was written back that is the end of it; afterwards what the
            # county was given stays, and nothing is owed to the hub any more.
            receipt = f"not taken: {error.code}"
            state = InboxState.WITHDRAWN if state is InboxState.RECEIVED else state
        return await self._move(message, state, receipt=receipt)

    async def _move(
        self,
        message: Incoming,
        state: InboxState,
        *,
        receipt: str | None = None,
        errors: Sequence[Mapping[str, str]] | None = None,
    ) -> Incoming:
        inbox = self._spool.inbox
        await asyncio.to_thread(
            inbox.move, message.message_id, message.state, state, now=self._clock(), receipt=receipt, errors=errors
        )
        moved = await asyncio.to_thread(inbox.get, message.message_id)
        if moved is None:
            raise GatewayError(f"mailbox message {message.message_id} vanished from the spool", code="stale-step")
        return moved

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
        await self._client.give_receipt(message.mailbox_id, InboxState.RECEIVED, message.digest)
        await self._client.give_receipt(message.mailbox_id, state, message.digest, errors)

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
            received_at=self._clock(),
            body=item.body,
        )
