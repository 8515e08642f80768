"""Whether a certificate still counts: the hub's status lists, fetched, verified and kept for a short while.

Fails closed: without a current list nothing is taken for valid. Only lists at our own hub are fetched, whatever a certificate names.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from adapters.client.calls import HubClient
from adapters.client.clock import Clock
from adapters.client.receipts import hub_key
from adapters.errors import TrustError
from certs import tokens
from certs.errors import CertsError, StatusUnavailable
from certs.status import Standing, StatusList, StatusRef
from certs.trust import STATUS, TrustList

_PATH = re.compile(r"/status/[A-Za-z0-9_-]{1,100}$")
FRESH = timedelta(minutes=1)


class StatusLists:
    """A small cache of verified lists, by URI."""

    def __init__(self, client: HubClient, hub: str, clock: Clock) -> None:
        self._client = client
        self._hub = hub
        self._clock = clock
        self._lists: dict[str, tuple[datetime, StatusList]] = {}

    async def fetch(self, ref: StatusRef, trust: TrustList) -> None:
        """Make sure that the list of `ref` is at hand and fresh. Raises TrustError, HubError."""
        now = self._clock()
        held = self._lists.get(ref.uri)
        if held is not None and now - held[0] < FRESH:
            return
        token = (await self._client.status_list(_path(ref.uri))).decode("ascii", "replace").strip()
        try:
            kid = tokens.take_apart(token, max_bytes=24 << 20).kid
            key = hub_key(trust, kid, self._hub, now, typ=STATUS)
            newest = held[1].issued_at if held else None
            found = StatusList.verify(token, key, now, uri=ref.uri, newest=newest)
        except CertsError as error:
            raise TrustError(f"the status list is not accepted: {error.message.en}", code=error.code) from error
        self._lists[ref.uri] = (now, found)

    def standing(self, ref: StatusRef) -> Standing:
        """What the list at hand says. Raises StatusUnavailable and its kin."""
        held = self._lists.get(ref.uri)
        if held is None:
            raise StatusUnavailable("the list was not fetched")
        return held[1].standing(ref, self._clock())


def _path(uri: str) -> str:
    """The list's path at our hub. Where else the address points does not matter: the list itself says, signed, which one it is."""
    found = _PATH.search(urlsplit(uri).path)
    if found is None:
        raise TrustError("the certificate names no status list of the hub's form", code="foreign-status-list")
    return found.group()
