"""Who may propose and approve a change that touches everybody: named staff of the hub, and two of them.

At the command line the hub takes the operator's word for who asks, as for everything that is done there; the log keeps
the names, and every attempt that was refused.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hub.errors import NotAllowed, Refused
from hub.runtime import Hub
from hub.services.accounts import ADMINISTRATOR, STEWARD, SUPERVISOR, is_closed
from hub.storage import accounts, audit
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

ROLES = frozenset({STEWARD, SUPERVISOR, ADMINISTRATOR})


async def staff(hub: Hub, connection: AsyncConnection, name: str, roles: frozenset[str] = ROLES) -> str:
    """The name, if it is of somebody who may. Raises NotAllowed `role-missing`."""
    account = await accounts.by_name(connection, hub.vault, name.strip().lower())
    if account is None or is_closed(account, hub.now()):
        raise NotAllowed("role-missing", f"Nobody who may sign in is named {name!r}; `hub user add` makes an account.")
    if account.member_id is not None or not roles & set(account.roles):
        raise NotAllowed(
            "role-missing",
            f"{name} is no {' or '.join(sorted(roles))} of the hub itself, and this concerns all regions.",
        )
    return account.name


@asynccontextmanager
async def noted(hub: Hub, attempt: str, by: str, **content: Any) -> AsyncIterator[None]:
    """Leave a refused attempt in the log; what it had begun to write is undone before."""
    try:
        yield
    except Refused as refused:
        act = Act("refuse-" + attempt, by, {**content, "code": refused.code}, hub.now())
        async with hub.database.begin() as connection:
            await audit.append(connection, hub.vault, [act])
        raise
