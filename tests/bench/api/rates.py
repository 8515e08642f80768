"""How many requests a second the hub answers by FHIR, everything on: authentication, policy, history, ledger, log, matching.

    python -m tests.bench.api.rates [--patients 10000] [--seconds 10] [--only create,read] [--workers 2] [--rounds 1]
        [--data DIR]

Sets a fresh hub up with its own PostgreSQL (DIR is kept, and used again), fills it with invented people through transactions,
serves it with the real `hub serve`, and sends with wrk from 16 connections that are kept open. Prints answers a second, median
and 99th percentile, what was refused, processor milliseconds a request by process, and what the machine did just then of what
it did when the aims were set; of several rounds the middle of each.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid5

import httpx2
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from hub.demo.population import Faults, Shape, entries, patient
from hub.fhir.record_messages import EVENT
from hub.runtime import open_hub
from hub.services import enrolment, setup, tokens
from hub.settings import Settings
from mappings.vocabulary import record_system
from tests.bench import machine
from tests.bench.linkage.population import AS_OF
from tests.bench.matching.serving import processors, served

MEMBER: Final = "huiji"
_SPACE: Final = UUID("6f1e1c9e-5a8b-4a55-9d0a-6d5a0c1b7d11")
_SCRIPT: Final = Path(__file__).with_name("requests.lua")
_LINES: Final = 30_000
_FILL: Final = 100
_CONNECTIONS: Final = 16
_DAY, _MONTH = 10, 7
"""Characters of a date of birth that is known to the day, or that is asked for to the month."""
Line = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement: times in milliseconds, processor milliseconds a request by process, and the `share` of the machine just
    before it (`tests.bench.machine`).
    """

    name: str
    rate: float
    p50: float
    p99: float
    refused: int
    processors: dict[str, float]
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """A Patient that is in the hub."""

    id: str
    patient: dict[str, Any]


def people(seed: int) -> Iterator[dict[str, Any]]:
    """Patients of the county without end, each under a number that occurs once."""
    for part in count():
        for entry in entries(seed + part, replace(Shape(), people=20_000), Faults(), AS_OF):
            for record in entry.records:
                if record.county == MEMBER and not record.defect:
                    found = patient(record)
                    found["identifier"][0] |= {"value": f"{seed + part}-{record.record_id}"}
                    yield found


def observation(subject: str, number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": ("29463-7", "8302-2", "718-7")[number % 3]}]},
        "subject": {"reference": subject},
        "effectiveDateTime": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "valueQuantity": {"value": 40 + number % 60, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def transaction(found: dict[str, Any], observations: int) -> dict[str, Any]:
    """A person and so many observations of hers."""
    urn = f"urn:uuid:{uuid5(_SPACE, found['identifier'][0]['value'])}"
    made = [{"fullUrl": urn, "resource": found, "request": {"method": "POST", "url": "Patient"}}]
    made += [
        {"resource": observation(urn, at), "request": {"method": "POST", "url": "Observation"}}
        for at in range(observations)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": made}


def message(found: dict[str, Any], observations: int, number: int) -> dict[str, Any]:
    """The same as a FHIR message of the hub's own event."""
    entries = [{"fullUrl": one.get("fullUrl", f"urn:uuid:{uuid5(_SPACE, str(at))}"), "resource": one["resource"]}
               for at, one in enumerate(transaction(found, observations)["entry"])]  # fmt: skip
    head = {
        "resourceType": "MessageHeader",
        "id": str(uuid5(_SPACE, f"{number} {found['identifier'][0]['value']}")),
        "eventUri": EVENT,
        "source": {"endpoint": f"urn:{MEMBER}:his"},
    }
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": head}, *entries]}


def _post(path: str, body: Any, header: str = "-") -> Line:
    return "POST", path, header, orjson.dumps(body).decode()


def _conditional(new: Iterator[dict[str, Any]], known: list[Known]) -> Iterator[Line]:
    """By turns somebody who is there and somebody who is not."""
    for at in count():
        found = known[at % len(known)].patient if at % 2 else next(new)
        one = found["identifier"][0]
        yield _post("/fhir/Patient", found, f"If-None-Exist: identifier={one['system']}|{one['value']}")


def _by_name(known: list[Known], length: int) -> Iterator[Line]:
    """Of those whose day of birth is known, by so many characters of it."""
    named = [one.patient for one in known if len(one.patient.get("birthDate", "")) == _DAY]
    for one in named:
        if family := one["name"][0].get("family"):
            yield "GET", f"/fhir/Patient?family={quote(family)}&birthdate={one['birthDate'][:length]}", "-", "-"


Lines = Callable[[Iterator[dict[str, Any]], list[Known]], Iterator[Line]]
SCENARIOS: Final[dict[str, Lines]] = {
    "create": lambda new, _: (_post("/fhir/Patient", one) for one in new),
    "create unless there": _conditional,
    "message 1 + 2": lambda new, _: (_post("/fhir", transaction(one, 2)) for one in new),
    "the same by $process-message": lambda new, _: (
        _post("/fhir/$process-message", message(one, 2, number)) for number, one in enumerate(new)
    ),
    "transaction 1 + 10": lambda new, _: (_post("/fhir", transaction(one, 10)) for one in new),
    "read": lambda _, known: (("GET", f"/fhir/Patient/{one.id}", "-", "-") for one in known),
    "search by identifier": lambda _, known: (
        ("GET", f"/fhir/Patient?identifier={record_system(MEMBER)}%7C{one.patient['identifier'][0]['value']}", "-", "-")
        for one in known
    ),
    "search by name and day of birth": lambda _, known: _by_name(known, _DAY),
    "search by name and month of birth": lambda _, known: _by_name(known, _MONTH),
}


async def prepare(settings: Settings) -> str:
    """A hub with one county; the county's token."""
    if not (settings.data_dir / "trust-roots.json").exists():
        await setup.initialise(settings)
        async with open_hub(settings) as hub:
            await enrolment.add_member(
                hub, name=MEMBER, kind="county", display="Huiji", display_zh="惠济区", divisions=["410108000000"]
            )
    async with open_hub(settings) as hub:
        return await tokens.issue_token_for(hub, MEMBER, 7200)


def fill(address: str, token: str, patients: list[dict[str, Any]]) -> list[Known]:
    """Store people through transactions of a hundred."""
    known: list[Known] = []
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
        for at in range(0, len(patients), _FILL):
            some = patients[at : at + _FILL]
            made = [{"resource": one, "request": {"method": "POST", "url": "Patient"}} for one in some]
            sent = {"resourceType": "Bundle", "type": "transaction", "entry": made}
            answer = client.post(f"{address}/fhir", content=orjson.dumps(sent),
                                 headers={"Content-Type": "application/fhir+json"})  # fmt: skip
            answer.raise_for_status()
            for one, entry in zip(some, answer.json()["entry"], strict=True):
                known.append(Known(entry["response"]["location"].split("/Patient/")[1].split("/")[0], one))
    return known


def _send(address: str, token: str, file: Path, seconds: float) -> tuple[int, int, float, float, float]:
    """(answered well, refused, seconds, median, 99th percentile)."""
    command = [
        "wrk",
        "-t1",
        f"-c{_CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "20s",
        "-s",
        str(_SCRIPT),
        address,
    ]
    env = os.environ | {"BENCH_REQUESTS": str(file), "BENCH_TOKEN": token}
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    good, bad, took, p50, p99 = line.split()[1:]
    return int(good), int(bad), float(took), float(p50), float(p99)


def measure(settings: Settings, server: psutil.Process, address: str, token: str, name: str, lines: Iterator[Line],
            file: Path, seconds: float) -> Run:  # fmt: skip
    """Warm up, then send for some seconds."""
    for again, duration in ((False, 2.0), (True, seconds)):
        file.write_text("\n".join("\t".join(line) for line in islice(lines, _LINES)) or file.read_text(), "utf-8")
        before = processors(server, settings.data_dir)
        good, bad, took, p50, p99 = _send(address, token, file, duration)
        after = processors(server, settings.data_dir)
        if again:
            spent = {kind: (after[kind] - before[kind]) * 1000 / max(1, good + bad) for kind in after}
            return Run(name, good / took, p50, p99, bad, spent)
    raise AssertionError("measured twice")


def run(patients: int, seconds: float, only: list[str], workers: int, data: Path, rounds: int) -> list[Run]:
    """Set up, fill, serve and measure, in rounds; prints a table of the medians."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings.model_validate({"data_dir": data, "port": port, "base_url": f"http://127.0.0.1:{port}"})
    token, address = asyncio.run(prepare(settings)), f"http://127.0.0.1:{port}"
    new = people(time.time_ns() // 1000)
    runs = []
    with served(settings, workers) as server:
        known = fill(address, token, list(islice(new, patients)))
        for name in (only or list(SCENARIOS)) * rounds:
            lines, share = SCENARIOS[name](new, known), machine.share(1)
            made = measure(settings, server, address, token, name, lines, data / "requests.tsv", seconds)
            runs.append(replace(made, share=share))
    _print([_median([one for one in runs if one.name == name]) for name in only or SCENARIOS], patients)
    return runs


def _median(runs: list[Run]) -> Run:
    """The middle of each figure of one request; refusals are counted."""
    spent = {kind: median(one.processors[kind] for one in runs) for kind in runs[0].processors}
    middle = {name: median(getattr(one, name) for one in runs) for name in ("rate", "p50", "p99", "share")}
    return replace(runs[0], refused=sum(one.refused for one in runs), processors=spent, **middle)


def _print(runs: list[Run], patients: int) -> None:
    table = Table("", "answers/s", "p50 ms", "p99 ms", "refused", "processor ms a request", "machine",
                  title=f"FHIR over HTTP, {patients:,} people and more")  # fmt: skip
    for one in runs:
        spent = ", ".join(f"{kind} {value:.2f}" for kind, value in one.processors.items())
        table.add_row(
            one.name,
            f"{one.rate:,.0f}",
            f"{one.p50:.1f}",
            f"{one.p99:.1f}",
            str(one.refused),
            spent,
            f"{one.share:.2f}",
        )
    Console(width=130).print(table)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(SCENARIOS)}")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=None, help="A folder to keep, and to use again.")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    only = [name.strip() for name in asked.only.split(",") if name.strip()]
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        run(asked.patients, asked.seconds, only, asked.workers, asked.data or Path(name) / "hub", asked.rounds)


if __name__ == "__main__":
    main()
