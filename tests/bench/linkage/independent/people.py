"""Families lived year by year: born, married, moved, named anew; what was true of each person in each year."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from tests.bench.linkage.independent import words
from tests.bench.linkage.independent.words import County

FIRST_YEAR, LAST_YEAR = 2006, 2025
Value = TypeVar("Value")
_PREFIXES = ("138", "139", "150", "159", "186", "177", "133")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass
class Place:
    """An address: a county, the number of a town in it, and what stands below."""

    county: County
    town: int
    below: str


@dataclass
class Person:
    """`names`, `homes` and `phones` by the year from which they hold, the latest last. `number` is '' for foreigners."""

    id: int
    male: bool
    born: date
    number: str
    origin: Place
    names: list[tuple[int, str]]
    kind: str = "han"
    passport: str = ""
    homes: list[tuple[int, Place]] = field(default_factory=list)
    phones: list[tuple[int, str]] = field(default_factory=list)
    spouse: "Person | None" = None
    family: list["Person"] = field(default_factory=list)

    def name_in(self, year: int) -> str:
        return _in(self.names, year)

    def home_in(self, year: int) -> Place:
        return _in(self.homes, year) if self.homes and self.homes[0][0] <= year else self.origin

    def phone_in(self, year: int) -> str:
        return _in(self.phones, year) if self.phones and self.phones[0][0] <= year else ""


def _in(held: list[tuple[int, Value]], year: int) -> Value:
    return next((value for since, value in reversed(held) if since <= year), held[0][1])


class World:
    """Makes families until there are enough people; ids of persons count up from 0."""

    def __init__(self, seed: int) -> None:
        self.choose = Random(f"independent {seed}")
        self.people: list[Person] = []
        self._sequences: dict[str, int] = {}

    def settle(self, count: int) -> list[Person]:
        while len(self.people) < count:
            self._family()
        return self.people

    def _family(self) -> None:
        choose = self.choose
        kind = choose.choices(("han", "uyghur", "tibetan", "yi", "mongol"), (92, 3, 2, 2, 1))[0]
        county = words.MINORITY.get(kind) or choose.choice(words.ORIGINS)
        origin = Place(county, choose.randrange(12), self._village())
        man = self._person(True, date(choose.randint(1950, 1995), 1, 1), origin, kind, "")
        woman = self._wife(man)
        family = [man, woman]
        if choose.random() < 0.25:
            family.append(
                self._person(choose.random() < 0.4, man.born - timedelta(9000), origin, kind, man.names[0][1][0])
            )
        mark = words.zipf(choose, words.MALE + words.FEMALE)
        born = date(max(man.born.year, woman.born.year) + choose.randint(20, 28), 1, 1)
        for _ in range(choose.choices((0, 1, 2, 3), (15, 40, 35, 10))[0]):
            if born.year > 2022:
                break
            family += self._birth(man, born, mark)
            born += timedelta(choose.randint(500, 2500))
        man.spouse, woman.spouse = woman, man
        self._moves(family)
        self._phones(family)
        for member in family:
            member.family = [other for other in family if other is not member]
        self.people += family
        for at, member in enumerate(family, len(self.people) - len(family)):
            member.id = at

    def _wife(self, man: Person) -> Person:
        choose = self.choose
        born = date(min(max(man.born.year + choose.randint(-5, 4), 1950), 1998), 1, 1)
        if choose.random() < 0.006:
            return self._person(False, born, man.origin, "vietnamese", "")
        origin = man.origin
        if man.kind == "han" and choose.random() < 0.6:
            origin = Place(choose.choice(words.ORIGINS), choose.randrange(12), self._village())
        return self._person(False, born, origin, man.kind, "")

    def _birth(self, father: Person, born: date, mark: str) -> list[Person]:
        """One child or twins; brothers and sisters may share a character, and a son his father's whole name."""
        choose, children = self.choose, []
        twins = choose.random() < 0.012
        day = born + timedelta(choose.randrange(365))
        male = choose.random() < 0.52
        surname = father.names[0][1][: 2 if father.names[0][1][:2] in words.COMPOUND else 1]
        for turn in range(2 if twins else 1):
            sex = male if turn == 0 or choose.random() < 0.65 else not male
            child = self._person(sex, day, father.origin, father.kind, surname, day=day)
            if father.kind == "han" and (twins or choose.random() < 0.3):
                child.names = [(0, surname + mark + words.zipf(choose, words.MALE if sex else words.FEMALE))]
            if father.kind == "han" and sex and choose.random() < 0.004:
                child.names = [(0, father.names[0][1])]
            children.append(child)
        return children

    def _person(
        self, male: bool, born: date, origin: Place, kind: str, surname: str, day: date | None = None
    ) -> Person:
        choose = self.choose
        day = day or born + timedelta(choose.randrange(365))
        name = self._name(kind, male, day.year, surname)
        number = "" if kind == "vietnamese" else self._number(origin.county, day, male)
        person = Person(-1, male, day, number, origin, [(0, name)], kind)
        if kind == "vietnamese":
            person.passport = f"{choose.choice('BCN')}{choose.randrange(10**7):07d}"
        elif kind == "han" and choose.random() < 0.012:
            person.names.append((choose.randint(2010, 2022), self._name(kind, male, day.year, name[0])))
        return person

    def _name(self, kind: str, male: bool, year: int, surname: str) -> str:
        choose = self.choose
        if kind == "uyghur":
            return f"{choose.choice(words.UYGHUR)}·{choose.choice(words.UYGHUR)}"
        if kind == "tibetan":
            return choose.choice(words.TIBETAN) + choose.choice(words.TIBETAN)
        if kind == "yi":
            return choose.choice(words.YI) + choose.choice(words.YI_GIVEN)
        if kind == "mongol":
            return choose.choice(words.MONGOL)
        if kind == "vietnamese":
            return f"{choose.choice(words.VIETNAMESE)} {choose.choice(words.VIETNAMESE_GIVEN)}"
        if not surname:
            surname = choose.choice(words.COMPOUND) if choose.random() < 0.004 else words.zipf(choose, words.SURNAMES)
        single = 0.35 if 1975 <= year < 1998 else 0.12
        chars = words.MALE if male else words.FEMALE
        given = words.zipf(choose, chars)
        return surname + given + ("" if choose.random() < single else words.zipf(choose, chars, 20.0))

    def _number(self, county: County, born: date, male: bool) -> str:
        """A number with the county's code of that time and the next sequence of its sex on that day."""
        code = county.before if county.before and born.year < 2003 else county.code
        head = f"{code}{born:%Y%m%d}"
        turn = self._sequences.get(head + "mf"[not male], self.choose.randrange(0, 400))
        self._sequences[head + "mf"[not male]] = turn + 1
        body = f"{head}{(turn * 2 + male) % 1000:03d}"
        rest = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
        return body + "10X98765432"[rest]

    def _village(self) -> str:
        choose = self.choose
        return f"{choose.choice(words.VILLAGES)}村{choose.randint(1, 12)}组{choose.randint(1, 150)}号"

    def _flat(self) -> str:
        choose = self.choose
        if choose.random() < 0.4:
            return f"{choose.choice(words.STREETS)}{choose.randint(1, 400)}号"
        where = choose.choice(words.ESTATES)
        return f"{where}{choose.randint(1, 30)}幢{choose.randint(1, 4)}单元{choose.randint(1, 18)}0{choose.randint(1, 4)}室"

    def _moves(self, family: list[Person]) -> None:
        """Where they live: the family together, a grown child or one parent now and then elsewhere."""
        choose = self.choose
        year = FIRST_YEAR + choose.randrange(10)
        shared: list[tuple[int, Place]] = []
        while year < LAST_YEAR and choose.random() < 0.85:
            shared.append((year, Place(choose.choice(words.DESTINATIONS), choose.randrange(12), self._flat())))
            year += choose.randint(2, 9)
        for member in family:
            member.homes = list(shared)
            if choose.random() < 0.2:
                moved = choose.randint(FIRST_YEAR, LAST_YEAR)
                own = Place(choose.choice(words.DESTINATIONS), choose.randrange(12), self._flat())
                member.homes = sorted([*shared, (moved, own)], key=lambda home: home[0])

    def _phones(self, family: list[Person]) -> None:
        choose = self.choose
        for member in family:
            year = FIRST_YEAR - choose.randint(0, 4)
            while year < LAST_YEAR:
                member.phones.append((year, f"{choose.choice(_PREFIXES)}{choose.randrange(10**8):08d}"))
                year += choose.choice((3, 5, 8, 12, 30))
