"""Which resources the lines of an import are, and which their references mean: from ids at their sender to those of the hub.

A line with a number is the record of that number; any other is what had its id before, else what the hub knows by that id,
else new. What a reference names may be in the same batch, in an earlier one, or stored long before; one that names nothing
the hub knows yet stays as it was sent, and is told.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final
from uuid import UUID

from hub.runtime import Hub
from hub.services.blinds import ALIAS, RECORD_KEY
from hub.services.issue_limits import bounded
from hub.services.preparing import Name, Prepared, Ready
from hub.storage import aliases, resources, versions
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member

_STAND_IN: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What may be one: an id as `storage.ids` makes them. Whoever sends lines cannot know which ones will be."""


async def named(hub: Hub, connection: AsyncConnection, member: Member, batch: Prepared) -> Prepared:
    """The batch, each resource under the id that it has or is given, and its references led to such ids.

    The member's lock is taken, so that nothing comes in between.
    """
    await resources.lock_member(connection, member.id)
    values = {name: hub.vault.blind(ALIAS, member.name, *name) for name in batch.names}
    known = await _known(connection, member, values)
    ready = await _settled(hub, connection, member, batch, known)
    here = {(one.type, one.source_id): one.id for one in ready if one.id is not None}
    await aliases.put(connection, {values[name]: id_ for name, id_ in here.items()})
    ids = {name: str(id_) for name, id_ in ({name: id_ for name, (id_, _) in known.items()} | here).items()}
    made = [_led(one, batch.names, ids) for one in ready]
    left = (_unknown(one.row, name) for one in ready for name in one.refers if name not in ids)
    return replace(batch, ready=made, issues=bounded(chain(batch.issues, left)))


async def _known(
    connection: AsyncConnection, member: Member, values: Mapping[Name, bytes]
) -> dict[Name, tuple[UUID, bytes]]:
    """(id, blind index of its key) of those that are there: under the id of an earlier import, or under the hub's own.

    `values` are the blind indexes of the names.
    """
    stored = await aliases.find(connection, values.values())
    ids = {name: id_ for name, value in values.items() if (id_ := stored.get(value) or _uuid(name[1])) is not None}
    if not ids:
        return {}
    there = await versions.keys_of(connection, member.id, list(set(ids.values())))
    return {name: (id_, there[id_][1]) for name, id_ in ids.items() if id_ in there and there[id_][0] == name[0]}


@dataclass(slots=True)
class _Ids:
    """Ids for what is new: the stand-in of its name, unless a resource has that already."""

    stand_ins: Mapping[Name, str]
    taken: set[Name]

    def new(self, name: Name) -> UUID:
        if name in self.taken:
            return new_id()
        self.taken.add(name)
        return UUID(self.stand_ins[name])


async def _settled(
    hub: Hub, connection: AsyncConnection, member: Member, batch: Prepared, known: Mapping[Name, tuple[UUID, bytes]]
) -> list[Ready]:
    """The resources under their ids: of one number, or of one id at the sender, there is one."""
    # What is known may have had it from another part of the same batch.
    ids = _Ids(batch.names, set(known))
    keys = _keys(hub, member, [one for one in batch.ready if one.key])
    numbered = await _numbered(connection, member, keys)
    fresh: dict[Name, UUID] = {}
    found = []
    for one in batch.ready:
        name, number = (one.type, one.source_id), (one.type, one.key)
        if one.key:
            id_ = numbered[number] = numbered.get(number) or ids.new(name)
            found.append(one._replace(id=id_, record_key=keys[number]))
        elif name in known:
            id_, key = known[name]
            found.append(one._replace(id=id_, record_key=key))
        else:
            id_ = fresh[name] = fresh.get(name) or ids.new(name)
            found.append(one._replace(id=id_, key=str(id_)))
    return found


def _keys(hub: Hub, member: Member, ready: Iterable[Ready]) -> dict[Name, bytes]:
    """The blind indexes of numbers: {(type, number): index}."""
    return {(one.type, one.key): hub.vault.blind(RECORD_KEY, member.name, one.type, one.key) for one in ready}


async def _numbered(connection: AsyncConnection, member: Member, keys: Mapping[Name, bytes]) -> dict[Name, UUID]:
    """The ids of the records of these numbers that are there."""
    by_type: defaultdict[str, dict[bytes, Name]] = defaultdict(dict)
    for number, key in keys.items():
        by_type[number[0]][key] = number
    found: dict[Name, UUID] = {}
    for type_, numbers in by_type.items():
        stored = await resources.by_keys(connection, member.id, type_, list(numbers))
        found |= {numbers[key]: id_ for key, id_ in stored.items()}
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _led(one: Ready, stand_ins: Mapping[Name, str], ids: Mapping[Name, str]) -> Ready:
    """The resource with the ids of what it refers to; what names nothing that is known stands there as it was sent."""
    meant = {stand_ins[name]: ids.get(name, name[1]) for name in one.refers}
    meant = {stand_in: id_ for stand_in, id_ in meant.items() if stand_in != id_}
    if not meant:
        return one

    def there(found: re.Match[str]) -> str:
        return meant.get(found[0], found[0])

    body = _STAND_IN.sub(there, one.body.decode()).encode()
    texts = one.texts and _STAND_IN.sub(there, one.texts)
    return one._replace(body=body, texts=texts, digest=hashlib.sha256(body).digest())


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
