"""A county's clerk: writes down a person with that county's faults. Pure but for the random source it is given."""

from datetime import date, timedelta
from random import Random

from borax.calendars.lunardate import LunarDate

from hub.demo.population import typing_errors
from hub.demo.population.divisions import HUIJI, YONGKANG, Address, other_county, urban_address
from hub.demo.population.parameters import Faults
from hub.demo.population.people import Household, Person
from hub.demo.population.records import (
    COUNTY_SLUGS,
    FORBIDDEN_CONTENT,
    MASKED_NAME,
    MISSING_NAME,
    MISSING_SEX,
    Birth,
    Record,
    Relative,
)


class Clerk:
    """Records people for one county; `observe` is called once per record and never fails."""

    def __init__(self, rng: Random, county: str, faults: Faults, as_of: date) -> None:
        self._rng = rng
        self._county = county
        self._faults = faults
        self._as_of = as_of
        self._issued = 0
        self._name_faults = (
            ("name_homophone", faults.name_homophone, typing_errors.homophone),
            ("name_look_alike", faults.name_look_alike, typing_errors.look_alike),
            ("name_variant", faults.name_variant, typing_errors.variant),
            ("name_character_lost", faults.name_character_lost, typing_errors.character_lost),
        )

    def next_record_id(self) -> str:
        """The county's own number of a row: nothing in it says whose it is."""
        self._issued += 1
        if self._county == YONGKANG:
            return f"YK{(self._issued * 7919 + 104_729) % 100_000_000:08d}"
        return f"HJ{self._as_of.year}-{self._issued:07d}"

    def observe(self, person: Person, household: Household) -> Record:
        rng, faults = self._rng, self._faults
        happened: list[str] = []
        name, former = self._name(person, household, happened)
        sex = person.sex
        if rng.random() < faults.sex_wrong:
            sex = "2" if sex == "1" else "1"
            happened.append("sex_wrong")
        birth = self._birth(person.birth, happened)
        defect, name, sex = self._defect(name, sex)
        origin_text = self._address(person.origin, happened)
        residence = self._residence(person, happened)
        relatives = _relatives(person, household)
        spouse = relatives[0] if rng.random() >= faults.spouse_missing else None
        return Record(
            county=COUNTY_SLUGS[self._county],
            record_id=self.next_record_id(),
            person=person.id,
            name=name,
            former_name=former,
            sex=sex,
            birth=birth,
            id_number=self._id_number(person, happened),
            ethnicity=person.ethnicity,
            education=person.education,
            household_kind=person.household_kind,
            marital=person.marital,
            origin=person.origin,
            origin_text=origin_text,
            residence=residence,
            residence_text=self._address(residence, happened),
            phone=self._phone(person, happened),
            inflow=person.inflow,
            recorded_on=self._recorded_on(person),
            spouse=spouse,
            father=relatives[1],
            mother=relatives[2],
            children=relatives[3],
            collected_by_police=rng.random() < 0.12,
            faults=tuple(happened),
            defect=defect,
            dice=rng.getrandbits(60),
        )

    def _recorded_on(self, person: Person) -> date:
        span = max(1, (self._as_of - max(person.inflow, self._as_of - timedelta(days=1500))).days)
        return self._as_of - timedelta(days=1 + int(self._rng.random() * span))

    def _defect(self, name: str, sex: str) -> tuple[str, str, str]:
        """Why the row is of no use, if so, and what then stands in place of name and sex."""
        rng, faults = self._rng, self._faults
        fate = rng.random()
        if fate < faults.row_without_name:
            return MISSING_NAME, "", sex
        fate -= faults.row_without_name
        if fate < faults.row_without_sex:
            return MISSING_SEX, name, ""
        fate -= faults.row_without_sex
        if fate < faults.row_with_masked_name:
            return MASKED_NAME, name[:1] + "*" * max(1, len(name) - 1), sex
        fate -= faults.row_with_masked_name
        if fate < faults.row_with_forbidden_content:
            return FORBIDDEN_CONTENT, name, sex
        return "", name, sex

    def _name(self, person: Person, household: Household, happened: list[str]) -> tuple[str, str]:
        rng, faults = self._rng, self._faults
        true = person.name.text
        text = true
        if person.name.dotted:
            if rng.random() < faults.name_dot_changed:
                dot = typing_errors.DOTS[int(rng.random() * len(typing_errors.DOTS))]
                text = f"{person.name.family}{dot}{person.name.given}"
                happened.append("name_dot_changed")
            return text, ""
        fate = rng.random()
        for fault, rate, change in self._name_faults:
            if fate < rate:
                text = change(rng, true)
                if text != true:
                    happened.append(fault)
                break
            fate -= rate
        if rng.random() < faults.name_traditional:
            changed = typing_errors.traditional(text)
            if changed != text:
                happened.append("name_traditional")
                text = changed
        if person.spouse and person.sex == "2" and rng.random() < faults.spouse_surname_in_front:
            his = next((m for m in household.members if m.id == person.spouse), None)
            if his is not None and not his.name.dotted and his.name.family:
                text = his.name.family + text
                happened.append("spouse_surname_in_front")
        former = ""
        if person.former_name and rng.random() < faults.former_name_in_brackets:
            former = person.former_name
            if rng.random() < 0.25:
                text, former = former, text
                happened.append("former_name_in_front")
        return text, former

    def _birth(self, true: date, happened: list[str]) -> Birth:
        rng, faults = self._rng, self._faults
        fate = rng.random()
        if fate < faults.birth_year_only:
            happened.append("birth_year_only")
            return Birth(true.year)
        fate -= faults.birth_year_only
        if fate < faults.birth_month_only:
            happened.append("birth_month_only")
            return Birth(true.year, true.month)
        fate -= faults.birth_month_only
        if fate < faults.birth_lunar:
            lunar = LunarDate.from_solar_date(true.year, true.month, true.day)
            if not lunar.leap:
                happened.append("birth_lunar")
                return Birth(lunar.year, lunar.month, lunar.day, lunar=True)
        fate -= faults.birth_lunar
        if 0 <= fate < faults.birth_day_and_month_swapped and true.day <= 12 and true.day != true.month:
            happened.append("birth_day_and_month_swapped")
            return Birth(true.year, true.day, true.month)
        fate -= faults.birth_day_and_month_swapped
        if 0 <= fate < faults.birth_digit_wrong:
            happened.append("birth_digit_wrong")
            return self._wrong_digit(true)
        fate -= faults.birth_digit_wrong
        if 0 <= fate < faults.birth_impossible:
            happened.append("birth_impossible")
            return Birth(true.year, 2, 30 + true.day % 2)
        return Birth(true.year, true.month, true.day)

    def _wrong_digit(self, true: date) -> Birth:
        kind = self._rng.random()
        if kind < 0.5:
            day = true.day % 28 + 1
            return Birth(true.year, true.month, day)
        if kind < 0.75:
            return Birth(true.year, true.month % 12 + 1, min(true.day, 28))
        return Birth(true.year - (10 if kind < 0.85 else 1), true.month, min(true.day, 28))

    def _id_number(self, person: Person, happened: list[str]) -> str:
        rng, faults = self._rng, self._faults
        fate = rng.random()
        number = person.resident_id
        if fate < faults.id_missing:
            happened.append("id_missing")
            return ""
        fate -= faults.id_missing
        if fate < faults.id_placeholder:
            happened.append("id_placeholder")
            return typing_errors.placeholder(rng, number)
        fate -= faults.id_placeholder
        if fate < faults.id_typed_wrong:
            happened.append("id_typed_wrong")
            return typing_errors.digit_error(rng, number)
        fate -= faults.id_typed_wrong
        if fate < faults.id_old_form:
            if person.birth.year < 1990:
                happened.append("id_old_form")
                return typing_errors.to_old_form(number)
            return number
        fate -= faults.id_old_form
        if self._county == HUIJI and fate < faults.id_ruined_by_spreadsheet:
            happened.append("id_ruined_by_spreadsheet")
            return typing_errors.as_spreadsheet_number(number)
        return number

    def _phone(self, person: Person, happened: list[str]) -> str:
        rng, faults = self._rng, self._faults
        if not person.phone or rng.random() < faults.phone_missing:
            return ""
        fate = rng.random()
        if fate < faults.phone_old:
            happened.append("phone_old")
            return person.old_phone
        if fate < faults.phone_old + faults.phone_typed_wrong:
            happened.append("phone_typed_wrong")
            return typing_errors.digit_error(rng, person.phone)
        return person.phone

    def _residence(self, person: Person, happened: list[str]) -> Address:
        rng = self._rng
        if rng.random() >= self._faults.residence_outdated:
            return person.residence
        happened.append("residence_outdated")
        county = person.residence.division[:6]
        return urban_address(rng, county if county == self._county else other_county(rng))

    def _address(self, address: Address, happened: list[str]) -> str:
        rng, faults = self._rng, self._faults
        if rng.random() < faults.address_missing:
            return ""
        former = bool(address.county.former_name) and rng.random() < faults.division_under_former_name
        if former:
            happened.append("division_under_former_name")
        return address.text(province=rng.random() >= faults.address_shortened, former=former)


def _relatives(
    person: Person, household: Household
) -> tuple[Relative | None, Relative | None, Relative | None, tuple[str, ...]]:
    by_id = {member.id: member for member in household.members}

    def relative(person_id: int) -> Relative | None:
        found = by_id.get(person_id)
        return None if found is None else Relative(found.name.text, found.resident_id, found.birth)

    children = tuple(m.name.text for m in household.members if person.id in (m.father, m.mother))
    return relative(person.spouse), relative(person.father), relative(person.mother), children
