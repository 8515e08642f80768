"""How fast `hub load` takes in a county's file with matching, and whether its memory grows with the file.

    python -m tests.bench.load [--rows 100000] [--seed 7]

Makes a GBK CSV of invented people (seeded), a fresh hub with its own PostgreSQL, and runs the real command on a tenth of
the rows and then on all of them, each into an empty hub. Prints rows a second (translating, validating, linking and
storing; and with storing the document), processor seconds by process, and the largest memory of the hub's processes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

MAPPING = "huiji/person.v1"
_EVERY = 0.5
"""Seconds between two looks: whoever measures takes processor time too."""


@dataclass
class Watch:
    """Samples a process tree: largest memory of the hub's own processes, processor seconds of each kind."""

    process: psutil.Process
    data: str
    largest: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Sample until told to end."""
        seen: dict[tuple[str, int], float] = {}
        while not self.ended.wait(_EVERY):
            memory = 0
            for found in self._hub_processes():
                try:
                    memory += found.memory_info().rss
                    times = found.cpu_times()
                    kind = "hub load" if found.pid == self.process.pid else "reading and translating"
                    seen[kind, found.pid] = times.user + times.system
                except psutil.Error:
                    continue
            for found in self._postgres_processes():
                try:
                    times = found.cpu_times()
                    seen["PostgreSQL", found.pid] = times.user + times.system
                except psutil.Error:
                    continue
            self.largest = max(self.largest, memory)
        for (kind, _), value in seen.items():
            self.seconds[kind] = self.seconds.get(kind, 0) + value

    def _hub_processes(self) -> list[psutil.Process]:
        try:
            return [self.process, *(c for c in self.process.children(recursive=True) if c.name() != "postgres")]
        except psutil.Error:
            return []

    def _postgres_processes(self) -> list[psutil.Process]:
        """The server and its children; the server names its process in its data folder, so nobody has to be searched."""
        try:
            server = psutil.Process(int(next(Path(self.data).rglob("postmaster.pid")).read_text().split()[0]))
            return [server, *server.children()]
        except (StopIteration, ValueError, IndexError, OSError, psutil.Error):
            return []


@dataclass(frozen=True)
class Measured:
    """One load: `rows_a_second` as the command says (without storing the document), `memory` in bytes."""

    rows: int
    rows_a_second: float
    with_storing: float
    memory: int
    processors: dict[str, float]


def measure(rows: int, seed: int, folder: Path) -> Measured:
    """Load a file of `rows` rows into an empty hub."""
    file = folder / f"register-{rows}.csv"
    population = [sys.executable, "-m", "hub.demo.population", "csv", "--rows", str(rows), "--seed", str(seed)]
    subprocess.run([*population, str(file)], check=True)
    data = folder / f"hub-{rows}"
    env = os.environ | {"HUB_DATA_DIR": str(data), "HUB_LOG_LEVEL": "warning", "COLUMNS": "160"}
    hub = [sys.executable, "-m", "hub"]
    subprocess.run([*hub, "init"], check=True, env=env, stdout=subprocess.DEVNULL)
    enrol = ["member", "add", "huiji", "--division", "410108000000", "--display", "Huiji", "--display-zh", "惠济区"]
    subprocess.run([*hub, *enrol], check=True, env=env, stdout=subprocess.DEVNULL)
    started = time.monotonic()
    command = [*hub, "load", str(file), "--mapping", MAPPING]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watch = Watch(psutil.Process(process.pid), str(data))
    thread = threading.Thread(target=watch.run)
    thread.start()
    output, _ = process.communicate()
    watch.ended.set()
    thread.join()
    if process.returncode:
        raise SystemExit(f"hub load failed:\n{output}")
    stated = next(line for line in output.splitlines() if "PROCESSED" in line).split("│")[-2].strip()
    seconds = time.monotonic() - started
    return Measured(rows, float(stated.replace(",", "")), rows / seconds, watch.largest, watch.seconds)


def run(rows: int, seed: int) -> list[Measured]:
    """A tenth of the rows and all of them, each into an empty hub; prints a table."""
    table = Table(
        "rows", "rows/s", "rows/s with storing", "memory MiB", "processor seconds", title=f"hub load, {MAPPING}"
    )
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        found = [measure(count, seed, Path(name)) for count in (rows // 10, rows)]
    for one in found:
        parts = ", ".join(f"{kind} {value:.1f}" for kind, value in sorted(one.processors.items()))
        speeds = (f"{one.rows_a_second:,.0f}", f"{one.with_storing:,.0f}", f"{one.memory / 2**20:.0f}")
        table.add_row(f"{one.rows:,}", *speeds, parts)
    Console(width=140).print(table)
    return found


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    run(asked.rows, asked.seed)


if __name__ == "__main__":
    main()
