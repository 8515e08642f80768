"""How fast this machine is, beside the one on which the aims were set: the scale of every other figure.

    python -m tests.bench.machine [--seconds 3] [--rounds 3]

Measures what no line of the hub takes part in: a web server that sends back what it is sent (wrk, 16 connections that are
kept open, 1.6 KB), and signatures, digests and sealing by `cryptography` on one core. Prints the best round of each and its
share of the same when the aims were set. An aim of 1,000 a second is half of that where the share is a half.
"""

import argparse
import hashlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_MODULE: Final = "tests.bench.machine"
_SENT: Final = 1600
_THEN: Final = {
    "answers, bare server": 34_370,
    "answers, Starlette": 17_522,
    "ES256, made": 46_000,
    "ES256, checked": 20_000,
    "SHA-256 of 2 KB": 725_000,
    "AES-256-GCM of 2 KB": 1_260_000,
}
"""A second, when the aims were set; of spans the middle."""

_SERVERS: Final = {"bare": "answers, bare server", "starlette": "answers, Starlette"}

Message = MutableMapping[str, Any]


async def bare(scope: Message, receive: Callable[[], Any], send: Callable[[Message], Any]) -> None:
    """The least that a server by ASGI does: what it is sent comes back."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
        return
    body = (await receive())["body"]
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


async def _back(request: Request) -> Response:
    return Response(await request.body(), media_type="application/fhir+json")


starlette = Starlette(routes=[Route("/", _back, methods=["POST"])])


def answers(name: str, seconds: float, rounds: int) -> float:
    """Answers a second of one of the servers above, in the best of some rounds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["uvicorn", f"{_MODULE}:{name}", "--port", str(port), "--log-level", "error"]
    server = subprocess.Popen([sys.executable, "-m", *command])
    try:
        _wait(port)
        with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as folder:
            script = Path(folder) / "post.lua"
            script.write_text(f'wrk.method = "POST"\nwrk.body = string.rep("x", {_SENT})\n')
            return max(_asked(port, script, seconds) for _ in range(rounds))
    finally:
        server.terminate()
        server.wait(30)


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("the server did not begin")


def _asked(port: int, script: Path, seconds: float) -> float:
    command = ["wrk", "-t1", "-c16", f"-d{seconds:.0f}s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(next(line for line in said.splitlines() if line.startswith("Requests/sec")).split()[1])


def share(seconds: float, rounds: int = 1) -> float:
    """What part of the answers when the aims were set the two servers give now."""
    return statistics.mean(answers(kind, seconds, rounds) / _THEN[name] for kind, name in _SERVERS.items())


def acts() -> dict[str, Callable[[], object]]:
    """What is done on one core, by the names of `_THEN`."""
    key, data, box = ec.generate_private_key(ec.SECP256R1()), os.urandom(2048), AESGCM(os.urandom(32))
    signature, public, nonce = key.sign(data, ec.ECDSA(SHA256())), key.public_key(), os.urandom(12)
    return {
        "ES256, made": lambda: key.sign(data, ec.ECDSA(SHA256())),
        "ES256, checked": lambda: public.verify(signature, data, ec.ECDSA(SHA256())),
        "SHA-256 of 2 KB": lambda: hashlib.sha256(data).digest(),
        "AES-256-GCM of 2 KB": lambda: box.encrypt(nonce, data, None),
    }


def done(act: Callable[[], object], seconds: float, rounds: int) -> float:
    """How often a second, in the best of some rounds."""
    best = 0.0
    for _ in range(rounds):
        count, begun = 0, time.perf_counter()
        while (took := time.perf_counter() - begun) < seconds:
            for _ in range(1000):
                act()
            count += 1000
        best = max(best, count / took)
    return best


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = {name: answers(kind, asked.seconds, asked.rounds) for kind, name in _SERVERS.items()} | {
        name: done(act, asked.seconds / 3, asked.rounds) for name, act in acts().items()
    }
    table = Table("a second", "here", "when the aims were set", "share", title="The speed of this machine")
    for name, here in found.items():
        table.add_row(name, f"{here:,.0f}", f"{_THEN[name]:,}", f"{here / _THEN[name]:.2f}")
    out = Console(width=100)
    out.print(table)
    served = statistics.mean(found[name] / _THEN[name] for name in _SERVERS.values())
    out.print(f"a web server does {served:.2f} of what it did when the aims were set")


if __name__ == "__main__":
    main()
