"""What a search for Patients asks for, read from its parameters, and whether a Patient is such. Pure; FHIR R4, search.

The parameters are those of PDQm (ITI-78). Repeated ones all hold, of values with commas between one does. Texts begin
with what is asked, whatever the case and width; with `:exact` they are the same.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.errors import Invalid
from hub.fhir.birthdates import Span, parse_birthdate, span_of

TEXTS: Final = ("family", "given", "address", "address-city", "address-country", "address-postalcode", "address-state")
TOKENS: Final = ("_id", "active", "gender", "identifier", "telecom")
DATES: Final = ("birthdate",)
KNOWN: Final = frozenset((*TEXTS, *TOKENS, *DATES))
_PARTS: Final = {
    "address-city": ("city",),
    "address-country": ("country",),
    "address-postalcode": ("postalCode",),
    "address-state": ("state",),
    "address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}
_COMMA: Final = re.compile(r"(?<!\\),")
_ESCAPED: Final = re.compile(r"\\([,|$\\])")
_MOST_VALUES: Final = 20
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Text:
    """One of these texts, the whole of it if `exact`."""

    name: str
    values: tuple[str, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Token:
    """One of these (system, value); a system of None is any, a value of '' any of that system."""

    name: str
    values: tuple[tuple[str | None, str], ...]


@dataclass(slots=True)
class Criteria:
    """All of it holds. `born` is within every span; `domains` are those whose identifiers are wanted in the answer."""

    texts: list[Text] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    born: list[Span] = field(default_factory=list)
    domains: tuple[str, ...] = ()
    used: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The first value of a text, '' where none is asked for."""
        return next((one.values[0] for one in self.texts if one.name == name), "")

    def token(self, name: str) -> Token | None:
        """The first token of that name."""
        return next((one for one in self.tokens if one.name == name), None)

    @property
    def elements(self) -> int:
        """How many kinds of identifying elements are given; a choice of several values is a guess and identifies nobody."""
        texts = [one.name for one in self.texts if len(set(one.values)) == 1]
        tokens = [one.name for one in self.tokens if len(set(one.values)) == 1 and one.values[0][1]]
        kinds = {name.partition("-")[0] for name in (*texts, *tokens)}
        return len(kinds - {"_id", "active"}) + bool(self.born)

    def fits(self, patient: Mapping[str, Any], id_: str) -> bool:
        """Is the Patient one of those that are asked for?"""
        return (
            all(_has_text(one, patient) for one in self.texts)
            and all(_has_token(one, patient, id_) for one in self.tokens)
            and all(_is_born(span, patient) for span in self.born)
            and (not self.domains or any(i.get("system") in self.domains for i in patient.get("identifier", ())))
        )


def read(pairs: Sequence[tuple[str, str]]) -> Criteria:
    """The criteria in the parameters. Raises Invalid `bad-request`, `not-supported`."""
    found = Criteria()
    for name, value in pairs:
        base, _, modifier = name.partition(":")
        if base not in KNOWN:
            found.ignored.append(base)
            continue
        if modifier and not (modifier == "exact" and base in TEXTS):
            raise Invalid("not-supported", f"The modifier :{modifier[:20]} cannot be used with {base}.")
        values = [_ESCAPED.sub(r"\1", one) if base in TEXTS else one for one in _COMMA.split(value) if one]
        if not values or len(values) > _MOST_VALUES or len(value) > _LONGEST * _MOST_VALUES:
            raise Invalid("bad-request", f"{base} has 1 to {_MOST_VALUES} values.")
        if base in TEXTS and not all(map(folded, values)):
            raise Invalid("bad-request", f"{base} says nothing that can be compared.")
        found.used.append((name, value))
        if base in DATES:
            found.born.append(parse_birthdate(values))
        elif base in TEXTS:
            found.texts.append(Text(base, tuple(values), bool(modifier)))
        else:
            _add_token(found, Token(base, tuple(_token(one) for one in values)))
    return found


def _add_token(found: Criteria, token: Token) -> None:
    if token.name == "identifier" and all(system and not value for system, value in token.values):
        found.domains += tuple(system for system, _ in token.values if system)
    else:
        found.tokens.append(token)


def _token(text: str) -> tuple[str | None, str]:
    parts = re.split(r"(?<!\\)\|", text, maxsplit=1)
    system, value = (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])
    return (None if system is None else _ESCAPED.sub(r"\1", system)), _ESCAPED.sub(r"\1", value)


def folded(text: str) -> str:
    """A text as it is compared: width, case and spaces do not count."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _has_text(asked: Text, patient: Mapping[str, Any]) -> bool:
    kept = list(_kept(asked.name, patient))
    if asked.exact:
        return any(value in kept for value in asked.values)
    return any(folded(text).startswith(folded(value)) for value in asked.values for text in kept)


def _kept(name: str, patient: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a Patient that a parameter looks at; in lists of them null stands where only an extension is said."""
    if name in ("family", "given"):
        at, parts = "name", [name]
    else:
        at, parts = "address", list(_PARTS[name])
    for element in patient.get(at, ()):
        for part in parts:
            value = element.get(part, ())
            yield from [value] if isinstance(value, str) else [one for one in value if one is not None]


def _has_token(asked: Token, patient: Mapping[str, Any], id_: str) -> bool:
    if asked.name == "_id":
        return any(value == id_ for _, value in asked.values)
    if asked.name == "active":
        return any(value == ("true" if patient.get("active") is not False else "false") for _, value in asked.values)
    if asked.name == "gender":
        return any(value == patient.get("gender", "") for _, value in asked.values)
    kept = [(one.get("system"), one.get("value")) for one in patient.get(asked.name, ())]
    return any(
        (system is None or system == kept_system or (system == "" and not kept_system)) and value in ("", kept_value)
        for system, value in asked.values
        for kept_system, kept_value in kept
    )


def _is_born(span: Span, patient: Mapping[str, Any]) -> bool:
    kept = span_of(str(patient.get("birthDate", "")))
    return kept is not None and span.first <= kept.first and kept.last <= span.last
