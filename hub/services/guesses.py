"""Failed sign-ins: who is made to wait, and what the log keeps of it.

Whoever guesses is locked out by account and address, so that a stranger locks out nobody but himself; over all addresses
an account takes `MOST` failures in `WINDOW` seconds. The log has the first failure and each lock, never each try. What
is remembered by address is this process's own; the bound over all addresses is in the database.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from hub.domain.rates import Counted, Delays, Rates, place_of
from hub.errors import TooMany
from hub.runtime import Hub
from hub.storage import accounts, audit
from hub.storage.accounts import Account
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, Database

FREE_TRIES: Final = 5
FIRST_LOCK: Final = 60.0
LONGEST_LOCK: Final = 3600.0
MOST, WINDOW = 100, 3600.0
TRIES_A_MINUTE: Final = 30
"""Of one address, whatever the names: offices share an address."""

_LEAVES_OF_ONE, _LEAVES, _HOUR = 30, 600, 3600.0
_ALL: Final = "all"


class _Remembered:
    """What this process remembers of one hub's strangers."""

    def __init__(self) -> None:
        self.delays = Delays(FREE_TRIES, FIRST_LOCK, LONGEST_LOCK)
        self.tries = Rates(TRIES_A_MINUTE, 60.0)
        self.leaves_of_one = Rates(_LEAVES_OF_ONE, _HOUR)
        self.leaves = Rates(_LEAVES, _HOUR)
        self.full = Rates(1, WINDOW)


_remembered: WeakKeyDictionary[Database, _Remembered] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Guess:
    """One try to sign in, counted as failed until `forgive`; `account` is None where there is none or it must wait."""

    account: Account | None
    name: bytes
    place: str
    counted: Counted
    full: bool
    key: tuple[bytes, str, bytes]


def _memory(hub: Hub) -> _Remembered:
    return _remembered.setdefault(hub.database, _Remembered())


def admit(hub: Hub, address: str) -> None:
    """Raises TooMany when one address tries too often, under whatever names."""
    wait = _memory(hub).tries.wait(place_of(address), hub.now())
    if wait:
        raise TooMany("Too many tries to sign in came from this address; wait a moment.", retry_after=int(wait) + 1)


async def count(hub: Hub, connection: AsyncConnection, name: str, address: str) -> Guess:
    """Count a try before its password is looked at; for a name that nobody has, the same is done.

    A new password is a new lock: whoever had the password set is not kept waiting for what strangers did.
    """
    now, place = hub.now(), place_of(address)
    blind = hub.vault.blind("sign-in-name", name)
    known = await accounts.by_name(connection, hub.vault, name)
    password = hashlib.sha256((known.password_hash if known else "").encode()).digest()
    key = (blind, place, password)
    counted = _memory(hub).delays.count(key, now)
    wanted = name if counted.admitted else None
    account = await accounts.count_try(connection, hub.vault, wanted, now=now, most=MOST, seconds=WINDOW)
    full = counted.admitted and known is not None and account is None
    return Guess(account, blind, place, counted, full, key)


def forgive(hub: Hub, guess: Guess) -> None:
    """It was who it said."""
    _memory(hub).delays.forget(guess.key)


async def note(hub: Hub, guess: Guess) -> None:
    """Leave in the log what is new: a first failure, a lock that begins, an account that takes no more tries.

    What was typed as a name may be a password, so only its blind index is kept, and the address's likewise.
    """
    now, memory, counted = hub.now(), _memory(hub), guess.counted
    content = {
        "name": guess.name.hex(),
        "from": hub.vault.blind("sign-in-address", guess.place).hex(),
        "tries": counted.failures,
    }
    if guess.full and not memory.full.wait(guess.name, now):
        act = Act("sign-in-locked", "console", content | {"seconds": WINDOW, "from": _ALL, "tries": MOST}, now)
    elif counted.lock:
        act = Act("sign-in-locked", "console", content | {"seconds": counted.lock}, now)
    elif counted.admitted and counted.failures == 1:
        act = Act("sign-in-failed", "console", content, now)
    else:
        return
    if memory.leaves_of_one.wait(guess.place, now) or memory.leaves.wait(_ALL, now):
        return
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [act])
