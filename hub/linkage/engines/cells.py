"""The cells of a file as columns of texts: nothing here knows what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hub.errors import Invalid
from hub.linkage.engines import crew
from hub.linkage.engines.texts import PART, Numbers, Places, Texts

COLUMNS = (
    "record_id", "source", "name", "sex", "birth_date", "resident_id", "id_type", "phone", "origin_division",
    "origin_address", "residence_division", "residence_address", "spouse_name", "spouse_resident_id", "postal_code",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one file, without blanks around them, '' for an empty one; `count` records.

    Record ids are as they were written.
    """

    columns: Mapping[str, Texts]
    """Those of `COLUMNS` that the file has."""
    threads: int
    present: tuple[str, ...]
    """The file's own column names, those too that nobody reads."""
    first_row: int
    """What a spreadsheet numbers the first record: 2 below a header, 1 where there is none."""

    @property
    def count(self) -> int:
        return len(self.columns["record_id"])

    def column(self, name: str) -> Texts:
        """A column of `COLUMNS`: blank where the file has none."""
        found = self.columns.get(name)
        return Texts.blank(self.count) if found is None else found

    def texts(self, column: str, places: Places) -> list[str]:
        """The cells of a column at some places, in their order."""
        return self.column(column).at(places).strings()

    def part(self, start: int, stop: int) -> "Cells":
        """The records from `start` to before `stop`."""
        columns = {name: texts.part(start, stop) for name, texts in self.columns.items()}
        return Cells(columns, self.threads, self.present, self.first_row)

    def hashes(self, column: str) -> Numbers:
        """See `Texts.hashes`."""
        parts, found = list(self.column(column).parts()), crew.shared(self.count, np.uint64)

        def work(part: int) -> None:
            found[part * PART : (part + 1) * PART] = parts[part].hashes()

        crew.each(work, len(parts), self.threads)
        return found

    def places(self, ids: Sequence[str]) -> Places:
        """Where the records of these ids stand; -1 for an id that none has."""
        wanted, own = Texts.of(ids).hashes(), self.hashes("record_id")
        order = np.argsort(own)
        at = np.minimum(np.searchsorted(own, wanted, sorter=order), self.count - 1)
        found: Places = np.where(own[order[at]] == wanted, order[at], -1)
        return found


def columns_of(file: Path, present: Sequence[str]) -> dict[str, str]:
    """What the file calls each column of ours; case and blanks around a name do not matter. Raises Invalid."""
    found: dict[str, str] = {}
    for actual in present:
        name = actual.strip().lower()
        if name in COLUMNS and name in found:
            raise Invalid("column-repeated", f"{file.name} has two columns {name}.")
        found[name] = actual
    if "record_id" not in found:
        raise Invalid(
            "column-missing", f"{file.name} has no column record_id; its columns are {', '.join(present[:20])}."
        )
    if not set(COLUMNS[2:]) & set(found):
        raise Invalid("column-missing", f"{file.name} has none of the columns {', '.join(COLUMNS[2:])}.")
    return {name: found[name] for name in COLUMNS if name in found}
