"""Searches drawn for the values of a resource: some find it, some just miss it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from hub.fhir.search import Clause, Meta, Parameter, parameters, parse, values
from hub.fhir.search.references import Ref
from hub.fhir.search.spans import ALWAYS, Span, local_day
from hub.fhir.search.values import Amount, Position, Token

NOW = datetime(2026, 11, 26, tzinfo=UTC)
META = Meta("kept", datetime(2024, 2, 29, 15, 59, 59, 123456, tzinfo=UTC))
BASE = "https://hub.example/fhir"
Draw = st.DrawFn
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def escaped(text: str) -> str:
    """A text as a value of a parameter."""
    for mark in "\\,$|":
        text = text.replace(mark, "\\" + mark)
    return text


@st.composite
def clauses(draw: Draw, resource: dict[str, Any]) -> Clause:
    """One clause about something that the resource says."""
    said = values(resource)
    code = draw(st.sampled_from(sorted(said)))
    parameter = parameters(resource["resourceType"])[code]
    chosen = draw(st.lists(st.sampled_from(said[code]), min_size=1, max_size=2))
    modifier = draw(st.sampled_from(list(modifiers(parameter, chosen[0]))))
    texts = [draw(asked(parameter, value, modifier)) for value in chosen]
    name = f"{code}:{modifier}" if modifier else code
    found = parse(resource["resourceType"], [(name, ",".join(texts))], now=NOW, base=BASE, strict=True).clauses
    return found[0]


def modifiers(parameter: Parameter, value: Any) -> Iterator[str]:
    """Those that make sense for a value."""
    yield from ("", "", "missing")
    match parameter.kind:
        case "token":
            yield from ("not", "text")
            if isinstance(value, Token) and value.types:
                yield "of-type"
        case "string":
            yield from ("exact", "contains")
        case "uri":
            yield from ("above", "below")
        case "reference" if value.identifier:
            yield "identifier"


@st.composite
def asked(draw: Draw, parameter: Parameter, value: Any, modifier: str) -> str:
    """The text of one value of the parameter."""
    if modifier == "missing":
        return draw(st.sampled_from(("true", "false")))
    match value:
        case Token() if parameter.code == "_id":
            return value.code
        case tuple() if parameter.parts:
            return "$".join(draw(value_text(draw(st.sampled_from(values_)), "")) for values_ in value)
        case _:
            return draw(value_text(value, modifier))


@st.composite
def value_text(draw: Draw, value: Any, modifier: str) -> str:
    """The text of a value, or of one beside it."""
    match value:
        case Token():
            return draw(token_text(value, modifier))
        case Span():
            return draw(st.sampled_from(PREFIXES)) + draw(date_text(value))
        case Ref():
            return draw(reference_text(value, modifier))
        case Amount():
            return draw(amount_text(value))
        case Position():
            return f"{value.latitude}|{value.longitude + 0.01}|{draw(st.integers(0, 3))}|km"
        case str():
            return draw(string_text(value, modifier))
    raise AssertionError(value)


@st.composite
def token_text(draw: Draw, value: Token, modifier: str) -> str:
    if modifier == "text":
        return escaped((value.text or "nothing")[: draw(st.integers(1, 9))])
    code, system = escaped(value.code or "none"), escaped(value.system or "")
    if modifier == "of-type":
        return f"{escaped(value.types[0][0])}|{escaped(value.types[0][1] or 'none')}|{code}"
    forms = [code, code.upper(), f"{system}|{code}", f"|{code}", f"urn:other|{code}", f"{system or 'urn:none'}|"]
    return draw(st.sampled_from(forms))


@st.composite
def date_text(draw: Draw, span: Span) -> str:
    edge = draw(st.sampled_from([one for one in span if abs(one) != ALWAYS]))
    days = local_day(edge).toordinal() + draw(st.sampled_from((0, 0, 0, -1, 1, -20, 31, 366, -3700)))
    day = date.fromordinal(min(max(days, 1), date.max.toordinal()))
    moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=max(edge, 0))
    exact = moment.isoformat(timespec=draw(st.sampled_from(("seconds", "milliseconds"))))
    return draw(
        st.sampled_from((f"{day.year:04d}", day.isoformat()[:7], day.isoformat(), day.isoformat() + "T12:30", exact))
    )


@st.composite
def reference_text(draw: Draw, value: Ref, modifier: str) -> str:
    if modifier == "identifier" and value.identifier:
        system, code = value.identifier
        return draw(st.sampled_from((escaped(code), f"{escaped(system)}|{escaped(code)}")))
    if not value.id:
        return escaped(value.url if ":" in value.url else "urn:none")
    forms = [value.id, f"{value.type}/{value.id}", f"{BASE}/{value.type}/{value.id}", value.url, f"Group/{value.id}"]
    return escaped(draw(st.sampled_from(forms)))


@st.composite
def amount_text(draw: Draw, value: Amount) -> str:
    number = value.low if value.low is not None else value.high
    said = f"{number:f}"[: draw(st.integers(1, 12))].rstrip(".-") or "0"
    unit = draw(st.sampled_from(("", f"|{value.system}|{value.code}", f"||{value.unit or value.code}", "|urn:other|x")))
    return draw(st.sampled_from(PREFIXES)) + said + (unit if value.code or value.unit else "")


@st.composite
def string_text(draw: Draw, value: str, modifier: str) -> str:
    if modifier in ("above", "below") or value.startswith(("http", "urn")):
        return escaped(
            value[: draw(st.sampled_from((len(value), max(1, len(value) // 2))))] + draw(st.sampled_from(("", "/more")))
        )
    start = draw(st.sampled_from((0, 0, 0, 1)))
    part = value[start : start + draw(st.integers(1, 20))]
    return escaped(draw(st.sampled_from((value, part, part.upper())))) if part.strip() else "x"
