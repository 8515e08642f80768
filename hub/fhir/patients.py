"""How a stored Patient is shown: whole to the member it comes from, the fewest fields to another one.

Numbers, telephones, streets and relatives of another region's record stay with that region: what is left says which record
it is and whether it is the person that was meant (PIPL Art. 6; the console masks the same).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from hub.fhir import fed
from mappings.vocabulary import ADDRESS_ROLE, DIVISION

IN_FULL: Final = ("name", "birth", "sex", "address", "family", "ethnicity", "identifier", "phone")
"""What the whole of a record shows, in the words of the ledger of look-ups."""
FEWEST: Final = ("name", "birth", "sex", "division", "record")
"""What is shown to another member."""

_KEPT: Final = ("active", "gender", "birthDate", "_birthDate", "deceasedBoolean", "deceasedDateTime")
_NAME: Final = ("use", "text", "family", "given")
SUBSETTED: Final[Mapping[str, str]] = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
"""The tag of a resource that does not show all that it says."""


def number(resource: Mapping[str, Any], system: str) -> str | None:
    """The number of the record in the domain `system`: the first, where there are several."""
    return next((one.value for one in fed.identifiers(resource) if one.system == system), None)


def whole(patient: Mapping[str, Any], id_: str, version: int, updated_at: datetime) -> dict[str, Any]:
    """The Patient as it is kept, under its id at the hub."""
    return {**patient, "id": id_, "meta": {**patient.get("meta", {}), **_meta(version, updated_at)}}


def fewest(
    patient: Mapping[str, Any], systems: Collection[str], id_: str, version: int, updated_at: datetime
) -> dict[str, Any]:
    """The Patient as another member sees it: of its identifiers those of `systems` only."""
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "id": id_,
        "meta": {**_meta(version, updated_at), "tag": [SUBSETTED]},
        **{name: patient[name] for name in _KEPT if name in patient},
    }
    named = [{part: name[part] for part in _NAME if part in name} for name in patient.get("name", ())]
    placed = [place for address in patient.get("address", ()) if (place := _place(address))]
    numbered = [identifier for identifier in patient.get("identifier", ()) if identifier.get("system") in systems]
    lists = {"identifier": numbered, "name": named, "address": placed}
    return found | {name: values for name, values in lists.items() if values}


def only_domains(patient: dict[str, Any], systems: Collection[str]) -> dict[str, Any]:
    """The same Patient with the identifiers of `systems` only (PDQm, Populating Which Domains are Returned)."""
    kept = [identifier for identifier in patient.get("identifier", ()) if identifier.get("system") in systems]
    return {name: value for name, value in patient.items() if name != "identifier"} | (
        {"identifier": kept} if kept else {}
    )


def _meta(version: int, updated_at: datetime) -> dict[str, Any]:
    return {"versionId": str(version), "lastUpdated": updated_at.isoformat(timespec="milliseconds")}


def _place(address: Mapping[str, Any]) -> dict[str, Any]:
    """Which division it is, and as what: of origin or of residence."""
    said = [one for one in address.get("extension", ()) if one.get("url") in (ADDRESS_ROLE, DIVISION)]
    found = {name: address[name] for name in ("use", "city", "state", "country") if name in address}
    return {**found, "extension": said} if said else {}
