"""What of a Patient that a source feeds is kept, and which other of its records it says replaces it.

Pure. IHE PIXm ITI-104 and PMIR ITI-93: a duplicate is inactive and has exactly one link `replaced-by`. What only the hub
can say (ids, versions, who else is the person) is not kept, so that what was read here may be sent back.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from hub.errors import Invalid
from hub.fhir import sizes
from hub.fhir.outcome import PROBLEM

REPLACED_BY: Final = "replaced-by"
_OWN_LINKS = (REPLACED_BY, "replaces")
_NOT_KEPT = ("id", "meta", "text", "link")
_META_KEPT = ("profile", "security", "tag")
_REFUSED = ("contained", "implicitRules", "modifierExtension")
LONGEST_VALUE: Final = 200


class Identifier(NamedTuple):
    """A business identifier."""

    system: str
    value: str


class Fed(NamedTuple):
    """A Patient as it is kept but for its links; `replaced_by` and `replaces` are what they say (FHIR References)."""

    patient: dict[str, Any]
    replaced_by: Mapping[str, Any] | None
    replaces: tuple[Mapping[str, Any], ...]


def read(patient: Mapping[str, Any]) -> Fed:
    """`patient` (valid R4) as it is fed. Raises Invalid `unsupported-element`, `bad-link`, `too-many`, `too-long`."""
    for name in _REFUSED:
        if name in patient:
            raise Invalid("unsupported-element", f"Patient.{name} is not taken: it may change what the rest means.")
    sizes.check(patient)
    kept = {name: value for name, value in patient.items() if name not in _NOT_KEPT}
    meta = {name: patient["meta"][name] for name in _META_KEPT if name in patient.get("meta", {})}
    if meta:
        kept["meta"] = meta
    # R4 lets an extension stand where the type of a link should; such a link says neither of ours.
    links = [(link.get("type"), link["other"]) for link in patient.get("link", ())]
    replaced = [other for type_, other in links if type_ == REPLACED_BY]
    if len(replaced) > 1:
        raise Invalid("bad-link", "A record is replaced by exactly one other.")
    if replaced and patient.get("active") is not False:
        raise Invalid("bad-link", "A record that is replaced by another has active = false.")
    replaces = tuple(other for type_, other in links if type_ == _OWN_LINKS[1])
    return Fed(kept, replaced[0] if replaced else None, replaces)


def linked(fed: Fed, replaced_by: Identifier | None, replaces: tuple[Identifier, ...]) -> dict[str, Any]:
    """The Patient as it is kept, its links by identifier."""
    links = [(REPLACED_BY, replaced_by)] if replaced_by is not None else []
    links += [("replaces", one) for one in replaces]
    if not links:
        return fed.patient
    return fed.patient | {"link": [{"other": {"identifier": one._asdict()}, "type": type_} for type_, one in links]}


def identifiers(resource: Mapping[str, Any]) -> Iterator[Identifier]:
    """The identifiers that have a system and a value, of a resource that may not have been checked yet.

    Most types have a list of them; a Composition, a QuestionnaireResponse and some others have one that is no list.
    """
    stated = resource.get("identifier")
    for found in stated if isinstance(stated, list) else [stated]:
        match found:
            case {"system": str(system), "value": str(value)} if system and value:
                yield Identifier(system, value)


def token(text: str) -> Identifier:
    """`system|value` of a search. Raises Invalid."""
    system, bar, value = text.partition("|")
    if not (bar and system and value) or len(text) > LONGEST_VALUE or "," in text:
        raise Invalid("bad-request", "One identifier is needed, as system|value.")
    return Identifier(system, value)


def condition(query: str) -> Identifier | None:
    """What If-None-Exist asks for, which is one identifier here; None where nothing is stated. Raises Invalid."""
    if not query:
        return None
    name, _, value = query.removeprefix("?").partition("=")
    if name != "identifier" or "&" in value or "\\" in unquote_plus(value):
        raise Invalid("not-supported", "A condition is one identifier: identifier=system|value.")
    return token(unquote_plus(value))


def moment(text: str | None, latest: datetime) -> datetime | None:
    """A FHIR instant that the sender stamped, `latest` where it is behind that: a clock that is fast decides nothing."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("no zone")
        return min(found.astimezone(UTC), latest)
    except (ValueError, OverflowError) as error:
        raise Invalid("bad-request", "A time stamp is not an instant with a zone.") from error


def told(code: str, text: str, severity: str = "information") -> dict[str, Any]:
    """An issue of an OperationOutcome that is no error."""
    return {
        "severity": severity,
        "code": "informational",
        "details": {"coding": [{"system": PROBLEM, "code": code}], "text": text},
        "diagnostics": text,
    }
