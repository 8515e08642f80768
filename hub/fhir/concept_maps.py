"""The code tables of the mappings as ConceptMaps, and what a code becomes by them. Pure; FHIR R4, ConceptMap, $translate.

Each table is one map, from its source system to what its lines name. The tables say nothing of value sets: where R4 asks
for one, the URI of a code system stands for all of its codes.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mappings.engine import codes
from mappings.engine.codes import Entry, Table

CANONICAL: Final = "urn:lianqiao:concept-map:"
_PUBLISHED: Final = "2026-11-26"
_NO_TRANSLATION: Final = frozenset({"unmatched", "disjoint"})
_INVERSE: Final = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}
"""Equivalences read from the target to the source; the others are the same both ways."""
_UNSAID: Final = {
    "narrower": "The counterpart means less than the code.",
    "inexact": "The code and the counterpart share a part of what they mean.",
}
"""What R4 (cmd-1) asks to be said where a table says nothing itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be translated: (system, code) pairs; of the map `url`, from `source`, to `target`, where they are not ''.

    With `reverse` the codes are those of the target, and what may have become them is looked for; `source` and `target`
    stay the sides of the map, since R4 lets the two change places as well.
    """

    codes: tuple[tuple[str, str], ...]
    url: str = ""
    source: str = ""
    target: str = ""
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What a code becomes by the map `url`: `concept` is None where the equivalence says that there is nothing like it."""

    equivalence: str
    concept: dict[str, str] | None
    url: str


def ids() -> tuple[str, ...]:
    """The ids of all maps."""
    return codes.names()


def url_of(id_: str) -> str:
    """The canonical of a map."""
    return f"{CANONICAL}{id_}"


def id_of(url: str) -> str | None:
    """The id of the map with this canonical, if there is one."""
    id_ = url.removeprefix(CANONICAL)
    return id_ if url.startswith(CANONICAL) and id_ in ids() else None


@cache
def concept_map(id_: str) -> dict[str, Any]:
    """The map as a resource. Raises KeyError."""
    if id_ not in ids():
        raise KeyError(id_)
    table = codes.table(id_)
    return {
        "resourceType": "ConceptMap",
        "id": id_,
        "url": url_of(id_),
        "name": "".join(part.capitalize() for part in id_.split("-")),
        "title": id_.replace("-", " "),
        "status": "active",
        "date": _PUBLISHED,
        "publisher": "Lianqiao",
        "group": [_group(table, target, entries) for target, entries in _by_target(table).items()],
    }


def systems(id_: str) -> tuple[str, frozenset[str]]:
    """(source system, target systems) of a map."""
    table = codes.table(id_)
    return table.source, frozenset(entry.target.system for entry in table.entries.values() if entry.target is not None)


def translate(asked: Asked) -> tuple[Match, ...]:
    """Everything that the codes become, map by map in the order of their ids."""
    chosen = [id_of(asked.url)] if asked.url else ids()
    return tuple(
        match
        for id_ in chosen
        if id_ is not None and _leads(id_, asked)
        for code in asked.codes
        for match in (_from_target(id_, code, asked) if asked.reverse else _from_source(id_, code, asked))
    )


def is_translated(matches: Sequence[Match]) -> bool:
    """Is one of them a translation?"""
    return any(one.equivalence not in _NO_TRANSLATION for one in matches)


def _leads(id_: str, asked: Asked) -> bool:
    """Does the map lead from and to what is asked for?"""
    source, targets = systems(id_)
    return asked.source in ("", source) and (not asked.target or asked.target in targets)


def _from_source(id_: str, code: tuple[str, str], asked: Asked) -> Iterator[Match]:
    table = codes.table(id_)
    entry = table.entries.get(code[1]) if code[0] == table.source else None
    if entry is None:
        return
    if entry.target is None:
        yield Match(entry.equivalence, None, url_of(id_))
    elif asked.target in ("", entry.target.system):
        yield Match(entry.equivalence, _coding(*entry.target), url_of(id_))


def _from_target(id_: str, code: tuple[str, str], asked: Asked) -> Iterator[Match]:
    for entry in _reversed(id_).get(code, ()):
        if asked.target in ("", code[0]):
            equivalence = _INVERSE.get(entry.equivalence, entry.equivalence)
            yield Match(equivalence, _coding(*entry.source), url_of(id_))


@cache
def _reversed(id_: str) -> dict[tuple[str, str], tuple[Entry, ...]]:
    """The lines of a table by what they lead to."""
    found: defaultdict[tuple[str, str], tuple[Entry, ...]] = defaultdict(tuple)
    for entry in codes.table(id_).entries.values():
        if entry.target is not None:
            found[entry.target.system, entry.target.code] += (entry,)
    return dict(found)


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code} | ({"display": display} if display else {})


def _by_target(table: Table) -> dict[str, list[Entry]]:
    """The lines by the system that they lead to; what has no translation stands with the first."""
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    first = next((entry.target.system for entry in table.entries.values() if entry.target is not None), "")
    for entry in table.entries.values():
        found[entry.target.system if entry.target is not None else first].append(entry)
    return dict(found)


def _group(table: Table, target: str, entries: Sequence[Entry]) -> dict[str, Any]:
    elements = [
        {"code": entry.source.code}
        | ({"display": entry.source.display} if entry.source.display else {})
        | {"target": [_target(entry)]}
        for entry in entries
    ]
    return {"source": table.source, **({"target": target} if target else {}), "element": elements}


def _target(entry: Entry) -> dict[str, str]:
    found: dict[str, str] = {}
    if entry.target is not None:
        _, code, display = entry.target
        found = {"code": code} | ({"display": display} if display else {})
    comment = entry.comment or _UNSAID.get(entry.equivalence, "")
    return found | {"equivalence": entry.equivalence} | ({"comment": comment} if comment else {})
