"""`hub dedupe` as a person runs it: a process of its own, without a hub."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.linkage.engines.cells import COLUMNS
from tests.unit.linkage.engines import rows


def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", "dedupe", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
        env=_alone(),
    )


def _alone() -> dict[str, str]:
    """Nothing that tells of a hub."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return here | {"PYTHONPATH": str(Path(__file__).parents[4])}


def test_from_a_file_to_a_folder_without_a_hub(tmp_path: Path) -> None:
    people = [{**row, "note": "x"} for row in rows.people(3000)]
    rows.write(tmp_path / "people.csv", people, [*people[0]])
    done = run("people.csv", "out", "--threads", 2, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clusters.csv", "pairs.csv", "report.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "people.csv"]
    stages = [line.split(":")[0] for line in done.stderr.splitlines()]
    assert stages == ["reading", "finding candidates", "comparing", "grouping", "report", "writing"]
    for told in (
        "records",
        "persons",
        "pairs to review",
        "3,000",
        "columns that were not read: note",
        "out/report.html",
    ):
        assert told in done.stdout


def test_the_help_names_every_column(tmp_path: Path) -> None:
    said = run("--help", folder=tmp_path).stdout
    assert set(COLUMNS) <= set(re.findall(r"\w+", said))


def test_errors_are_one_sentence_and_leave_nothing(tmp_path: Path) -> None:
    rows.write(tmp_path / "people.csv", [{"record_id": "1", "name": "secret"}] * 2, ["record_id", "name"])
    done = run("people.csv", "out", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "hub: people.csv: 1 rows repeat a record_id; each record needs its own: lines 2, 3. (record-id-repeated)"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_no_results(tmp_path: Path, number: signal.Signals) -> None:
    rows.write(tmp_path / "people.csv", rows.people(100))
    os.mkfifo(tmp_path / "model.json")
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "dedupe", "people.csv", "out", "--model", "model.json"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env=_alone(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )
    with (tmp_path / "model.json").open("w"):  # waits until the run reads its model, which then never comes
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode in (130, 128 + number), said
    assert "Traceback" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "people.csv"]


def test_nothing_of_a_hub_is_loaded_to_search_a_file() -> None:
    program = "import sys, hub.cli.dedupe, hub.linkage.engines.dedupe, mappings.divisions; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_alone())
    loaded = set(done.stdout.split())
    assert "hub.linkage.engines.register" in loaded
    assert not {"asyncio", "hub.settings", "mappings.engine.load", "pydantic_settings", "pypinyin", "yaml"} & loaded
