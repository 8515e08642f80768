"""A synthetic population of Chinese people: the same seed gives the same people, records, faults and truth.

`entries` streams households with what each county wrote down about them; `Faults` and `Shape` hold every rate and size.
"""

from hub.demo.population.parameters import CLEAN, Faults, Shape
from hub.demo.population.patients import DEDUPE_COLUMNS, dedupe_row, patient
from hub.demo.population.people import Household, Person, households
from hub.demo.population.records import Birth, Record, Relative
from hub.demo.population.registers import Entry, entries

__all__ = [
    "CLEAN",
    "DEDUPE_COLUMNS",
    "Birth",
    "Entry",
    "Faults",
    "Household",
    "Person",
    "Record",
    "Relative",
    "Shape",
    "dedupe_row",
    "entries",
    "households",
    "patient",
]
