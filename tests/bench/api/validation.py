"""What checking a resource costs: CPU time a resource, of this tree and of another checkout side by side.

`python -m tests.bench.api.validation [--against FOLDER]`. Rounds of both alternate, so that a busy machine is busy for both;
each figure is the least of all rounds. The bytes are at hand, as they are where resources are stored.
"""

import argparse
import json
import os
import subprocess
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any, Final

import orjson

HERE: Final = Path(__file__).parents[3]
ROUNDS: Final = 5
SECONDS: Final = 0.25
"""Of CPU time for each kind of payload in a round."""


def payloads() -> dict[str, dict[str, Any]]:
    """What is checked, by name."""
    from tests.fhir.payloads import bundle, observation, patient

    wrong = patient() | {"birthDate": "1989-02-30"}
    narrated = patient() | {
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>陈庆玉, <b>1989</b></p></div>',
        }
    }
    return {
        "Patient": patient(),
        "Patient with a narrative": narrated,
        "Patient, refused": wrong,
        "Observation": observation(),
        "Bundle of 50": bundle(50),
    }


def cost(work: Callable[[], object]) -> float:
    """Microseconds of CPU time, the least of five tries."""
    work()
    once = max(min(timeit.repeat(work, number=3, repeat=3, timer=process_time)) / 3, 1e-6)
    number = max(1, int(SECONDS / 5 / once))
    return min(timeit.repeat(work, number=number, repeat=5, timer=process_time)) / number * 1e6


def measure(given: dict[str, dict[str, Any]]) -> dict[str, float]:
    """What each payload costs with the hub that is imported."""
    from hub.fhir import validate

    costs = {}
    for name, resource in given.items():
        body = orjson.dumps(resource)
        costs[name] = cost(lambda resource=resource, body=body: validate.check(resource, body))  # type: ignore[misc]
    return costs


def _in(folder: Path, given: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The same in a process that imports the hub of the checkout `folder`."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), "--once"],
        input=orjson.dumps(given),
        capture_output=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def compared(folders: dict[str, Path]) -> dict[str, dict[str, float]]:
    """The least cost of each payload, by the name of the checkout."""
    given = payloads()
    found = {name: dict.fromkeys(given, float("inf")) for name in folders}
    for _ in range(ROUNDS):
        for name, folder in folders.items():
            for payload, took in _in(folder, given).items():
                found[name][payload] = min(found[name][payload], took)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--once", action="store_true")
    asked = parser.parse_args()
    if asked.once:
        sys.stdout.write(json.dumps(measure(orjson.loads(sys.stdin.buffer.read()))))
        return
    folders = ({"before": asked.against.resolve()} if asked.against else {}) | {"now": HERE}
    found = compared(folders)
    sys.stdout.write(f"{'µs of CPU time':28}{''.join(f'{name:>10}' for name in found)}\n")
    for payload in payloads():
        sys.stdout.write(f"{payload:28}{''.join(f'{costs[payload]:10.1f}' for costs in found.values())}\n")


if __name__ == "__main__":
    main()
