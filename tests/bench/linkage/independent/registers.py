"""Registers: who was written down where, in which year, with what in which cell, in the columns of `hub dedupe`."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

from borax.calendars.lunardate import LunarDate

from tests.bench.linkage.independent import faults, words
from tests.bench.linkage.independent.faults import Rates
from tests.bench.linkage.independent.people import FIRST_YEAR, LAST_YEAR, Person, Place, World

COLUMNS = (
    "record_id", "source", "name", "sex", "birth_date", "resident_id", "id_type", "phone", "origin_division",
    "origin_address", "residence_division", "residence_address", "spouse_name", "spouse_resident_id",
)  # fmt: skip
SOURCES = {
    # how often a person gets there, and what is asked there: number, phone, origin, residence, spouse
    "household": (0.55, (1.0, 0.5, 1.0, 0.3, 0.6)),
    "permits": (0.5, (1.0, 0.9, 0.9, 1.0, 0.2)),
    "clinic": (0.35, (0.8, 0.95, 0.4, 0.9, 0.5)),
    "works": (0.3, (0.95, 0.8, 0.7, 0.8, 0.3)),
}
_TWICE = 0.12
"""Of those who are in a source, who are there a second time."""
FIRMS = tuple(f"0579{number}" for number in range(87110000, 87110025))
Row = dict[str, str]


def records(seed: int, people: int, rates: Rates = Rates()) -> Iterator[tuple[Row, int]]:  # noqa: B008 - frozen
    """Rows, and the person each is of."""
    world = World(seed)
    choose, count = Random(f"registers {seed}"), 0
    for person in world.settle(people):
        for source, (share, asked) in SOURCES.items():
            if choose.random() < share:
                for _ in range(1 + (choose.random() < _TWICE)):
                    count += 1
                    clerk = _Clerk(choose, rates, source, asked, choose.randint(FIRST_YEAR, LAST_YEAR))
                    yield clerk.write(f"{source}-{count}", person), person.id


def write(seed: int, people: int, rates: Rates, register: Path, truth: Path) -> None:
    """The register in a random order, and as `record_id, person` who its records are."""
    found = list(records(seed, people, rates))
    Random(f"order {seed}").shuffle(found)
    with register.open("w", encoding="utf-8", newline="") as handle:
        out = csv.DictWriter(handle, COLUMNS)
        out.writeheader()
        out.writerows(row for row, _ in found)
    with truth.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("record_id", "person"), *((row["record_id"], one) for row, one in found)])


class _Clerk:
    """Writes one record of a person in one year, as this source asks and this day goes wrong."""

    def __init__(self, choose: Random, rates: Rates, source: str, asked: tuple[float, ...], year: int) -> None:
        self._choose, self._rates, self._source, self._year = choose, rates, source, year
        self._number, self._phone, self._origin, self._residence, self._spouse = (
            choose.random() < one for one in asked
        )

    def write(self, record: str, person: Person) -> Row:
        year = max(self._year, person.born.year)
        row = dict.fromkeys(COLUMNS, "") | {"record_id": record, "source": self._source}
        row["name"] = self._name(person, year)
        row["sex"] = str(1 + ((not person.male) ^ self._happens("wrong_sex")))
        row["birth_date"] = self._birth(person.born)
        if self._number:
            self._numbers(row, person, year)
        if self._phone:
            row["phone"] = self._telephone(person, year)
        if self._origin:
            row["origin_division"], row["origin_address"] = self._address(person.origin, year)
        if self._residence:
            row["residence_division"], row["residence_address"] = self._address(person.home_in(year), year)
        if self._spouse and person.spouse is not None:
            mate = person.spouse
            row["spouse_name"] = faults.name(self._choose, self._rates, mate.name_in(year))
            if mate.number and self._choose.random() < 0.5:
                row["spouse_resident_id"] = mate.number
        return row

    def _happens(self, fault: str) -> bool:
        return self._choose.random() < float(getattr(self._rates, fault))

    def _name(self, person: Person, year: int) -> str:
        said, before = person.name_in(year), person.names[0][1]
        if said != before and self._happens("old_name"):
            said = before
        elif said != before and self._happens("both_names"):
            return f"{said}（{self._choose.choice(('', '曾用名：', '原名'))}{before}）"
        if not person.male and person.spouse and person.kind == "han" and self._happens("husbands_name"):
            said = person.spouse.names[0][1][0] + said
        return faults.name(self._choose, self._rates, said)

    def _birth(self, born: date) -> str:
        if self._happens("no_birth"):
            return ""
        if self._happens("lunar"):
            lunar = LunarDate.from_solar_date(born.year, born.month, born.day)
            return f"{lunar.year}-{lunar.month:02d}-{lunar.day:02d}"
        year, month, day = born.year, born.month, born.day
        if self._happens("wrong_year"):
            year += self._choose.choice((-10, -1, 1, 10))
        if day <= 12 and self._happens("swapped_birth"):
            month, day = day, month
        if self._happens("new_year"):
            month, day = 1, 1
        if self._happens("day_zero"):
            return f"{year}-{month:02d}-00"
        if self._happens("month_only"):
            return f"{year}.{month}" if self._source == "works" else f"{year}-{month:02d}"
        written = ("{:04d}-{:02d}-{:02d}", "{:04d}{:02d}{:02d}", "{:04d}/{:02d}/{:02d}", "{}年{}月{}日")
        return written[list(SOURCES).index(self._source)].format(year, month, day)

    def _numbers(self, row: Row, person: Person, year: int) -> None:
        if person.passport:
            row["resident_id"], row["id_type"] = person.passport, "03"
            return
        number = person.number
        others = [one.number for one in person.family if one.number and one.male == person.male]
        if others and self._happens("number_of_other"):
            number = self._choose.choice(others)
        row["resident_id"] = faults.number(self._choose, self._rates, number, born=person.born.year, year=year)
        row["id_type"] = "01" if row["resident_id"] else ""

    def _telephone(self, person: Person, year: int) -> str:
        if self._happens("no_phone"):
            return ""
        if self._happens("phone_of_firm"):
            return self._choose.choice(FIRMS)
        numbers = [one.phone_in(year) for one in person.family if one.born.year < year - 14]
        own = person.phone_in(year) if person.born.year < year - 12 else ""
        if numbers and (not own or self._happens("phone_of_other")):
            own = self._choose.choice(numbers)
        return faults.phone(self._choose, self._rates, own) if own else ""

    def _address(self, place: Place, year: int) -> tuple[str, str]:
        """Division code and text; each may be old, short or missing."""
        county, town = place.county, words.TOWNS[place.town]
        code, called = county.code, county.name
        if county.before and (year < 2013 or self._happens("old_division")):
            code, called = county.before, county.named
        code = f"{code}{place.town + 1:03d}000"
        if self._happens("no_division"):
            code = ""
        elif self._happens("short_division"):
            code = code[:6]
        if self._happens("no_address"):
            return code, ""
        below = faults.below(self._choose, self._rates, place.below)
        if self._happens("short_address"):
            return code, self._choose.choice((town + below, below, called + town + below))
        return code, county.province + county.city + called + town + below
