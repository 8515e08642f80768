"""Sends what is READY, in order, and keeps the hub's signed receipt for each message.

A message counts as accepted only when its receipt is verified with the hub's key of the trust list and stored. A broken connection
leaves the outcome open: the hub is asked first, then the very same bytes are sent again under the same message id.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from adapters.client.bodies import digest_of
from adapters.client.calls import Accepted, HubClient, accepted_from
from adapters.client.clock import Clock
from adapters.client.receipts import SUBMISSION, Receipts
from adapters.errors import GatewayError, HubUnreachable, ReceiptRefused, SignInRefused, TrustError
from adapters.gateway.failures import Failures
from adapters.gateway.records import Item, Route, Source, State
from adapters.gateway.spool import Change, Spool
from mappings import vocabulary

BATCH = 64
CONSENTS_READ = "consents-read-through"


class Submitting:
    """The step between the spool and the hub."""

    def __init__(
        self,
        spool: Spool,
        client: HubClient,
        receipts: Receipts,
        failures: Failures,
        sources: Sequence[Source],
        clock: Clock,
        *,
        parallel: int,
        person_wait: timedelta,
    ) -> None:
        self._spool = spool
        self._client = client
        self._receipts = receipts
        self._failures = failures
        self._reads_consents = any(source.kind == vocabulary.CONSENT for source in sources)
        self._clock = clock
        self._parallel = asyncio.Semaphore(parallel)
        self._person_wait = person_wait

    async def cycle(self) -> int:
        """Send one batch; the number tried. Raises what concerns the connection rather than one message."""
        items = await asyncio.to_thread(self._next)
        sources = dict.fromkeys(item.source for item in items if item.route is Route.RAW)
        documents = [[i for i in items if i.route is Route.RAW and i.source == source] for source in sources]
        sealed = [[item] for item in items if item.route is not Route.RAW]
        for stage in (documents, sealed):
            results = await asyncio.gather(*(self._send_in_order(some) for some in stage), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        return len(items)

    async def _send_in_order(self, items: Sequence[Item]) -> None:
        """One after the other, ending with the first that is not accepted: a newer document never overtakes an older one."""
        for item in items:
            if not await self._send(item):
                return

    def _next(self) -> list[Item]:
        """What may go now. A report waits until every consent the county had when it was read has been dealt with at the hub."""
        now, outgoing = self._clock(), self._spool.outgoing
        through = 2**62
        if self._reads_consents:
            settled = outgoing.unsettled(vocabulary.CONSENT) is None
            through = int(self._spool.cursor(CONSENTS_READ) or 0) if settled else 0
        floor = outgoing.unsettled(vocabulary.PERSON, accepted_since=now - self._person_wait, held=False)
        return outgoing.to_submit(BATCH, now, consents_through=through, person_floor=floor)

    async def _send(self, item: Item) -> bool:
        """Send one message; False when it has to wait or was refused."""
        async with self._parallel:
            try:
                body = await asyncio.to_thread(self._spool.outgoing.body, item.seq)
                digest = digest_of(body)
                accepted = await self._known(item) or await self._submit(item, body)
                leaf = self._receipts.check(
                    accepted.receipt,
                    what=SUBMISSION,
                    id_=accepted.submission_id,
                    message_id=item.message_id,
                    digest=digest,
                )
            except HubUnreachable as error:
                if error.sent:
                    # The outcome is open; the attempt counts so that the next one asks before it sends.
                    await asyncio.to_thread(self._failures.of, item, error)
                raise
            except ReceiptRefused as error:
                await asyncio.to_thread(self._failures.of, item, error)
                return False
            except (SignInRefused, TrustError):
                raise
            except GatewayError as error:
                await asyncio.to_thread(self._failures.of, item, error)
                return False
            await asyncio.to_thread(self._accept, item, accepted, leaf)
            return True

    async def _known(self, item: Item) -> Accepted | None:
        """The acknowledgement of an earlier attempt whose answer was lost."""
        if item.attempts == 0 or item.error_code != "unavailable":
            return None
        found = await self._client.submission(item.message_id)
        return accepted_from(found) if found is not None else None

    async def _submit(self, item: Item, body: bytes) -> Accepted:
        raw = item.route is Route.RAW
        return await self._client.submit(
            body,
            message_id=item.message_id,
            content_type=item.content_type if raw else vocabulary.SEALED_MEDIA_TYPE,
            mapping=item.mapping if raw else None,
            file_name=item.file_name if raw else None,
            supersedes=item.supersedes,
        )

    def _accept(self, item: Item, accepted: Accepted, leaf: str) -> None:
        columns = {"submission_id": accepted.submission_id, "receipt": accepted.receipt}
        change = Change(item.seq, State.READY, State.ACCEPTED, f"receipt verified, log leaf {leaf[:16]}", columns)
        self._spool.outgoing.move([change], now=self._clock())
