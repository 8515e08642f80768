"""Levels of what a person is: sex, ethnicity, date of birth; and of those a person belongs to."""

from hub.linkage.comparisons import BIRTH_NEAR, BIRTH_SAME, BORN_TOGETHER, MISSING, NEAR_DAYS
from hub.linkage.pairwise.records import Record

DIFFERS, SAME = 1, 2
SAME_YEAR, ONE_PART, TURNED = 3, 4, 6
SAME_NAME, SAME_ID = 2, 3
ONE_PARENT, BOTH_PARENTS = 2, 3


def sex(a: Record, b: Record) -> int:
    return _code(a.sex, b.sex)


def ethnicity(a: Record, b: Record) -> int:
    return _code(a.ethnicity, b.ethnicity)


def _code(a: int, b: int) -> int:
    if not (a and b):
        return MISSING
    return SAME if a == b else DIFFERS


def birth(a: Record, b: Record) -> int:
    """Levels in words: see `comparisons.COMPARISONS`; 'one part differs' is a slip in year, month or day."""
    if not (a.birth and b.birth):
        return MISSING
    day_a, day_b = a.birth % 100, b.birth % 100
    if not (day_a and day_b):
        return _month(a.birth // 100, b.birth // 100, day_a - day_b)
    if a.birth == b.birth:
        return BIRTH_SAME
    if a.birth_lunar == b.birth or b.birth_lunar == a.birth:
        return TURNED
    return _day(a.birth // 100, day_a, b.birth // 100, day_b)


def _day(month_a: int, day_a: int, month_b: int, day_b: int) -> int:
    """Of two dates that are not the same, given as YYYYMM and the day."""
    years, ma, mb = month_a // 100 - month_b // 100, month_a % 100, month_b % 100
    if not years:
        if ma == day_b and day_a == mb:
            return TURNED
        if (ma == mb) != (day_a == day_b):
            return ONE_PART
        if not (ma and mb):
            return SAME_YEAR
    elif ma == mb and day_a == day_b and (_slip(years) or years % 10 == 0):
        return ONE_PART
    return _apart(years, ma, mb, day_a - day_b)


def _month(month_a: int, month_b: int, days: int) -> int:
    """Of two dates, given as YYYYMM, of which one has no day."""
    years, ma, mb = month_a // 100 - month_b // 100, month_a % 100, month_b % 100
    if ma == mb and ma:
        if not years:
            return BORN_TOGETHER
        if _slip(years):
            return ONE_PART
    if not years and not (ma and mb):
        return SAME_YEAR
    return _apart(years, ma, mb, days)


def _slip(years: int) -> bool:
    return -1 <= years <= 1 or years in (-10, 10)


def _apart(years: int, ma: int, mb: int, days: int) -> int:
    near = ma and mb and abs(years * 372 + (ma - mb) * 31 + days) <= NEAR_DAYS
    return BIRTH_NEAR if near else DIFFERS


def spouse(a: Record, b: Record) -> int:
    return _relative(a.spouse, a.spouse_id, b.spouse, b.spouse_id)


def parents(a: Record, b: Record) -> int:
    """The better known of father and mother, and whether both agree."""
    father = _relative(a.father, a.father_id, b.father, b.father_id)
    mother = _relative(a.mother, a.mother_id, b.mother, b.mother_id)
    if father >= SAME_NAME and mother >= SAME_NAME:
        return BOTH_PARENTS
    return min(max(father, mother), ONE_PARENT)


def _relative(a: int, id_a: int, b: int, id_b: int) -> int:
    """missing, differs, same name, same ID."""
    if id_a and id_a == id_b:
        return SAME_ID
    if a and a == b:
        return SAME_NAME
    return DIFFERS if (a and b) or (id_a and id_b) else MISSING


def children(a: Record, b: Record) -> int:
    known = (b.child1, b.child2, b.child3)
    for child in (a.child1, a.child2, a.child3):
        if child and child in known:
            return SAME
    return DIFFERS if a.child1 and b.child1 else MISSING


def kin(a: Record, b: Record) -> int:
    """One record names the other's ID as that of spouse, father or mother: then they are two people."""
    if a.id_body == b.id_body:
        return MISSING
    named = a.id_body and a.id_body in (b.spouse_id, b.father_id, b.mother_id)
    return DIFFERS if named or (b.id_body and b.id_body in (a.spouse_id, a.father_id, a.mother_id)) else MISSING
