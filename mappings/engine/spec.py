"""A mapping as written: mapping.yaml read, validated against mapping.schema.json, and given types."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import orjson
import yaml

from mappings.engine.model import BrokenMapping


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the source: other names it goes by, whether the header must have it."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    ditto: bool = False


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How the source is written: formats accepted, encodings tried in turn, header, words with a meaning of their own."""

    formats: tuple[str, ...]
    encodings: tuple[str, ...] = ("gb18030", "utf-8")
    header_within: int = 12
    totals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    ditto: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset({""})
    page: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """The field is read only where another column holds (or, negated, does not hold) one of these texts; empty is ``."""

    column: str
    texts: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of the target: the columns it comes from (the first that is filled) and the transforms in order."""

    name: str
    columns: tuple[str, ...]
    steps: tuple[tuple[str, dict[str, Any]], ...]
    required: bool = False
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """Everything that mapping.yaml says."""

    name: str
    kind: str
    county: str
    title: dict[str, str]
    source: SourceSpec
    columns: dict[str, Column]
    fields: tuple[FieldSpec, ...]
    constants: dict[str, Any]
    withheld: frozenset[str]
    refused: dict[str, str]


@cache
def _validator() -> jsonschema_rs.Validator:
    schema = orjson.loads(files("mappings").joinpath("mapping.schema.json").read_bytes())
    return jsonschema_rs.validator_for(schema)


def parse(text: str, name: str) -> MappingSpec:
    """The mapping written in `text`; raises BrokenMapping naming the place when it does not follow the schema."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BrokenMapping(f"{name}: not YAML: {error}") from error
    faults = [f"{'/'.join(map(str, e.instance_path)) or '.'}: {e.message}" for e in _validator().iter_errors(data)]
    if faults:
        raise BrokenMapping(f"{name}: " + "; ".join(faults[:5]))
    if data["mapping"] != name:
        raise BrokenMapping(f"{name}: mapping.yaml says it is {data['mapping']}")
    return MappingSpec(
        name=name,
        kind=data["kind"],
        county=data["county"],
        title=data["title"],
        source=_source(data["source"]),
        columns={column: _column(column, options or {}) for column, options in data["columns"].items()},
        fields=tuple(_field(field, options) for field, options in data["fields"].items()),
        constants=data.get("constants", {}),
        withheld=frozenset(data.get("withheld", ())),
        refused=data.get("refused", {}),
    )


def _source(data: dict[str, Any]) -> SourceSpec:
    return SourceSpec(
        formats=tuple(data["formats"]),
        encodings=tuple(data.get("encodings", ("gb18030", "utf-8"))),
        header_within=data.get("header_within", 12),
        totals=tuple(data.get("totals", ())),
        remarks=tuple(data.get("remarks", ())),
        ditto=frozenset(data.get("ditto", ())),
        empty=frozenset({"", *data.get("empty", ())}),
        page=data.get("page"),
    )


def _column(name: str, options: dict[str, Any]) -> Column:
    return Column(name, tuple(options.get("aliases", ())), options.get("required", False), options.get("ditto", False))


def _field(name: str, options: dict[str, Any] | str) -> FieldSpec:
    if isinstance(options, str):
        options = {"from": options}
    columns = options["from"]
    steps = [(step, {}) if isinstance(step, str) else next(iter(step.items())) for step in options.get("do", ["text"])]
    return FieldSpec(
        name,
        (columns,) if isinstance(columns, str) else tuple(columns),
        tuple(steps),
        options.get("required", False),
        _condition(options),
    )


def _condition(options: dict[str, Any]) -> Condition | None:
    for word in ("when", "unless"):
        if (rule := options.get(word)) is not None:
            return Condition(rule["column"], frozenset(rule["is"]), word == "unless")
    return None
