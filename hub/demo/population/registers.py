"""Two counties' registers of the same population: who is recorded where, twice, or later again.

Streams household by household, so a register of a million rows needs no more memory than one of a thousand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from hub.demo.population.clerks import Clerk
from hub.demo.population.divisions import HUIJI, YONGKANG
from hub.demo.population.families import households
from hub.demo.population.parameters import Faults, Shape
from hub.demo.population.people import Household, Person
from hub.demo.population.records import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """A household with every record that the counties hold of its members, and the later updates of those records."""

    household: Household
    records: tuple[Record, ...]
    updates: tuple[Record, ...]


def entries(seed: int, shape: Shape, faults: Faults, as_of: date) -> Iterator[Entry]:
    """Every household of `shape.people` people with its records, in a stable order."""
    rng = Random(f"lianqiao registers {seed}")
    clerks = {county: Clerk(rng, county, faults, as_of) for county in (YONGKANG, HUIJI)}
    for household in households(seed, shape, faults, as_of):
        records: list[Record] = []
        updates: list[Record] = []
        for person in household.members:
            for county in _recording_counties(rng, household, shape):
                clerk = clerks[county]
                records.append(clerk.observe(person, household))
                if rng.random() < faults.recorded_twice:
                    records.append(clerk.observe(person, household))
                elif rng.random() < faults.updated_later and not records[-1].defect:
                    updates.append(_updated(rng, records[-1], person, as_of))
        yield Entry(household, tuple(records), tuple(updates))


def _recording_counties(rng: Random, household: Household, shape: Shape) -> list[str]:
    counties = [county for county in (YONGKANG, HUIJI) if county in household.flow]
    if len(counties) == 1:
        return counties
    seen = [county for county in counties if rng.random() < shape.recorded_at_both]
    return seen or counties[:1]


def _updated(rng: Random, record: Record, person: Person, as_of: date) -> Record:
    """The same row after a second visit: the phone is the present one, and a wrong or missing number is put right."""
    number = record.id_number if rng.random() < 0.5 else person.resident_id
    return replace(
        record,
        phone=person.phone or record.phone,
        id_number=number,
        recorded_on=min(as_of, record.recorded_on + timedelta(days=1)),
    )
