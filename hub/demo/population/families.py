"""Makes households: couples, children, twins, parents who moved along.

A generator of any length in bounded memory (but for the numbers already issued); faults of single records come later.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain
from random import Random

from hub.demo.population import names
from hub.demo.population.divisions import COUNTIES, HUIJI, YONGKANG, Address, other_county, rural_address, urban_address
from hub.demo.population.draws import Wheel, pick, words
from hub.demo.population.parameters import Faults, Shape
from hub.demo.population.people import DIVORCED, FIRST_MARRIAGE, REMARRIED, UNMARRIED, WIDOWED, Household, Person
from hub.demo.population.resident_ids import Registry, wrongly_issued

_FORMS = Wheel({"single": 0.36, "couple": 0.17, "family": 0.40, "three generations": 0.07})
_CHILDREN = Wheel({1: 0.48, 2: 0.42, 3: 0.10})
_PHONE_HEADS = words("130 131 132 133 135 136 137 138 139 150 151 152 157 158 159 177 180 182 183 186 187 188 189 198")
_HOUSEHOLD_KINDS = Wheel({"1": 0.78, "2": 0.22})
_COUNTIES_TRIED = 20
_EDUCATION = {
    1970: Wheel({"80": 0.40, "70": 0.42, "60": 0.10, "40": 0.05, "90": 0.03}),
    1990: Wheel({"80": 0.08, "70": 0.52, "60": 0.16, "40": 0.11, "30": 0.09, "20": 0.04}),
    2100: Wheel({"70": 0.25, "60": 0.24, "40": 0.19, "30": 0.19, "20": 0.12, "10": 0.01}),
}


class Families:
    """Makes households one after another; holds the counters and the issued numbers, nothing else."""

    def __init__(self, rng: Random, faults: Faults, as_of: date) -> None:
        self._rng = rng
        self._faults = faults
        self._as_of = as_of
        self._registry = Registry()
        self._people = 0
        self._households = 0
        self._lendable: tuple[str, str] = ("", "")

    def household(self, flow: tuple[str, str], at_most: int) -> Household:
        """The next household of the flow, with one to `at_most` members."""
        rng = self._rng
        self._households += 1
        origin, residence = rural_address(rng, flow[0]), urban_address(rng, flow[1])
        form = _FORMS.draw(rng) if at_most >= 7 else "single"
        ethnicity = pick(rng, origin.county.ethnicities.split(" "))
        home = _Home(self._households, origin, residence, ethnicity, self._phone(), self._inflow())
        members = [self._adult(home)] if form == "single" else self._couple(home)
        if form in ("family", "three generations"):
            members += self._children(home, members[0], members[1])
        if form == "three generations":
            members.append(self._grandparent(home, members))
        return Household(self._households, flow, tuple(members))

    def _inflow(self) -> date:
        return self._as_of - timedelta(days=30 + int(self._rng.random() ** 2 * 4300))

    def _phone(self) -> str:
        return pick(self._rng, _PHONE_HEADS) + f"{int(self._rng.random() * 1e8):08d}"

    def _birth(self, youngest: int, oldest: int) -> date:
        days = int((youngest + self._rng.random() * (oldest - youngest)) * 365.2425)
        return self._as_of - timedelta(days=days)

    def _name(self, home: "_Home", sex: str, birth: date, family: str = "", shared: str = "") -> names.Name:
        rng = self._rng
        if home.ethnicity != names.HAN and not family:
            minority = names.minority_name(rng, home.ethnicity, sex)
            if minority:
                return minority
        family = family or names.surname(rng)
        return names.Name(family, names.given(rng, sex, birth.year, shared, self._faults.rare_character_in_name))

    def _person(
        self,
        home: "_Home",
        sex: str,
        birth: date,
        name: names.Name,
        marital: str,
        *,
        number: str = "",
        spouse: int = 0,
        parents: tuple[int, int] = (0, 0),
        twin: int = 0,
    ) -> Person:
        rng, faults = self._rng, self._faults
        self._people += 1
        phone = home.phone if rng.random() < faults.household_shares_phone else self._phone()
        former = ""
        if not name.dotted and name.family and rng.random() < faults.former_name:
            former = name.family + names.given(rng, sex, birth.year)
        era = next(limit for limit in _EDUCATION if birth.year < limit)
        age = self._as_of.year - birth.year
        return Person(
            id=self._people,
            household=home.id,
            name=name,
            former_name=former,
            sex=sex,
            birth=birth,
            resident_id=number or self._number(home, birth, sex),
            ethnicity=home.ethnicity,
            education="80" if age < 13 else "70" if age < 17 else _EDUCATION[era].draw(rng),
            household_kind=_HOUSEHOLD_KINDS.draw(rng),
            marital=marital,
            origin=home.origin,
            residence=home.residence,
            phone="" if rng.random() < faults.no_phone else phone,
            old_phone=self._phone(),
            inflow=max(home.inflow, birth),
            spouse=spouse,
            father=parents[0],
            mother=parents[1],
            twin=twin,
        )

    def _number(self, home: "_Home", birth: date, sex: str) -> str:
        rng, faults = self._rng, self._faults
        county = home.origin.county
        if rng.random() < faults.id_prefix_of_elsewhere:
            county = COUNTIES[other_county(rng)]
        # Where a day has no number left in a county, somebody of another county is born.
        more = (COUNTIES[other_county(rng)] for _ in range(_COUNTIES_TRIED))
        tried = (self._registry.issue(rng, one.prefix(birth.year), birth, sex) for one in chain([county], more))
        number = next(filter(None, tried), None)
        if number is None:
            raise RuntimeError("so many people that their birth dates have no numbers left")
        fate = rng.random()
        if fate < faults.id_official_with_wrong_check:
            return wrongly_issued(number, rng)
        if fate > 1 - faults.id_shared_by_two and self._lendable[1] == sex:
            return self._lendable[0]
        self._lendable = (number, sex)
        return number

    def _adult(self, home: "_Home") -> Person:
        rng = self._rng
        sex = "1" if rng.random() < 0.56 else "2"
        birth = self._birth(16, 68)
        age = self._as_of.year - birth.year
        marital = UNMARRIED
        if age > 24 and rng.random() < min(0.85, (age - 22) / 14):
            fate = rng.random()
            marital = DIVORCED if fate < 0.07 else WIDOWED if fate < 0.09 and age > 45 else FIRST_MARRIAGE
        return self._person(home, sex, birth, self._name(home, sex, birth), marital)

    def _couple(self, home: "_Home") -> list[Person]:
        rng = self._rng
        his_birth = self._birth(23, 62)
        her_birth = his_birth + timedelta(days=int((rng.random() * 7 - 2.2) * 365))
        her_birth = min(her_birth, self._as_of - timedelta(days=20 * 366))
        marital = REMARRIED if rng.random() < 0.05 else FIRST_MARRIAGE
        his_id, her_id = self._people + 1, self._people + 2
        his = self._person(home, "1", his_birth, self._name(home, "1", his_birth), marital, spouse=her_id)
        return [his, self._person(home, "2", her_birth, self._name(home, "2", her_birth), marital, spouse=his_id)]

    def _children(self, home: "_Home", father: Person, mother: Person) -> list[Person]:
        rng, faults = self._rng, self._faults
        children: list[Person] = []
        first = max(father.birth, mother.birth) + timedelta(days=int((20 + rng.random() ** 1.5 * 12) * 365.25))
        shared = names.generation_character(rng, first.year) if rng.random() < 0.25 else ""
        born = first
        for _ in range(_CHILDREN.draw(rng)):
            if born >= self._as_of:
                break
            twins = 2 if rng.random() < faults.twin_birth else 1
            children += self._birth_of(home, father, mother, born, twins, shared)
            born += timedelta(days=int((1.1 + rng.random() * 6) * 365))
        grown = [child for child in children if child.age(self._as_of) > 24]
        return [child for child in children if child not in grown or child.twin or rng.random() < 0.4]

    def _birth_of(
        self, home: "_Home", father: Person, mother: Person, born: date, count: int, shared: str
    ) -> list[Person]:
        rng, faults = self._rng, self._faults
        siblings: list[Person] = []
        for place in range(count):
            like_first = place and rng.random() < 0.7
            sex = siblings[0].sex if like_first else ("1" if rng.random() < 0.52 else "2")
            family = "" if father.name.dotted or not father.name.family else father.name.family
            name = self._name(home, sex, born, family, self._twin_character(siblings) if place else shared)
            if sex == "1" and family and rng.random() < faults.son_named_as_father:
                name = father.name
            number = self._registry.issue_next(siblings[0].resident_id) if like_first else ""
            twin = self._people + 2 - 2 * place if count == 2 else 0
            parents = (father.id, mother.id)
            siblings.append(self._person(home, sex, born, name, UNMARRIED, number=number, parents=parents, twin=twin))
        return siblings

    def _twin_character(self, siblings: list[Person]) -> str:
        given = siblings[0].name.given
        return given[0] if len(given) == 2 else ""

    def _grandparent(self, home: "_Home", members: list[Person]) -> Person:
        rng = self._rng
        child = members[0] if rng.random() < 0.6 else members[1]
        sex = "1" if rng.random() < 0.4 else "2"
        birth = child.birth - timedelta(days=int((20 + rng.random() * 12) * 365.25))
        family = child.name.family if sex == "1" and not child.name.dotted else ""
        marital = WIDOWED if rng.random() < 0.3 else FIRST_MARRIAGE
        elder = self._person(home, sex, birth, self._name(home, sex, birth, family), marital)
        place = members.index(child)
        members[place] = replace(child, father=elder.id) if sex == "1" else replace(child, mother=elder.id)
        return elder


@dataclass(frozen=True, slots=True)
class _Home:
    id: int
    origin: Address
    residence: Address
    ethnicity: str
    phone: str
    inflow: date


def _flow(rng: Random, shape: Shape) -> tuple[str, str]:
    fate = rng.random()
    if fate < shape.huiji_to_yongkang:
        return HUIJI, YONGKANG
    fate -= shape.huiji_to_yongkang
    if fate < shape.yongkang_to_huiji:
        return YONGKANG, HUIJI
    fate -= shape.yongkang_to_huiji
    if fate < shape.others_in_yongkang:
        return other_county(rng), YONGKANG
    fate -= shape.others_in_yongkang
    if fate < shape.others_in_huiji:
        return other_county(rng), HUIJI
    return HUIJI, HUIJI if rng.random() < 0.6 else other_county(rng)


def households(seed: int, shape: Shape, faults: Faults, as_of: date) -> Iterator[Household]:
    """Households until exactly `shape.people` people live; the last ones are singles so that the number comes out."""
    rng = Random(f"lianqiao households {seed}")
    families = Families(rng, faults, as_of)
    left = shape.people
    while left > 0:
        household = families.household(_flow(rng, shape), left)
        left -= len(household.members)
        yield household
