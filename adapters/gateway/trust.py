"""The trust list as the gateway holds it: fetched, verified against the pinned roots, never older than the last one seen.

The last verified list lies in a file, so that a gateway can start while the hub is away; its version and digest are kept in the spool,
so that an older or a different list is refused even if that file is lost or replaced.
"""

import asyncio
import json
from collections.abc import Collection
from pathlib import Path

import structlog

from adapters.client.calls import HubClient
from adapters.client.clock import Clock
from adapters.errors import ConfigError, TrustError
from adapters.gateway.config import TrustSettings
from adapters.gateway.durable import write_file
from adapters.gateway.spool import Spool
from certs.errors import CertsError, TrustListStale
from certs.keys import VerifyKey
from certs.trust import TrustList

log = structlog.get_logger("gateway")

_SEEN = "trust-list"


def load_roots(settings: TrustSettings) -> list[VerifyKey]:
    """The pinned root keys from their JWKS file. Raises ConfigError."""
    try:
        document = json.loads(settings.roots_file.read_text(encoding="utf-8"))
        roots = [VerifyKey.from_jwk(jwk) for jwk in document["keys"]]
    except OSError as error:
        raise ConfigError(f"trust.roots_file {settings.roots_file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, CertsError) as error:
        raise ConfigError(f"trust.roots_file {settings.roots_file} is not a JWKS of root keys") from error
    if len({root.kid for root in roots}) < settings.threshold:
        raise ConfigError(f"trust.roots_file holds {len(roots)} keys, but trust.threshold is {settings.threshold}")
    return roots


class TrustStore:
    """The newest verified list. `current` never gives a list that is out of date."""

    def __init__(
        self,
        roots: Collection[VerifyKey],
        threshold: int,
        spool: Spool,
        file: Path,
        clock: Clock,
        *,
        member: str,
        kids: Collection[str],
    ) -> None:
        """`kids` are the keys that `member`, whose gateway this is, holds: a list that names others as its own is refused."""
        self._member = member
        self._kids = frozenset(kids)
        self._roots = roots
        self._threshold = threshold
        self._spool = spool
        self._file = file
        self._clock = clock
        self._list: TrustList | None = None

    async def refresh(self, client: HubClient) -> TrustList:
        """Fetch and take over the hub's list. Raises HubError, TrustError; the list held before stays in use."""
        data = await client.trust_list()
        return await asyncio.to_thread(self._take, data)

    def _take(self, data: bytes) -> TrustList:
        found = self._verify(data)
        self._spool.set_cursor(_SEEN, json.dumps({"version": found.version, "digest": found.digest}))
        write_file(self._file, data, mode=0o600)
        self._list = found
        return found

    def _verify(self, data: bytes) -> TrustList:
        seen = json.loads(self._spool.cursor(_SEEN) or "{}")
        try:
            found = TrustList.verify(
                data,
                self._roots,
                self._threshold,
                now=self._clock(),
                last_version=int(seen.get("version", 0)),
                last_digest=seen.get("digest"),
            )
        except CertsError as error:
            raise TrustError(f"the trust list is not accepted: {error.message.en}", code=error.code) from error
        self._check_own(found)
        return found

    def _check_own(self, found: TrustList) -> None:
        """Nobody may sign or be sealed for in our name. Keys whose time is over, or that were reported stolen, do no harm."""
        now = self._clock()
        listed = [key for member in found.members if member.name == self._member for key in member.keys]
        foreign = [
            key.kid for key in listed if key.kid not in self._kids and key.compromised_at is None and now < key.naf
        ]
        if foreign:
            log.error("a key that is not ours is published in our name", member=self._member, keys=foreign)
            text = (
                f"the trust list names keys as ours that were not in the key folder at the start: {', '.join(foreign)}"
            )
            raise TrustError(text, code="foreign-key")

    def current(self) -> TrustList:
        """The list to work with now; TrustError if there is none that may still be used."""
        if self._list is None and self._file.exists():
            self._list = self._verify(self._file.read_bytes())
        if self._list is None:
            raise TrustError("no trust list was fetched yet", code="no-trust-list")
        try:
            self._list.check_current(self._clock())
        except TrustListStale as error:
            raise TrustError("the trust list is out of date and the hub gives no newer one", code=error.code) from error
        return self._list
