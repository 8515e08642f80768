"""A register as a table that the comparisons read: columns worked out once.

Numbers stand for values within one register only; what two records of it weigh is what the online scorer says.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import names
from hub.linkage.columns import Column, Places
from hub.linkage.engines import address_columns, name_columns, number_columns
from hub.linkage.engines.distinct import distinct
from hub.linkage.engines.files import Cells
from hub.linkage.engines.name_columns import Names
from hub.linkage.resident_id import Form

_SEXES = dict.fromkeys(("1", "男", "男性", "m", "male"), 1) | dict.fromkeys(("2", "女", "女性", "f", "female"), 2)
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
    found = [_written(cells, column) for column in _NAMES]
    sizes = np.concatenate([one["size"] for one in found])
    different = distinct(np.concatenate([one["written"] for one in found]))

    def texts(places: Places) -> list[str]:
        first = different.first[places]
        own = first < cells.count
        told = np.empty(len(places), dtype=object)
        for column, mine, start in zip(_NAMES, (own, ~own), (0, cells.count), strict=True):
            told[mine] = cells.texts(column, first[mine] - start)
        return told.tolist()

    names_ = name_columns.read(different.values, sizes[different.first], texts)
    spouse = different.of[cells.count :]
    return names_.at(different.of[: cells.count]), {name: names_.columns[name][spouse] for name in ("full", "c1")}


def _written(cells: Cells, column: str) -> dict[str, npt.NDArray[Any]]:
    """See `name_columns.read`; a hash stands for a name that is longer than that, or of rarer characters."""
    chars = ", ".join(f"coalesce(unicode(nullif(substr(t, {at}, 1), '')), 0) AS c{at}" for at in range(1, 5))
    short = "length(t) < 5 AND greatest(c1, c2, c3, c4) < 65536"
    packed = " + ".join(f"CAST(c{at} AS UBIGINT) * {1 << 64 - 16 * at}" for at in range(1, 5))
    return cells.arrays(
        f"SELECT CASE WHEN {short} THEN {packed} ELSE hash(t) END AS written,"
        f' CAST(CASE WHEN {short} THEN length(t) ELSE 255 END AS UTINYINT) AS size FROM (SELECT "{column}" AS t, {chars} FROM cells)'
    )


def _digits(column: str) -> str:
    """Number and length of a column's cells: 0 for what is not all digits."""
    return (
        f'coalesce(try_cast("{column}" AS UBIGINT), 0) AS n, CAST(least(length("{column}"), 255) AS UTINYINT) AS size'
    )


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
    return columns


def _places(cells: Cells, column: str) -> npt.NDArray[np.uint64]:
    found = cells.arrays(f"SELECT {_digits(column)} FROM cells")
    return number_columns.places(found["n"], found["size"], lambda places: cells.texts(column, places))


def _ids(cells: Cells, column: str) -> number_columns.Ids:
    t = f'"{column}"'
    found = cells.arrays(
        f"SELECT coalesce(try_cast(left({t}, 17) AS UBIGINT), 0) AS n,"
        f" CAST(least(greatest(ord(substr({t}, 18, 1)), 0), 255) AS UTINYINT) AS last,"
        f" CAST(least(length({t}), 255) AS UTINYINT) AS size FROM cells"
    )
    return number_columns.ids(found["n"], found["last"], found["size"], lambda places: cells.texts(column, places))


def _births(cells: Cells) -> npt.NDArray[np.uint32]:
    found = cells.arrays(
        "SELECT coalesce(try_cast(replace(birth_date, '-', '') AS UINTEGER), 0) AS n,"
        " CAST(least(length(birth_date), 255) AS UTINYINT) AS size FROM cells"
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
