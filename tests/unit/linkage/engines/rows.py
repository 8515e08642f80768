"""Registers for the tests of `hub dedupe`: rows of invented people, files of them, and the same rows as Patients."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from hub.demo.population import DEDUPE_COLUMNS, Faults, Shape, dedupe_row, entries
from hub.linkage.engines import files, register
from hub.linkage.engines.register import Register
from mappings import vocabulary

Row = Mapping[str, str]
_GENDERS = {"1": "male", "2": "female"}


@cache
def people(count: int, seed: int = 11) -> tuple[Row, ...]:
    """So many rows, with every fault that the population has."""
    found: list[Row] = []
    for entry in entries(seed, replace(Shape(), people=count), Faults(), date(2025, 6, 1)):
        found.extend(dict(zip(DEDUPE_COLUMNS, dedupe_row(record), strict=True)) for record in entry.records)
        if len(found) >= count:
            break
    return tuple(found[:count])


def write(path: Path, rows: Sequence[Row], columns: Sequence[str] = DEDUPE_COLUMNS, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="", errors="replace") as handle:
        out = csv.DictWriter(handle, columns, extrasaction="ignore")
        out.writeheader()
        out.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def register_of(path: Path) -> Register:
    return register.read(files.read(path, 2))


def patient(row: Row) -> dict[str, Any]:
    """What the online scorer would be given for this row."""
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": vocabulary.record_system(row["source"]), "value": row["record_id"]}],
        "name": [{"text": row["name"]}],
        "gender": _GENDERS.get(row["sex"], "unknown"),
        "address": [
            {
                "extension": [
                    {"url": vocabulary.ADDRESS_ROLE, "valueCode": role},
                    {"url": vocabulary.DIVISION, "valueCode": row[f"{role}_division"]},
                ],
                "text": row[f"{role}_address"],
            }
            for role in ("origin", "residence")
        ],
    }
    if row["resident_id"]:
        other = row.get("id_type", "01") not in ("", "01")
        system = vocabulary.document_system(row["id_type"]) if other else vocabulary.RESIDENT_ID
        found["identifier"].append({"system": system, "value": row["resident_id"]})
    if row.get("postal_code"):
        found["address"][1]["postalCode"] = row["postal_code"]
    if row["birth_date"]:
        found["birthDate"] = row["birth_date"]
    if row["phone"]:
        found["telecom"] = [{"system": "phone", "value": row["phone"]}]
    if row["spouse_name"]:
        number = {"url": vocabulary.CONTACT_IDENTIFIER, "valueIdentifier": {"value": row["spouse_resident_id"]}}
        found["contact"] = [
            {
                "relationship": [{"coding": [{"code": "SPS"}]}],
                "name": {"text": row["spouse_name"]},
                "extension": [number] if row["spouse_resident_id"] else [],
            }
        ]
    return found
