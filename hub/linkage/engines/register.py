"""A register as a table that the comparisons read: columns worked out once.

Numbers stand for values within one register only; what two records of it weigh is what the online scorer says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hub.linkage import documents, name_levels, names
from hub.linkage.columns import Column, Places
from hub.linkage.engines import address_columns, crew, name_columns, number_columns
from hub.linkage.engines.cells import Cells
from hub.linkage.engines.name_columns import Names
from hub.linkage.engines.texts import PART, Texts, word
from hub.linkage.layout import DTYPE
from hub.linkage.resident_id import Form

_SEXES = dict.fromkeys(("1", "男", "男性", "m", "male"), 1) | dict.fromkeys(("2", "女", "女性", "f", "female"), 2)
_RESIDENT_ID = ("", "01", "1", "居民身份证", "身份证")
"""Kinds of document, as a file may name them, that are the resident ID."""
_USUAL = np.array([word(text) for text in ("", "01", "1")], dtype=np.uint64)
_NUMBERS = (
    "id_body", "id_check", "id_form", "spouse_id", "birth", "birth_lunar", "sex", "phone", "phone2", "origin", "residence",
    "document", "document_kind", "postal",
)  # fmt: skip
_SIGNATURES = ("origin_low", "origin_high", "residence_low", "residence_high")
Found = dict[str, npt.NDArray[Any]]


@dataclass(slots=True)
class Register:
    """All records of one file; `names` also holds what blocking needs."""

    cells: Cells
    columns: dict[str, Column]
    names: Names

    def __len__(self) -> int:
        return self.cells.count

    def column(self, name: str) -> Column | None:
        """See `columns.Table`."""
        return self.columns.get(name)

    def texts(self, name: str, places: Places) -> list[str]:
        """See `columns.Table`. Names come in plain form where they are common ones: as the comparisons read them."""
        if name != "name":
            return self.cells.texts(name, places)
        odd, full = self.names.odd, self.names.columns["full"]
        return [
            odd[place][0].written if place in odd else name_columns.text_of(number)
            for place, number in zip(places.tolist(), full[places].tolist(), strict=True)
        ]


def read(cells: Cells) -> Register:
    """The register in `cells`."""
    sheet = _Sheet.empty(cells)
    works = [partial(sheet.sign, role) for role in ("residence", "origin")]  # each the whole file: doors come back
    works += [partial(sheet.fill, slice(start, start + PART)) for start in range(0, cells.count, PART)]
    parts = crew.each(lambda part: works[part](), len(works), cells.threads)
    for part in parts:
        sheet.own.odd.update(part.odd)
    columns = {name: sheet.columns[name] for name in sheet.columns if any(name in part.written for part in parts)}
    register = Register(cells, columns | {"live": np.ones(cells.count, dtype=np.uint8)}, sheet.own)
    _own_names(register, sheet.spouses.columns)
    return register


def prepare() -> None:
    """Load what is looked up for every record, and for every pair of them: once, before a crew has copies of it."""
    name_columns.prepare()
    name_levels.prepare()


class _Part(NamedTuple):
    """Which columns some of the records are written to, and those of their names that were read one by one."""

    written: Collection[str]
    odd: dict[int, tuple[names.Name, ...]]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The columns of a register while a crew fills them in, some records at a time."""

    cells: Cells
    columns: Found
    own: Names
    spouses: Names

    @classmethod
    def empty(cls, cells: Cells) -> "_Sheet":
        own, spouses = Names.nobody(cells.count), Names.nobody(cells.count, ("full", "c1"))
        columns: Found = {name: crew.shared(cells.count, DTYPE[name]) for name in (*_NUMBERS, *_SIGNATURES)}
        columns |= {name: own.columns[name] for name in name_columns.FIELDS} | {"spouse": spouses.columns["full"]}
        return cls(cells, columns, own, spouses)

    def fill(self, rows: slice) -> _Part:
        """Read numbers and names into their places."""
        cells, own = self.cells.part(rows.start, rows.stop), self.own.part(rows)
        numbers = self._put(rows, _numbers(cells))
        name_columns.read(cells.column("name"), own)
        name_columns.read(cells.column("spouse_name"), self.spouses.part(rows))
        named = [name for name in (*name_columns.FIELDS, "spouse") if self.columns[name][rows].any()]
        return _Part(numbers + named, {place + rows.start: found for place, found in own.odd.items()})

    def sign(self, role: str) -> _Part:
        """Read the signatures of all addresses into their places."""
        signed = address_columns.read(self.cells.column(f"{role}_address"))
        return _Part(self._put(slice(None), dict(zip((f"{role}_low", f"{role}_high"), signed, strict=True))), {})

    def _put(self, rows: slice, found: Found) -> list[str]:
        """Write what says anything, and say which columns do: memory that nothing is written to costs nothing."""
        written = [name for name, column in found.items() if column.any()]
        for name in written:
            self.columns[name][rows] = found[name]
        return written


def _numbers(cells: Cells) -> Found:
    own = number_columns.ids(cells.column("resident_id"))
    other = number_columns.ids(cells.column("spouse_resident_id"))
    says = (own.form == Form.OLD) | (own.form == Form.CHECKED)
    birth, sex = number_columns.births(cells.column("birth_date")), _sexes(cells.column("sex"))
    birth = np.where((birth == 0) & says, own.born, birth).astype(np.uint32)
    sex = np.where((sex == 0) & says, np.where(own.male, 1, 2), sex).astype(np.uint8)
    phone, phone2 = number_columns.telephones(cells.column("phone"))
    document, kind = _documents(cells, own)
    return {
        "id_body": own.body, "id_check": own.check, "id_form": own.form,
        "spouse_id": np.where(other.form == Form.CUT, 0, other.body),
        "birth": birth, "birth_lunar": number_columns.lunar(birth), "sex": sex,
        "phone": phone, "phone2": phone2,
        "origin": number_columns.places(cells.column("origin_division")),
        "residence": number_columns.places(cells.column("residence_division")),
        "document": document, "document_kind": kind, "postal": _postal(cells.column("postal_code")),
    }  # fmt: skip


def _sexes(texts: Texts) -> npt.NDArray[np.uint8]:
    found, words = np.zeros(len(texts), dtype=np.uint8), texts.words()
    for text, number in _SEXES.items():
        found[words == word(text)] = number
    odd = np.flatnonzero((found == 0) & (words > 0))
    found[odd] = [_SEXES.get(text.lower(), 0) for text in texts.at(odd).strings()]
    return found


def _documents(cells: Cells, own: number_columns.Ids) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    """Numbers of documents that are not the resident ID, whatever kind is named for one that is."""
    number, kind = np.zeros(cells.count, dtype=np.uint64), np.zeros(cells.count, dtype=np.uint8)
    texts, kinds = cells.column("resident_id"), cells.column("id_type")
    places = np.flatnonzero((texts.sizes > 0) & (own.body == 0) & ~np.isin(kinds.words(), _USUAL))
    for place, text, code in zip(places.tolist(), texts.at(places).strings(), kinds.at(places).strings(), strict=True):
        if code not in _RESIDENT_ID:
            number[place] = documents.number(text)
            kind[place] = documents.kind(code) if number[place] else 0
    return number, kind


def _postal(texts: Texts) -> npt.NDArray[np.uint64]:
    codes, places = np.zeros(len(texts), dtype=np.uint64), np.flatnonzero(texts.sizes)
    codes[places] = list(map(documents.postal, texts.at(places).strings()))
    return codes


def _own_names(register: Register, spouses: dict[str, Column]) -> None:
    """A wife recorded with her husband's surname in front also goes by her own name, as `features` has it."""
    own = register.names.columns
    sex = register.column("sex")
    if sex is None:
        return
    behind = (sex == 2) & (spouses["full"] > 0) & (own["former"] == 0) & (own["c1"] == spouses["c1"])
    where = np.flatnonzero(behind & (own["c1"] > 0))
    pairs: Sequence[tuple[str, str]] = list(
        zip(register.cells.texts("name", where), register.cells.texts("spouse_name", where), strict=True)
    )
    for place, (name, husband) in zip(where.tolist(), pairs, strict=True):
        wife, man = names.parse(name), names.parse(husband)
        found = names.without_husband(wife[0], man[0]) if wife and man else None
        if found is not None:
            own["former"][place] = name_columns.spelled(found.text)
            register.names.odd[place] = (*wife, found)
    if own["former"].any():
        register.columns["former"] = own["former"]
