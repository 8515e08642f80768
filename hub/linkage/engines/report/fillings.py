"""What each column of the file is worth: how many cells are filled, and how many of them say something of a person."""

from dataclasses import dataclass

import numpy as np

from hub.linkage import addresses
from hub.linkage.engines.cells import COLUMNS
from hub.linkage.engines.register import Register
from hub.linkage.engines.texts import Texts

_UNDERSTOOD = {
    "name": ("full",), "sex": ("sex",), "birth_date": ("birth",), "resident_id": ("id_body", "document"),
    "phone": ("phone",), "origin_division": ("origin",), "residence_division": ("residence",),
    "spouse_name": ("spouse",), "spouse_resident_id": ("spouse_id",), "postal_code": ("postal",),
}  # fmt: skip
_NOT_COMPARED = ("record_id", "source", "id_type")
_ADDRESSES = ("origin_address", "residence_address")
_FROM_ID = ("sex", "birth_date")
_LONG = max(len(filler.encode()) for filler in addresses.FILLERS)


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
    counts = {column: int((register.cells.column(column).sizes > 0).sum()) for column in COLUMNS}
    addressed = {column: _said(register.cells.column(column)) for column in _ADDRESSES}
    return tuple(
        Filling(column, column in present, filled, *_understood(register, column, addressed.get(column)))
        if column in present and column not in _NOT_COMPARED
        else Filling(column, column in present, filled, None, None)
        for column, filled in counts.items()
    )


def _said(texts: Texts) -> int:
    """How many cells are neither blank nor a filler; no filler is longer than `_LONG` bytes."""
    sizes = texts.sizes
    short = texts.at(np.flatnonzero((sizes > 0) & (sizes <= _LONG))).strings()
    return int((sizes > _LONG).sum()) + sum(text.lower() not in addresses.FILLERS for text in short)


def _understood(register: Register, column: str, addressed: int | None) -> tuple[int, int]:
    """How many filled cells were understood, and how many records are known in this, the resident ID counted in."""
    if addressed is not None:
        return addressed, addressed
    numbers = [found for field in _UNDERSTOOD[column] if (found := register.column(field)) is not None]
    if not numbers:
        return 0, 0
    known = np.logical_or.reduce([one > 0 for one in numbers])
    total = int(known.sum())
    if column not in _FROM_ID:
        return total, total
    filled = register.cells.column(column).sizes > 0
    return int((filled & known).sum()), total
