"""Reads people from CSV or Parquet into an in-memory DuckDB table, and writes results: nothing here knows what they mean.

A file that cannot be read is refused as a whole, with line and column where they are known, before anything is written.
"""

import codecs
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from hub.errors import Invalid

COLUMNS = (
    "record_id", "source", "name", "sex", "birth_date", "resident_id", "id_type", "phone", "origin_division",
    "origin_address", "residence_division", "residence_address", "spouse_name", "spouse_resident_id",
)  # fmt: skip
_BLOCK = 1 << 20


class Cells:
    """The cells of one file, all of them text; `count` records. Use `opened`, which closes it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, threads: int) -> None:
        self._connection = connection
        self.threads = threads
        self.count = int(self.rows("SELECT count(*) FROM cells")[0][0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query that gives few."""
        with self._connection.cursor() as cursor:
            found: list[tuple[Any, ...]] = cursor.execute(query).fetchall()
        return found

    def arrays(self, query: str) -> dict[str, npt.NDArray[Any]]:
        """The columns of a query that gives no NULL."""
        with self._connection.cursor() as cursor:
            found: dict[str, npt.NDArray[Any]] = cursor.execute(query).fetchnumpy()
        return found

    def texts(self, column: str, places: npt.NDArray[np.intp]) -> list[str]:
        """The trimmed cells of a column at some places, in their order; '' for an empty one."""
        if not len(places):
            return []
        with self._connection.cursor() as cursor:  # of its own, so that threads may ask at once
            cursor.register("wanted", {"place": places.astype(np.int64), "turn": np.arange(len(places))})
            found = cursor.execute(
                f"SELECT coalesce(trim(c.\"{column}\"), '') FROM wanted LEFT JOIN cells c ON c.rowid = wanted.place"
                " ORDER BY wanted.turn"
            ).fetchall()
        return [row[0] for row in found]

    def write(self, out: Path, columns: dict[str, npt.NDArray[Any]], query: str) -> None:
        """Write as CSV what `query` makes of the table `result`, which has `columns`."""
        with self._connection.cursor() as cursor:
            cursor.register("result", columns)
            cursor.execute(f"COPY ({query}) TO '{_quoted(out)}' (FORMAT csv, HEADER true)")


@contextmanager
def opened(file: Path, threads: int) -> Iterator[Cells]:
    """The cells of `file`. Raises Invalid with a code and what to mend."""
    if not file.is_file():
        raise Invalid("file-missing", f"There is no file {file}.")
    connection = duckdb.connect(config={"threads": threads})
    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            _take(connection, file, f"read_parquet('{_quoted(file)}')")
        else:
            _take_csv(connection, file)
        _check_ids(connection, file)
        yield Cells(connection, threads)
    finally:
        connection.close()


def _take_csv(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """A file in UTF-8 as it is; one in GB18030 (GBK), as spreadsheets write them, by way of a copy."""
    try:
        _take(connection, file, _csv(file))
    except Invalid:
        if _decodes(file, "utf-8"):
            raise
        if not _decodes(file, "gb18030"):
            raise Invalid("encoding-unknown", f"{file.name} is neither UTF-8 nor GB18030 (GBK).") from None
        with TemporaryDirectory(prefix="lianqiao-") as folder:
            copy = Path(folder, "register.csv")
            with (
                file.open(encoding="gb18030", newline="") as text,
                copy.open("w", encoding="utf-8", newline="") as out,
            ):
                shutil.copyfileobj(text, out, _BLOCK)
            _take(connection, file, _csv(copy))


def _csv(file: Path) -> str:
    return f"read_csv('{_quoted(file)}', all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"')"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _take(connection: duckdb.DuckDBPyConnection, file: Path, source: str) -> None:
    try:
        present = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        if "record_id" not in present:
            raise Invalid(
                "column-missing", f"{file.name} has no column record_id; its columns are {', '.join(present[:20])}."
            )
        if not set(COLUMNS[2:]) & set(present):
            raise Invalid("column-missing", f"{file.name} has none of the columns {', '.join(COLUMNS[2:])}.")
        chosen = ", ".join(
            f'CAST("{name}" AS VARCHAR) AS "{name}"' if name in present else f'CAST(NULL AS VARCHAR) AS "{name}"'
            for name in COLUMNS
        )
        connection.execute(f"CREATE TABLE cells AS SELECT {chosen} FROM {source}")
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        # The first line says where and what; the rest quotes cells, which may name people.
        raise Invalid("file-unreadable", f"{file.name} cannot be read: {str(error).splitlines()[0]}") from error


def _check_ids(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    empty = connection.execute(
        "SELECT min(rowid), count(*) FROM cells WHERE record_id IS NULL OR trim(record_id) = ''"
    ).fetchone()
    if empty and empty[1]:
        raise Invalid("record-id-missing", f"{file.name}: {empty[1]} rows have no record_id, first row {empty[0] + 2}.")
    total, different = connection.execute("SELECT count(*), count(DISTINCT record_id) FROM cells").fetchone() or (0, 0)
    if total != different:
        raise Invalid(
            "record-id-repeated",
            f"{file.name}: {total - different} rows repeat a record_id; each record needs its own.",
        )


def _decodes(file: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with file.open("rb") as handle:
        try:
            while block := handle.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
