"""Agreements between members: entered, ended and listed, each with its audit leaf."""

from uuid import UUID

from hub.domain.policy import KNOWN_KINDS, PURPOSES, Agreement
from hub.errors import Invalid, NotFound
from hub.runtime import Hub
from hub.storage import agreements, audit, members
from hub.storage.audit import Act
from hub.storage.members import Member
from mappings.vocabulary import PERSON

_OPERATOR = "operator"


async def parties(hub: Hub, sender: str, recipient: str) -> tuple[Member, Member]:
    """The two members by name. Raises NotFound, Invalid."""
    async with hub.database.read() as connection:
        found = [await members.by_name(connection, name) for name in (sender, recipient)]
    one, other = found
    if one is None or other is None:
        raise NotFound(f"There is no member named {sender if one is None else recipient}.")
    if one.id == other.id:
        raise Invalid("bad-agreement", "An agreement has two parties.")
    return one, other


async def enter(hub: Hub, title: str, made: Agreement) -> None:
    """Put an agreement into force. Raises Invalid for kinds or purposes that may not be exchanged, or no time."""
    unknown = sorted((made.kinds - KNOWN_KINDS) | (made.purposes - PURPOSES))
    if unknown or not made.kinds or not made.purposes:
        raise Invalid("bad-agreement", f"Not a record kind or purpose of the exchange: {', '.join(unknown) or 'none'}.")
    if made.bulk and (PERSON not in made.kinds or made.case_required):
        said = "Only records of kind person are exported together, and not where each needs a case."
        raise Invalid("bad-agreement", said)
    if made.valid_to <= made.valid_from:
        raise Invalid("bad-agreement", "An agreement ends after it begins.")
    content = {
        "agreement": str(made.id),
        "from": made.from_member,
        "to": made.to_member,
        "kinds": sorted(made.kinds),
        "purposes": sorted(made.purposes),
        "until": made.valid_to,
        "bulk": made.bulk,
    }
    async with hub.database.begin() as connection:
        await agreements.add(connection, title, made)
        await audit.append(connection, hub.vault, [Act("agree", _OPERATOR, content, hub.now())])


async def end(hub: Hub, agreement_id: UUID) -> None:
    """End an agreement now. Raises NotFound."""
    now = hub.now()
    async with hub.database.begin() as connection:
        if not await agreements.end(connection, agreement_id, now):
            raise NotFound("There is no agreement in force with that id.")
        content = {"agreement": str(agreement_id)}
        await audit.append(connection, hub.vault, [Act("end-agreement", _OPERATOR, content, now)])


async def listed(hub: Hub) -> list[tuple[str, Agreement, str, str]]:
    """(title, agreement, sender's name, recipient's name)."""
    async with hub.database.read() as connection:
        names = {member.id: member.name for member in await members.all_members(connection)}
        return [
            (title, found, names[found.from_member], names[found.to_member])
            for title, found in await agreements.listed(connection)
        ]
