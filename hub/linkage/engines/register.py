"""A register as a table that the comparisons read: columns worked out once.

Numbers stand for values within one register only; what two records of it weigh is what the online scorer says.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import documents, names
from hub.linkage.columns import Column, Places
from hub.linkage.engines import address_columns, name_columns, number_columns
from hub.linkage.engines.distinct import distinct
from hub.linkage.engines.files import Cells
from hub.linkage.engines.name_columns import Names
from hub.linkage.resident_id import Form

_SEXES = dict.fromkeys(("1", "男", "男性", "m", "male"), 1) | dict.fromkeys(("2", "女", "女性", "f", "female"), 2)
_RESIDENT_ID = ("", "01", "1", "居民身份证", "身份证")
"""Kinds of document, as a file may name them, that are the resident ID."""
_NAMES = ("name", "spouse_name")


@dataclass(slots=True)
class Register:
    """All records of one file; `names` and `spouses` also hold what blocking needs."""

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
    with ThreadPoolExecutor(cells.threads) as pool:
        named = pool.submit(_names, cells)
        signed = [pool.submit(_signed, cells, role) for role in ("origin", "residence")]
        columns = _numbers(cells)
        own, spouses = named.result()
        for one in signed:
            columns |= one.result()
    columns |= own.columns
    columns["spouse"] = spouses["full"]
    columns["live"] = np.ones(cells.count, dtype=np.uint8)
    register = Register(cells, {name: column for name, column in columns.items() if column.any()}, own)
    _own_names(register, spouses)
    return register


def _signed(cells: Cells, role: str) -> dict[str, Column]:
    low, high = address_columns.read(cells, f"{role}_address")
    return {f"{role}_low": low, f"{role}_high": high}


def _names(cells: Cells) -> tuple[Names, dict[str, Column]]:
    """Of each record its own name, and columns of its spouse's: many names are in both."""
    hashes = [cells.arrays(f'SELECT hash("{column}") AS name FROM cells')["name"] for column in _NAMES]
    different = distinct(np.concatenate(hashes))
    own = different.at < cells.count
    texts = np.empty(len(own), dtype=object)
    for column, mine, start in zip(_NAMES, (own, ~own), (0, cells.count), strict=True):
        texts[mine] = cells.texts(column, different.at[mine] - start)
    names_ = name_columns.read(texts.tolist())
    spouse = different.of[cells.count :]
    return names_.at(different.of[: cells.count]), {name: names_.columns[name][spouse] for name in ("full", "c1")}


def _digits(column: str) -> str:
    """Number and length of a column's cells: 0 for what is not all digits."""
    return f'coalesce(try_cast("{column}" AS UBIGINT), 0) AS n, {_size(column)}'


def _size(column: str) -> str:
    return f'CAST(least(length("{column}"), 255) AS UTINYINT) AS size'


def _numbers(cells: Cells) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    own = _ids(cells, "resident_id")
    columns |= {"id_body": own.body, "id_check": own.check, "id_form": own.form}
    other = _ids(cells, "spouse_resident_id")
    columns["spouse_id"] = np.where(other.form == Form.CUT, 0, other.body)
    columns["birth"], columns["sex"] = _births(cells), _sexes(cells)
    says = (own.form == Form.OLD) | (own.form == Form.CHECKED)
    columns["birth"] = np.where((columns["birth"] == 0) & says, own.born, columns["birth"]).astype(np.uint32)
    columns["sex"] = np.where((columns["sex"] == 0) & says, np.where(own.male, 1, 2), columns["sex"]).astype(np.uint8)
    columns["birth_lunar"] = number_columns.lunar(columns["birth"])
    found = cells.arrays(f"SELECT {_digits('phone')} FROM cells")
    columns["phone"], columns["phone2"] = number_columns.telephones(
        found["n"], found["size"], lambda places: cells.texts("phone", places)
    )
    for role in ("origin", "residence"):
        columns[role] = _places(cells, f"{role}_division")
    columns["document"], columns["document_kind"] = _documents(cells, own)
    columns["postal"] = _postal(cells)
    return columns


def _documents(cells: Cells, own: number_columns.Ids) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    """Numbers of documents that are not the resident ID, whatever kind is named for one that is."""
    number, kind = np.zeros(cells.count, dtype=np.uint64), np.zeros(cells.count, dtype=np.uint8)
    resident = ", ".join(f"'{name}'" for name in _RESIDENT_ID)
    found = cells.arrays(
        "SELECT rowid AS place, resident_id AS text, id_type AS kind FROM cells"
        f" WHERE resident_id <> '' AND id_type NOT IN ({resident})"
    )
    for place, text, code in zip(found["place"].tolist(), found["text"], found["kind"], strict=True):
        if not own.body[place]:
            number[place] = documents.number(text)
            kind[place] = documents.kind(code) if number[place] else 0
    return number, kind


def _postal(cells: Cells) -> npt.NDArray[np.uint64]:
    codes = np.zeros(cells.count, dtype=np.uint64)
    found = cells.arrays("SELECT rowid AS place, postal_code AS text FROM cells WHERE postal_code <> ''")
    codes[found["place"]] = [documents.postal(text) for text in found["text"]]
    return codes


def _places(cells: Cells, column: str) -> npt.NDArray[np.uint64]:
    found = cells.arrays(f"SELECT {_digits(column)} FROM cells")
    return number_columns.places(found["n"], found["size"], lambda places: cells.texts(column, places))


def _ids(cells: Cells, column: str) -> number_columns.Ids:
    t = f'"{column}"'
    bare = f"CASE WHEN {t} LIKE '%X' THEN left({t}, length({t}) - 1) ELSE {t} END"
    found = cells.arrays(
        f"SELECT coalesce(try_cast({bare} AS UBIGINT), 0) AS n, {t} LIKE '%X' AS x, {_size(column)} FROM cells"
    )
    return number_columns.ids(found["n"], found["x"], found["size"], lambda places: cells.texts(column, places))


def _births(cells: Cells) -> npt.NDArray[np.uint32]:
    found = cells.arrays(
        f"SELECT coalesce(try_cast(replace(birth_date, '-', '') AS UINTEGER), 0) AS n, {_size('birth_date')} FROM cells"
    )
    return number_columns.births(found["n"], found["size"], lambda places: cells.texts("birth_date", places))


def _sexes(cells: Cells) -> npt.NDArray[np.uint8]:
    cases = " ".join(f"WHEN '{text}' THEN {number}" for text, number in _SEXES.items())
    found: dict[str, npt.NDArray[np.uint8]] = cells.arrays(
        f"SELECT CAST(CASE lower(sex) {cases} ELSE 0 END AS UTINYINT) AS n FROM cells"
    )
    return found["n"]


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
