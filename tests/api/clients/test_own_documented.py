"""The examples of docs/client.md, run in their order against a hub with a worker: those in Python, and those with curl."""

import ast
import asyncio
import inspect
import os
import re
import subprocess
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from adapters.client import connect
from certs.keys import VerifyKey
from tests.adapters import kit
from tests.adapters.real import RealHub
from tests.api.clients.conftest import MEMBER

PAGE = Path(__file__).parents[3] / "docs" / "client.md"
WRITTEN = "http://127.0.0.1:8080"
"""Where the page's hub is."""
PASSPHRASE = "a passphrase of tests"


def blocks(language: str) -> list[str]:
    """The examples in a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, served: RealHub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the member keeps what the first example reads."""
    (tmp_path / "auth.key").write_bytes(kit.ring_of(MEMBER).auth[0].lock(PASSPHRASE))
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    (tmp_path / "trust-roots.json").write_bytes((served.folder / "hub" / "trust-roots.json").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compiled(example: str) -> CodeType:
    code = compile(example, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    return code


async def _run(served: RealHub, examples: list[str]) -> dict[str, Any]:
    known: dict[str, Any] = {"Path": Path}
    roots = [VerifyKey.from_jwk(jwk) for jwk in served.roots_jwks()["keys"]]
    async with connect(served.url, MEMBER, [kit.ring_of(MEMBER).auth[0]], roots=roots) as known["hub"]:
        for example in examples:
            waiting = eval(compiled(example), known)  # noqa: S307 - our own page
            if inspect.isawaitable(waiting):
                await waiting
    return known


@pytest.mark.timeout(300)
def test_the_examples_do_what_the_page_says(
    served: RealHub, folder: Path, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    first, *others = blocks("python")
    exec(compiled(first.replace(WRITTEN, served.url)), {"__name__": "example"})  # noqa: S102 - our own page
    assert capsys.readouterr().out == "0\n"
    known = asyncio.run(_run(served, others))
    said = capsys.readouterr().out.splitlines()
    assert known["told"].state == "PROCESSED"
    assert known["told"].counts["translated"] == 1
    assert known["patched"].version == "3"
    assert said[4:8] == ["3 male", "3 PUT", "2 PUT", "1 POST"]
    assert "['201', '201']" in said
    assert sorted(path.name for path in known["paths"]) == ["1.Observation.ndjson", "2.Patient.ndjson"]
    assert (known["done"].read, known["done"].stored, known["done"].set_aside) == (2, 1, 1)
    assert "invalid-resource True" in said[-1]
    assert [path.read_bytes().count(b"\n") for path in known["paths"]] == [1, 2]
    script = "set -eu -o pipefail\n" + "\n".join(blocks("sh")).replace(WRITTEN, served.url)
    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"TOKEN": token, "NO_PROXY": "127.0.0.1"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    answers = done.stdout.splitlines()
    assert '"transaction-response"' in answers[-3]
    assert '"searchset"' in answers[-2]
    assert '"Parameters"' in answers[-1]
