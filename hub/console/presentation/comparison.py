"""Two records side by side: each field's values, whether they are the same, and what that adds to the score.

The relation and the words come from the linkage's own explanation; only fields it does not weigh are compared here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hub.console.i18n import catalogue
from hub.console.i18n.times import Times
from hub.console.presentation import masking, records
from hub.console.presentation.masking import Piece, Pieces, plain
from hub.linkage.explain import FieldEvidence
from hub.linkage.notes import Relation
from hub.services.reveals import Side, Sides
from hub.services.source_records import Record
from mappings import vocabulary

ICONS: dict[Relation, str] = {"same": "=", "similar": "≈", "differs": "≠", "missing": "–"}
_ORDER: tuple[Relation, ...] = ("differs", "similar", "same", "missing")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a field; `about` says in a word what kind of value it is (a former name, since when)."""

    pieces: Pieces
    about: str = ""
    hidden: bool = False


Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One field. `weight` is None where the score does not use it."""

    field: str
    a: Values
    b: Values
    relation: Relation
    notes: tuple[str, ...]
    weight: float | None

    @property
    def icon(self) -> str:
        """The relation as a sign, for those who do not see colours."""
        return ICONS[self.relation]


@dataclass(frozen=True, slots=True)
class Fields:
    """All rows with something on one side at least; `absent` are the fields that neither record gives."""

    rows: tuple[Row, ...]
    absent: tuple[str, ...]

    def count(self, relation: Relation) -> int:
        """How many rows are so."""
        return sum(row.relation == relation for row in self.rows)


def summary(record: Record) -> str:
    """The name in use."""
    return records.names(record.patient)[0]


class Compared(Protocol):
    """Two records and how linkage explains their comparison."""

    @property
    def a(self) -> Record:
        """The left one."""

    @property
    def b(self) -> Record:
        """The right one."""

    @property
    def evidence(self) -> Sequence[FieldEvidence]:
        """A line a field."""


def rows(case: Compared, language: str, *, own: Sides, revealed: Sides) -> Fields:
    """Every field of the two records; numbers in full on the sides `revealed`, house numbers there and on one's `own`."""
    found = _Comparison(case, language, own, revealed).all()
    given = tuple(row for row in found if row.a or row.b or row.weight)
    return Fields(given, tuple(row.field for row in found if not (row.a or row.b or row.weight)))


class _Comparison:
    """Builds the rows of one case."""

    def __init__(self, case: Compared, language: str, own: Sides, revealed: Sides) -> None:
        self._a, self._b = case.a.patient, case.b.patient
        self._evidence = {line.field: line for line in case.evidence}
        self._chinese = language == "zh"
        self._t, self._times = catalogue(language), Times(language, "UTC")
        self._own, self._revealed = own, revealed
        self._side: Side = "a"

    def all(self) -> list[Row]:
        """In the order a clerk reads an identity card."""
        return [
            self._weighed("name", self._names, "surname", "given"),
            self._weighed("resident_id", self._resident_id, "resident_id"),
            self._weighed("document", self._documents, "document"),
            self._weighed("sex", self._sex, "sex"),
            self._weighed("birth", self._birth, "birth"),
            self._weighed("phone", self._phones, "phone"),
            self._weighed("origin", lambda own, other: self._place(own, other, "origin"), "origin"),
            self._weighed("residence", lambda own, other: self._place(own, other, "residence"), "residence"),
            self._weighed("postal", self._postal, "postal"),
            self._weighed("spouse", lambda own, other: self._relatives(own, other, ("spouse",)), "spouse"),
            self._weighed("parents", lambda own, other: self._relatives(own, other, ("father", "mother")), "parents"),
            self._weighed("children", self._children, "children"),
            self._weighed("kin", lambda _own, _other: (), "kin"),
            self._weighed("ethnicity", self._concept(vocabulary.ETHNICITY), "ethnicity"),
            self._plain("marital", lambda own, _: _text(records.concept(own.get("maritalStatus")))),
            self._plain("education", self._concept(vocabulary.EDUCATION)),
            self._plain("household", self._concept(vocabulary.HOUSEHOLD_KIND)),
        ]

    def _weighed(self, field: str, values: Callable[[Any, Any], Values], *parts: str) -> Row:
        lines = [self._evidence[part] for part in parts]
        relation = _together([line.relation for line in lines])
        a, b = self._both(values)
        if relation in ("same", "missing"):
            a, b = _unmarked(a), _unmarked(b)
        notes = tuple(dict.fromkeys(self._note(line) for line in lines))
        return Row(field, a, b, relation, notes, sum(line.weight for line in lines))

    def _both(self, values: Callable[[Any, Any], Values]) -> tuple[Values, Values]:
        self._side = "a"
        a = values(self._a, self._b)
        self._side = "b"
        return a, values(self._b, self._a)

    def _note(self, line: FieldEvidence) -> str:
        return line.note_zh if self._chinese else line.note_en

    def _plain(self, field: str, values: Callable[[Any, Any], Values]) -> Row:
        """A field that the score does not use."""
        a, b = self._both(values)
        relation: Relation = "missing" if not (a and b) else "same" if a == b else "differs"
        return Row(field, _unmarked(a), _unmarked(b), relation, (self._t("note.unweighed"),), None)

    def _names(self, own: records.Patient, other: records.Patient) -> Values:
        name, former = records.names(own)
        found = [Value(masking.by_text(name, records.names(other)[0]))] if name else []
        return (*found, *(Value(plain(text), self._t("about.former")) for text in former))

    def _resident_id(self, own: records.Patient, other: records.Patient) -> Values:
        number, opposite = (records.identifier(p, vocabulary.RESIDENT_ID) for p in (own, other))
        if not number:
            return ()
        about = self._t("about.fifteen") if len(number) == 15 else ""
        return (self._number(records.same_length(number), records.same_length(opposite), masking.resident_id, about),)

    def _number(self, number: str, opposite: str, mask: Callable[[str], str], about: str = "") -> Value:
        full = self._side in self._revealed
        return Value(masking.by_place(number if full else mask(number), number, opposite), about, hidden=not full)

    def _documents(self, own: records.Patient, other: records.Patient) -> Values:
        opposite = dict(records.other_documents(other))
        return tuple(
            self._number(number, opposite.get(kind, ""), masking.document, self._t("about.document", kind=kind))
            for kind, number in records.other_documents(own)
        )

    def _sex(self, own: records.Patient, _: records.Patient) -> Values:
        code = str(own.get("gender", ""))
        return _text(self._t(f"sex.{code}")) if code in ("male", "female", "other") else ()

    def _birth(self, own: records.Patient, other: records.Patient) -> Values:
        date, opposite = str(own.get("birthDate", "")), str(other.get("birthDate", ""))
        if not date:
            return ()
        about = self._t("about.lunar") if records.lunar(own) else ""
        return (Value(masking.by_text(self._times.written(date), self._times.written(opposite)), about),)

    def _phones(self, own: records.Patient, other: records.Patient) -> Values:
        opposite = records.phones(other)
        return tuple(
            self._number(number, opposite[at] if at < len(opposite) else "", masking.phone)
            for at, number in enumerate(records.phones(own))
        )

    def _place(self, own: records.Patient, other: records.Patient, role: str) -> Values:
        here, there = records.place(own, role), records.place(other, role)
        if here is None or not here.whole:
            return ()
        about = self._t("about.since", day=self._times.written(here.since)) if here.since else ""
        pieces = masking.by_text(here.whole, there.whole if there else "")
        if self._side not in self._own | self._revealed:
            pieces = tuple(Piece(masking.address(piece.text), piece.differs) for piece in pieces)
        return (Value(pieces, about),)

    def _postal(self, own: records.Patient, other: records.Patient) -> Values:
        """Of the place of residence; who may not see the house sees no code of its quarter."""
        here, there = records.place(own, "residence"), records.place(other, "residence")
        if here is None or not here.postal:
            return ()
        pieces = masking.by_place(here.postal, here.postal, there.postal if there else "")
        if self._side not in self._own | self._revealed:
            pieces = tuple(Piece(masking.address(piece.text), piece.differs) for piece in pieces)
        return (Value(pieces),)

    def _relatives(self, own: records.Patient, other: records.Patient, roles: Sequence[str]) -> Values:
        opposite = {relative.role: relative for relative in records.relatives(other)}
        found: list[Value] = []
        for relative in records.relatives(own):
            if relative.role not in roles:
                continue
            known = opposite.get(relative.role)
            about = self._t(f"about.{relative.role}") if len(roles) > 1 else ""
            found.append(Value(masking.by_text(relative.name, known.name if known else ""), about))
            if relative.id_number:
                number = self._number(relative.id_number, known.id_number if known else "", masking.resident_id)
                found.append(Value(number.pieces, self._t("about.id"), number.hidden))
        return tuple(found)

    def _children(self, own: records.Patient, other: records.Patient) -> Values:
        shared = set(records.children(other))
        return tuple(Value((Piece(child, child not in shared),)) for child in records.children(own))

    def _concept(self, url: str) -> Callable[[records.Patient, records.Patient], Values]:
        return lambda own, _: _text(records.extension(own, url))


def _text(text: str) -> Values:
    return (Value(plain(text)),) if text else ()


def _unmarked(values: Values) -> Values:
    return tuple(
        Value(tuple(Piece(piece.text) for piece in value.pieces), value.about, value.hidden) for value in values
    )


def _together(relations: Sequence[Relation]) -> Relation:
    """The relation of a field made of parts: a part that differs counts most, a missing one least."""
    known = [relation for relation in relations if relation != "missing"]
    if not known:
        return "missing"
    if "same" in known and "differs" in known:
        return "similar"
    return min(known, key=_ORDER.index)
