"""What somebody who is signed in was not allowed to do: a leaf for each attempt, whichever page or part refused it."""

from hub.errors import MissingScope, NotAllowed
from hub.runtime import Hub
from hub.services.sessions import User
from hub.storage import audit
from hub.storage.audit import Act


async def note_scope(hub: Hub, name: str, denial: MissingScope) -> None:
    """A token of the member `name` did not open something."""
    content = {"reason": denial.code, "scope": denial.scope}
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [Act("refuse", name, content, hub.now())])


async def note(hub: Hub, user: User, attempt: str, denial: NotAllowed) -> None:
    """`attempt` is what was asked for, without a word of any form."""
    if denial.noted:
        return
    content = {"attempt": attempt, "reason": denial.code, "region": user.region}
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [Act("refuse", user.name, content, hub.now())])
