"""Whether certificates still count: two bits for each, in lists of a million and more, fetched whole (Token Status List).

Revoked and superseded are final. A list says which list it is (`sub`), when it was made and until when it may be used;
a reader decompresses it within bounds. Which index a certificate gets is drawn at random, so that neighbours in the
list are not neighbours in time.
"""

import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, Self

from certs import tokens
from certs.encoding import b64url, unb64url
from certs.errors import (
    MalformedStatusList,
    MalformedToken,
    NotYetValid,
    RollbackRefused,
    StatusFinal,
    StatusListStale,
    StatusUnavailable,
)
from certs.instants import SKEW, instant, seconds, utc
from certs.keys import Signer, VerifyKey

TYP: Final = "statuslist+jwt"
SIZE: Final = 1 << 20
"""Indexes of a list: large enough that fetching one says nothing about whose certificate is looked up."""

TTL: Final = timedelta(hours=12)
_BITS: Final = 2
_MAX_SIZE: Final = 1 << 26
_MAX_TOKEN: Final = 24 << 20


class Status(IntEnum):
    """What two bits can say."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    SUPERSEDED = 3


_FINAL: Final = frozenset({Status.REVOKED, Status.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class StatusRef:
    """Where a certificate's status is found."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A certificate's status, and the moment it was true."""

    status: Status
    as_of: datetime


def draw_index(size: int = SIZE) -> int:
    """A random index; the caller's unique key decides whether it is still free."""
    return secrets.randbelow(size)


def check_change(old: Status, new: Status) -> None:
    """StatusFinal if a certificate that was revoked or superseded is to change again."""
    if old in _FINAL and new is not old:
        raise StatusFinal(f"{old.name.lower()} stays {old.name.lower()}")


class StatusList:
    """One list. `issued_at` and `expires_at` are set on a list that was verified."""

    __slots__ = ("_bits", "expires_at", "issued_at", "size", "uri")

    def __init__(self, uri: str, size: int = SIZE, statuses: Mapping[int, Status] | None = None) -> None:
        if not 4 <= size <= _MAX_SIZE or size % 4:
            raise ValueError("a list has a multiple of four indexes")
        self.uri = uri
        self.size = size
        self.issued_at: datetime | None = None
        self.expires_at: datetime | None = None
        self._bits = bytearray(size // 4)
        for index, status in (statuses or {}).items():
            self.set(index, status)

    def get(self, index: int) -> Status:
        """The status at an index; MalformedStatusList if the list is shorter."""
        if not 0 <= index < self.size:
            raise MalformedStatusList(f"no index {index} in a list of {self.size}")
        return Status(self._bits[index >> 2] >> ((index & 3) << 1) & 3)

    def set(self, index: int, status: Status) -> None:
        """Change a status; StatusFinal if it was revoked or superseded."""
        check_change(self.get(index), status)
        shift = (index & 3) << 1
        self._bits[index >> 2] = self._bits[index >> 2] & ~(3 << shift) | status << shift

    def standing(self, ref: StatusRef, now: datetime) -> Standing:
        """What a verified list says of a certificate; StatusUnavailable if this is another list, StatusListStale."""
        if ref.uri != self.uri:
            raise StatusUnavailable("the certificate is in another list")
        return Standing(self.get(ref.index), self.check_current(now))

    def sign(self, signer: Signer, now: datetime, *, ttl: timedelta = TTL) -> str:
        """The list as a JWT, usable for `ttl` from `now`."""
        claims = {
            "sub": self.uri,
            "iat": seconds(now),
            "exp": seconds(now + ttl),
            "ttl": int(ttl.total_seconds()),
            "status_list": {"bits": _BITS, "lst": b64url(zlib.compress(bytes(self._bits), 9))},
        }
        return tokens.sign(claims, typ=TYP, signer=signer)

    @classmethod
    def verify(
        cls, token: str, key: VerifyKey, now: datetime, *, uri: str | None = None, newest: datetime | None = None
    ) -> Self:
        """Read a list signed by `key`: the one at `uri` if given, made no earlier than `newest` if one was seen before.

        Raises MalformedStatusList, BadSignature and its kin, NotYetValid, StatusListStale, RollbackRefused.
        """
        try:
            claims = tokens.verify(token, key, typ=TYP, max_bytes=_MAX_TOKEN)
        except MalformedToken as error:
            raise MalformedStatusList(error.detail) from None
        found = cls._read(claims)
        if uri is not None and found.uri != uri:
            raise MalformedStatusList("this is another list")
        made = found.check_current(now)
        if newest is not None and made < utc(newest):
            raise RollbackRefused("an older status list than the one already seen")
        return found

    def check_current(self, now: datetime) -> datetime:
        """When a verified list was made; StatusListStale or NotYetValid if it may not be relied on now."""
        if self.issued_at is None or self.expires_at is None:
            raise StatusListStale("the list was never verified")
        if self.issued_at > now + SKEW:
            raise NotYetValid("the status list is from the future")
        if now >= self.expires_at:
            raise StatusListStale
        return self.issued_at

    @classmethod
    def _read(cls, claims: dict[str, Any]) -> Self:
        match claims:
            case {"sub": str(uri), "iat": iat, "exp": exp, "status_list": {"bits": 2, "lst": str(lst)}}:
                packed = _inflate(lst)
            case _:
                raise MalformedStatusList("sub, iat, exp and a list of two bits each are needed")
        found = cls(uri, len(packed) * 4)
        found._bits[:] = packed
        try:
            found.issued_at, found.expires_at = instant(iat), instant(exp)
        except ValueError as error:
            raise MalformedStatusList(str(error)) from None
        return found


def _inflate(lst: str) -> bytes:
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(unb64url(lst), _MAX_SIZE // 4)
    except (ValueError, zlib.error):
        raise MalformedStatusList("the list cannot be decompressed") from None
    if not stream.eof or stream.unconsumed_tail or stream.unused_data or not packed:
        raise MalformedStatusList("the list is cut short, too long or empty")
    return packed
