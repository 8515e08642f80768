"""Sends requests over keep-alive connections as fast, or as evenly, as it is told; a process of its own.

    python -m tests.bench.matching.client ADDRESS TOKEN BODIES SECONDS [--connections 16] [--rate 0]

BODIES is a file with a JSON body a line. Prints one JSON line: how many were answered with what, the latencies, the medians
of those to bodies at even and at odd places, and the first answer to each body.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import orjson


class Load:
    """What all connections share: the next body, the schedule, the count."""

    def __init__(self, requests: list[bytes], seconds: float, rate: float) -> None:
        self._requests, self._rate = requests, rate
        self._begun = time.perf_counter()
        self._until = self._begun + seconds
        self._next = 0
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.retry_after = 0
        self.answers: dict[int, bytes] = {}
        self.by_parity: tuple[list[float], list[float]] = ([], [])

    def take(self) -> tuple[int, bytes, float] | None:
        """(number, request, when it is due), or None when it is over."""
        due = self._begun + self._next / self._rate if self._rate else time.perf_counter()
        if max(due, time.perf_counter()) >= self._until:
            return None
        number = self._next % len(self._requests)
        self._next += 1
        return number, self._requests[number], due

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun


async def connection(load: Load, host: str, port: int) -> None:
    """One keep-alive connection: a request, its answer, the next request."""
    reader, writer = await asyncio.open_connection(host, port)
    while (taken := load.take()) is not None:
        number, request, due = taken
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        took = time.perf_counter() - begun
        load.latencies.append(took)
        load.by_parity[number % 2].append(took)
        load.statuses[int(head[9:12])] += 1
        load.retry_after += b"\r\nretry-after: " in head
        load.answers.setdefault(number, body)
    writer.close()


async def run(address: str, token: str, bodies: list[bytes], seconds: float, connections: int, rate: float) -> Load:
    """Send for `seconds`; `rate` requests a second, or as fast as answers come where it is 0."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 80
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Purpose-Of-Use: continuity-of-care\r\nContent-Type: application/fhir+json\r\nContent-Length: "
    ).encode()
    load = Load([head + str(len(b)).encode() + b"\r\n\r\n" + b for b in bodies], seconds, rate)
    await asyncio.gather(*(connection(load, host, port) for _ in range(connections)))
    return load


def main() -> None:
    """Send, and print what came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("token")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--latencies", action="store_true", help="each of them, in the order of the answers")
    asked = parser.parse_args()
    bodies = asked.bodies.read_bytes().splitlines()
    load = asyncio.run(run(asked.address, asked.token, bodies, asked.seconds, asked.connections, asked.rate))
    took = sorted(load.latencies)
    told: dict[str, object] = {"latencies": load.latencies} if asked.latencies else {}
    told |= {
        "seconds": load.seconds,
        "statuses": {str(status): count for status, count in load.statuses.items()},
        "retry_after": load.retry_after,
        "p50": took[len(took) // 2],
        "p99": took[len(took) * 99 // 100],
        "medians": [statistics.median(some) if some else 0.0 for some in load.by_parity],
        "answers": {str(number): body.decode() for number, body in load.answers.items()},
    }
    sys.stdout.buffer.write(orjson.dumps(told))


if __name__ == "__main__":
    main()
