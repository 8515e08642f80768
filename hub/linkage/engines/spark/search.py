"""The search as Spark runs it: which records share a key, and which records stand beside each other to be weighed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pyspark import RDD, StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from hub.errors import Invalid
from hub.linkage.engines import candidates, folders, model_files
from hub.linkage.engines.cells import COLUMNS, columns_of
from hub.linkage.engines.dedupe import Counts, Order, Progress, silent
from hub.linkage.engines.spark import pieces, results
from hub.linkage.engines.spark.pieces import Numbered, Piece, Sought
from hub.linkage.engines.spark.results import Found
from hub.linkage.model import Model


def run(source: Path, out: Path, order: Order, master: str, progress: Progress = silent) -> Counts:
    """What `dedupe.run` does, on the Spark at `master` (`local[2]`, `spark://…`), without a report. Raises Invalid."""
    folders.refuse_existing(out)
    model = model_files.parsed(order.content)
    progress("reading", 0, 0)
    with _session(master) as session:
        numbered, unread = _numbered(session, source)
        count = _checked_ids(session, source, numbered)
        read = _read(session, numbered, count)
        progress("reading", count, count)
        progress("comparing", 0, 0)
        found = _weighed(session, read, model.for_population(count))
        progress("comparing", len(found.left), len(found.left))
        progress("grouping", 0, 0)
        first = results.persons(found, model, order.cut)
        progress("grouping", count, count)
        progress("writing", 0, 0)
        with folders.whole(out) as making:
            results.write_clusters(numbered.toLocalIterator(), found, first, making / "clusters.csv")
            results.write_pairs(found, making / "pairs.csv")
        progress("writing", count, count)
    auto = int(found.auto.sum())
    return Counts(count, count - len(first), auto, len(found.left) - auto, unread)


@contextmanager
def _session(master: str) -> Iterator[SparkSession]:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("lianqiao").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "16").config("spark.log.level", "ERROR")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    if master.startswith("local"):
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        reason = "Java is missing or did not start" if error.getCondition() == "JAVA_GATEWAY_EXITED" else str(error)
        raise Invalid("spark-unreachable", f"Spark at {master} does not answer: {reason}.") from error
    try:
        yield session
    finally:
        session.stop()


def _numbered(session: SparkSession, source: Path) -> tuple[RDD[Numbered], tuple[str, ...]]:
    """The records of a CSV file in UTF-8 or of Parquet, in their order, and the columns that say nothing. Raises Invalid."""
    if not source.exists():
        raise Invalid("file-missing", f"There is no file {source}.")
    reader = session.read
    try:
        if source.suffix.lower() == ".parquet" or source.is_dir():
            cells = reader.parquet(str(source))
        else:
            cells = reader.csv(str(source), header=True, multiLine=True, quote='"', escape='"', mode="FAILFAST")
        chosen = columns_of(source, cells.columns)
        unread = tuple(name for name in cells.columns if name not in chosen.values())
        return _texts(cells, chosen).rdd.map(tuple).zipWithIndex(), unread
    except PySparkException as error:
        raise Invalid("file-unreadable", f"{source.name} cannot be read: {error.getCondition()}.") from error


def _texts(cells: DataFrame, chosen: dict[str, str]) -> DataFrame:
    named = {name: sql.col("`" + actual.replace("`", "``") + "`").cast("string") for name, actual in chosen.items()}
    return cells.select([named.get(name, sql.lit("")).alias(name) for name in COLUMNS])


def _checked_ids(session: SparkSession, source: Path, numbered: RDD[Numbered]) -> int:
    """How many records there are; every one has an id of its own. Raises Invalid."""
    ids = session.createDataFrame(numbered.map(lambda one: (one[0][0],)), "id string", verifySchema=False)
    count, different, without = ids.select(
        sql.count("*"), sql.countDistinct("id"), sql.count_if(sql.trim(sql.coalesce("id", sql.lit(""))) == "")
    ).collect()[0]
    if not count:
        raise Invalid("file-empty", f"{source.name} holds no records.")
    if without:
        raise Invalid("record-id-missing", f"{source.name}: {without} rows have no record_id.")
    if count != different:
        raise Invalid("record-id-repeated", f"{source.name}: {count - different} rows repeat a record_id.")
    return int(count)


def _read(session: SparkSession, numbered: RDD[Numbered], count: int) -> RDD[Piece]:
    shares = max(session.sparkContext.defaultParallelism, count // pieces.SHARE)
    return numbered.repartition(shares).mapPartitions(pieces.read).persist(StorageLevel.MEMORY_AND_DISK)


def _weighed(session: SparkSession, read: RDD[Piece], model: Model) -> Found:
    shared = session.sparkContext.broadcast((_sought(read), model))
    keys = _frame(
        session,
        read.flatMap(lambda piece: pieces.keys(piece, shared.value[0])),
        "kind byte, key bigint, place bigint, open boolean",
    )
    records = _frame(session, read.flatMap(pieces.records), "place bigint, id string, name string, row binary")
    beside = _beside(_pairs(keys), records)
    return Found.of(beside.rdd.mapPartitions(lambda rows: pieces.weigh(rows, shared.value[1])).collect())


def _sought(read: RDD[Piece]) -> Sought:
    formers = read.flatMap(lambda piece: piece.formers[1].tolist()).collect()
    undated = read.map(pieces.undated).collect()
    sounds, phones = (np.unique(np.concatenate([one[part] for one in undated])) for part in (0, 1))
    return Sought(np.unique(np.array(formers, dtype=np.uint64)), sounds, phones)


def _frame(session: SparkSession, rows: RDD[Any], schema: str) -> DataFrame:
    return session.createDataFrame(rows, schema, verifySchema=False)


def _pairs(keys: DataFrame) -> DataFrame:
    """Distinct pairs of places that share a key which not too many share."""
    most = " ".join(f"WHEN {list(candidates.KIND_FIELDS).index(kind)} THEN {n}" for kind, n in candidates.MOST.items())
    kept = keys.groupBy("kind", "key").count()
    kept = kept.where(f"count BETWEEN 2 AND CASE kind {most} ELSE {candidates.LIMIT} END")
    some = keys.join(kept, ["kind", "key"], "left_semi")
    left, right = (some.withColumnsRenamed({"place": end, "open": f"{end}_open"}) for end in ("l", "r"))
    both = left.join(right, ["kind", "key"]).where("l < r AND (l_open OR r_open)")
    return both.select("l", "r").distinct()


def _beside(pairs: DataFrame, records: DataFrame) -> DataFrame:
    """Each pair with both its records: l, id, name, row, r, id, name, row."""
    sides = [records.toDF(end, *(f"{end}_{name}" for name in ("id", "name", "row"))) for end in ("l", "r")]
    both = pairs.join(sides[0], "l").join(sides[1], "r")
    return both.select("l", "l_id", "l_name", "l_row", "r", "r_id", "r_name", "r_row")
