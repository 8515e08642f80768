"""A synthetic population of Chinese people: the same seed gives the same people, records, faults and truth.

`build` gives a whole story with its truth; `entries` streams registers of any length; `Faults` and `Shape` hold every rate
and size. Pure: no clock, no files.
"""

from hub.demo.population.families import households
from hub.demo.population.parameters import CLEAN, Faults, Shape
from hub.demo.population.patients import DEDUPE_COLUMNS, dedupe_row, patient
from hub.demo.population.people import Household, Person
from hub.demo.population.records import Birth, Record, Relative
from hub.demo.population.registers import Entry, entries
from hub.demo.population.stories import Story, build
from hub.demo.population.truth import Defect, Expected, Truth

__all__ = [
    "CLEAN",
    "DEDUPE_COLUMNS",
    "Birth",
    "Defect",
    "Entry",
    "Expected",
    "Faults",
    "Household",
    "Person",
    "Record",
    "Relative",
    "Shape",
    "Story",
    "Truth",
    "build",
    "dedupe_row",
    "entries",
    "households",
    "patient",
]
