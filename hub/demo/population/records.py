"""What one county wrote down about one person, before that county's own way of writing is applied.

A record keeps the true person's id and the names of the faults that happened to it, for checking only; neither ever
leaves for the wire.
"""

from dataclasses import dataclass
from datetime import date

from hub.demo.population.divisions import HUIJI, YONGKANG, Address

MISSING_NAME, MISSING_SEX, MASKED_NAME, FORBIDDEN_CONTENT = (
    "missing-name",
    "missing-sex",
    "masked-name",
    "forbidden-content",
)
COUNTY_SLUGS = {YONGKANG: "yongkang", HUIJI: "huiji"}


@dataclass(frozen=True, slots=True)
class Birth:
    """A birth date as recorded: parts may be missing (0), wrong, impossible, or by the lunar calendar."""

    year: int
    month: int = 0
    day: int = 0
    lunar: bool = False

    @property
    def is_complete(self) -> bool:
        return bool(self.month and self.day)

    @property
    def is_impossible(self) -> bool:
        """Whether no calendar has this day."""
        return not self.lunar and self.month == 2 and self.day >= 30

    def iso(self) -> str:
        parts = [f"{self.year:04d}"]
        if self.month:
            parts.append(f"{self.month:02d}")
            if self.day:
                parts.append(f"{self.day:02d}")
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class Relative:
    """Spouse or parent as mentioned in somebody else's record."""

    name: str
    id_number: str
    birth: date


@dataclass(frozen=True, slots=True)
class Record:
    """One row of one county, before that county's own way of writing is applied."""

    county: str
    record_id: str
    person: int
    name: str
    former_name: str
    sex: str
    birth: Birth
    id_number: str
    ethnicity: str
    education: str
    household_kind: str
    marital: str
    origin: Address
    origin_text: str
    residence: Address
    residence_text: str
    phone: str
    inflow: date
    recorded_on: date
    spouse: Relative | None
    father: Relative | None
    mother: Relative | None
    children: tuple[str, ...]
    collected_by_police: bool
    faults: tuple[str, ...]
    defect: str
    """Empty, or why the row must be quarantined: one of the four causes above."""
    dice: int
    """Sixty random bits by which a county's renderer decides how to write this row."""
