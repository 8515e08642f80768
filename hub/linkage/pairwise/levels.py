"""The levels of one pair, field by field."""

from typing import NamedTuple

from hub.linkage.pairwise import identifiers, latin, names, people, places
from hub.linkage.pairwise.records import Record


class Levels(NamedTuple):
    """A level for each of `comparisons.FIELDS`, in their order (the tests see to it)."""

    resident_id: int
    document: int
    surname: int
    given: int
    sex: int
    birth: int
    phone: int
    origin: int
    residence: int
    postal: int
    spouse: int
    parents: int
    children: int
    kin: int
    ethnicity: int


def levels(a: Record, b: Record) -> Levels:
    letters = latin.compared(a, b)
    return Levels(
        resident_id=identifiers.resident_id(a, b),
        document=identifiers.document(a, b),
        surname=names.surname(a, b, letters),
        given=names.given(a, b, letters),
        sex=people.sex(a, b),
        birth=people.birth(a, b),
        phone=identifiers.phone(a, b),
        origin=places.origin(a, b),
        residence=places.residence(a, b),
        postal=identifiers.postal(a, b),
        spouse=people.spouse(a, b),
        parents=people.parents(a, b),
        children=people.children(a, b),
        kin=people.kin(a, b),
        ethnicity=people.ethnicity(a, b),
    )
