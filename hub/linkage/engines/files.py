"""Reads people from CSV or Parquet into an in-memory DuckDB table, and writes results: nothing here knows what they mean.

A file that cannot be read is refused as a whole, with line and column where they are known, before anything is written.
Cells are never quoted in an error: they may name people.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from hub.errors import Invalid
from hub.linkage.engines import csv_files

COLUMNS = (
    "record_id", "source", "name", "sex", "birth_date", "resident_id", "id_type", "phone", "origin_division",
    "origin_address", "residence_division", "residence_address", "spouse_name", "spouse_resident_id", "postal_code",
)  # fmt: skip
_PARQUET = b"PAR1"
_NOT_TABLES = {
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"\x1f\x8b": "compressed",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
}
_TOLD = 5


class Cells:
    """The cells of one file, all of them text without blanks around it, '' for an empty one; `count` records.

    Record ids are as they were written. Use `opened`, which closes it.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, threads: int, present: tuple[str, ...], first_row: int
    ) -> None:
        self._connection = connection
        self.threads = threads
        self.present = present
        """The file's own column names, those too that nobody reads."""
        self.first_row = first_row
        """What a spreadsheet numbers the first record: 2 below a header, 1 where there is none."""
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
        """The cells of a column at some places, in their order."""
        if not len(places):
            return []
        with self._connection.cursor() as cursor:  # of its own, so that threads may ask at once
            cursor.register("wanted", {"place": places.astype(np.int64), "turn": np.arange(len(places))})
            found = cursor.execute(
                f'SELECT c."{column}" AS t FROM wanted JOIN cells c ON c.rowid = wanted.place ORDER BY wanted.turn'
            ).fetchnumpy()
        texts: list[str] = found["t"].tolist()
        return texts

    def places(self, ids: Sequence[str]) -> npt.NDArray[np.intp]:
        """Where the records of these ids stand; -1 for an id that none has."""
        with self._connection.cursor() as cursor:
            cursor.register("wanted", {"id": np.array(ids, dtype=np.object_), "turn": np.arange(len(ids))})
            found = cursor.execute(
                "SELECT coalesce(c.rowid, -1) AS place FROM wanted LEFT JOIN cells c ON c.record_id = wanted.id"
                " ORDER BY wanted.turn"
            ).fetchnumpy()
        places: npt.NDArray[np.intp] = found["place"].astype(np.intp)
        return places

    def write(self, out: Path, columns: dict[str, npt.NDArray[Any]], query: str) -> None:
        """Write as CSV what `query` makes of the table `result`, which has `columns`."""
        with self._connection.cursor() as cursor:
            cursor.register("result", columns)
            cursor.execute(f"COPY ({query}) TO '{_quoted(out)}' (FORMAT csv, HEADER true)")


@contextmanager
def opened(file: Path, threads: int) -> Iterator[Cells]:
    """The cells of `file`. Raises Invalid with a code and what to mend."""
    connection = duckdb.connect(config={"threads": threads})
    try:
        parquet = _is_parquet(file)
        present = _take_parquet(connection, file) if parquet else _take_csv(connection, file)
        yield Cells(connection, threads, present, 1 if parquet else 2)
    finally:
        connection.close()


@contextmanager
def gathered(rows: Sequence[Sequence[str | None]]) -> Iterator[Cells]:
    """The cells of records that were read elsewhere, each the texts of `COLUMNS`."""
    connection = duckdb.connect(config={"threads": 1})
    try:
        columns = zip(COLUMNS, zip(*rows, strict=True), strict=True)
        connection.register(
            "gathered", {name: np.array([text or "" for text in texts], dtype=object) for name, texts in columns}
        )
        _fill(connection, "gathered", {"record_id": "record_id"} | {name: f'trim("{name}")' for name in COLUMNS[1:]})
        yield Cells(connection, 1, COLUMNS, 1)
    finally:
        connection.close()


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


def _take_parquet(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[str, ...]:
    with _plainly_named(file) as named:
        source = f"read_parquet('{_quoted(named)}')"
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        except duckdb.Error as error:
            raise _unreadable(file, error) from error
        types = {str(row[0]): str(row[1]) for row in described}
        chosen = {
            name: _as_text(actual, types[actual], trimmed=name != "record_id")
            for name, actual in columns_of(file, list(types)).items()
        }
        _take(connection, file, source, chosen)
    _check(connection, file, "row", lambda rows: [row + 1 for row in rows])
    return tuple(types)


def _as_text(column: str, kind: str, *, trimmed: bool) -> str:
    """A column as text. Whole numbers that were kept as fractions, as tools do that know no empty number, lose the `.0`."""
    name = '"' + column.replace('"', '""') + '"'
    text = f"CAST({name} AS VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):
        text = f"CASE WHEN {name} = trunc({name}) THEN CAST(CAST({name} AS HUGEINT) AS VARCHAR) ELSE {text} END"
    return f"coalesce(trim({text}), '')" if trimmed else text


def _take_csv(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[str, ...]:
    """A file in UTF-8 as it is; one in GB18030 (GBK), as spreadsheets write them, by way of a copy."""
    with _plainly_named(file) as named:
        try:
            return _take_utf8(connection, file, named)
        except Invalid:
            if csv_files.decodes(named, "utf-8"):
                raise
        if not csv_files.decodes(named, "gb18030"):
            raise Invalid(
                "encoding-unknown", f"{file.name} is neither UTF-8 nor GB18030 (GBK); save it in one of them."
            )
        with TemporaryDirectory(prefix="lianqiao-") as folder:
            return _take_utf8(connection, file, csv_files.copied(named, "gb18030", Path(folder)))


def _take_utf8(connection: duckdb.DuckDBPyConnection, file: Path, text: Path) -> tuple[str, ...]:
    present = csv_files.header(file, text)
    numbered = [f"c{at}" for at in range(len(present))]
    chosen = {name: numbered[present.index(actual)] for name, actual in columns_of(file, present).items()}
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in numbered)
    filled = ", ".join(f"'{column}'" for name, column in chosen.items() if name != "record_id")
    if csv_files.blanks(text):  # looked for first: trimming millions of cells takes longer
        chosen |= {name: f"trim({column})" for name, column in chosen.items() if name != "record_id"}
    source = (
        f"read_csv('{_quoted(text)}', auto_detect = false, columns = {{{columns}}}, header = true, delim = ',',"
        f" quote = '\"', escape = '\"', compression = 'none', force_not_null = [{filled}])"
    )
    _take(connection, file, source, chosen)
    _check(connection, file, "line", lambda rows: csv_files.lines(text, rows))
    return tuple(present)


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


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def columns_of(file: Path, present: list[str]) -> dict[str, str]:
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


def _take(connection: duckdb.DuckDBPyConnection, file: Path, source: str, chosen: dict[str, str]) -> None:
    """Fill the table `cells` with the expressions `chosen` of `source`, none of them NULL; columns it lacks are empty."""
    try:
        _fill(connection, source, chosen)
    except duckdb.Error as error:
        raise _unreadable(file, error) from error


def _fill(connection: duckdb.DuckDBPyConnection, source: str, chosen: dict[str, str]) -> None:
    nothing = "''"
    columns = ", ".join(f'{chosen.get(name, nothing)} AS "{name}"' for name in COLUMNS)
    connection.execute(f"CREATE TABLE cells AS SELECT {columns} FROM {source}")


def _unreadable(file: Path, error: duckdb.Error) -> Invalid:
    return Invalid("file-unreadable", f"{file.name} cannot be read: {csv_files.in_words(str(error))}.")


def _check(
    connection: duckdb.DuckDBPyConnection, file: Path, unit: str, numbers: Callable[[Sequence[int]], list[int]]
) -> None:
    """Every record has an id of its own. `numbers` tells by what number, of a line or a row, a person finds the record at a place."""

    def first(query: str) -> str:
        rows = [row[0] for row in connection.execute(f"{query} ORDER BY rowid LIMIT {_TOLD + 1}").fetchall()]
        found = ", ".join(map(str, numbers(rows[:_TOLD])))
        return f"{unit}{'s' if len(rows) > 1 else ''} {found}{' …' if len(rows) > _TOLD else ''}"

    empty = "record_id IS NULL OR ltrim(record_id) = ''"
    count, without = connection.execute(f"SELECT count(*), count(*) FILTER ({empty}) FROM cells").fetchall()[0]
    if not count:
        raise Invalid("file-empty", f"{file.name} holds no records.")
    if without:
        where = first(f"SELECT rowid FROM cells WHERE {empty}")
        raise Invalid("record-id-missing", f"{file.name}: {without} rows have no record_id: {where}.")
    hashes = np.sort(connection.execute("SELECT hash(record_id) AS h FROM cells").fetchnumpy()["h"])
    if (hashes[1:] == hashes[:-1]).any():
        _refuse_repeated(connection, file, first)


def _refuse_repeated(connection: duckdb.DuckDBPyConnection, file: Path, first: Callable[[str], str]) -> None:
    count, different = connection.execute("SELECT count(*), count(DISTINCT record_id) FROM cells").fetchall()[0]
    if count != different:
        twice = "SELECT record_id FROM cells GROUP BY record_id HAVING count(*) > 1"
        where = first(f"SELECT rowid FROM cells WHERE record_id IN ({twice})")
        raise Invalid(
            "record-id-repeated",
            f"{file.name}: {count - different} rows repeat a record_id; each record needs its own: {where}.",
        )
