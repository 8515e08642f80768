"""Who makes resources of a document, by the name that its sender gives: a county's mapping, or FHIR's own lines (NDJSON).

Runs in the process beside the worker: knows no key and no connection.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

import mappings
from hub.services import fhir_lines, preparing
from hub.services.preparing import Prepared
from mappings import ReadBatch, Row


class Translator(Protocol):
    """`digest` says which version of its rules it is, `kind` what its records are."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def read(self, document: BinaryIO, file_name: str, batch_rows: int) -> Iterator[ReadBatch]:
        """The rows of a document, in batches. Raises UnreadableFile."""

    def prepare(
        self, source: str, received_at: datetime, rows: Sequence[Row], found: Sequence[mappings.Issue]
    ) -> Prepared:
        """What is stored of `rows` of the member `source`; `found` was said when they were read."""


@dataclass(frozen=True, slots=True)
class _ByMapping:
    """A county's mapping."""

    mapping: mappings.Mapping

    @property
    def name(self) -> str:
        return self.mapping.name

    @property
    def kind(self) -> str:
        return self.mapping.kind

    @property
    def digest(self) -> str:
        return self.mapping.digest

    def read(self, document: BinaryIO, file_name: str, batch_rows: int) -> Iterator[ReadBatch]:
        return self.mapping.read(document, file_name=file_name, batch_size=batch_rows)

    def prepare(
        self, source: str, received_at: datetime, rows: Sequence[Row], found: Sequence[mappings.Issue]
    ) -> Prepared:
        return preparing.prepare(self.name, source, received_at, rows, found)


@dataclass(frozen=True, slots=True)
class _ByLines:
    """Resources as they are, one a line."""

    name: str = fhir_lines.NAME
    kind: str = fhir_lines.KIND
    digest: str = fhir_lines.DIGEST

    def read(self, document: BinaryIO, file_name: str, batch_rows: int) -> Iterator[ReadBatch]:
        return fhir_lines.read(document, batch_rows)

    def prepare(
        self, source: str, received_at: datetime, rows: Sequence[Row], found: Sequence[mappings.Issue]
    ) -> Prepared:
        return fhir_lines.prepare(source, rows, found)


def load(name: str) -> Translator:
    """The translator of this name. Raises UnknownMapping."""
    return _ByLines() if name == fhir_lines.NAME else _ByMapping(mappings.load(name))
