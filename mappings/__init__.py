"""What a county's bytes mean: a pure engine and, as data, one folder per county and record kind.

Use `load(name)`, then `read()` a stream to rows and `apply()` rows to FHIR resources, claims and issues. The engine is
loaded when it is first asked for: whoever only looks up a division does not wait for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mappings.engine import load, model

    return getattr(load if name in ("Mapping", "load", "names") else model, name)
