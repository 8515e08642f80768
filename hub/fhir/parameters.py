"""What an operation is called with: a Parameters resource, or the parameters of an address. Pure. FHIR R4, operations.

A name that the operation does not know is refused: a misspelt `preview` must not carry something out.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.errors import Invalid
from hub.fhir.fed import Identifier

_TEXTS = (
    "valueString",
    "valueUri",
    "valueCode",
    "valueId",
    "valueUrl",
    "valueCanonical",
    "valueDate",
    "valueDateTime",
    "valueInstant",
)
MOST = 100
LONGEST = 500


class Parameters:
    """The values of an operation's parameters, read by name and type. Each reader raises Invalid for a wrong type."""

    def __init__(self, items: Sequence[Mapping[str, Any]], known: Collection[str]) -> None:
        """`items` as in Parameters.parameter. Raises Invalid `unknown-parameter`."""
        self._items: dict[str, list[Mapping[str, Any]]] = {}
        if len(items) > MOST:
            raise Invalid("too-many", f"An operation takes at most {MOST} parameters.")
        for item in items:
            name = item.get("name") if isinstance(item, dict) else None
            if not isinstance(name, str) or name not in known:
                raise Invalid("unknown-parameter", f"The parameters are {', '.join(sorted(known))}.")
            self._items.setdefault(name, []).append(item)

    def repeated(self) -> dict[str, Any]:
        """What the operation was called with, as a Parameters resource."""
        return {"resourceType": "Parameters", "parameter": [item for items in self._items.values() for item in items]}

    def given(self, name: str) -> bool:
        """Is the parameter there?"""
        return name in self._items

    def texts(self, name: str) -> list[str]:
        """Every value of a parameter that is a text."""
        return [self._text(name, item) for item in self._items.get(name, ())]

    def text(self, name: str) -> str | None:
        """The one value of a parameter that is a text."""
        found = self.texts(name)
        if len(found) > 1:
            raise Invalid("bad-request", f"There is more than one {name}.")
        return found[0] if found else None

    def needed(self, name: str) -> str:
        """The same, which must be there."""
        found = self.text(name)
        if not found:
            raise Invalid("bad-request", f"The parameter {name} is missing.")
        return found

    def flag(self, name: str) -> bool:
        """A boolean; False where it is not there."""
        for item in self._items.get(name, ()):
            value = item.get("valueBoolean", item.get("valueString"))
            if value not in (True, False, "true", "false"):
                raise Invalid("bad-request", f"{name} is true or false.")
            return value in (True, "true")
        return False

    def number(self, name: str, otherwise: int, most: int) -> int:
        """A whole number from 0 to `most`."""
        for item in self._items.get(name, ()):
            value = next((item[kind] for kind in item if kind.startswith("value")), None)
            text = str(value)
            if isinstance(value, bool) or not (
                text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= most
            ):
                raise Invalid("bad-request", f"{name} is a whole number from 0 to {most}.")
            return int(text)
        return otherwise

    def instant(self, name: str) -> datetime | None:
        """A moment, in UTC."""
        text = self.text(name)
        if text is None:
            return None
        try:
            found = datetime.fromisoformat(text.replace(" ", "+"))  # a '+' that was not escaped in an address
            if found.tzinfo is None:
                raise ValueError("no zone")
            return found.astimezone(UTC)
        except (ValueError, OverflowError) as error:  # the latter at the ends of the calendar
            said = f"{name} is an instant with a time zone, such as 2026-03-01T08:00:00+08:00."
            raise Invalid("bad-request", said) from error

    def reference(self, name: str) -> str | None:
        """The text of a Reference."""
        for item in self._items.get(name, ()):
            value = item.get("valueReference")
            if not (isinstance(value, dict) and isinstance(value.get("reference"), str)):
                raise Invalid("bad-request", f"{name} is a Reference.")
            return str(value["reference"])
        return None

    def identifiers(self, name: str) -> list[Identifier]:
        """Identifiers with a system and a value."""
        found = []
        for item in self._items.get(name, ()):
            match item.get("valueIdentifier"):
                case {"system": str(system), "value": str(value)} if system and value:
                    found.append(Identifier(system, value))
                case _:
                    raise Invalid("bad-request", f"{name} is an Identifier with system and value.")
        return found

    def codings(self, name: str) -> list[tuple[str, str]]:
        """(system, code) of each Coding, those of a CodeableConcept too; a system of '' is none."""
        found = []
        for item in self._items.get(name, ()):
            concept = item.get("valueCodeableConcept")
            listed = concept.get("coding") if isinstance(concept, dict) else [item.get("valueCoding")]
            for one in listed if isinstance(listed, list) else [None]:
                code, system = (one.get("code"), one.get("system", "")) if isinstance(one, dict) else (None, "")
                if not (isinstance(code, str) and isinstance(system, str)):
                    raise Invalid("bad-request", f"{name} is a Coding, or a CodeableConcept, with codes.")
                found.append((system, code))
        if len(found) > MOST:
            raise Invalid("too-many", f"{name} has at most {MOST} codes.")
        return found

    def resource(self, name: str) -> dict[str, Any] | None:
        """A resource."""
        for item in self._items.get(name, ()):
            if not isinstance(item.get("resource"), dict):
                raise Invalid("bad-request", f"{name} is a resource.")
            return dict(item["resource"])
        return None

    def _text(self, name: str, item: Mapping[str, Any]) -> str:
        value = next((item[kind] for kind in _TEXTS if kind in item), None)
        if not isinstance(value, str) or len(value) > LONGEST:
            raise Invalid("bad-request", f"{name} is a text of at most {LONGEST} characters.")
        return value


def of_resource(resource: Mapping[str, Any], known: Collection[str]) -> Parameters:
    """The parameters in a Parameters resource. Raises Invalid."""
    items = resource.get("parameter", [])
    if resource.get("resourceType") != "Parameters" or not isinstance(items, list):
        raise Invalid("bad-request", "The body is a Parameters resource.")
    return Parameters(items, known)


def of_query(pairs: Sequence[tuple[str, str]], known: Collection[str]) -> Parameters:
    """The parameters of an address."""
    return Parameters([{"name": name, "valueString": value} for name, value in pairs], known)


def of_patient(text: str) -> tuple[str, int | None]:
    """(id, version) in `Patient/<id>` or `Patient/<id>/_history/<version>` or a bare id."""
    parts = text.removeprefix("Patient/").split("/")
    if len(parts) == 3 and parts[1] == "_history" and parts[2].isascii() and parts[2].isdigit():
        return parts[0], int(parts[2][:9])
    return text.removeprefix("Patient/"), None
