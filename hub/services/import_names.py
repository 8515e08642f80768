"""Which resources the lines of an import are, and which their references mean: from ids at their sender to those of the hub.

A line with a number is the record of that number; any other is what had its id before, else what the hub knows by that id,
else new. What a reference names may be in the same batch, in an earlier one, or stored long before; one that names nothing
the hub knows yet stays as it was sent, and is told. What may mean two resources means none: such a line is set aside.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final
from uuid import UUID

from hub.errors import Conflict, TooLarge
from hub.fhir import search
from hub.runtime import Hub
from hub.services.blinds import ALIAS, RECORD_KEY
from hub.services.fhir_lines import STAND_IN, may_say_too_much, refused_for
from hub.services.issue_limits import bounded
from hub.services.preparing import Name, Prepared, Ready, Refused, texts_of, told
from hub.storage import aliases, resources, versions
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id, read_id
from hub.storage.members import Member
from mappings import Issue

_ID_LENGTH: Final = 36
_ROUNDS: Final = 3
"""In which lines are set aside since others are."""
_SEND_ALONE: Final = (
    "If the one that you sent is meant, say the id that it has at the hub; if the other, send this by POST or PUT, where only "
    "ids at the hub count."
)
_SEND_ALONE_ZH: Final = (
    "若指您报送的那条，请改用其在中心的 id；若指另一条，请用 POST 或 PUT 单独报送，彼处只认中心的 id。"
)


async def named(hub: Hub, connection: AsyncConnection, member: Member, batch: Prepared) -> Prepared:
    """The batch, each resource under the id that it has or is given, and its references led to such ids.

    Lines are refused of which is not known what they mean, or that say too much once it is. The member's lock is taken, so
    that nothing comes in between.
    """
    await resources.lock_member(connection, member.id)
    values = {name: hub.vault.blind(ALIAS, member.name, *name) for name in batch.names}
    known = await _known(connection, member, values)
    why: dict[int, list[Issue]] = {}
    ready = _fit(batch, known, await _settled(hub, connection, member, batch, known, why), why)
    here = {(one.type, one.source_id): one.id for one in ready if one.id is not None}
    await aliases.put(connection, {values[name]: id_ for name, id_ in here.items()})
    ids = _ids_of(known, ready)
    made = [_led(one, batch.names, ids) for one in ready]
    return _without(
        batch, made, why, (_unknown(one.row, name) for one in ready for name in one.refers if name not in ids)
    )


def _without(
    batch: Prepared, ready: list[Ready], why: Mapping[int, Sequence[Issue]], left: Iterable[dict[str, Any]]
) -> Prepared:
    """The batch with what is `ready`; those in `why` are held; what is told is within bounds."""
    held = [
        Refused(row, batch.originals[row], tuple(dict.fromkeys(issue.code for issue in issues)))
        for row, issues in why.items()
    ]
    reasons = (told(issue) for issues in why.values() for issue in issues)
    issues = bounded(chain(batch.issues, reasons, left))
    return replace(batch, ready=ready, refused=[*batch.refused, *held], issues=issues)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is there already: by each name (id, blind index of its key), and apart what the hub itself knows by that id."""

    ids: Mapping[Name, tuple[UUID, bytes]]
    of_hub: Mapping[Name, UUID]


async def _known(connection: AsyncConnection, member: Member, values: Mapping[Name, bytes]) -> _Known:
    """What is there under the id of an earlier import, else under the hub's own. `values` are blind indexes of names."""
    stored = await aliases.find(connection, values.values())
    sent = {name: id_ for name, value in values.items() if (id_ := stored.get(value)) is not None}
    own = {name: id_ for name in values if (id_ := read_id(name[1])) is not None}
    if not sent and not own:
        return _Known({}, {})
    there = await versions.keys_of(connection, member.id, list({*sent.values(), *own.values()}))
    of_hub, sent = (
        {name: id_ for name, id_ in ids.items() if id_ in there and there[id_][0] == name[0]} for ids in (own, sent)
    )
    return _Known({name: (id_, there[id_][1]) for name, id_ in (of_hub | sent).items()}, of_hub)


def _ids_of(known: _Known, ready: Sequence[Ready]) -> dict[Name, str]:
    """What is meant by each name, as these lines and what is there have it."""
    here = {(one.type, one.source_id): str(one.id) for one in ready if one.id is not None}
    return {name: str(id_) for name, (id_, _) in known.ids.items()} | here


def _fit(batch: Prepared, known: _Known, ready: list[Ready], why: dict[int, list[Issue]]) -> list[Ready]:
    """The lines that can be stored; of the others `why` is told.

    Without a line some of what others name is not here, and what only it made unclear is not unclear. So they are looked at
    again, for some rounds; then whatever might become unclear is taken for it: there may be as many rounds as lines.
    """
    doubtful = _doubtful(known, ready)
    rounds = 0
    while True:
        ids = _ids_of(known, ready)
        unclear = {name for name, id_ in known.of_hub.items() if ids[name] != str(id_)}
        unfit = {one.row: found for one in ready if (found := _unfit(one, batch.names, ids, unclear))}
        if not unfit:
            return ready
        if rounds < _ROUNDS:
            made_so = [one.row for one in ready if one.row in unfit and (one.type, one.source_id) in unclear]
            unfit = {row: unfit[row] for row in made_so or unfit}
        elif rounds == _ROUNDS:
            unfit = {one.row: found for one in ready if (found := _unfit(one, batch.names, ids, doubtful))}
        rounds += 1
        why |= unfit
        ready = [one for one in ready if one.row not in unfit]


def _doubtful(known: _Known, ready: Sequence[Ready]) -> set[Name]:
    """Names that are ids of the hub, and under which something else came earlier or comes now."""
    now = {(one.type, one.source_id) for one in ready if one.id != known.of_hub.get((one.type, one.source_id), one.id)}
    return now | {name for name, id_ in known.of_hub.items() if known.ids[name][0] != id_}


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
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    batch: Prepared,
    known: _Known,
    why: dict[int, list[Issue]],
) -> list[Ready]:
    """The resources under their ids: of one number, or of one id at the sender, there is one.

    Lines of which it is not known which one they are are left out, and `why` is told.
    """
    # What is known may have had it from another part of the same batch.
    ids = _Ids(batch.names, set(known.ids))
    keys = _keys(hub, member, [one for one in batch.ready if one.key])
    numbered = await _numbered(connection, member, keys)
    fresh: dict[Name, UUID] = {}
    found = []
    for one in batch.ready:
        name, number = (one.type, one.source_id), (one.type, one.key)
        if refused := _unsettled(one, known, numbered):
            why[one.row] = [refused]
        elif one.key:
            id_ = numbered[number] = numbered.get(number) or ids.new(name)
            found.append(one._replace(id=id_, record_key=keys[number]))
        elif name in known.ids:
            id_, key = known.ids[name]
            found.append(one._replace(id=id_, record_key=key))
        else:
            id_ = fresh[name] = fresh.get(name) or ids.new(name)
            found.append(one._replace(id=id_, key=str(id_)))
    return found


def _unsettled(one: Ready, known: _Known, numbered: Mapping[Name, UUID]) -> Issue | None:
    """Why it is not known which resource the line is, where it is not."""
    name = (one.type, one.source_id)
    if not one.key:
        means_two = name in known.of_hub and known.of_hub[name] != known.ids[name][0]
        return _ambiguous(one.row, "id-ambiguous", name, "id") if means_two else None
    if len(one.key) != _ID_LENGTH or (one.type, one.key) not in numbered:
        return None
    # One without a number is known under its own id in its place. It is meant only where the line's id says so too.
    id_ = numbered[one.type, one.key]
    if one.key != str(id_) or (name in known.ids and known.ids[name][0] == id_):
        return None
    text = "The number of this record is the id that the hub gave to another record of yours. Give it another number."
    text_zh = "本记录的编号与中心为您的另一条记录分配的 id 相同。请更换编号。"
    return refused_for(one.row, Conflict("duplicate-record", text), text_zh, "identifier")


def _unfit(one: Ready, stand_ins: Mapping[Name, str], ids: Mapping[Name, str], unclear: set[Name]) -> list[Issue]:
    """Why the line cannot be stored with these `ids`, where it cannot."""
    if unclear and (names := [name for name in one.refers if name in unclear]):
        return [_ambiguous(one.row, "reference-ambiguous", name, name[0]) for name in names]
    if may_say_too_much(one):
        try:
            search.bound(texts_of(_led(one, stand_ins, ids).texts or ""))
        except TooLarge as refusal:
            return [refused_for(one.row, refusal)]
    return []


def _ambiguous(row: int, code: str, name: Name, column: str) -> Issue:
    said = "/".join(name)
    text = f"{said} is the id of one record of yours at the hub, and the id under which you sent another. {_SEND_ALONE}"
    text_zh = f"{said} 既是您的一条记录在中心的 id，又是您报送另一条记录时所用的 id，无法确定所指。{_SEND_ALONE_ZH}"
    return refused_for(row, Conflict(code, text), text_zh, column)


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


def _led(one: Ready, stand_ins: Mapping[Name, str], ids: Mapping[Name, str]) -> Ready:
    """The resource with the ids of what it refers to; what names nothing that is known stands there as it was sent."""
    meant = {stand_ins[name]: ids.get(name, name[1]) for name in one.refers}
    meant = {stand_in: id_ for stand_in, id_ in meant.items() if stand_in != id_}
    if not meant:
        return one

    def there(found: re.Match[str]) -> str:
        return meant.get(found[0], found[0])

    body = STAND_IN.sub(there, one.body.decode()).encode()
    texts = one.texts and STAND_IN.sub(there, one.texts)
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
