"""What is sent: bytes, or a file that is read while it is sent, so that a large one is never in memory whole.

A digest is taken before anything is sent; a file that changes meanwhile is refused by the hub, which takes its own.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PART: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file to send; `size` in bytes and its SHA-256, as they were when it was looked at."""

    path: Path
    size: int
    sha256: bytes

    @classmethod
    async def of(cls, path: Path) -> Self:
        """Look at the file once, reading all of it. Raises OSError."""
        return cls(path, *await asyncio.to_thread(_measured, path))

    async def parts(self) -> AsyncIterator[bytes]:
        """Its content from the beginning, each time anew; never more than `size`."""
        left = self.size
        file = await asyncio.to_thread(self.path.open, "rb")
        try:
            while left and (part := await asyncio.to_thread(file.read, min(_PART, left))):
                left -= len(part)
                yield part
        finally:
            file.close()


Sent = bytes | FileBody


def sha256_of(content: Sent) -> bytes:
    """The SHA-256 of what is sent."""
    return content.sha256 if isinstance(content, FileBody) else hashlib.sha256(content).digest()


def digest_of(content: Sent) -> str:
    """`sha-256:<hex>`, the form in which digests travel inside documents."""
    return f"sha-256:{sha256_of(content).hex()}"


def content_digest(content: Sent) -> str:
    """RFC 9530 Content-Digest."""
    return f"sha-256=:{base64.b64encode(sha256_of(content)).decode()}:"


def _measured(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return file.tell(), digest
