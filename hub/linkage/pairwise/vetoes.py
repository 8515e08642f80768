"""The contradictions of `constraints` in one pair."""

from collections.abc import Collection

from hub.linkage import comparisons, constraints, id_levels, name_levels
from hub.linkage.pairwise.levels import Levels
from hub.linkage.pairwise.records import Record

_BIT = {name: 1 << bit for bit, name in enumerate(constraints.NAMES)}
_ONE_ID = (id_levels.SAME, id_levels.ONE_SLIP)
_OTHER_GIVEN = (name_levels.DIFFERS, name_levels.PART)
_ONE_BIRTH = (comparisons.BIRTH_SAME, comparisons.BORN_TOGETHER)
_TWO_SEXES = 1


def vetoes(a: Record, b: Record, levels: Levels, unique_sources: Collection[int]) -> int:
    """One bit for each of `constraints.NAMES`. `unique_sources` are numbers of sources holding one live record a person."""
    found = 0
    if levels.resident_id == id_levels.DIFFERS_CHECKED:
        found |= _BIT[constraints.TWO_IDS]
    if twins(levels):
        found |= _BIT[constraints.TWINS]
    if one_source(a, b, unique_sources):
        found |= _BIT[constraints.UNIQUE_SOURCE]
    if dead(a, b) or dead(b, a):
        found |= _BIT[constraints.DEATH]
    if shared_id(levels):
        found |= _BIT[constraints.SHARED_ID]
    if generations(a, b, levels):
        found |= _BIT[constraints.GENERATIONS]
    return found


def twins(levels: Levels) -> bool:
    """Born together of the same parents, under other given names; under similar ones if no ID says who is who."""
    if levels.birth not in _ONE_BIRTH or levels.parents < 2:
        return False
    similar = name_levels.PART < levels.given < name_levels.SWAPPED
    return levels.given in _OTHER_GIVEN or (similar and levels.resident_id not in _ONE_ID)


def one_source(a: Record, b: Record, unique_sources: Collection[int]) -> bool:
    """Two live records of a source that holds one a person."""
    return a.source in unique_sources and a.source == b.source and a.record != b.record and a.live == b.live == 1


def dead(a: Record, b: Record) -> bool:
    """`b` did something after `a` had died: of a date in part the latest day counts."""
    return a.death > 0 and a.death + constraints.latest(a.death) < b.active


def shared_id(levels: Levels) -> bool:
    """One ID under two given names, and something else that contradicts too."""
    if levels.resident_id != id_levels.SAME or levels.given not in _OTHER_GIVEN:
        return False
    return (
        levels.surname == name_levels.DIFFERS or levels.sex == _TWO_SEXES or 0 < levels.birth <= comparisons.BIRTH_NEAR
    )


def generations(a: Record, b: Record, levels: Levels) -> bool:
    """Father and son of one name: name and home are the same, no document is, and the births are a generation apart."""
    return (
        levels.birth == 1
        and levels.given == name_levels.SAME
        and max(levels.origin, levels.residence) >= comparisons.ADDRESS_SIMILAR
        and levels.document < comparisons.DOCUMENT_ONE_SLIP
        and levels.resident_id not in _ONE_ID
        and abs(a.birth // 10000 - b.birth // 10000) >= constraints.GENERATION
    )
