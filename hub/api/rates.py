"""How often one address may ask what needs no sign-in but costs the hub a signature check and leaves traces.

Each process counts for itself. Behind a proxy the address is the one that the web server takes from the header
of a proxy it trusts.
"""

import math
from typing import Annotated, Final
from weakref import WeakKeyDictionary

from fastapi import Depends, Request

from hub.api.context import TheHub
from hub.domain.rates import Rates, place_of
from hub.errors import TooMany
from hub.runtime import Hub
from hub.services.senders import sender_of
from hub.storage.database import Database

_MINUTE: Final = 60.0
_verifying: WeakKeyDictionary[Database, Rates] = WeakKeyDictionary()


def admit(request: Request, hub: Hub) -> None:
    """Count one request of a stranger. Raises TooMany."""
    rates = _verifying.setdefault(hub.database, Rates(hub.settings.verify_per_minute, _MINUTE))
    host = request.client.host if request.client else ""
    sender = sender_of(host, request.headers.get("x-forwarded-for", ""))
    wait = rates.wait(place_of(sender), hub.now())
    if wait:
        raise TooMany("Too many checks came from this address; try again.", retry_after=math.ceil(wait))


async def _admitted(request: Request, hub: TheHub) -> None:
    admit(request, hub)


Admitted = Annotated[None, Depends(_admitted)]
