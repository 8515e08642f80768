"""What of a valid resource is kept, whichever way it came: not what nobody may exchange, nor what may only travel sealed.

Knows no database: what depends on what is stored is asked by who writes (`exchange.checking`, `import_names`).
"""

from typing import Any, Final

from hub.errors import Invalid
from hub.fhir import exact, fed, requests, sizes, subscriptions
from hub.fhir.validation import schema
from hub.services import content, fed_patients
from hub.services.preparing import PERSON_TYPE
from mappings.vocabulary import PERSON

_TRAVEL: Final = frozenset(["Binary", "Bundle", "MessageHeader", "OperationOutcome", "Parameters"])
TYPES: Final = schema.handled() - _TRAVEL
"""What is kept one by one; the others travel, and are not kept as such."""
RECORDS: Final = TYPES - {subscriptions.TYPE}
"""What documents bring: to what a member subscribes it says by itself."""
_MEANING: Final = ("implicitRules", "modifierExtension")


def keep(source: str, type_: str, resource: dict[str, Any], canonical: bytes) -> bytes:
    """What is kept of a valid resource of the member `source`. Raises Invalid, NotAllowed."""
    kept = exact.kept(resource, canonical)
    content.check(kept, PERSON)
    if requests.searches(kept):
        raise Invalid(
            "unresolved-reference",
            "A reference that is said as a search is led within a transaction only; say Type/id, or send a transaction. "
            "Nothing was stored.",
        )
    if type_ == subscriptions.TYPE:
        subscriptions.read(resource)
    if type_ == PERSON_TYPE:
        sizes.check(resource, kept)
        for name in _MEANING:
            if name in resource:
                raise Invalid("unsupported-element", f"{type_}.{name} is not taken: it may change what the rest means.")
    for one in fed.identifiers(resource):
        if fed_patients.is_record(one):
            fed_patients.own_of(source, one)
    return kept


def replacement(patient: dict[str, Any]) -> dict[str, Any] | None:
    """What a Patient says that it is replaced by. Raises Invalid `bad-link`."""
    replaced = [link["other"] for link in patient.get("link", ()) if link.get("type") == fed.REPLACED_BY]
    if len(replaced) > 1 or (replaced and patient.get("active") is not False):
        raise Invalid("bad-link", "A record that is replaced has active = false, and is replaced by exactly one other.")
    return replaced[0] if replaced else None
