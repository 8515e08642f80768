"""A register as a table that the comparisons read: columns worked out once.

Numbers stand for values within one register only; what two records of it weigh is what the online scorer says.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import documents, names
from hub.linkage.columns import Column, Places
from hub.linkage.engines import address_columns, name_columns, number_columns
from hub.linkage.engines.cells import Cells
from hub.linkage.engines.name_columns import Names
from hub.linkage.engines.texts import PART, Texts, word
from hub.linkage.resident_id import Form

_SEXES = dict.fromkeys(("1", "男", "男性", "m", "male"), 1) | dict.fromkeys(("2", "女", "女性", "f", "female"), 2)
_RESIDENT_ID = ("", "01", "1", "居民身份证", "身份证")
"""Kinds of document, as a file may name them, that are the resident ID."""
_USUAL = np.array([word(text) for text in ("", "01", "1")], dtype=np.uint64)
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
    columns: Found = {}
    own, spouses = Names.nobody(cells.count), Names.nobody(cells.count, ("full", "c1"))
    names_of = {"name": own, "spouse_name": spouses}
    with ThreadPoolExecutor(cells.threads) as pool:  # works on columns while texts are looked at here, one by one
        named = {name: name_columns.read(cells.column(name), found, pool) for name, found in names_of.items()}
        parted = {
            role: address_columns.parted(cells.column(f"{role}_address"), pool) for role in ("origin", "residence")
        }
        filled = pool.map(partial(_fill, cells, columns), range(0, cells.count, PART))
        for name, odd in named.items():
            name_columns.read_odd(cells.column(name), names_of[name], np.concatenate([*odd]))
        for role, parts in parted.items():
            signed = address_columns.read(cells.column(f"{role}_address"), [*parts])
            columns[f"{role}_low"], columns[f"{role}_high"] = signed
        deque(filled, maxlen=0)
    columns |= {name: own.columns[name] for name in name_columns.FIELDS}
    columns["spouse"] = spouses.columns["full"]
    columns["live"] = np.ones(cells.count, dtype=np.uint8)
    register = Register(cells, {name: column for name, column in columns.items() if column.any()}, own)
    _own_names(register, spouses.columns)
    return register


def _fill(cells: Cells, columns: Found, start: int) -> None:
    """Read the numbers of the records from `start` on into their places."""
    stop = min(start + PART, cells.count)
    for name, found in _numbers(cells.part(start, stop)).items():
        if found.any():  # memory that nothing is written to costs nothing
            columns.setdefault(name, np.zeros(cells.count, dtype=found.dtype))[start:stop] = found


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
