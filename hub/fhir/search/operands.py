"""The values of search parameters, read: prefixes, systems, units, escapes. Pure; FHIR R4, search, parameter types."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, get_args

from hub.errors import Invalid
from hub.fhir.search.parameters import Kind, Parameter, Part, types
from hub.fhir.search.query import (
    Comparison,
    HowMuch,
    Missing,
    NearTo,
    Operand,
    RefersTo,
    TextIs,
    Together,
    TokenIs,
    When,
)
from hub.fhir.search.references import parsed
from hub.fhir.search.spans import Span, of_moment, span_of
from hub.fhir.search.texts import folded

COMPARISONS: Final[tuple[Comparison, ...]] = get_args(Comparison)
NEAR: Final = 10
"""`ap`: one part in so many of a number, or of the time between a date and now, is near enough."""
NEARBY: Final = 10
"""Kilometres that are near where the search does not say how far."""
METRES: Final[Mapping[str, int]] = {"km": 1_000, "m": 1}
_PLAIN: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,20})?", re.ASCII)
_ESCAPED: Final = re.compile(r"\\([,|$\\])")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What reading a value needs to know: the parameter's name as it was given, the modifier, the time, our own address."""

    name: str
    modifier: str
    now: datetime
    base: str

    def wrong(self, allowed: str) -> Invalid:
        """The value is not of the form that is allowed."""
        return Invalid("bad-request", f"{self.name[:80]}: the value is {allowed}.")


def operand(parameter: Parameter | Part, text: str, asked: Asked) -> Operand:
    """One value of a parameter, still escaped. Raises Invalid `bad-request`."""
    if asked.modifier == "missing":
        if text not in ("true", "false"):
            raise asked.wrong("true or false")
        return Missing(text == "true")
    if isinstance(parameter, Parameter) and parameter.parts:
        return _together(parameter, text, asked)
    if asked.modifier in ("identifier", "text"):
        return _READERS["token" if asked.modifier == "identifier" else "string"](text, asked)
    if isinstance(parameter, Parameter) and parameter.code == "_id":
        if not _ID.fullmatch(text):
            raise asked.wrong("an id of at most 64 letters, digits, - and .")
        return TokenIs(None, text)
    return _READERS[parameter.kind](text, asked)


def split(text: str, at: str) -> list[str]:
    """A text divided at a mark where that is not escaped; the parts are still escaped."""
    parts, part, pairs = [], "", iter(text)
    for character in pairs:
        if character == "\\":
            part += character + next(pairs, "")
        elif character == at:
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part]


def plain(text: str) -> str:
    """A text without its escapes."""
    return _ESCAPED.sub(r"\1", text)


def _together(parameter: Parameter, text: str, asked: Asked) -> Together:
    texts = split(text, "$")
    if len(texts) != len(parameter.parts) or not all(texts):
        raise asked.wrong(f"{' and '.join(part.code for part in parameter.parts)}, joined by $")
    return Together(tuple(operand(part, one, asked) for part, one in zip(parameter.parts, texts, strict=True)))


def _token(text: str, asked: Asked) -> TokenIs:
    parts = [plain(part) for part in split(text, "|")]
    if asked.modifier == "of-type":
        if len(parts) != 3 or not all(parts[1:]):
            raise asked.wrong("system|code|value, of the identifier's type and the identifier")
        return TokenIs(None, parts[2].casefold(), (parts[0], parts[1]))
    if len(parts) > 2 or not any(parts):
        raise asked.wrong("code, system|code, |code or system|")
    if len(parts) == 1:
        return TokenIs(None, parts[0].casefold())
    return TokenIs(parts[0], parts[1].casefold() or None)


def _text(text: str, asked: Asked) -> TextIs:
    said = plain(text)
    if not said.strip():
        raise asked.wrong("a text")
    return TextIs(said, folded(said))


def _prefixed(text: str) -> tuple[Comparison, str]:
    found = next((one for one in COMPARISONS if text.startswith(one)), None)
    return (found, text[2:]) if found else ("eq", text)


def _when(text: str, asked: Asked) -> When:
    comparison, said = _prefixed(text)
    span = span_of(said.replace(" ", "+"))  # a + that was not encoded comes as a space
    if span is None:
        raise asked.wrong("YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss][zone], after one of " + _PREFIXES)
    if comparison == "ap":
        now = of_moment(asked.now)
        gap = max(0, span.start - now, now - span.end) // NEAR
        span = Span(span.start - gap, span.end + gap)
    return When(comparison, span)


def _number(text: str, asked: Asked) -> HowMuch:
    comparison, said = _prefixed(text)
    if not _NUMBER.fullmatch(said):
        raise asked.wrong("a number, after one of " + _PREFIXES)
    try:
        number = Decimal(said)
    except InvalidOperation as error:
        raise asked.wrong("a number, after one of " + _PREFIXES) from error
    exponent = number.as_tuple().exponent
    half = Decimal((0, (5,), int(exponent) - 1))
    if comparison == "ap":
        half = max(half, abs(number) / NEAR)
    return HowMuch(comparison, number, number - half, number + half)


def _quantity(text: str, asked: Asked) -> HowMuch:
    parts = [plain(part) for part in split(text, "|")]
    if len(parts) not in (1, 3):
        raise asked.wrong("number, number|system|code or number||code, after one of " + _PREFIXES)
    found = _number(parts[0], asked)
    if len(parts) == 1:
        return found
    return replace(found, system=parts[1] or None, code=parts[2] or None)


def _reference(text: str, asked: Asked) -> RefersTo:
    said = plain(text)
    only = asked.modifier if asked.modifier[:1].isupper() else ""
    if _ID.fullmatch(said):
        return RefersTo(only, said)
    found = parsed(said)
    if only and found.type != only:
        raise asked.wrong(f"the id of a {only}, or {only}/id")
    if found.id and found.base in ("", asked.base):
        return RefersTo(found.type, found.id, version=found.version)
    if ":" not in found.url:
        raise asked.wrong("id, Type/id or an absolute address")
    return RefersTo("", "", found.url, found.version)


def _uri(text: str, asked: Asked) -> TextIs:
    said = plain(text)
    if not said or any(character.isspace() for character in said):
        raise asked.wrong("a URI")
    return TextIs(said, said)


def _near(text: str, asked: Asked) -> NearTo:
    said = text.split("|")
    parts = [*said, "", "", ""]
    number, unit = parts[2] or str(NEARBY), parts[3] or "km"
    if 2 <= len(said) <= 4 and all(_PLAIN.fullmatch(one) for one in (*parts[:2], number)) and unit in METRES:
        found = NearTo(float(parts[0]), float(parts[1]), float(number) * METRES[unit])
        if abs(found.latitude) <= 90 and abs(found.longitude) <= 180 and found.metres >= 0:
            return found
    raise asked.wrong("latitude|longitude, |distance, |km or m; degrees and numbers with points")


_PREFIXES: Final = ", ".join(COMPARISONS) + " or none"
_READERS: Final[Mapping[Kind, Callable[[str, Asked], Operand]]] = {
    "token": _token,
    "string": _text,
    "date": _when,
    "reference": _reference,
    "quantity": _quantity,
    "number": _number,
    "uri": _uri,
    "special": _near,
}

MODIFIERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "token": ("missing", "not", "of-type", "text"),
    "string": ("contains", "exact", "missing"),
    "date": ("missing",),
    "reference": ("identifier", "missing"),
    "quantity": ("missing",),
    "number": ("missing",),
    "uri": ("above", "below", "missing"),
    "composite": ("missing",),
    "special": ("missing",),
}
"""The modifiers that each kind takes; a reference also takes the types it may be to."""


def checked(parameter: Parameter, modifier: str, name: str) -> None:
    """Whether a parameter takes a modifier. Raises Invalid `not-supported`."""
    allowed = MODIFIERS[parameter.kind]
    if not modifier or modifier in allowed:
        if modifier == "of-type" and not any(path.type == "Identifier" for path in parameter.compiled.paths):
            raise Invalid("not-supported", f"{name[:80]}: of-type is for identifiers.")
        return
    if parameter.kind == "reference" and modifier in parameter.targets:
        return
    targets = sorted(parameter.targets & set(types())) if parameter.kind == "reference" else []
    known = ", ".join([*allowed, *targets]) or "none"
    raise Invalid("not-supported", f"{name[:80]}: the modifiers of {parameter.code} are {known}.")
