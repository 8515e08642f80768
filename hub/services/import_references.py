"""Leads the references of resources that came as lines: from the ids that they have at their sender to those of the hub.

What a reference names may be in the same batch, in an earlier one, or stored long before. One that names nothing the hub
knows yet stays as it was sent, and is told.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hub.runtime import Hub
from hub.services.blinds import IDENTIFIER, RECORD_KEY
from hub.services.fhir_lines import alias
from hub.services.preparing import Prepared, Ready
from hub.storage import resources, versions
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member

_REFERENCE: Final = re.compile(rb'"reference":"([A-Z][A-Za-z]{2,63})/([A-Za-z0-9\-.]{1,64})"')
"""A relative one without a version. In a text its quotes would be escaped: nothing else reads like it."""
Name = tuple[str, str]
"""A resource as a reference names it: (type, id)."""


async def led(hub: Hub, connection: AsyncConnection, member: Member, batch: Prepared) -> Prepared:
    """The batch with its references led; the member's lock is taken, so that nothing comes in between."""
    await resources.lock_member(connection, member.id)
    ready = await _recognised(connection, member, batch.ready)
    asked = {name for one in ready for name in _names(one)}
    ready = await _settled(hub, connection, member, ready, asked)
    here = {name: one.id for one in ready if one.id is not None for name in _own_names(member, one)}
    known = await _stored(hub, connection, member, asked - here.keys())
    ids = {**known, **here}
    made = [_led(one, ids) for one in ready]
    left = [_unknown(one.row, name) for one in ready for name in sorted(set(_names(one)) - ids.keys())]
    return Prepared(batch.rows, made, batch.refused, [*batch.issues, *left])


def _names(one: Ready) -> list[Name]:
    return [(type_.decode(), id_.decode()) for type_, id_ in _REFERENCE.findall(one.body)]


def _own_names(member: Member, one: Ready) -> Iterable[Name]:
    """How others of the batch may refer to a resource."""
    system = alias(member.name, one.type, "")[0]
    return [(one.type, value) for stated, value in one.identifiers if stated == system]


async def _recognised(connection: AsyncConnection, member: Member, ready: Sequence[Ready]) -> list[Ready]:
    """The resources; those that have no number but the hub's own id, since they were read here, are those of that id."""
    meant = {one.key: id_ for one in ready for name in _own_names(member, one)
             if name[1] == one.key and (id_ := _uuid(one.key)) is not None}  # fmt: skip
    known = await versions.keys_of(connection, member.id, list(meant.values())) if meant else {}
    found = []
    for one in ready:
        id_ = meant.get(one.key)
        type_, key = known.get(id_, ("", b"")) if id_ is not None else ("", b"")
        found.append(one._replace(id=id_, record_key=key) if type_ == one.type else one)
    return found


async def _settled(
    hub: Hub, connection: AsyncConnection, member: Member, ready: Sequence[Ready], asked: set[Name]
) -> list[Ready]:
    """The resources of the batch; those that others of it refer to under the id that they have or are given now."""
    meant = [one for one in ready if one.id is None and asked.intersection(_own_names(member, one))]
    ids: dict[Name, UUID] = {}
    for type_ in {one.type for one in meant}:
        keys = {one.key: hub.vault.blind(RECORD_KEY, member.name, type_, one.key) for one in meant if one.type == type_}
        stored = await resources.by_keys(connection, member.id, type_, list(keys.values()))
        ids |= {(type_, name): stored.get(key) or new_id() for name, key in keys.items()}
    return [one._replace(id=one.id or ids.get((one.type, one.key))) for one in ready]


async def _stored(hub: Hub, connection: AsyncConnection, member: Member, asked: Iterable[Name]) -> Mapping[Name, UUID]:
    """The resources that came before, by the ids that they have at their sender, or at the hub."""
    found: dict[Name, UUID] = {}
    by_type: defaultdict[str, list[Name]] = defaultdict(list)
    for name in asked:
        by_type[name[0]].append(name)
    for type_, names in by_type.items():
        values = {name: hub.vault.blind(IDENTIFIER, *alias(member.name, *name)) for name in names}
        ids = await resources.own_by_identifiers(connection, member.id, type_, list(values.values()))
        found |= {name: ids[value][0] for name, value in values.items() if value in ids}
        # What has no number of its own is known by that id whatever was written to it since.
        keys = {name: hub.vault.blind(RECORD_KEY, member.name, *name) for name in names if name not in found}
        stored = await resources.by_keys(connection, member.id, type_, list(keys.values()))
        found |= {name: stored[key] for name, key in keys.items() if key in stored}
    ours = {name: id_ for names in by_type.values() for name in names if name not in found and (id_ := _uuid(name[1]))}
    there = await versions.keys_of(connection, member.id, list(ours.values())) if ours else {}
    return found | {name: id_ for name, id_ in ours.items() if id_ in there and there[id_][0] == name[0]}


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
