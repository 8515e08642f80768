"""How many `$match` a second a hub answers over HTTP, with authentication and audit, and whether it finds what a batch finds.

    python -m tests.bench.match [--people 100000] [--seed 11] [--workers 2] [--seconds 20] [--data DIR]

Fills a fresh hub with its own PostgreSQL (DIR is kept, and used again when it is full), serves it with the real `hub serve`,
and asks with 16 keep-alive connections for people whose record was held back: as fast as it goes, then at half that rate.
Prints the rates, latencies, processor seconds a request by process, the recall of the answers beside a batch's, and the
median times of answers about people who may not be seen and about nobody, to a caller who sees neither.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from hub.domain.policy import PURPOSES, Agreement
from hub.linkage import blocking, features, score
from hub.runtime import Hub, open_hub
from hub.services import enrolment, setup, terms, tokens
from hub.settings import Settings
from hub.storage.members import Member
from mappings.vocabulary import PERSON
from tests.bench.matching.register import Filled, fill
from tests.bench.matching.serving import processors, served

QUESTIONS = 2_000
_CROWD = 500
_WARM = 3.0
_CALLER, _BLIND = "huiji", "yongkang"
_COUNTIES = ((_BLIND, "330784000000"), (_CALLER, "410108000000"))


@dataclass(frozen=True)
class Run:
    """One measurement: requests a second, latencies in milliseconds, processor milliseconds a request by process."""

    name: str
    rate: float
    p50: float
    p99: float
    refused: int
    processors: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """All of it; recalls are shares of the questions whose person was among the answers."""

    records: int
    fast: Run
    half: Run
    online: float
    batch: float
    hidden: float
    nobody: float


async def prepare(settings: Settings, people: int, seed: int) -> dict[str, Any]:
    """Set the hub up and fill it, unless that was done; answers the questions and the batch's recall."""
    kept = settings.data_dir / "questions.json"
    if kept.exists():
        found: dict[str, Any] = orjson.loads(kept.read_bytes())
        return found
    await setup.initialise(settings)
    async with open_hub(settings) as hub:
        members = [await _enrol(hub, name, division) for name, division in _COUNTIES]
        await _agree(hub, *members)
        begun = time.monotonic()
        filled = await fill(hub, members, seed, people, QUESTIONS)
        took = time.monotonic() - begun
        found = {
            "records": len(filled.features),
            "seconds": took,
            "questions": [[one.patient, one.numbers] for one in filled.questions],
            "batch": batch_recall(hub, filled),
        }
    kept.write_bytes(orjson.dumps(found))
    return found


async def _enrol(hub: Hub, name: str, division: str) -> Member:
    return await enrolment.add_member(
        hub, name=name, kind="county", display=name.capitalize(), display_zh=name.capitalize(), divisions=[division]
    )


async def _agree(hub: Hub, holder: Member, caller: Member) -> None:
    now = hub.now()
    made = Agreement(
        uuid4(), holder.id, caller.id, frozenset({PERSON}), PURPOSES, False, 15, now, now + timedelta(days=365)
    )
    await terms.enter(hub, "for a benchmark", made)


def batch_recall(hub: Hub, filled: Filled) -> float:
    """The share of questions for which a batch over everybody finds the person.

    A batch compares all that share a key held by at most 500 records, as `linkage.blocking.pairs` does; of its pairs only
    those of the questions are made.
    """
    secret, first = hub.vault.blocking_secret, len(filled.features)
    asked = [features.extract(one.patient) for one in filled.questions]
    keys = [blocking.keys(one, secret) for one in asked]
    held: dict[int, list[int]] = {key: [] for own in keys for key in own}
    for place, one in enumerate(filled.features):
        for key in blocking.keys(one, secret):
            if key in held:
                held[key].append(place)
    pairs = sorted({(place, first + at) for at, own in enumerate(keys) for key in own
                    if len(held[key]) <= _CROWD for place in held[key]})  # fmt: skip
    left, right = np.array(pairs, dtype=np.intp).T
    scores = score.score_indexed(hub.model, filled.features + asked, left, right)
    hits = {
        at
        for at, place in zip(right[scores.decision > 0] - first, left[scores.decision > 0], strict=True)
        if filled.numbers[place] in filled.questions[at].numbers
    }
    return len(hits) / len(filled.questions)


def ask(
    name: str,
    settings: Settings,
    server: psutil.Process,
    token: str,
    bodies: Path,
    seconds: float,
    rate: float = 0,
    connections: int = 16,
) -> tuple[Run, dict[str, Any]]:
    """Send for some seconds; the measurement and what the client tells beside it."""
    before = processors(server, settings.data_dir)
    address = f"http://127.0.0.1:{settings.port}/fhir/Patient/$match"
    command = [sys.executable, "-m", "tests.bench.matching.client", address, token, str(bodies), str(seconds)]
    command += ["--rate", str(rate), "--connections", str(connections)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    told = orjson.loads(done.stdout)
    after = processors(server, settings.data_dir)
    answered = sum(told["statuses"].values())
    good = told["statuses"].get("200", 0)
    spent = {kind: (after[kind] - before[kind]) * 1000 / answered for kind in after}
    rated = Run(name, good / told["seconds"], told["p50"] * 1000, told["p99"] * 1000, answered - good, spent)
    return rated, told


def online_recall(questions: list[Any], answers: dict[str, str]) -> float:
    """The share of the questions that were answered for which one of the person's records was in the answer."""
    hits = 0
    for number, body in answers.items():
        wanted = set(questions[int(number)][1])
        shown = {
            f"{identifier['system'].split(':')[2]}/{identifier['value']}"
            for entry in orjson.loads(body).get("entry", ())
            for identifier in entry["resource"]["identifier"]
            if identifier["system"].endswith(":record")
        }
        hits += bool(wanted & shown)
    return hits / len(answers)


def run(people: int, seed: int, workers: int, seconds: float, data: Path) -> Measured:
    """Fill, serve, ask; prints a table."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings.model_validate({"data_dir": data, "port": port})
    prepared = asyncio.run(prepare(settings, people, seed))
    questions = prepared["questions"]
    bodies = data / "bodies.jsonl"
    bodies.write_bytes(b"\n".join(orjson.dumps(_as_asked(patient)) for patient, _ in questions))
    with served(settings, workers) as server:
        token = asyncio.run(_token(settings, _CALLER))
        ask("warm", settings, server, token, bodies, _WARM)
        fast, told = ask("as fast as it goes", settings, server, token, bodies, seconds)
        half, _ = ask("at half that rate", settings, server, token, bodies, seconds, fast.rate / 2)
        blind = asyncio.run(_token(settings, _BLIND))
        pairs = _hidden_and_nobody(questions, data / "hidden.jsonl")
        _, even = ask("hidden and nobody", settings, server, blind, pairs, seconds, connections=1)
    hidden, nobody = even["medians"]
    recall = online_recall(questions, told["answers"])
    measured = Measured(prepared["records"], fast, half, recall, prepared["batch"], hidden * 1000, nobody * 1000)
    _print(measured)
    return measured


def _as_asked(patient: dict[str, Any]) -> dict[str, Any]:
    """Without the number of the record, which the asking county's colleague would not know."""
    others = [i for i in patient["identifier"] if not i["system"].endswith(":record")]
    return {name: value for name, value in patient.items() if name != "identifier"} | (
        {"identifier": others} if others else {}
    )


def _hidden_and_nobody(questions: list[Any], file: Path) -> Path:
    """By turns somebody whom the one region keeps hidden from the other, and somebody put together of two strangers."""
    hidden = [patient for patient, numbers in questions if all(number.startswith(_CALLER) for number in numbers)]
    lines = []
    for one, other in pairwise(hidden):
        mixed = _as_asked(one) | {"name": other["name"], "birthDate": "1931" + one.get("birthDate", "1931-02-03")[4:]}
        mixed.pop("identifier", None)
        mixed.pop("telecom", None)
        lines += [orjson.dumps(_as_asked(one)), orjson.dumps(mixed)]
    file.write_bytes(b"\n".join(lines))
    return file


async def _token(settings: Settings, member: str) -> str:
    async with open_hub(settings) as hub:
        return await tokens.issue_token_for(hub, member, 3600)


def _print(measured: Measured) -> None:
    table = Table("", "answers/s", "p50 ms", "p99 ms", "not answered", "processor ms a request",
                  title=f"$match among {measured.records:,} records")  # fmt: skip
    for one in (measured.fast, measured.half):
        spent = ", ".join(f"{kind} {value:.2f}" for kind, value in one.processors.items())
        table.add_row(one.name, f"{one.rate:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", str(one.refused), spent)
    out = Console(width=140)
    out.print(table)
    out.print(f"found: online {measured.online:.2%}, batch {measured.batch:.2%}")
    out.print(f"median ms: hidden people {measured.hidden:.2f}, nobody {measured.nobody:.2f}")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--data", type=Path, default=None, help="A folder to keep, and to use again.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        data = asked.data or Path(name) / "hub"
        run(asked.people, asked.seed, asked.workers, asked.seconds, data)


if __name__ == "__main__":
    main()
