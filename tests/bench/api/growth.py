"""How the rates of the exchange by FHIR hold while the hub grows: the same requests among 10,000 Patients, 100,000, a million.

    python -m tests.bench.api.growth [--sizes 10000,100000,1000000] [--seconds 8] [--rounds 2] [--data DIR]

For each size a hub is filled through the functions that documents go through (`tests.bench.matching.register`), told to the
search index as the worker does, and asked as in `tests.bench.api.rates`. DIR is kept, and used again: filling a million
takes half an hour. Prints one table: answers a second and the 99th percentile by size, and what the machine did of what it
did when the aims were set, just before; the sizes are asked by turns.
"""

import argparse
import asyncio
import socket
import tempfile
import time
from collections import defaultdict
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from hub.runtime import Hub, open_hub
from hub.services.exchange import indexing
from hub.settings import Settings
from tests.bench import machine
from tests.bench.api import rates
from tests.bench.api.rates import SCENARIOS, Run
from tests.bench.match import prepare
from tests.bench.matching.serving import served

_PEOPLE: Final = 0.755
"""Of so many people a Patient more or less comes to be: some are in both regions."""
_ASKED: Final = 2_000
"""Patients that are put there by FHIR, to be asked for."""
_SEED: Final = 11


def settings_of(data: Path, size: int) -> Settings:
    """The hub of that size, on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Settings.model_validate({"data_dir": data / str(size), "port": port, "base_url": f"http://127.0.0.1:{port}"})


async def fill(settings: Settings, size: int) -> int:
    """Fill a hub, unless that was done; answers its Patients."""
    await prepare(settings, round(size * _PEOPLE), _SEED)
    async with open_hub(settings) as hub:
        await _index(hub)
        async with hub.database.read() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM resource_search"))).scalar_one())


async def _index(hub: Hub) -> None:
    """Tell the search index of all that it was not told of."""
    async with hub.database.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO search_pending (member_id, type, resource_id)
                SELECT r.member_id, r.type, r.id FROM resource r
                WHERE NOT EXISTS (SELECT FROM resource_search s WHERE s.resource_id = r.id) ON CONFLICT DO NOTHING""")
        )
    while await indexing.catch_up(hub):
        pass
    async with hub.database.begin() as connection:
        await connection.execute(text("ANALYZE resource_search"))


def measure(settings: Settings, seconds: float) -> list[Run]:
    """Every scenario once."""
    token, address = asyncio.run(rates.prepare(settings)), settings.base_url
    new = rates.people(time.time_ns() // 1000)
    with served(settings, 2) as server:
        known = rates.fill(address, token, list(islice(new, _ASKED)))
        return [
            rates.measure(settings, server, address, token, name, lines(new, known),
                          settings.data_dir / "requests.tsv", seconds)
            for name, lines in SCENARIOS.items()
        ]  # fmt: skip


def run(data: Path, sizes: list[int], seconds: float, rounds: int) -> None:
    """Fill, ask by turns, print."""
    patients = {size: asyncio.run(fill(settings_of(data, size), size)) for size in sizes}
    found: dict[tuple[str, int], list[Run]] = defaultdict(list)
    shares: dict[int, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for size in sizes:
            shares[size].append(machine.share(1))
            for one in measure(settings_of(data, size), seconds):
                found[one.name, size].append(one)
    table = Table("", *(f"{number:,} Patients" for number in patients.values()), title="answers a second (p99, ms)")
    for name in SCENARIOS:
        table.add_row(name, *(_told(found[name, size]) for size in sizes))
    table.add_row("the machine", *(f"{median(shares[size]):.2f}" for size in sizes))
    Console(width=130).print(table)


def _told(runs: list[Run]) -> str:
    refused = sum(one.refused for one in runs)
    told = f"{median(one.rate for one in runs):,.0f} ({median(one.p99 for one in runs):.0f})"
    return f"{told}, {refused} refused" if refused else told


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data", type=Path, default=None, help="A folder to keep, and to use again.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        run(asked.data or Path(name), [int(size) for size in asked.sizes.split(",")], asked.seconds, asked.rounds)


if __name__ == "__main__":
    main()
