"""Examples of a mapping: source files with what must come of them, run as tests and by `mappings test`.

`examples/NAME.source.{csv,xlsx,json}` gives `NAME.expected.json` (results of the rows) and `NAME.issues.json` (all issues). A file
that cannot be read has no results and its one issue. The context is fixed, so that an example means the same for ever.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mappings.engine.load import Mapping
from mappings.engine.model import Context, Issue, RowResult, UnreadableFile

RECEIVED_AT = datetime(2024, 6, 1, 1, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Example:
    """One example: its name and its source file."""

    name: str
    source: Path

    @property
    def expected(self) -> Path:
        return self.source.with_name(f"{self.name}.expected.json")

    @property
    def issues(self) -> Path:
        return self.source.with_name(f"{self.name}.issues.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an example, as JSON."""

    results: list[dict[str, Any]]
    issues: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an example did not give what was expected; `place` is a path such as `results/0/resources/0/birthDate`."""

    place: str
    expected: Any
    found: Any


def examples(folder: Path) -> list[Example]:
    """The examples of a mapping's folder, sorted by name."""
    sources = sorted((folder / "examples").glob("*.source.*"))
    return [Example(source.name.partition(".source.")[0], source) for source in sources]


def run(mapping: Mapping, example: Example) -> Outcome:
    """Read and translate the source of an example."""
    results: list[RowResult] = []
    issues: list[Issue] = []
    context = Context(mapping.county, RECEIVED_AT)
    with example.source.open("rb") as stream:
        try:
            for batch in mapping.read(stream, file_name=example.source.name):
                issues += batch.issues
                results += mapping.apply(batch.rows, context)
        except UnreadableFile as fault:
            issues.append(fault.issue)
    for result in results:
        issues += result.issues
    return Outcome([_json(result) for result in results], [issue.to_json() for issue in issues])


def _json(result: RowResult) -> dict[str, Any]:
    return {
        "row": result.row,
        "ok": result.ok,
        "key": result.key,
        "resources": result.resources,
        "claims": result.claims,
        "routing": None if result.routing is None else asdict(result.routing),
    }


def compare(mapping: Mapping, example: Example) -> list[Difference]:
    """Where the outcome differs from what the example's files say; a missing file differs as a whole."""
    found = run(mapping, example)
    return [
        *_differences("results", _read(example.expected), found.results),
        *_differences("issues", _read(example.issues), found.issues),
    ]


def write(mapping: Mapping, example: Example) -> None:
    """Take the present outcome as what is expected; for whoever writes a mapping and has looked at it."""
    found = run(mapping, example)
    for path, content in ((example.expected, found.results), (example.issues, found.issues)):
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _differences(place: str, expected: Any, found: Any) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted({*expected, *found}):
            yield from _differences(f"{place}/{name}", expected.get(name), found.get(name))
    elif isinstance(expected, list) and isinstance(found, list):
        for at in range(max(len(expected), len(found))):
            one = expected[at] if at < len(expected) else None
            other = found[at] if at < len(found) else None
            yield from _differences(f"{place}/{at}", one, other)
    elif expected != found:
        yield Difference(place, expected, found)
