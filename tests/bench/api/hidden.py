"""Whether the time of an answer tells what belongs to another member from what is not there at all.

    python -m tests.bench.api.hidden [--pairs 400]

A fresh hub with its own PostgreSQL and the real `hub serve`; one member asks, over one connection, for what another holds and for
ids that nobody has, each time in an order drawn by lot. Prints the medians, and their ratio with the interval that 95 of 100
samples of the same answers lie in (bootstrap): an interval around 1 tells nothing.
"""

import argparse
import asyncio
import random
import socket
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx2
from rich.console import Console
from rich.table import Table

from hub.runtime import open_hub
from hub.services import enrolment, setup, tokens
from hub.settings import Settings
from tests.bench.matching.serving import served

MEMBERS: Final = {"huiji": "410108000000", "yongkang": "330784000000"}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "Patient": {"name": [{"text": "王五"}], "gender": "male", "birthDate": "1990-01-02"},
    "Observation": {"status": "final", "code": {"text": "weight"}},
}
_SAMPLES: Final = 1000
Ask = Callable[[httpx2.Client, str, str], httpx2.Response]
ASKED: Final[dict[str, Ask]] = {
    "read": lambda http, kind, id_: http.get(f"/fhir/{kind}/{id_}"),
    "read for a purpose": lambda http, kind, id_: http.get(
        f"/fhir/{kind}/{id_}", headers={"Purpose-Of-Use": "continuity-of-care"}
    ),
    "vread": lambda http, kind, id_: http.get(f"/fhir/{kind}/{id_}/_history/1"),
    "history": lambda http, kind, id_: http.get(f"/fhir/{kind}/{id_}/_history"),
    "search": lambda http, kind, id_: http.get(f"/fhir/{kind}", params={"_id": id_}),
    "update": lambda http, kind, id_: http.put(
        f"/fhir/{kind}/{id_}", json={"resourceType": kind, "id": id_, **BODIES[kind]}
    ),
    "delete": lambda http, kind, id_: http.delete(f"/fhir/{kind}/{id_}"),
}


async def _prepare(settings: Settings) -> dict[str, str]:
    await setup.initialise(settings)
    async with open_hub(settings) as hub:
        for name, division in MEMBERS.items():
            await enrolment.add_member(
                hub, name=name, kind="county", display=name.title(), display_zh=name, divisions=[division]
            )
        return {name: await tokens.issue_token_for(hub, name, 7200) for name in MEMBERS}


def _theirs(address: str, token: str, number: int) -> dict[str, list[str]]:
    """Ids of so many resources of each type."""
    with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        return {
            kind: [
                http.post(f"/fhir/{kind}", json={"resourceType": kind, **body}).raise_for_status().json()["id"]
                for _ in range(number)
            ]
            for kind, body in BODIES.items()
        }


def _times(http: httpx2.Client, ask: Ask, kind: str, theirs: list[str], pairs: int) -> tuple[list[float], list[float]]:
    """Seconds for (another's, nobody's)."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for which in random.sample((0, 1), 2):
            id_ = str(uuid.uuid4()) if which else random.choice(theirs)
            begun = time.perf_counter()
            answer = ask(http, kind, id_)
            found[which].append(time.perf_counter() - begun)
            if answer.status_code not in (200, 404):
                raise SystemExit(f"{answer.status_code}: {answer.text}")
    return found


def interval(one: list[float], other: list[float]) -> tuple[float, float, float]:
    """The ratio of the medians, and the bounds of its interval of 95 %."""
    rng = random.Random(28)
    drawn = sorted(
        statistics.median(rng.choices(one, k=len(one))) / statistics.median(rng.choices(other, k=len(other)))
        for _ in range(_SAMPLES)
    )
    ratio = statistics.median(one) / statistics.median(other)
    return ratio, drawn[int(_SAMPLES * 0.025)], drawn[int(_SAMPLES * 0.975)]


def run(pairs: int, data: Path) -> None:
    """Set up, ask, and print."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings.model_validate({"data_dir": data, "port": port, "base_url": f"http://127.0.0.1:{port}"})
    token = asyncio.run(_prepare(settings))
    table = Table("", "another's, ms", "nobody's, ms", "ratio", "95 % of samples", title=f"{pairs} pairs each")
    with served(settings, 1):
        theirs = _theirs(settings.base_url, token["huiji"], 20)
        headers = {"Authorization": f"Bearer {token['yongkang']}"}
        with httpx2.Client(base_url=settings.base_url, headers=headers, timeout=60) as http:
            for kind in BODIES:
                for name, ask in ASKED.items():
                    _times(http, ask, kind, theirs[kind], 10)
                    one, other = _times(http, ask, kind, theirs[kind], pairs)
                    ratio, low, high = interval(one, other)
                    medians = (f"{statistics.median(times) * 1000:.2f}" for times in (one, other))
                    table.add_row(f"{name} {kind}", *medians, f"{ratio:.3f}", f"{low:.3f} to {high:.3f}")
    Console(width=110).print(table)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=400)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as name:
        Path(name).chmod(0o755)
        run(asked.pairs, Path(name) / "hub")


if __name__ == "__main__":
    main()
