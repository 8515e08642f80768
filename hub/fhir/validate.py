"""Is this a valid R4 resource? A compiled schema says yes or no; only of what is refused the reasons are looked for.

Beyond the published schema: real calendar dates, one value[x] each, no empty arrays or objects, no nulls, periods that
do not end before they begin.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from hub.fhir import schema
from hub.fhir.schema import CHOICES

_MOST = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: a path into the resource and a reason without the value (which may be personal)."""

    path: str
    reason: str


def check(resource: dict[str, Any], body: bytes | None = None) -> list[Problem]:
    """Every fault of the resource, at most 20; empty when it is valid.

    `body` is the same as JSON without spaces: where it is at hand, a resource without periods need not be searched for them.
    """
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or type_ not in schema.types():
        return [Problem("resourceType", "is not a resource type that the hub handles")]
    if schema.strict(type_).is_valid(resource) and (
        (body is not None and b'"end":' not in body) or all(_in_order(period) for period in _periods(resource))
    ):
        return []
    return _faults(type_, resource) or [Problem(type_, "is not valid")]


def _faults(type_: str, resource: dict[str, Any]) -> list[Problem]:
    """The reasons: the rules' own words first, the schema's for what they do not speak of."""
    found = {problem.path: problem for problem in islice(_walk("", resource), _MOST)}
    for error in schema.strict(type_).iter_errors(resource):
        kind = type(error.kind).__name__.rsplit("_", 1)[-1]
        if len(found) >= _MOST:
            break
        if kind not in _RULES:
            path = _path(error.instance_path)
            found.setdefault(path, Problem(path, _REASONS.get(kind, f"breaks the R4 schema ({kind})")))
    return [Problem(problem.path or type_, problem.reason) for problem in found.values()]


_RULES = ("Not", "AnyOf", "MinItems", "MinProperties")  # how the strict schema says what `_walk` says in words
_REASONS = {
    "AdditionalProperties": "has a property that R4 does not know",
    "Required": "lacks a required property",
    "Pattern": "does not have the form R4 asks for",
    "Enum": "is not one of the allowed values",
    "Type": "has the wrong JSON type",
    "Constant": "is not the expected value",
}


def _path(steps: list[str | int]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


_DATES = frozenset({"start", "end", "issued", "recorded", "date"})
_DATE_ENDS = ("Date", "DateTime", "Instant")


def _periods(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object in the resource that has a start and an end."""
    waiting = [value]
    for found in waiting:
        if "start" in found and "end" in found:
            yield found
        for inner in found.values():
            if type(inner) is dict:
                waiting.append(inner)
            elif type(inner) is list:
                waiting.extend([item for item in inner if type(item) is dict])


def _in_order(period: dict[str, Any]) -> bool:
    start, end = period["start"], period["end"]
    if not (isinstance(start, str) and isinstance(end, str)):
        return True
    begins, ends = _instant(start), _instant(end)
    if begins is not None and ends is not None:
        return ends >= begins
    shared = min(len(start), len(end), 10)
    return end[:shared] >= start[:shared]


def _instant(text: str) -> datetime | None:
    """The moment of a text with time and zone; None for others, and for a leap second."""
    if len(text) <= 10:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _walk(path: str, value: dict[str, Any]) -> Iterator[Problem]:
    """Faults of an object and all below it that HL7's schema lets pass. Plain dict and list only."""
    if not value:
        yield Problem(path, "is an empty object")
    if "start" in value and "end" in value and not _in_order(value):
        yield Problem(path, "ends before it starts")
    for stem in CHOICES:
        if len(schema.choice_of(stem, value)) > 1:
            yield Problem(path, f"has more than one {stem}[x]")
    for name, inner in value.items():
        if type(inner) is str:
            if (name in _DATES or name.endswith(_DATE_ENDS)) and not _real(inner):
                yield Problem(_below(path, name), "is not a day of the calendar")
        elif type(inner) is dict:
            yield from _walk(_below(path, name), inner)
        elif type(inner) is list:
            yield from _walk_list(_below(path, name), inner, nulls=name.startswith("_"))
        elif inner is None:
            yield Problem(_below(path, name), "is null")


def _walk_list(path: str, items: list[Any], *, nulls: bool) -> Iterator[Problem]:
    if not items:
        yield Problem(path, "is an empty list")
    for at, item in enumerate(items):
        if type(item) is dict:
            yield from _walk(f"{path}[{at}]", item)
        elif item is None and not nulls:
            yield Problem(f"{path}[{at}]", "is null")


def _real(text: str) -> bool:
    parts = text[:10].split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return True
    try:
        date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return False
    return True
