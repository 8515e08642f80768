"""Which resources the lines of an import are, and which their references mean: from ids at their sender to those of the hub.

A line with a number is the record of that number; any other is what had its id before, else what the hub knows by that id,
else new. What a reference names may be in the same batch, in an earlier one, or stored long before; one that names nothing
the hub knows yet stays as it was sent, and is told.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from hub.runtime import Hub
from hub.services.blinds import ALIAS, RECORD_KEY
from hub.services.preparing import Prepared, Ready
from hub.storage import aliases, resources, versions
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member

_REFERENCE: Final = re.compile(rb'"reference":"([A-Z][A-Za-z]{2,63})/([A-Za-z0-9\-.]{1,64})"')
"""A relative one without a version. In a text its quotes would be escaped: nothing else reads like it."""
Name = tuple[str, str]
"""A resource as its sender names it: (type, id)."""


async def named(hub: Hub, connection: AsyncConnection, member: Member, batch: Prepared) -> Prepared:
    """The batch, each resource under the id that it has or is given, and its references led to such ids.

    The member's lock is taken, so that nothing comes in between.
    """
    await resources.lock_member(connection, member.id)
    meant = [_meant(one) for one in batch.ready]
    wanted = {(one.type, one.source_id) for one in batch.ready} | {name for names in meant for name in names}
    known = await _known(hub, connection, member, wanted)
    ready = await _settled(hub, connection, member, batch.ready, known)
    here = {(one.type, one.source_id): one.id for one in ready if one.id is not None}
    await aliases.put(connection, {_blind(hub, member, name): id_ for name, id_ in here.items()})
    ids = {**{name: id_ for name, (id_, _) in known.items()}, **here}
    made = [_led(one, ids) if names else one for one, names in zip(ready, meant, strict=True)]
    left = [
        _unknown(one.row, name) for one, names in zip(ready, meant, strict=True) for name in names if name not in ids
    ]
    return replace(batch, ready=made, issues=[*batch.issues, *left])


def _meant(one: Ready) -> list[Name]:
    """What a resource refers to, each once."""
    return sorted({(type_.decode(), id_.decode()) for type_, id_ in _REFERENCE.findall(one.body)})


def _blind(hub: Hub, member: Member, name: Name) -> bytes:
    return hub.vault.blind(ALIAS, member.name, *name)


async def _known(
    hub: Hub, connection: AsyncConnection, member: Member, wanted: Iterable[Name]
) -> dict[Name, tuple[UUID, bytes]]:
    """(id, blind index of its key) of those that are there: under the id of an earlier import, or under the hub's own."""
    values = {name: _blind(hub, member, name) for name in wanted}
    stored = await aliases.find(connection, values.values())
    ids = {name: id_ for name, value in values.items() if (id_ := stored.get(value) or _uuid(name[1])) is not None}
    there = await versions.keys_of(connection, member.id, list(set(ids.values())))
    return {name: (id_, there[id_][1]) for name, id_ in ids.items() if id_ in there and there[id_][0] == name[0]}


async def _settled(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    ready: Sequence[Ready],
    known: Mapping[Name, tuple[UUID, bytes]],
) -> list[Ready]:
    """The resources under their ids: of one number, or of one id at the sender, there is one."""
    numbered = await _numbered(hub, connection, member, [one for one in ready if one.key])
    fresh: dict[Name, UUID] = {}
    found = []
    for one in ready:
        name = (one.type, one.source_id)
        if one.key:
            found.append(one._replace(id=numbered[one.type, one.key]))
        elif name in known:
            id_, key = known[name]
            found.append(one._replace(id=id_, record_key=key))
        else:
            id_ = fresh.setdefault(name, new_id())
            found.append(one._replace(id=id_, key=str(id_)))
    return found


async def _numbered(hub: Hub, connection: AsyncConnection, member: Member, ready: Iterable[Ready]) -> dict[Name, UUID]:
    """The ids of the records of these numbers, new ones for those that are not there."""
    by_type: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    for one in ready:
        by_type[one.type][one.key] = hub.vault.blind(RECORD_KEY, member.name, one.type, one.key)
    found: dict[Name, UUID] = {}
    for type_, keys in by_type.items():
        stored = await resources.by_keys(connection, member.id, type_, list(keys.values()))
        found |= {(type_, number): stored.get(key) or new_id() for number, key in keys.items()}
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _led(one: Ready, ids: Mapping[Name, UUID]) -> Ready:
    def there(found: re.Match[bytes]) -> bytes:
        id_ = ids.get((found[1].decode(), found[2].decode()))
        return found[0] if id_ is None else b'"reference":"%b/%b"' % (found[1], str(id_).encode())

    body = _REFERENCE.sub(there, one.body)
    if body == one.body:
        return one
    return one._replace(body=body, digest=hashlib.sha256(body).digest())


def _unknown(row: int, name: Name) -> dict[str, Any]:
    """Told, not an error: what is meant may come later, or be another member's."""
    return {
        "row": row,
        "column": name[0],
        "code": "reference-unknown",
        "severity": "warning",
        "text": f"A reference to a {name[0]} names no resource of yours that the hub has. It is kept as it was sent; put what "
        "is referred to in front.",
        "text_zh": f"对 {name[0]} 的引用未指向中心已有的资源，按原样保存。请将被引用的资源放在前面。",
        "value": f"{name[0]}/{name[1]}",
    }
