"""Ids for rows: UUIDs of version 7 (RFC 9562), whose order in time keeps index pages together however large a table is."""

import os
import time
from uuid import UUID

_VERSION_AND_VARIANT = 0x7 << 76 | 0x2 << 62
_RANDOM = (1 << 76) - 1 ^ 0x3 << 62


def new_id() -> UUID:
    """A new id: 48 bits of Unix time in milliseconds and 74 random bits. Tells when it was made, and nothing else."""
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM
    return UUID(int=time.time_ns() // 1_000_000 << 80 | _VERSION_AND_VARIANT | random)
