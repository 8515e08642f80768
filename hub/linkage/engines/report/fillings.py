"""What each column of the file is worth: how many cells are filled, and how many of them say something of a person."""

from dataclasses import dataclass

from hub.linkage import addresses
from hub.linkage.engines.files import COLUMNS
from hub.linkage.engines.register import Register

_UNDERSTOOD = {
    "name": "full", "sex": "sex", "birth_date": "birth", "resident_id": "id_body", "phone": "phone",
    "origin_division": "origin", "residence_division": "residence", "spouse_name": "spouse",
    "spouse_resident_id": "spouse_id",
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
    counts = [f"count({_filled(column)})" for column in COLUMNS]
    said = [f"count({_said(column)})" for column in _ADDRESSES]
    found = register.cells.rows(f"SELECT {', '.join(counts + said)} FROM cells")[0]
    addressed = dict(zip(_ADDRESSES, found[len(COLUMNS) :], strict=True))
    return tuple(
        Filling(column, column in present, filled, *_understood(register, column, addressed.get(column)))
        if column in present and column not in _NOT_COMPARED
        else Filling(column, column in present, filled, None, None)
        for column, filled in zip(COLUMNS, found[: len(COLUMNS)], strict=True)
    )


def _filled(column: str) -> str:
    """NULL for a blank cell."""
    return f"nullif(\"{column}\", '')"


def _said(column: str) -> str:
    """NULL for a blank cell and a filler; no filler is longer than `_LONG` bytes."""
    fillers = ", ".join(f"'{filler}'" for filler in sorted(addresses.FILLERS))
    return f'CASE WHEN strlen("{column}") > {_LONG} THEN 1 WHEN lower("{column}") NOT IN ({fillers}) THEN 1 END'


def _understood(register: Register, column: str, addressed: int | None) -> tuple[int, int]:
    """How many filled cells were understood, and how many records are known in this, the resident ID counted in."""
    if addressed is not None:
        return addressed, addressed
    numbers = register.column(_UNDERSTOOD[column])
    if numbers is None:
        return 0, 0
    known = numbers > 0
    total = int(known.sum())
    if column not in _FROM_ID:
        return total, total
    filled = register.cells.arrays(f"SELECT {_filled(column)} IS NOT NULL AS filled FROM cells")["filled"]
    return int((filled & known).sum()), total
