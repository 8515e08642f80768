"""The search on Spark gives what one machine gives: the same persons, pairs and weights, in the same files."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from hub.errors import Invalid
from hub.linkage.engines import dedupe, model_files
from hub.linkage.engines.dedupe import Order
from tests.unit.linkage.engines import rows

pytestmark = pytest.mark.spark
ORDER = Order(model_files.content(None))


def on_spark(source: Path, out: Path, order: Order = ORDER) -> dedupe.Counts:
    from hub.linkage.engines.spark import search

    return search.run(source, out, order, "local[2]")


@pytest.mark.parametrize("cut", ["likely", "auto"])
def test_a_hundred_thousand_records_come_out_the_same_to_the_last_decimal(tmp_path: Path, cut: dedupe.Cut) -> None:
    source = rows.write(tmp_path / "people.csv", rows.people(100_000))
    order = Order(ORDER.content, cut=cut)
    here, there = tmp_path / "here", tmp_path / "there"
    assert dedupe.run(source, here, order) == on_spark(source, there, order)
    for name in ("clusters.csv", "pairs.csv"):
        assert (here / name).read_bytes() == (there / name).read_bytes()
    assert (there / "pairs.csv").read_bytes().count(b"\n") > 20_000


def test_parquet_quotes_and_line_breaks_in_cells(tmp_path: Path) -> None:
    people = [dict(row) for row in rows.people(300)]
    people[0] |= {"residence_address": '一号"院",\n二楼', "record_id": '7,"x"'}
    source = rows.write(tmp_path / "people.csv", people)
    parquet = tmp_path / "people.parquet"
    duckdb.read_csv(str(source), all_varchar=True).write_parquet(str(parquet))
    dedupe.run(source, tmp_path / "here", ORDER)
    on_spark(source, tmp_path / "csv")
    on_spark(parquet, tmp_path / "parquet")
    for name in ("clusters.csv", "pairs.csv"):
        found = [(tmp_path / folder / name).read_bytes() for folder in ("here", "csv", "parquet")]
        assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("people", "columns", "code"),
    [
        ([], ["record_id", "name"], "file-empty"),
        ([{"record_id": "1"}, {"record_id": "1"}], ["record_id", "name"], "record-id-repeated"),
        ([{"record_id": "1"}, {"record_id": " "}], ["record_id", "name"], "record-id-missing"),
        ([{"name": "王晓燕"}], ["name"], "column-missing"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    tmp_path: Path, people: Sequence[rows.Row], columns: Sequence[str], code: str
) -> None:
    source = rows.write(tmp_path / "people.csv", people, columns)
    with pytest.raises(Invalid, match=code):
        on_spark(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_the_command(tmp_path: Path) -> None:
    rows.write(
        tmp_path / "people.csv", [{**row, "note": "x"} for row in rows.people(200)], [*rows.people(1)[0], "note"]
    )
    command = [sys.executable, "-m", "hub", "dedupe", "people.csv", "out", "--spark", "local[1]"]
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path, env=here)
    assert done.returncode == 0, done.stderr
    assert "columns that were not read: note" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clusters.csv", "pairs.csv"]
    refused = subprocess.run([*command, "--train"], capture_output=True, text=True, check=False, cwd=tmp_path, env=here)
    assert refused.returncode == 1
    assert "not-on-spark" in refused.stderr
