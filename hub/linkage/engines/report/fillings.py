"""What each column of the file is worth: how many cells are filled, and how many of them say something of a person."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import addresses
from hub.linkage.engines.files import COLUMNS
from hub.linkage.engines.register import Register

_UNDERSTOOD = {
    "name": "full", "sex": "sex", "birth_date": "birth", "resident_id": "id_body", "phone": "phone",
    "origin_division": "origin", "residence_division": "residence", "spouse_name": "spouse",
    "spouse_resident_id": "spouse_id",
}  # fmt: skip
_NOT_COMPARED = ("record_id", "source", "id_type")


@dataclass(frozen=True, slots=True)
class Filling:
    """`usable` of the `filled` cells were understood; None where the column is not compared. `given` also counts what
    was taken from the resident ID in place of an empty cell.
    """

    column: str
    present: bool
    filled: int
    usable: int | None
    given: int | None

    @property
    def fillers(self) -> int | None:
        return None if self.usable is None else self.filled - self.usable


def of(register: Register) -> tuple[Filling, ...]:
    """One for every column of the contract."""
    present = {name.strip().lower() for name in register.cells.present}
    return tuple(_filling(register, column, column in present) for column in COLUMNS)


def _filling(register: Register, column: str, present: bool) -> Filling:
    filled = register.cells.arrays(f"SELECT trim(coalesce(\"{column}\", '')) <> '' AS filled FROM cells")["filled"]
    count = int(filled.sum())
    if column in _NOT_COMPARED or not present:
        return Filling(column, present, count, None, None)
    if column.endswith("_address"):
        fillers = ", ".join(f"'{filler}'" for filler in sorted(addresses.FILLERS))
        usable = int(
            register.cells.rows(f'SELECT count(*) FILTER (trim(lower("{column}")) NOT IN ({fillers})) FROM cells')[0][0]
        )
        return Filling(column, present, count, usable, usable)
    known = _known(register, _UNDERSTOOD[column])
    return Filling(column, present, count, int((filled & known).sum()), int(known.sum()))


def _known(register: Register, name: str) -> npt.NDArray[np.bool_]:
    column = register.column(name)
    if column is None:
        return np.zeros(len(register), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = column > 0
    return found
