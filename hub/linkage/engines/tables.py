"""Reads with DuckDB what is no plain CSV: Parquet, and CSV with quotation marks or blanks around its cells.

Cells are never quoted in an error: they may name people.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from hub.errors import Invalid
from hub.linkage.engines import csv_files
from hub.linkage.engines.cells import columns_of
from hub.linkage.engines.texts import MARGIN, Texts, framed


@contextmanager
def _refusing(file: Path, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": threads})
    try:
        yield connection
    except duckdb.Error as error:
        raise Invalid("file-unreadable", f"{file.name} cannot be read: {csv_files.in_words(str(error))}.") from error
    finally:
        connection.close()


def parquet(file: Path, named: Path, threads: int) -> tuple[dict[str, Texts], tuple[str, ...]]:
    """The columns of ours in a Parquet file, which is found under `named`, and the names of all. Raises Invalid."""
    with _refusing(file, threads) as connection:
        source = f"read_parquet('{_quoted(named)}')"
        types = {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        chosen = {name: _as_text(actual, types[actual]) for name, actual in columns_of(file, list(types)).items()}
        return _taken(connection, source, chosen), tuple(types)


def _as_text(column: str, kind: str) -> str:
    """A column as text. Whole numbers that were kept as fractions, as tools do that know no empty number, lose the `.0`."""
    name = '"' + column.replace('"', '""') + '"'
    text = f"CAST({name} AS VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):
        text = f"CASE WHEN {name} = trunc({name}) THEN CAST(CAST({name} AS HUGEINT) AS VARCHAR) ELSE {text} END"
    return text


def csv(file: Path, text: Path, chosen: Mapping[str, int], columns: int, threads: int) -> dict[str, Texts]:
    """The columns `chosen` by their places among all in a CSV file, which is found in UTF-8 under `text`. Raises Invalid."""
    names = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(columns))
    source = (
        f"read_csv('{_quoted(text)}', auto_detect = false, columns = {{{names}}}, header = true, delim = ',',"
        " quote = '\"', escape = '\"', compression = 'none')"
    )
    with _refusing(file, threads) as connection:
        return _taken(connection, source, {name: f"c{at}" for name, at in chosen.items()})


def _taken(connection: duckdb.DuckDBPyConnection, source: str, chosen: Mapping[str, str]) -> dict[str, Texts]:
    """The expressions `chosen` of a source, all but the record id without blanks around them."""
    texts = (
        f"coalesce({text if name == 'record_id' else f'trim({text})'}, '') AS {name}" for name, text in chosen.items()
    )
    table = connection.sql(f"SELECT {', '.join(texts)} FROM {source}").to_arrow_table()
    return {name: _texts(table.column(name)) for name in chosen}


def _texts(column: pa.ChunkedArray) -> Texts:
    _, ends, content = column.cast(pa.large_string()).combine_chunks().buffers()
    if ends is None:
        return Texts.blank(len(column))
    places = np.frombuffer(ends, dtype=np.int64)[: len(column) + 1] + MARGIN
    return Texts(framed(np.frombuffer(content or b"", dtype=np.uint8)), places[:-1], places[1:])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
