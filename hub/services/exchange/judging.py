"""Judges a resource as a write would, and stores nothing but the leaf that says so.

For a mode the write itself is carried out and undone, so that nothing can be judged otherwise than it is written. A
member's trials take turns: each holds the member's lock, and a connection, while it lasts.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from hub.errors import Invalid, NotFound, Refused
from hub.fhir import validate
from hub.fhir.validation.problems import Problem
from hub.runtime import Hub
from hub.services.exchange import checking, noting, writing
from hub.services.exchange.noting import Looked
from hub.services.exchange.reading import Gone
from hub.services.exchange.writing import Write
from hub.services.identity.ledger import LookedUp
from hub.storage import audit, versions
from hub.storage.audit import Act
from hub.storage.database import Database
from hub.storage.ids import new_id
from hub.storage.members import Member
from hub.storage.versions import Version

ACT: Final = "validate"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The faults of the content, or why the rest is refused; neither where it would be taken."""

    problems: tuple[Problem, ...] = ()
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be judged: a resource with its canonical bytes, or what is there under `id`.

    `mode` is create, update, delete, or '' for the content alone; `named` is the id as the address writes it.
    """

    type: str
    id: UUID | None
    mode: str
    named: str = ""
    resource: dict[str, Any] | None = None
    canonical: bytes = b""
    expected: int | None = None


class _Undone(Exception):
    """Ends the transaction of a trial without a trace."""


_turns: Final[WeakKeyDictionary[Database, dict[int, asyncio.Lock]]] = WeakKeyDictionary()


async def judge(hub: Hub, member: Member, purpose: str, trial: Trial) -> Verdict:
    """What would become of it. Raises NotFound for an id that is not the member's, Gone where there is nothing to judge."""
    there = await _there(hub, member, purpose, trial) if trial.id is not None else None
    if trial.mode == "delete" and trial.id is not None:
        verdict = await _tried(hub, member, Write("delete", trial.type, trial.id, expected=trial.expected))
    elif trial.resource is not None:
        verdict = await _judged(hub, member, trial, trial.resource)
    elif there is not None and not there.deleted:
        verdict = _content(member, trial.type, orjson.loads(there.body), there.body)[0]
    else:
        raise Gone
    faults = len(verdict.problems) + (verdict.refusal is not None)
    content = {"type": trial.type, "mode": trial.mode, "faults": faults}
    async with hub.database.begin() as connection:
        await audit.append(connection, hub.vault, [Act(ACT, member.name, content, hub.now())])
    return verdict


async def _there(hub: Hub, member: Member, purpose: str, trial: Trial) -> Version:
    """The resource that is meant, deleted or not. Raises NotFound, when the leaf that says who asked is stored."""
    if trial.id is None:
        raise NotFound
    async with hub.database.begin() as connection:
        found = (await versions.own(connection, hub.vault, member.id, [trial.id])).get(trial.id)
        shown = [found] if found is not None and found.type == trial.type else []
        await noting.note(hub, connection, [Looked(LookedUp(member, ACT, purpose, hub.now()), shown)])
    if not shown:
        raise NotFound
    return shown[0]


async def _judged(hub: Hub, member: Member, trial: Trial, resource: dict[str, Any]) -> Verdict:
    verdict, kept = _content(member, trial.type, resource, trial.canonical)
    if verdict != Verdict() or not trial.mode:
        return verdict
    if trial.mode == "update" and trial.id is not None:
        if resource.get("id") != trial.named:
            return Verdict(refusal=Invalid("bad-request", "The id in the body is not the id in the address."))
        return await _tried(hub, member, Write("update", trial.type, trial.id, resource, kept, trial.expected))
    return await _tried(hub, member, Write("create", trial.type, new_id(), resource, kept))


def _content(member: Member, type_: str, resource: dict[str, Any], canonical: bytes) -> tuple[Verdict, bytes]:
    """All faults of the content or else the first refusal, and the bytes that would be kept."""
    problems = validate.check(resource, canonical) if resource.get("resourceType") == type_ else []
    if problems:
        return Verdict(tuple(problems)), b""
    try:
        return Verdict(), checking.check(member, type_, resource, canonical)
    except Refused as refusal:
        return Verdict(refusal=refusal), b""


async def _tried(hub: Hub, member: Member, wanted: Write) -> Verdict:
    """What becomes of a write that is undone."""
    refusal = None
    async with _turns.setdefault(hub.database, {}).setdefault(member.id, asyncio.Lock()):
        with contextlib.suppress(_Undone):
            async with writing.begun(hub, member, {wanted.type}) as connection:
                (done,) = await writing.write_each(hub, connection, member, [wanted], hub.now())
                refusal = done if isinstance(done, Refused) else None
                raise _Undone
    return Verdict(refusal=refusal)
