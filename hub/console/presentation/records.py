"""What a Patient of the profile says, field by field, as a person reads it. Numbers stay whole here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.linkage import resident_id
from hub.linkage.features import written
from mappings import divisions, vocabulary

Patient = Mapping[str, Any]
_KIN = {"SPS": "spouse", "FTH": "father", "NFTH": "father", "MTH": "mother", "NMTH": "mother"}


@dataclass(frozen=True, slots=True)
class Relative:
    """Somebody named in the record of another."""

    role: str
    name: str
    id_number: str


@dataclass(frozen=True, slots=True)
class Place:
    """An address: the division's name, the rest as written, and since when."""

    division: str
    named: str
    text: str
    since: str
    postal: str

    @property
    def whole(self) -> str:
        """One line; the division is left out where the text says it already, in full or by its last name."""
        said = not self.division or self.text.startswith(self.division) or (self.named and self.named in self.text)
        return self.text if said else f"{self.division} {self.text}".strip()


def names(patient: Patient) -> tuple[str, tuple[str, ...]]:
    """(the name in use, former names)."""
    found = [(entry.get("use"), str(entry.get("text") or written(entry))) for entry in patient.get("name", ())]
    current = next((text for use, text in found if use != "old"), "")
    return current, tuple(text for use, text in found if use == "old" and text)


def identifier(patient: Patient, system: str) -> str:
    """The value under `system`; '' where there is none."""
    return next((str(i.get("value", "")) for i in patient.get("identifier", ()) if i.get("system") == system), "")


def other_documents(patient: Patient) -> tuple[tuple[str, str], ...]:
    """(kind of document, number) of identity documents that are no resident ID."""
    prefix = vocabulary.document_system("")
    return tuple(
        (i["system"].removeprefix(prefix), str(i.get("value", "")))
        for i in patient.get("identifier", ())
        if str(i.get("system", "")).startswith(prefix)
    )


def same_length(number: str) -> str:
    """A resident number in its 18-digit form, as far as there is one."""
    parsed = resident_id.parse(number)
    return parsed.text if parsed is not None else number


def phones(patient: Patient) -> tuple[str, ...]:
    """Telephone numbers."""
    return tuple(str(t["value"]) for t in patient.get("telecom", ()) if t.get("system") == "phone" and t.get("value"))


def place(patient: Patient, role: str) -> Place | None:
    """The address in that role: origin or residence."""
    for address in patient.get("address", ()):
        extensions = {e.get("url"): e for e in address.get("extension", ())}
        if extensions.get(vocabulary.ADDRESS_ROLE, {}).get("valueCode") == role:
            code = str(extensions.get(vocabulary.DIVISION, {}).get("valueCode", ""))
            name = divisions.full_name(code) or "" if code else ""
            since = str((address.get("period") or {}).get("start", ""))
            known = divisions.lookup(code) if code else None
            text, postal = str(address.get("text", "")), str(address.get("postalCode", ""))
            return Place(name, known.name if known else "", text, since, postal)
    return None


def relatives(patient: Patient) -> Iterator[Relative]:
    """Spouse and parents."""
    for contact in patient.get("contact", ()):
        codes = [c.get("code") for r in contact.get("relationship", ()) for c in r.get("coding", ())]
        role = next((_KIN[code] for code in codes if code in _KIN), None)
        if role is not None:
            number = next(
                (
                    str((e.get("valueIdentifier") or {}).get("value", ""))
                    for e in contact.get("extension", ())
                    if e.get("url") == vocabulary.CONTACT_IDENTIFIER
                ),
                "",
            )
            yield Relative(role, str((contact.get("name") or {}).get("text", "")), number)


def children(patient: Patient) -> tuple[str, ...]:
    """Names of children."""
    return tuple(str(e["valueString"]) for e in patient.get("extension", ()) if e.get("url") == vocabulary.CHILD)


def concept(value: Mapping[str, Any] | None) -> str:
    """A coded value in words: the first display that there is, else the code."""
    codings = (value or {}).get("coding", ())
    text = (value or {}).get("text") or next((c["display"] for c in codings if c.get("display")), "")
    return str(text or next((c.get("code", "") for c in codings), ""))


def extension(patient: Patient, url: str) -> str:
    """A coded extension in words."""
    return next(
        (concept(e.get("valueCodeableConcept")) for e in patient.get("extension", ()) if e.get("url") == url), ""
    )


def lunar(patient: Patient) -> bool:
    """Was the birth date given in the lunar calendar?"""
    extensions = (patient.get("_birthDate") or {}).get("extension", ())
    return any(e.get("url") == vocabulary.LUNAR_DATE for e in extensions)
