"""Reads every source of the county once: consents first, then persons, then what refers to them, then consents again.

The second look at the consents is what lets a report go: every consent that the county had when the report was read is in the spool by
then. How far that holds is a sequence number in the spool, moved only when a look was complete.
"""

import asyncio
from collections.abc import Sequence

from adapters.gateway.intake import Intake
from adapters.gateway.records import Source
from adapters.gateway.submitting import CONSENTS_READ
from adapters.gateway.transport import Transport
from mappings import vocabulary


class Intaking:
    """The step between the county and the spool."""

    def __init__(self, transport: Transport, sources: Sequence[Source], intake: Intake) -> None:
        self._transport = transport
        self._consents = [source for source in sources if source.kind == vocabulary.CONSENT]
        self._others = [source for source in sources if source.kind != vocabulary.CONSENT]
        self._intake = intake

    async def cycle(self) -> int:
        """Read everything once; the number of new messages. `complete` tells whether something is still being written."""
        stored, _ = await self.look()
        return stored

    async def look(self) -> tuple[int, bool]:
        """(new messages, whether all the county had is in the spool now)."""
        stored, complete = await self._read_consents()
        for source in self._others:
            reading = await self._transport.read(source, self._intake)
            stored += reading.stored
            complete = complete and reading.complete
        if self._consents and self._others:
            again, still_complete = await self._read_consents()
            stored += again
            complete = complete and still_complete
        return stored, complete

    async def _read_consents(self) -> tuple[int, bool]:
        if not self._consents:
            return 0, True
        spool = self._intake.spool
        through = await asyncio.to_thread(spool.outgoing.last_seq)
        stored, complete = 0, True
        for source in self._consents:
            reading = await self._transport.read(source, self._intake)
            stored += reading.stored
            complete = complete and reading.complete
        if complete and int(await asyncio.to_thread(spool.cursor, CONSENTS_READ) or 0) < through:
            await asyncio.to_thread(spool.set_cursor, CONSENTS_READ, str(through))
        return stored, complete
