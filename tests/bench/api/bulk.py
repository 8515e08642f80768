"""How many resources a second come in by `$import`, with matching, and go out by `$export`, over HTTP and everything on.

    python -m tests.bench.api.bulk [--people 20000] [--observations 2] [--seed 7]

Sets a fresh hub up with its own PostgreSQL, serves it with the real `hub serve` and one `hub work`, sends invented people,
each with so many Observations that refer to her by her id at the sender, exports everything and fetches the files. Prints
resources a second and processor microseconds a resource by process. One person's lines are taken in beforehand: the first
document after its start waits three seconds for the worker and the process beside it.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx2
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from hub.settings import Settings
from tests.bench.api.rates import observation, people, prepare
from tests.bench.matching.serving import environment, processors, served

_PART: Final = 20_000
"""Lines of one import: each stays well below the largest document."""
_EVERY: Final = 0.2
_LONGEST: Final = 600.0
"""Seconds for one part."""


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement: processor seconds by process."""

    name: str
    resources: int
    seconds: float
    processors: dict[str, float]


def resources(count: int, observations: int, seed: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """People from the one numbered `first` on, and behind each what was observed of her."""
    for at, found in enumerate(islice(people(seed), first, first + count), first):
        yield found | {"id": f"p{at}"}
        for number in range(observations):
            yield observation(f"Patient/p{at}", number) | {"id": f"o{at}-{number}"}


def take_in(http: httpx2.Client, lines: list[bytes]) -> int:
    """Send lines in parts, and wait until all are stored; answers how many there are."""
    where = []
    for start in range(0, len(lines), _PART):
        headers = {"Content-Type": "application/fhir+ndjson"}
        done = http.post("/fhir/$import", content=b"".join(lines[start : start + _PART]), headers=headers)
        done.raise_for_status()
        where.append(done.headers["Content-Location"])
    for one in where:
        told = _waited(http, one)
        if told["lines"]["setAside"]:
            raise SystemExit(f"lines were set aside: {told}")
    return len(lines)


def hand_out(http: httpx2.Client) -> int:
    """Export everything and fetch the files; answers how many resources those have."""
    asked = http.get("/fhir/$export", headers={"Prefer": "respond-async"})
    told = _waited(http, asked.headers["Content-Location"])
    number = 0
    for file in told["output"]:
        with http.stream("GET", file["url"]) as answer:
            number += sum(part.count(b"\n") for part in answer.iter_bytes())
    return number


def _waited(http: httpx2.Client, where: str) -> dict[str, Any]:
    ends = time.monotonic() + _LONGEST
    while (found := http.get(where)).status_code == 202:
        if time.monotonic() > ends:
            raise SystemExit("it takes too long")
        time.sleep(_EVERY)
    found.raise_for_status()
    told: dict[str, Any] = found.json()
    return told


def run(count: int, observations: int, seed: int, data: Path) -> list[Run]:
    """Set up, serve and measure; prints a table."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings.model_validate({"data_dir": data, "port": port, "base_url": f"http://127.0.0.1:{port}"})
    token = asyncio.run(prepare(settings))
    before, lines = (
        [orjson.dumps(one) + b"\n" for one in some]
        for some in (resources(1, observations, seed), resources(count, observations, seed, 1))
    )
    headers = {"Authorization": f"Bearer {token}"}
    runs = []
    client = httpx2.Client(base_url=settings.base_url, headers=headers, timeout=120)
    with served(settings, 1) as server, _working(settings) as worker, client as http:
        both = (server, worker)
        take_in(http, before)
        runs.append(_measured(settings, both, "$import", lambda: take_in(http, lines)))
        runs.append(_measured(settings, both, "$export", lambda: hand_out(http)))
    _print(runs)
    return runs


@contextlib.contextmanager
def _working(settings: Settings) -> Iterator[psutil.Process]:
    """The real `hub work`."""
    with (settings.data_dir / "work.log").open("wb") as log:
        command = [sys.executable, "-m", "hub", "work"]
        process = subprocess.Popen(command, env=environment(settings), stdout=log, stderr=log)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _measured(
    settings: Settings, both: tuple[psutil.Process, psutil.Process], name: str, act: Callable[[], int]
) -> Run:
    before, started = _spent(settings, both), time.monotonic()
    number = act()
    seconds, after = time.monotonic() - started, _spent(settings, both)
    return Run(name, number, seconds, {kind: after[kind] - before[kind] for kind in after})


def _spent(settings: Settings, both: tuple[psutil.Process, psutil.Process]) -> dict[str, float]:
    """Processor seconds so far."""
    server, worker = (processors(one, settings.data_dir) for one in both)
    return {"serve": server["hub"], "work": worker["hub"], "PostgreSQL": server["PostgreSQL"]}


def _print(runs: list[Run]) -> None:
    table = Table("", "resources", "resources/s", "processor µs a resource", title="In and out by NDJSON")
    for one in runs:
        spent = ", ".join(f"{kind} {value * 1e6 / one.resources:.0f}" for kind, value in one.processors.items())
        table.add_row(one.name, f"{one.resources:,}", f"{one.resources / one.seconds:,.0f}", spent)
    Console(width=110).print(table)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--observations", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        run(asked.people, asked.observations, asked.seed, Path(name) / "hub")


if __name__ == "__main__":
    main()
