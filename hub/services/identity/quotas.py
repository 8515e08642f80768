"""How many look-ups a member has: so many a minute whatever they find, and so many an hour that find nobody of another's.

The second is what stops guessing: a member that looks for people it knows of misses seldom. It depends on nothing that the
answers do not say anyway. Each process counts for itself.
"""

import math
from typing import Final
from weakref import WeakKeyDictionary

from hub.domain.rates import Rates
from hub.errors import TooMany
from hub.runtime import Hub
from hub.storage.database import Database
from hub.storage.members import Member

_all: Final[WeakKeyDictionary[Database, Rates]] = WeakKeyDictionary()
_misses: Final[WeakKeyDictionary[Database, Rates]] = WeakKeyDictionary()


def admit(hub: Hub, member: Member, purpose: str) -> None:
    """Count one look-up; with a purpose it may look beyond the member's own records. Raises TooMany."""
    now = hub.now()
    if purpose:
        wait = _rates_of_misses(hub).left(member.id, now)
        if wait:
            raise TooMany(
                "Too many look-ups among other members' records found nobody; go on later.",
                retry_after=math.ceil(wait),
                code="misses-used-up",
            )
    rates = _all.get(hub.database) or _all.setdefault(hub.database, Rates(hub.settings.look_ups_per_minute, 60.0))
    wait = rates.wait(member.id, now)
    if wait:
        raise TooMany("Too many look-ups in a short time; send it again.", retry_after=math.ceil(wait))


def missed(hub: Hub, member: Member) -> None:
    """Count a look-up beyond its own records that showed the member nobody there."""
    _rates_of_misses(hub).wait(member.id, hub.now())


def _rates_of_misses(hub: Hub) -> Rates:
    return _misses.get(hub.database) or _misses.setdefault(hub.database, Rates(hub.settings.misses_per_hour, 3600.0))
