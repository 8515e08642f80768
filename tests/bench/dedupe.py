"""How fast and how well `hub dedupe` finds who is who in a file, without and with training.

    python -m tests.bench.dedupe [--rows 100000] [--rows 1000000] [--seed 511] [--train] [--report] [--keep FOLDER]
                                 [--plot docs/growth.svg]

Writes registers of invented people (a seed never used for tuning), runs the real command on each and prints seconds,
the largest memory of the process, and the quality of pairs and clusters against the truth. `--keep` is where the registers
are kept for the next time: ten million people take a quarter of an hour to invent.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import psutil
from rich.console import Console
from rich.table import Table

from tests.bench import growth

SEED = 511


@dataclass(frozen=True)
class Measured:
    """One run; `memory` in bytes. Pairs count as found where their persons are the same, automatic ones by themselves."""

    rows: int
    seconds: float
    processor: float
    memory: int
    pair_f1: float
    cluster_f1: float
    auto_precision: float
    auto_recall: float


def measure(rows: int, seed: int, folder: Path, *, train: bool = False, report: bool = False) -> Measured:
    """Run the command on a register of `rows` records."""
    source, truth, out = (folder / f"{name}-{rows}" for name in ("register.csv", "truth.csv", "out"))
    shutil.rmtree(out, ignore_errors=True)
    if not source.exists():
        population = [sys.executable, "-m", "hub.demo.population", "dedupe", "--rows", str(rows), "--seed", str(seed)]
        subprocess.run([*population, str(source), str(truth)], check=True)
    command = [sys.executable, "-m", "hub", "dedupe", str(source), str(out)]
    command += ["--train"] * train + ["--no-report"] * (not report)
    return Measured(rows, *watched(command), *quality(truth, out))


def watched(command: list[str]) -> tuple[float, float, int]:
    """Run a command: seconds, seconds of processor time, and the most memory it held, in bytes."""
    with tempfile.TemporaryFile() as said:
        return _watched(command, said)


def _watched(command: list[str], said: IO[bytes]) -> tuple[float, float, int]:
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
    watching, largest, processor = psutil.Process(process.pid), 0, 0.0
    while process.poll() is None:
        try:
            copies = [copy.memory_info() for copy in watching.children()]
            own = sum(copy.rss - copy.shared for copy in copies)  # at most: pages not written to since are the first's
            largest = max(largest, watching.memory_info().rss + own)
            processor = sum(watching.cpu_times()[:4])
        except psutil.Error:
            break
        time.sleep(0.02)
    if process.wait():
        said.seek(0)
        raise SystemExit(f"{said.read().decode(errors='replace')[-2000:]}\n{' '.join(command)} failed")
    return time.monotonic() - started, processor, largest


def quality(truth: Path, out: Path) -> tuple[float, float, float, float]:
    """Pair F1, cluster F1, precision and recall of the automatic pairs."""
    records, people = _columns(truth)
    place = {record: at for at, record in enumerate(records)}
    person = np.unique(people, return_inverse=True)[1]
    found = np.unique(np.array(_columns(out / "clusters.csv")[1]), return_inverse=True)[1]
    true, said = np.bincount(person), np.bincount(found)
    both, sizes = np.unique(found.astype(np.int64) * len(true) + person, return_counts=True)
    pair_f1 = 2 * _pairs(sizes) / (_pairs(true) + _pairs(said))
    whole = int(((said[both // len(true)] == sizes) & (true[both % len(true)] == sizes)).sum())
    with (out / "pairs.csv").open(encoding="utf-8", newline="") as handle:
        auto = [
            (place[row["record_id_l"]], place[row["record_id_r"]])
            for row in csv.DictReader(handle)
            if row["decision"] == "auto"
        ]
    good = sum(1 for left, right in auto if person[left] == person[right])
    return pair_f1, 2 * whole / (len(true) + len(said)), good / max(len(auto), 1), good / _pairs(true)


def _pairs(sizes: npt.NDArray[np.int64]) -> int:
    """How many pairs groups of these sizes have."""
    return int((sizes * (sizes - 1) // 2).sum())


def _columns(file: Path) -> tuple[list[str], list[str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))[1:]
    return [row[0] for row in rows], [row[1] for row in rows]


def run(sizes: list[int], seed: int, *, train: bool, report: bool, keep: Path | None = None) -> list[Measured]:
    """Each size once; prints a table."""
    table = Table(title=f"hub dedupe{' --train' * train}, {os.cpu_count()} processors")
    for name in (
        "records",
        "seconds",
        "processor s",
        "memory MiB",
        "pair F1",
        "cluster F1",
        "auto precision",
        "auto recall",
    ):
        table.add_column(name, justify="right")
    found = []
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as folder:
        for rows in sizes:
            one = measure(rows, seed, keep or Path(folder), train=train, report=report)
            found.append(one)
            table.add_row(
                f"{one.rows:,}", f"{one.seconds:.1f}", f"{one.processor:.1f}", f"{one.memory / 2**20:.0f}",
                f"{one.pair_f1:.5f}", f"{one.cluster_f1:.5f}", f"{one.auto_precision:.5f}", f"{one.auto_recall:.5f}",
            )  # fmt: skip
    Console(width=140).print(table)
    return found


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    found = run(asked.rows or [100_000], asked.seed, train=asked.train, report=asked.report, keep=asked.keep)
    if asked.plot:
        growth.draw(found, asked.plot)


if __name__ == "__main__":
    main()
