"""Code tables: ConceptMap-shaped CSV under mappings/codes/, one group of a source system per file.

Columns: source, code, display, equivalence, target, target_code, target_display, comment. `disjoint` marks a code that has
no translation because it is refused, `unmatched` one that has none because the target knows nothing like it.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mappings.engine.model import BrokenMapping, Coding

_COLUMNS = ["source", "code", "display", "equivalence", "target", "target_code", "target_display", "comment"]
_HEAD = ",".join(_COLUMNS).encode()
"""How a table begins; other lists lie beside them."""
_EQUIVALENCES = frozenset(
    [
        "relatedto",
        "equivalent",
        "equal",
        "wider",
        "subsumes",
        "narrower",
        "specializes",
        "inexact",
        "unmatched",
        "disjoint",
    ]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a table."""

    source: Coding
    equivalence: str
    target: Coding | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table by source code; `source` is the URI of the system that its codes belong to."""

    name: str
    source: str
    entries: dict[str, Entry]


def read(name: str) -> bytes:
    """The bytes of a table, for reading and for digests."""
    path = files("mappings").joinpath("codes", f"{name}.csv")
    if not path.is_file():
        raise BrokenMapping(f"there is no code table {name}")
    return path.read_bytes()


@cache
def names() -> tuple[str, ...]:
    """The names of all tables, in order."""
    folder = files("mappings").joinpath("codes")
    listed = (entry.name.removesuffix(".csv") for entry in folder.iterdir() if entry.name.endswith(".csv"))
    return tuple(sorted(name for name in listed if read(name).startswith(_HEAD)))


@cache
def table(name: str) -> Table:
    """The table of this name; raises BrokenMapping when it is missing or not ConceptMap-shaped."""
    lines = csv.DictReader(read(name).decode("utf-8").splitlines())
    if lines.fieldnames != _COLUMNS:
        raise BrokenMapping(f"code table {name}: columns must be {', '.join(_COLUMNS)}")
    entries: dict[str, Entry] = {}
    sources = set()
    for line in lines:
        if line["code"] in entries or line["equivalence"] not in _EQUIVALENCES:
            raise BrokenMapping(f"code table {name}: code {line['code']} is repeated or its equivalence is unknown")
        sources.add(line["source"])
        target = Coding(line["target"], line["target_code"], line["target_display"]) if line["target"] else None
        entries[line["code"]] = Entry(
            Coding(line["source"], line["code"], line["display"]), line["equivalence"], target, line["comment"] or ""
        )
    if len(sources) != 1:
        raise BrokenMapping(f"code table {name}: one source system per file")
    return Table(name, sources.pop(), entries)
