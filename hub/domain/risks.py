"""Which verdicts about two records one person alone may not make final, and why, in words.

A verdict that leaves persons as they are changes nobody's record and needs no second pair of eyes, with one exception:
that two people use one number is itself a finding with consequences.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["same", "different"]
SHARED_ID: Final = "id-used-by-two"


@dataclass(frozen=True, slots=True)
class Facts:
    """What hangs on a pair: its vetoes, whether it is one person now, and what is known of those persons.

    `records` are the live records on either side; `certificates` and `sealed` are counted over both. `clashes` are the
    vetoes between any two records that would come together, whichever pair is looked at.
    """

    vetoes: tuple[str, ...]
    together: bool
    records: tuple[int, int]
    certificates: int
    sealed: int
    clashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Risk:
    """One reason for a second person. `code` is stable."""

    code: str
    en: str
    zh: str


_VETO: Final = Risk(
    "veto",
    "A contradiction speaks against one person; joining them would outvote it.",
    "存在互相矛盾的依据，合并等于否定这一矛盾。",
)
_SHARED: Final = Risk(
    SHARED_ID,
    "One resident ID is used by two; whichever way it is decided, somebody's number is in question.",
    "同一身份证号被两人使用，无论如何判定都涉及号码归属。",
)
# Without a number or a kind: which region holds what about a person is not everybody's to know.
_PAPERS: Final = Risk(
    "papers",
    "Certificates or sealed reports hang on these persons and follow them.",
    "有证明或加密报告与其关联，将随人员变动。",
)
_MANY: Final = Risk(
    "many-records",
    "One of the persons has many records, which all follow.",
    "其中一方已有多条记录，将一并变动。",
)


def of(verdict: Verdict, facts: Facts, *, most_records: int) -> tuple[Risk, ...]:
    """Why `verdict` needs a second person; empty when one may decide alone."""
    found: list[Risk] = []
    against = {*facts.vetoes, *(facts.clashes if verdict == "same" else ())}
    if SHARED_ID in against:
        found.append(_SHARED)
    if verdict == "same" and against - {SHARED_ID}:
        found.append(_VETO)
    if (verdict == "same") != facts.together:
        found += _moving(facts, most_records)
    return tuple(found)


def _moving(facts: Facts, most_records: int) -> list[Risk]:
    """What it puts at stake that persons are joined or parted."""
    found = []
    if facts.certificates or facts.sealed:
        found.append(_PAPERS)
    if max(facts.records) > most_records:
        found.append(_MANY)
    return found


def codes(risks: Collection[Risk]) -> list[str]:
    """The codes, in their order."""
    return [risk.code for risk in risks]
