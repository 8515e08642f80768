"""A stored document as a seekable file, for readers that know nothing of a database.

Fetches one sealed part at a time and keeps the last two, so memory does not grow with the document. Made for a worker
thread: `fetch` may block.
"""

import io
from collections.abc import Callable
from typing import BinaryIO

from hub.domain.messages import PART_BYTES

_KEPT = 2


class _Parts(io.RawIOBase):
    def __init__(self, size: int, fetch: Callable[[int], bytes]) -> None:
        self._size, self._fetch, self._at = size, fetch, 0
        self._cache: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        index, offset = divmod(self._at, PART_BYTES)
        piece = self._part(index)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _part(self, index: int) -> bytes:
        if index not in self._cache:
            while len(self._cache) >= _KEPT:
                self._cache.pop(next(iter(self._cache)))
            self._cache[index] = self._fetch(index)
        return self._cache[index]


def open_document(size: int, fetch: Callable[[int], bytes]) -> BinaryIO:
    """The document of `size` bytes whose part n (all but the last of PART_BYTES) `fetch(n)` gives."""
    return io.BufferedReader(_Parts(size, fetch), buffer_size=256 * 1024)
