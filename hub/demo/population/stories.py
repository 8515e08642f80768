"""A whole story in memory: people, both counties' registers, all papers, and the truth about them.

For the demonstration and its checks; benchmarks that need a million rows stream `registers.entries` instead.
"""

from dataclasses import dataclass
from datetime import date
from random import Random

from hub.demo.population.papers import BirthCertificate, Consent, Marriage, Report
from hub.demo.population.paperwork import Registrar
from hub.demo.population.parameters import Faults, Shape
from hub.demo.population.people import Household
from hub.demo.population.records import Record
from hub.demo.population.registers import entries
from hub.demo.population.truth import Truth, compile_truth


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happens, by county where it is written down. `updates` come after the first exchange."""

    seed: int
    as_of: date
    households: tuple[Household, ...]
    records: dict[str, tuple[Record, ...]]
    updates: dict[str, tuple[Record, ...]]
    consents: tuple[Consent, ...]
    reports: tuple[Report, ...]
    marriages: tuple[Marriage, ...]
    births: tuple[BirthCertificate, ...]
    truth: Truth


def build(seed: int, as_of: date, shape: Shape | None = None, faults: Faults | None = None) -> Story:
    """The story of `shape.people` people as it stands on `as_of`; deterministic in all arguments."""
    shape, faults = shape or Shape(), faults or Faults()
    registrar = Registrar(Random(f"lianqiao papers {seed}"), shape, as_of)
    households: list[Household] = []
    records: dict[str, list[Record]] = {"yongkang": [], "huiji": []}
    updates: dict[str, list[Record]] = {"yongkang": [], "huiji": []}
    consents: list[Consent] = []
    reports: list[Report] = []
    marriages: list[Marriage] = []
    births: list[BirthCertificate] = []
    for entry in entries(seed, shape, faults, as_of):
        households.append(entry.household)
        for record in entry.records:
            records[record.county].append(record)
        for record in entry.updates:
            updates[record.county].append(record)
        for report, consent in registrar.reports(entry):
            reports.append(report)
            consents += [consent] if consent else []
        marriages += registrar.marriages(entry)
        births += registrar.births(entry)
    rows = {county: tuple(found) for county, found in records.items()}
    papers = (tuple(consents), tuple(reports), tuple(marriages), tuple(births))
    return Story(
        seed=seed,
        as_of=as_of,
        households=tuple(households),
        records=rows,
        updates={county: tuple(found) for county, found in updates.items()},
        consents=papers[0],
        reports=papers[1],
        marriages=papers[2],
        births=papers[3],
        truth=compile_truth(households, rows, *papers),
    )
