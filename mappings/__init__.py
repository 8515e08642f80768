"""What a county's bytes mean: a pure engine and, as data, one folder per county and record kind.

Use `load(name)`, then `read()` a stream to rows and `apply()` rows to FHIR resources, claims and issues.
"""

from mappings.engine.load import Mapping, load, names
from mappings.engine.model import (
    BrokenMapping,
    Context,
    Issue,
    MappingError,
    ReadBatch,
    Routing,
    Row,
    RowResult,
    UnknownMapping,
    UnreadableFile,
)

__all__ = [
    "BrokenMapping",
    "Context",
    "Issue",
    "Mapping",
    "MappingError",
    "ReadBatch",
    "Routing",
    "Row",
    "RowResult",
    "UnknownMapping",
    "UnreadableFile",
    "load",
    "names",
]
