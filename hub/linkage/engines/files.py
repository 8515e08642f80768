"""Opens a file of people, CSV or Parquet, as cells. One that cannot be read is refused as a whole, with line and column
where they are known, before anything is written. Cells are never quoted in an error: they may name people.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hub.errors import Invalid
from hub.linkage.engines import crew, csv_files, plain_csv
from hub.linkage.engines.cells import COLUMNS, Cells, columns_of
from hub.linkage.engines.texts import Flags, Texts

_PARQUET = b"PAR1"
_NOT_TABLES = {
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"\x1f\x8b": "compressed",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
}
_TOLD = 5
_FIRST_OF_BLANKS = np.isin(np.arange(256), [blank.encode()[0] for blank in csv_files.BLANKS])
Numbers = Callable[[Sequence[int]], list[int]]


def read(file: Path, threads: int, meanwhile: Callable[[], None] = crew.nothing) -> Cells:
    """The cells of `file`. Raises Invalid with a code and what to mend. `meanwhile` see `crew.each`."""
    with _plainly_named(file) as named:
        return _parquet(file, named, threads) if _is_parquet(file) else _csv(file, named, threads, meanwhile)


def gathered(rows: Sequence[Sequence[str | None]]) -> Cells:
    """The cells of records that were read elsewhere, each the texts of `COLUMNS`."""
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    return Cells(
        {
            name: Texts.of([text or "" for text in texts])
            if name == "record_id"
            else Texts.of([(text or "").strip(csv_files.BLANKS) for text in texts])
            for name, texts in columns.items()
        },
        1,
        COLUMNS,
        1,
    )


def _is_parquet(file: Path) -> bool:
    """Whether to read `file` as Parquet, else as CSV. Raises Invalid for what is neither."""
    if file.is_dir():
        raise Invalid("file-missing", f"{file} is a folder; name a file.")
    if not file.is_file():
        raise Invalid("file-missing", f"There is no file {file}.")
    try:
        with file.open("rb") as handle:
            head = handle.read(4)
    except OSError as error:
        raise Invalid("file-unreadable", f"{file.name} cannot be read: {error.strerror}.") from error
    if not head:
        raise Invalid("file-empty", f"{file.name} is empty.")
    for begins, what in _NOT_TABLES.items():
        if head.startswith(begins):
            raise Invalid("file-unreadable", f"{file.name} is {what}; save it as CSV or Parquet.")
    return head == _PARQUET


def _parquet(file: Path, named: Path, threads: int) -> Cells:
    from hub.linkage.engines import tables

    columns, present = tables.parquet(file, named, threads)
    cells = Cells(columns, threads, present, first_row=1)
    _check(file, cells, "row", lambda rows: [row + 1 for row in rows])
    return cells


def _csv(file: Path, named: Path, threads: int, meanwhile: Callable[[], None]) -> Cells:
    """A file in UTF-8 as it is; one in GB18030 (GBK), as spreadsheets write them, by way of a copy."""
    try:
        return _utf8(file, named, threads, meanwhile)
    except Invalid:
        if csv_files.decodes(named, "utf-8"):
            raise
    if not csv_files.decodes(named, "gb18030"):
        raise Invalid("encoding-unknown", f"{file.name} is neither UTF-8 nor GB18030 (GBK); save it in one of them.")
    with TemporaryDirectory(prefix="lianqiao-") as folder:
        return _utf8(file, csv_files.copied(named, "gb18030", Path(folder)), threads, meanwhile)


def _utf8(file: Path, text: Path, threads: int, meanwhile: Callable[[], None]) -> Cells:
    present = csv_files.header(file, text)
    chosen = {name: present.index(actual) for name, actual in columns_of(file, present).items()}
    plain = plain_csv.read(text, len(present), threads, meanwhile)
    if plain is None:
        from hub.linkage.engines import tables

        columns = tables.csv(file, text, chosen, len(present), threads)
    else:
        columns = {name: plain[at] for name, at in chosen.items()}
    cells = Cells(columns, threads, tuple(present), first_row=2)
    _check(file, cells, "line", lambda rows: csv_files.lines(text, rows))
    return cells


@contextmanager
def _plainly_named(file: Path) -> Iterator[Path]:
    """A path to `file` in which DuckDB sees no pattern."""
    if not set("*?[") & set(str(file)):
        yield file
        return
    with TemporaryDirectory(prefix="lianqiao-") as folder:
        link = Path(folder, "register")
        link.symlink_to(file.absolute())
        yield link


def _check(file: Path, cells: Cells, unit: str, numbers: Numbers) -> None:
    """Every record has an id of its own. `numbers` tells by what number, of a line or a row, a person finds the record at a place."""

    def first(wrong: Flags) -> str:
        rows = np.flatnonzero(wrong).tolist()
        found = ", ".join(map(str, numbers(rows[:_TOLD])))
        return f"{unit}{'s' if len(rows) > 1 else ''} {found}{' …' if len(rows) > _TOLD else ''}"

    if not cells.count:
        raise Invalid("file-empty", f"{file.name} holds no records.")
    ids = cells.column("record_id")
    empty = _blank(ids)
    if empty.any():
        raise Invalid("record-id-missing", f"{file.name}: {empty.sum()} rows have no record_id: {first(empty)}.")
    hashes = np.sort(cells.hashes("record_id"))
    if (hashes[1:] == hashes[:-1]).any():
        written = ids.strings()
        times = Counter(written)
        if len(times) < len(written):
            where = first(np.array([times[one] > 1 for one in written]))
            raise Invalid(
                "record-id-repeated",
                f"{file.name}: {len(written) - len(times)} rows repeat a record_id; each record needs its own: {where}.",
            )


def _blank(ids: Texts) -> Flags:
    """Which ids show nothing."""
    found: Flags = ids.sizes == 0
    perhaps = np.flatnonzero(_FIRST_OF_BLANKS[ids.left(1).ravel()] & ~found)
    found[perhaps] = [not one.strip(csv_files.BLANKS) for one in ids.at(perhaps).strings()]
    return found
