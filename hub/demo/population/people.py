"""People and households in their true form, as no county knows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from hub.demo.population.divisions import Address
from hub.demo.population.names import Name

UNMARRIED, FIRST_MARRIAGE, REMARRIED, WIDOWED, DIVORCED = "10", "21", "22", "30", "40"


@dataclass(frozen=True, slots=True)
class Person:
    """One human being as they truly are; `id` is the truth that no county knows."""

    id: int
    household: int
    name: Name
    former_name: str
    sex: str
    birth: date
    resident_id: str
    ethnicity: str
    education: str
    household_kind: str
    marital: str
    origin: Address
    residence: Address
    phone: str
    old_phone: str
    inflow: date
    spouse: int = 0
    father: int = 0
    mother: int = 0
    twin: int = 0

    def age(self, on: date) -> int:
        return on.year - self.birth.year - ((on.month, on.day) < (self.birth.month, self.birth.day))


@dataclass(frozen=True, slots=True)
class Household:
    """People who moved together; `flow` is the pair of counties, origin then residence."""

    id: int
    flow: tuple[str, str]
    members: tuple[Person, ...]

    def couples(self) -> Iterator[tuple[Person, Person]]:
        """Husband and wife of every couple in the household."""
        by_id = {person.id: person for person in self.members}
        for person in self.members:
            if person.sex == "1" and person.spouse:
                yield person, by_id[person.spouse]
