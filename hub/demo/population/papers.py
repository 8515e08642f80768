"""What was written about the people besides their records: consents, contraception reports, marriage and birth
certificates. Each paper keeps the fate that an honest exchange must give it; that fate never leaves for the wire.
"""

from dataclasses import dataclass
from datetime import date, datetime

from hub.demo.population.divisions import Address
from hub.demo.population.people import Person
from hub.demo.population.records import Record

DELIVERED = "delivered"
NO_CONSENT, CONSENT_WITHDRAWN, CONSENT_EXPIRED = "no-consent", "consent-withdrawn", "consent-expired"
FORBIDDEN, UNREADABLE = "forbidden-content", "unreadable"


@dataclass(frozen=True, slots=True)
class Consent:
    """What one woman allowed. `kinds` and `purpose` are those of the exchange; `recipient` is a 12-digit division."""

    county: str
    number: str
    record: Record
    kinds: tuple[str, ...]
    purpose: str
    recipient: str
    signed_on: date
    ends_on: date
    withdrawn_on: date | None


@dataclass(frozen=True, slots=True)
class Report:
    """A contraception report as the destination's clinic wrote it; `method` is a code of the national-style table."""

    county: str
    number: str
    record: Record
    recipient: str
    origin: Address
    residence: Address
    reported_on: date
    facility: str
    method: str
    method_since: date
    checked_on: date
    finding: str
    officer: str
    mailed_on: date
    consent_number: str
    case: str
    """Which of the consent cases this is: valid, none-registered, withdrawn, expired, other-region, other-purpose, …"""
    fate: str
    """`DELIVERED`, or the code of the refusal."""


@dataclass(frozen=True, slots=True)
class Marriage:
    """A marriage certificate; `number` is without hyphens; `kind` is J (marriage) or BJ (re-issue); `holder` is "a" (he) or "b" (she)."""

    county: str
    number: str
    kind: str
    record: Record
    recipient: str
    authority: str
    authority_division: str
    registrar: str
    registered_on: date
    holder: str
    husband: Person
    wife: Person
    fate: str

    @property
    def holding(self) -> Person:
        """The party whose copy this is."""
        return self.husband if self.holder == "a" else self.wife


@dataclass(frozen=True, slots=True)
class BirthCertificate:
    """A medical certificate of birth; the father may be left out, as the law allows."""

    county: str
    number: str
    record: Record
    recipient: str
    child: Person
    born_at: datetime
    place: str
    place_kind: str
    weeks: int
    length_cm: int
    weight_g: int
    mother: Person
    father: Person | None
    midwife: str
    issued_on: date
    authority: str
    authority_division: str
    fate: str
