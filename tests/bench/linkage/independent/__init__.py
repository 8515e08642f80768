"""A second population, for measuring only: other names, other lives and other faults than the one models are tuned on.

Nothing here is shared with `hub.demo.population`: places, names and look-alike characters are listed here, families are
lived year by year, and a fault is something that happened to a clerk, a keyboard, a scanner or a spreadsheet.
"""

from tests.bench.linkage.independent.faults import Rates
from tests.bench.linkage.independent.registers import COLUMNS, records, write

__all__ = ["COLUMNS", "Rates", "records", "write"]
