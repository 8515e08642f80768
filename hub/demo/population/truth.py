"""What is true of a story, for checking every number that the exchange reports about it.

Computed from the people and papers themselves, never from what a county's system or the hub made of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.demo.population.papers import DELIVERED, BirthCertificate, Consent, Marriage, Report
from hub.demo.population.people import Household
from hub.demo.population.records import Record


@dataclass(frozen=True, slots=True)
class Defect:
    """A row that must be quarantined: which, and by what kind of fault."""

    county: str
    kind: str
    key: str
    cause: str


@dataclass(frozen=True, slots=True)
class Expected:
    """Counts that the table of the demonstration must show; keys are (county, kind) unless said otherwise."""

    rows: Mapping[tuple[str, str], int]
    quarantined: Mapping[tuple[str, str], int]
    people_recorded: int
    """Distinct people of whom at least one readable row exists: the number of persons after perfect linkage."""
    people_in_both: int
    """Of those, the people whom both counties know."""
    duplicates_within: Mapping[str, int]
    """By county: readable rows beyond the first of the same person."""
    true_pairs: int
    """Pairs of readable rows that are one person."""
    reports: Mapping[tuple[str, str], int]
    """Contraception reports by reporting county and fate: "delivered", or the code of the refusal."""
    certificates: Mapping[tuple[str, str], int]
    """Certificates that must be issued and arrive, by issuing county and kind."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The key to the story; `record` below means `<county>/<record id>`."""

    person_of: Mapping[str, int]
    couples: frozenset[tuple[int, int]]
    twins: frozenset[tuple[int, int]]
    defects: tuple[Defect, ...]
    expected: Expected

    def same_person(self, first: str, second: str) -> bool:
        """Whether two records, each `<county>/<record id>`, are of one human being."""
        return self.person_of[first] == self.person_of[second]


def compile_truth(
    households: Iterable[Household],
    records: Mapping[str, tuple[Record, ...]],
    consents: tuple[Consent, ...],
    reports: tuple[Report, ...],
    marriages: tuple[Marriage, ...],
    births: tuple[BirthCertificate, ...],
) -> Truth:
    """Work out the truth of a complete story."""
    couples: set[tuple[int, int]] = set()
    twins: set[tuple[int, int]] = set()
    for household in households:
        for person in household.members:
            if person.sex == "1" and person.spouse:
                couples.add((person.id, person.spouse))
            if person.twin > person.id:
                twins.add((person.id, person.twin))
    everything = [record for rows in records.values() for record in rows]
    defects = [Defect(r.county, "person", r.record_id, r.defect) for r in everything if r.defect]
    defects += _paper_defects(reports, marriages, births)
    rows = Counter((r.county, "person") for r in everything)
    rows.update((c.county, "consent") for c in consents)
    rows.update((r.county, "contraception-report") for r in reports)
    rows.update((m.county, "marriage-certificate") for m in marriages)
    rows.update((b.county, "birth-certificate") for b in births)
    certificates = Counter((m.county, "marriage-certificate") for m in marriages if m.fate == DELIVERED)
    certificates.update((b.county, "birth-certificate") for b in births if b.fate == DELIVERED)
    by_county = {county: Counter(r.person for r in found if not r.defect) for county, found in records.items()}
    together = sum(by_county.values(), Counter[int]())
    return Truth(
        person_of={f"{r.county}/{r.record_id}": r.person for r in everything},
        couples=frozenset(couples),
        twins=frozenset(twins),
        defects=tuple(defects),
        expected=Expected(
            rows=dict(rows),
            quarantined=dict(Counter((d.county, d.kind) for d in defects)),
            people_recorded=len(together),
            people_in_both=len(set.intersection(*(set(people) for people in by_county.values()))),
            duplicates_within={county: people.total() - len(people) for county, people in by_county.items()},
            true_pairs=sum(n * (n - 1) // 2 for n in together.values()),
            reports=dict(Counter((r.county, r.fate) for r in reports)),
            certificates=dict(certificates),
        ),
    )


def _paper_defects(
    reports: tuple[Report, ...], marriages: tuple[Marriage, ...], births: tuple[BirthCertificate, ...]
) -> list[Defect]:
    unreadable = ("forbidden-content", "unreadable")
    defects = [Defect(r.county, "contraception-report", r.number, r.fate) for r in reports if r.fate in unreadable]
    defects += [Defect(m.county, "marriage-certificate", m.number, m.fate) for m in marriages if m.fate in unreadable]
    return defects + [Defect(b.county, "birth-certificate", b.number, b.fate) for b in births if b.fate in unreadable]
