"""Whether one member's flood reaches another: B at its normal rate, alone, and while A sends ten times what it may.

    python -m tests.bench.api.overload [--seconds 15] [--rounds 3] [--allowed 50] [--normal 20] [--workers 2]

Sets a fresh hub up with its own PostgreSQL and the real `hub serve`, gives A a quota, and lets two clients, a process each, send
evenly: B creates Patients, which are matched; A creates Observations. Rounds alternate, so that a noisy machine is noisy to both.
Prints B's latencies alone, beside A at what it may, and beside A at ten times that, from as many connections as B has and from
many more; what A was answered; and processor time.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from hub.runtime import open_hub
from hub.services import allowances, enrolment, setup, tokens
from hub.settings import Settings
from tests.bench.api.rates import observation, people
from tests.bench.matching.serving import processors, served

A, B = ("yongkang", "330784000000"), ("huiji", "410108000000")
_TIMES: Final = 10
_CONNECTIONS: Final = 32
_MANY: Final = 256
"""Connections of a client that is made for flooding: refusals are kept back of fewer."""
_BODIES: Final = 4000
_BEFORE: Final = 0.6
"""Seconds for which A has sent when B begins: its burst is over by then."""


@dataclass(slots=True)
class Told:
    """What one client was answered, over all rounds: latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    retry_after: int = 0
    seconds: float = 0.0

    def add(self, found: dict[str, Any]) -> None:
        """One round more."""
        self.latencies += found["latencies"]
        self.statuses.update(found["statuses"])
        self.retry_after += found["retry_after"]
        self.seconds += found["seconds"]

    def part(self, of: float) -> float:
        """The latency that this part of the answers is below, in milliseconds."""
        return sorted(self.latencies)[int(len(self.latencies) * of)] * 1000 if self.latencies else 0.0


def _client(
    address: str, token: str, bodies: Path, seconds: float, rate: float, connections: int = _CONNECTIONS
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.bench.matching.client", address, token, str(bodies), str(seconds)]
    command += ["--connections", str(connections), "--rate", str(rate), "--latencies"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _result(client: "subprocess.Popen[bytes]") -> dict[str, Any]:
    said, _ = client.communicate(timeout=300)
    found: dict[str, Any] = orjson.loads(said)
    return found


async def _prepare(settings: Settings, allowed: float) -> dict[str, str]:
    await setup.initialise(settings)
    async with open_hub(settings) as hub:
        for name, division in (A, B):
            await enrolment.add_member(
                hub, name=name, kind="county", display=name.title(), display_zh=name, divisions=[division]
            )
        await allowances.change(hub, A[0], per_second=allowed, burst=max(1, int(allowed / 2)))
        return {name: await tokens.issue_token_for(hub, name, 7200) for name, _ in (A, B)}


def run(
    seconds: float, rounds: int, allowed: float, normal: float, workers: int, data: Path
) -> dict[str, tuple[Told, Told]]:
    """{how: (B, A)}; prints the table."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings.model_validate({"data_dir": data, "port": port, "base_url": f"http://127.0.0.1:{port}"})
    token = asyncio.run(_prepare(settings, allowed))
    loads = {
        "alone": (0.0, 0),
        "A at what it may": (allowed * 0.9, _CONNECTIONS),
        f"A at {_TIMES} times that": (allowed * _TIMES, _CONNECTIONS),
        f"from {_MANY} connections": (allowed * _TIMES, _MANY),
    }
    told = {how: (Told(), Told()) for how in loads}
    spent: dict[str, Counter[str]] = {how: Counter() for how in told}
    new = people(28)
    mine, theirs = data / "b.jsonl", data / "a.jsonl"
    theirs.write_bytes(b"\n".join(orjson.dumps(observation("Patient/x", at)) for at in range(_BODIES)))
    with served(settings, workers) as server:
        for number in range(rounds + 1):  # the first warms up
            for how, load in loads.items():
                mine.write_bytes(b"\n".join(map(orjson.dumps, islice(new, int(normal * seconds) + 100))))
                before = processors(server, data)
                found = _round(settings.base_url, token, (mine, normal), (theirs, *load), seconds)
                if number:
                    for one, answers in zip(told[how], found, strict=True):
                        if answers:
                            one.add(answers)
                    after = processors(server, data)
                    spent[how].update({kind: after[kind] - before[kind] for kind in after})
    _print(told, spent)
    return told


def _round(base: str, token: dict[str, str], b: tuple[Path, float], a: tuple[Path, float, int],
           seconds: float) -> tuple[dict[str, Any], dict[str, Any] | None]:  # fmt: skip
    flood = _client(f"{base}/fhir/Observation", token[A[0]], a[0], seconds + 2 * _BEFORE, *a[1:]) if a[1] else None
    if flood is not None:
        time.sleep(_BEFORE)
    found = _result(_client(f"{base}/fhir/Patient", token[B[0]], b[0], seconds, b[1]))
    return found, _result(flood) if flood is not None else None


def _print(told: dict[str, tuple[Told, Told]], spent: dict[str, Counter[str]]) -> None:
    columns = ("B", "answers", "p50 ms", "p99 ms", "A sent/s", "A p50, p99 ms", "A let through/s", "A 429")
    table = Table(*columns, "with Retry-After", "processor s", title="One member beside another")
    for how, (b, a) in told.items():
        sent = sum(a.statuses.values())
        through = sum(n for status, n in a.statuses.items() if status.startswith("2"))
        table.add_row(
            how,
            ", ".join(f"{status}: {n}" for status, n in b.statuses.items()),
            f"{b.part(0.5):.1f}",
            f"{b.part(0.99):.1f}",
            f"{sent / a.seconds:.0f}" if a.seconds else "",
            f"{a.part(0.5):.1f}, {a.part(0.99):.1f}" if a.seconds else "",
            f"{through / a.seconds:.0f}" if a.seconds else "",
            str(a.statuses["429"]) if a.seconds else "",
            str(a.retry_after) if a.seconds else "",
            ", ".join(f"{kind} {value:.1f}" for kind, value in spent[how].items()),
        )
    console = Console(width=150)
    console.print(table)
    alone = told["alone"][0].part(0.99)
    for how, (b, _) in list(told.items())[1:]:
        console.print(f"p99 of B to that alone, {how}: {b.part(0.99) / max(alone, 1e-9):.2f}")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--allowed", type=float, default=50)
    parser.add_argument("--normal", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        run(asked.seconds, asked.rounds, asked.allowed, asked.normal, asked.workers, Path(name) / "hub")


if __name__ == "__main__":
    main()
