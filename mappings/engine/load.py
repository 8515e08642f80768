"""Mappings by name: folder → specification → compiled Mapping, once per process.

A version is immutable once it is released (released.csv holds its digest); a change is a new version.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO

from mappings import vocabulary
from mappings.engine import codes, forbidden, readers
from mappings.engine.apply import Program, apply
from mappings.engine.compile import field
from mappings.engine.model import BrokenMapping, Context, ReadBatch, Row, RowResult, UnknownMapping
from mappings.engine.readers.columns import prepare
from mappings.engine.readers.limits import Limits
from mappings.engine.spec import MappingSpec, parse
from mappings.engine.targets.registry import TARGETS

_NAME = re.compile(r"[a-z][a-z0-9-]*/[a-z][a-z0-9_]*\.v[1-9][0-9]*")
_FILE = "mapping.yaml"


class Mapping:
    """One county's way of writing one record kind. Safe to share between threads; holds no state of any file."""

    def __init__(self, spec: MappingSpec, digest: str) -> None:
        self.name = spec.name
        self.kind = spec.kind
        self.county = spec.county
        self.title = spec.title
        self.digest = digest
        self.sealed = spec.kind in vocabulary.SEALED_KINDS
        self.withheld = spec.withheld
        self.columns = tuple(spec.columns)
        self._columns = prepare(spec)
        self._program = _program(spec)

    def read(
        self, stream: BinaryIO, *, file_name: str = "", batch_size: int = 1000, limits: Limits | None = None
    ) -> Iterator[ReadBatch]:
        """Batches of rows of a file; raises UnreadableFile when the file as a whole cannot be read."""
        return readers.read(stream, self._columns, file_name=file_name, batch_size=batch_size, limits=limits)

    def apply(self, rows: Sequence[Row], context: Context) -> list[RowResult]:
        """The translation of `rows`: one result per row, in the same order; pure."""
        return apply(self._program, rows, context)

    def __repr__(self) -> str:
        return f"<Mapping {self.name}>"


def root() -> Path:
    """The folder that holds the counties' folders."""
    return Path(str(files("mappings")))


def names() -> list[str]:
    """The names of all mappings, sorted."""
    return sorted(path.parent.relative_to(root()).as_posix() for path in root().glob(f"*/*.v*/{_FILE}"))


@cache
def load(name: str) -> Mapping:
    """The mapping of this name; raises UnknownMapping, or BrokenMapping when its folder does not hold together."""
    if _NAME.fullmatch(name) is None or not (root() / name / _FILE).is_file():
        raise UnknownMapping(f"there is no mapping {name!r}; known: {', '.join(names())}")
    return load_folder(root() / name, name)


def load_folder(folder: Path, name: str) -> Mapping:
    """A mapping from any folder, for one that is being written."""
    written = (folder / _FILE).read_bytes()
    spec = parse(written.decode("utf-8"), name)
    return Mapping(spec, _digest(written, spec))


def _digest(written: bytes, spec: MappingSpec) -> str:
    """SHA-256 over mapping.yaml and every code table that it uses: what decides the meaning of a row."""
    total = sha256(b"mapping.yaml\0" + sha256(written).digest())
    for table in sorted(tables(spec)):
        total.update(table.encode() + b"\0" + sha256(codes.read(table)).digest())
    return total.hexdigest()


def tables(spec: MappingSpec) -> set[str]:
    """The code tables that a mapping's fields name."""
    return {
        table
        for one in spec.fields
        for _, options in one.steps
        for table in (*options.get("tables", ()), options.get("table"))
        if table is not None
    }


def _program(spec: MappingSpec) -> Program:
    target = TARGETS.get(spec.kind)
    if target is None:
        raise BrokenMapping(f"{spec.name}: no record kind {spec.kind}")
    written = {one.name for one in spec.fields} | set(spec.constants)
    if strange := written - target.fields:
        raise BrokenMapping(f"{spec.name}: the kind {spec.kind} has no field {', '.join(sorted(strange))}")
    if lacking := target.required - written:
        raise BrokenMapping(f"{spec.name}: the kind {spec.kind} needs {', '.join(sorted(lacking))}")
    known = set(spec.columns)
    for one in spec.fields:
        if unknown := set(one.columns) - known:
            raise BrokenMapping(f"{spec.name}: field {one.name} reads unknown column {', '.join(sorted(unknown))}")
        if one.when is not None and one.when.column not in known:
            raise BrokenMapping(f"{spec.name}: field {one.name} depends on unknown column {one.when.column}")
    refused = {column: forbidden.reason(reason) for column, reason in spec.refused.items()}
    coded = {column for one in spec.fields if any(step == "code" for step, _ in one.steps) for column in one.columns}
    findings = {column for one in spec.fields if one.name == "check_result" for column in one.columns}
    return Program(
        county=spec.county,
        steps=tuple(field(one, spec.name) for one in spec.fields),
        columns={one.name: one.columns[0] for one in spec.fields},
        required=tuple(
            (one.name, one.columns[0]) for one in spec.fields if one.required or one.name in target.required
        ),
        constants=spec.constants,
        target=target,
        forbidden=forbidden.checker(spec.kind, refused, frozenset(coded | spec.withheld), frozenset(findings)),
        withheld=spec.withheld,
    )
