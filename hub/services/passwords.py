"""Passwords as Argon2id hashes, computed in threads and never more than a few at once.

A hash costs 64 MiB and some 50 ms on purpose; a flood of sign-ins waits in line, and beyond the line is told to wait.
"""

import asyncio
from functools import cache
from weakref import WeakKeyDictionary

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.errors import Invalid, Unavailable

UNUSABLE = "!"
SHORTEST, LONGEST = 10, 256
_HASHER = PasswordHasher()
_AT_ONCE, _IN_LINE = 2, 20


class _Line:
    """Bounds how many hashes are computed and how many may wait."""

    def __init__(self) -> None:
        self._waiting = 0
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, hash_: str | None, password: str) -> bool:
        if self._waiting >= _IN_LINE:
            raise Unavailable("too-many", "Many people are signing in at this moment; try again.", retry_after=5)
        slots = self._slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))
        self._waiting += 1
        try:
            async with slots:
                return await asyncio.to_thread(_matches, hash_, password)
        finally:
            self._waiting -= 1


_LINE = _Line()


@cache
def _decoy() -> str:
    """Compared against where there is no hash, so that an unknown name takes as long as a known one."""
    return _HASHER.hash("nobody has this password")


def _matches(hash_: str | None, password: str) -> bool:
    try:
        _HASHER.verify(hash_ or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return hash_ is not None


async def verify(hash_: str, password: str) -> bool:
    """Is it the password? An unusable hash costs the same and is never matched. Raises Unavailable `too-many`."""
    usable = hash_ != UNUSABLE and len(password) <= LONGEST
    return await _LINE.run(hash_ if usable else None, password[:LONGEST])


async def hash_new(password: str) -> str:
    """The hash of a password that somebody chose. Raises Invalid `weak-password`."""
    if not SHORTEST <= len(password) <= LONGEST or len(set(password)) < 5:
        raise Invalid(
            "weak-password", f"A password has {SHORTEST} to {LONGEST} characters, at least five of them different."
        )
    return await hash_again(password)


async def hash_again(password: str) -> str:
    """The hash of a password already accepted, with today's cost."""
    return await asyncio.to_thread(_HASHER.hash, password)


def is_outdated(hash_: str) -> bool:
    """Was it made with lower costs than today's?"""
    return _HASHER.check_needs_rehash(hash_)
