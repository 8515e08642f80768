"""Writes the papers of a household: who consented to what, which reports and certificates exist, and what must become
of each. Pure but for its random source.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hub.demo.population import names, papers
from hub.demo.population.divisions import HUIJI, YONGKANG
from hub.demo.population.draws import Wheel, pick, words
from hub.demo.population.papers import BirthCertificate, Consent, Marriage, Report
from hub.demo.population.parameters import Shape
from hub.demo.population.people import Person
from hub.demo.population.records import COUNTY_SLUGS, Record
from hub.demo.population.registers import Entry
from mappings import vocabulary

CHINA = ZoneInfo("Asia/Shanghai")
CARE = "continuity-of-care"
ENTITLEMENT = "entitlement"

_DECK = {
    "valid": 33,
    "valid-for-the-province": 3,
    "none-registered": 4,
    "withdrawn": 2,
    "expired": 2,
    "other-region": 2,
    "other-purpose": 1,
    "of-another-woman": 1,
    "forbidden-content": 1,
    "without-date": 1,
}
"""Of every fifty reports of a county, how many are which consent case."""
_ONE_UNREADABLE_IN = 40
"""Of so many certificates of a county one has a number that cannot be right."""
_FATES = {
    "valid": papers.DELIVERED,
    "valid-for-the-province": papers.DELIVERED,
    "none-registered": papers.NO_CONSENT,
    "withdrawn": papers.CONSENT_WITHDRAWN,
    "expired": papers.CONSENT_EXPIRED,
    "other-region": papers.NO_CONSENT,
    "other-purpose": papers.NO_CONSENT,
    "of-another-woman": papers.NO_CONSENT,
    "forbidden-content": papers.FORBIDDEN,
    "without-date": papers.UNREADABLE,
}
_METHODS = Wheel({"700": 0.52, "600": 0.24, "810": 0.10, "100": 0.06, "300": 0.04, "200": 0.02, "910": 0.02})
_FINDINGS = Wheel({"正常": 0.9, "环位下移": 0.04, "建议复查": 0.06})
_FACILITIES = {
    "yongkang": words(
        "永康市妇幼保健院 东城街道社区卫生服务中心 古山镇卫生院 芝英街道卫生院 龙山镇中心卫生院 象珠镇卫生院"
    ),
    "huiji": words("惠济区妇幼保健院 惠济区人民医院 花园口镇卫生院 古荥镇卫生院 刘寨街道社区卫生服务中心"),
}
_AUTHORITIES = {"yongkang": "永康市民政局婚姻登记处", "huiji": "惠济区民政局婚姻登记处"}
_HEALTH_OFFICES = {"yongkang": "永康市卫生健康局", "huiji": "惠济区卫生健康委员会"}
_DIVISIONS = {"yongkang": YONGKANG + "000000", "huiji": HUIJI + "000000"}
_ELSEWHERE = ("520524000000", "530627000000", "341221000000")


class Registrar:
    """Writes papers one household after another; holds the counters of the numbers it gives."""

    def __init__(self, rng: Random, shape: Shape, as_of: date) -> None:
        self._rng = rng
        self._shape = shape
        self._as_of = as_of
        self._numbers: dict[str, int] = {}
        self._last_valid: dict[str, str] = {}
        self._decks: dict[str, list[str]] = {}

    def _next(self, series: str) -> int:
        self._numbers[series] = self._numbers.get(series, 0) + 1
        return self._numbers[series]

    def _days_ago(self, low: int, high: int) -> date:
        return self._as_of - timedelta(days=low + int(self._rng.random() * (high - low)))

    def _officer(self) -> str:
        return names.surname(self._rng) + names.given(self._rng, "2", 1985)

    def reports(self, entry: Entry) -> Iterator[tuple[Report, Consent | None]]:
        """Reports of the county of residence about women of the other one, each with the consent given for it, if any."""
        if set(entry.household.flow) != {HUIJI, YONGKANG}:
            return
        recipient, county = (COUNTY_SLUGS[code] for code in entry.household.flow)
        for person in entry.household.members:
            if person.sex != "2" or not 20 <= person.age(self._as_of) <= 49:
                continue
            record = _record_of(entry, person, county)
            if record is not None and self._rng.random() < self._shape.consent_share:
                yield self._report(record, person, recipient)

    def _report(self, record: Record, person: Person, recipient: str) -> tuple[Report, Consent | None]:
        rng = self._rng
        county = record.county
        case = self._case(county)
        if case == "of-another-woman" and county not in self._last_valid:
            case = "none-registered"
        number = f"BY{self._as_of.year}{_DIVISIONS[county][:6]}{self._next(f'report {county}'):06d}"
        consent_number = f"TY{_DIVISIONS[county][:6]}-{self._as_of.year}-{self._next(f'consent {county}'):05d}"
        consent = None
        if case == "of-another-woman":
            consent_number = self._last_valid[county]
        elif case != "none-registered":
            consent = self._consent(record, recipient, consent_number, case)
        if case == "valid":
            self._last_valid[county] = consent_number
        reported = self._days_ago(2, 40)
        report = Report(
            county=county,
            number=number,
            record=record,
            recipient=recipient,
            origin=person.origin,
            residence=person.residence,
            reported_on=reported,
            facility=pick(rng, _FACILITIES[county]),
            method="A95" if case == "forbidden-content" else _METHODS.draw(rng),
            method_since=reported - timedelta(days=100 + int(rng.random() * 2500)),
            checked_on=reported,
            finding=_FINDINGS.draw(rng),
            officer=self._officer(),
            mailed_on=reported + timedelta(days=1),
            consent_number=consent_number,
            case=case,
            fate=_FATES[case],
        )
        return report, consent

    def _case(self, county: str) -> str:
        deck = self._decks.setdefault(county, [])
        if not deck:
            deck += [case for case, count in _DECK.items() for _ in range(count)]
            self._rng.shuffle(deck)
        return deck.pop()

    def _consent(self, record: Record, recipient: str, number: str, case: str) -> Consent:
        signed = self._days_ago(60, 300)
        ends = self._as_of + timedelta(days=120 + int(self._rng.random() * 500))
        division = _DIVISIONS[recipient]
        if case == "valid-for-the-province":
            division = division[:2] + "0" * 10
        elif case == "other-region":
            division = pick(self._rng, _ELSEWHERE)
        if case == "expired":
            signed, ends = self._days_ago(400, 700), self._days_ago(5, 200)
        return Consent(
            county=record.county,
            number=number,
            record=record,
            kinds=(vocabulary.CONTRACEPTION_REPORT,),
            purpose=ENTITLEMENT if case == "other-purpose" else CARE,
            recipient=division,
            signed_on=signed,
            ends_on=ends,
            withdrawn_on=self._days_ago(3, 50) if case == "withdrawn" else None,
        )

    def marriages(self, entry: Entry) -> Iterator[Marriage]:
        """Certificates of couples between the two counties, registered in one and needed in the other."""
        if set(entry.household.flow) != {HUIJI, YONGKANG}:
            return
        for husband, wife in entry.household.couples():
            if self._rng.random() >= self._shape.marriage_share:
                continue
            county, recipient = self._direction(entry.household.flow)
            holder = "a" if self._rng.random() < 0.5 else "b"
            record = _record_of(entry, husband if holder == "a" else wife, county)
            if record is not None:
                yield self._marriage(record, recipient, husband, wife, holder)

    def _direction(self, flow: tuple[str, str]) -> tuple[str, str]:
        """Issuing and receiving county: mostly registered where they live, sometimes at home."""
        origin, residence = (COUNTY_SLUGS[code] for code in flow)
        return (residence, origin) if self._rng.random() < 0.6 else (origin, residence)

    def _marriage(self, record: Record, recipient: str, husband: Person, wife: Person, holder: str) -> Marriage:
        rng = self._rng
        county = record.county
        of_age = max(_birthday(husband.birth, 22), _birthday(wife.birth, 20))
        span = max(1, min((self._as_of - of_age).days - 1, 9000))
        registered = min(of_age + timedelta(days=int(rng.random() * span)), self._as_of - timedelta(days=2))
        kind = "BJ" if rng.random() < 0.05 else "J"
        division = _DIVISIONS[county]
        serial = self._next(f"marriage {county} {registered.year}")
        number = f"{kind}{division[:6]}{registered.year}{serial:06d}"
        fate = papers.DELIVERED
        if self._next(f"marriages {county}") % _ONE_UNREADABLE_IN == 7:
            # Figures of the place are missing, and none of the serial: two papers never share a number.
            number, fate = number[:3] + number[7:], papers.UNREADABLE
        return Marriage(
            county=county,
            number=number,
            kind=kind,
            record=record,
            recipient=recipient,
            authority=_AUTHORITIES[county],
            authority_division=division,
            registrar=self._officer(),
            registered_on=registered,
            holder=holder,
            husband=husband,
            wife=wife,
            fate=fate,
        )

    def births(self, entry: Entry) -> Iterator[BirthCertificate]:
        """Certificates of the children born in the last two years to families between the two counties."""
        if set(entry.household.flow) != {HUIJI, YONGKANG}:
            return
        by_id = {person.id: person for person in entry.household.members}
        for child in entry.household.members:
            if child.age(self._as_of) >= 2 or not child.mother or self._rng.random() >= self._shape.birth_share:
                continue
            if child.birth > self._as_of - timedelta(days=7):
                continue
            county, recipient = self._direction(entry.household.flow)
            mother = by_id[child.mother]
            record = _record_of(entry, mother, county)
            if record is not None:
                yield self._birth(record, recipient, child, mother, by_id[child.father])

    def _birth(self, record: Record, recipient: str, child: Person, mother: Person, father: Person) -> BirthCertificate:
        rng = self._rng
        county = record.county
        born = datetime(child.birth.year, child.birth.month, child.birth.day, tzinfo=CHINA) + timedelta(
            minutes=int(rng.random() * 1440)
        )
        serial = self._next(f"birth {county}")
        number = f"{'V' if county == 'yongkang' else 'X'}{_DIVISIONS[county][:4]}{serial:05d}"
        fate = papers.DELIVERED
        if serial % _ONE_UNREADABLE_IN == 7:
            number, fate = number[1:], papers.UNREADABLE
        place = pick(rng, _FACILITIES[county])
        issued = min(self._as_of - timedelta(days=1), child.birth + timedelta(days=3 + int(rng.random() * 20)))
        return BirthCertificate(
            county=county,
            number=number,
            record=record,
            recipient=recipient,
            child=child,
            born_at=born,
            place=place,
            place_kind="1",
            weeks=37 + int(rng.random() * 5),
            length_cm=47 + int(rng.random() * 7),
            weight_g=2500 + int(rng.random() * 1600),
            mother=mother,
            father=father if rng.random() < 0.93 else None,
            midwife=self._officer(),
            issued_on=issued,
            authority=_HEALTH_OFFICES[county],
            authority_division=_DIVISIONS[county],
            fate=fate,
        )


def _record_of(entry: Entry, person: Person, county: str) -> Record | None:
    """The county's first usable record of the person: papers hang on a row that the county itself can read."""
    return next((r for r in entry.records if r.person == person.id and r.county == county and not r.defect), None)


def _birthday(born: date, years: int) -> date:
    return born.replace(year=born.year + years, day=min(born.day, 28))
