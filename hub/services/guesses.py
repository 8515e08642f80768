"""Failed sign-ins: who is made to wait, and what the log keeps of it.

Whoever guesses is locked out by account and address: a stranger at one address, or in one /48 of IPv6, locks out nobody
elsewhere. Over all addresses an account takes `MOST` failures in `WINDOW` seconds, which a stranger with many addresses
can use up; an address from which somebody signed in to the account within `KNOWN_FOR` is let through all the same. The
log has the first failure and each lock, never each try. What is remembered by address is this process's own; the bound
over all addresses is in the database.
"""

import hashlib
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
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
FREE_TRIES_OF_48: Final = 10
"""More than one address has: those who share a /48 may be strangers to each other."""
FIRST_LOCK: Final = 60.0
LONGEST_LOCK: Final = 3600.0
MOST, WINDOW = 100, 3600.0
TRIES_A_MINUTE: Final = 30
"""Of one address, whatever the names: offices share an address."""

KNOWN_FOR: Final = timedelta(days=30)
_MOST_KNOWN: Final = 20_000
_NO_BOUND: Final = 1000
"""Times `MOST`: an address that is known has its own locks, and never comes near."""
_LEAVES_OF_ONE, _LEAVES, _HOUR = 30, 600, 3600.0
_ALL: Final = "all"


class _Remembered:
    """What this process remembers of one hub's strangers."""

    def __init__(self) -> None:
        self.delays = Delays(FREE_TRIES, FIRST_LOCK, LONGEST_LOCK)
        self.delays_of_48 = Delays(FREE_TRIES_OF_48, FIRST_LOCK, LONGEST_LOCK)
        self.known: OrderedDict[tuple[bytes, str], datetime] = OrderedDict()
        self.tries = Rates(TRIES_A_MINUTE, 60.0)
        self.leaves_of_one = Rates(_LEAVES_OF_ONE, _HOUR)
        self.leaves = Rates(_LEAVES, _HOUR)
        self.full = Rates(1, WINDOW)

    def count(self, name: bytes, place: str, password: bytes, now: datetime) -> Counted:
        """Count a try by its address, and one that is let through by its /48 too."""
        counted, wide = self.delays.count((name, place, password), now), _wide(place)
        if wide == place or not counted.admitted:
            return counted
        of_48 = self.delays_of_48.count((name, wide, password), now)
        return Counted(of_48.admitted, counted.failures, max(counted.lock, of_48.lock))

    def forget(self, name: bytes, place: str, password: bytes) -> None:
        """It was no failure after all."""
        self.delays.forget((name, place, password))
        self.delays_of_48.forget((name, _wide(place), password))

    def know(self, name: bytes, place: str, now: datetime) -> None:
        """Somebody signed in from there; bounded, the one longest ago goes first."""
        self.known[name, place] = now
        self.known.move_to_end((name, place))
        while len(self.known) > _MOST_KNOWN:
            self.known.popitem(last=False)

    def knows(self, name: bytes, place: str, now: datetime) -> bool:
        """Did somebody sign in to this account from there, not too long ago?"""
        at = self.known.get((name, place))
        return at is not None and now - at < KNOWN_FOR


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


def _wide(place: str) -> str:
    """The /48 of a /64, of which one customer may have many; any other place is itself."""
    try:
        return str(ipaddress.IPv6Network(place).supernet(new_prefix=48)) if place.endswith("/64") else place
    except ValueError:
        return place


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
    memory, key = _memory(hub), (blind, place, password)
    counted = memory.count(*key, now)
    wanted = name if counted.admitted else None
    times = _NO_BOUND if memory.knows(blind, place, now) else 1
    account = await accounts.count_try(
        connection, hub.vault, wanted, now=now, most=MOST * times, seconds=WINDOW * times
    )
    full = counted.admitted and known is not None and account is None
    return Guess(account, blind, place, counted, full, key)


def forgive(hub: Hub, guess: Guess) -> None:
    """It was who it said, whose address is known from now on."""
    _memory(hub).forget(*guess.key)
    _memory(hub).know(guess.name, guess.place, hub.now())


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
