"""The trust list as a client holds it: fetched, verified against the pinned roots, never older than the last one seen.

It is kept in memory for as long as the client lives. Whoever has to remember it longer keeps it as the gateway does.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from adapters.client.calls import HubClient
from adapters.client.clock import Clock
from adapters.errors import TrustError
from certs.errors import CertsError, TrustListStale
from certs.keys import VerifyKey
from certs.trust import TrustList

FRESH: Final = timedelta(minutes=5)


class HeldTrust:
    """The newest verified list; of no use without roots."""

    def __init__(self, roots: Collection[VerifyKey], threshold: int, clock: Clock) -> None:
        self._roots = list(roots)
        self._threshold = threshold
        self._clock = clock
        self._list: TrustList | None = None
        self._fetched: datetime | None = None
        self._lock = asyncio.Lock()

    def need_roots(self) -> None:
        """Raises TrustError where nothing could ever be verified: better before something is sent than after it."""
        if len({root.kid for root in self._roots}) < max(1, self._threshold):
            text = "no receipt can be verified: give the client the hub's root keys (roots), as many as the threshold"
            raise TrustError(text, code="no-roots")

    async def refresh(self, calls: HubClient, *, anew: bool = False) -> TrustList:
        """A list not older than a few minutes, or a new one. Raises HubError, TrustError; the list held before stays in use."""
        self.need_roots()
        async with self._lock:
            now = self._clock()
            if anew or self._fetched is None or self._list is None or now - self._fetched >= FRESH:
                self._list = await asyncio.to_thread(self._verify, await calls.trust_list())
                self._fetched = now
            return self._list

    def current(self) -> TrustList:
        """The list to work with now. Raises TrustError if there is none that may still be used."""
        if self._list is None:
            raise TrustError("no trust list was fetched yet", code="no-trust-list")
        try:
            self._list.check_current(self._clock())
        except TrustListStale as error:
            raise TrustError("the trust list is out of date and the hub gives no newer one", code=error.code) from error
        return self._list

    def _verify(self, data: bytes) -> TrustList:
        seen = self._list
        try:
            return TrustList.verify(
                data,
                self._roots,
                self._threshold,
                now=self._clock(),
                last_version=seen.version if seen else 0,
                last_digest=seen.digest if seen else None,
            )
        except CertsError as error:
            raise TrustError(f"the trust list is not accepted: {error.message.en}", code=error.code) from error
