"""What /openapi.json says of the interface beside FHIR is tried by schemathesis: whatever it thinks of, nothing breaks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from hub.services import tokens
from tests.adapters.real import real_hub

CASES = 15
"""Of each operation, beside those that cover what its parameters may be."""
LONGEST_ANSWER = 60
"""Seconds; the mailbox may be asked to wait for half of them."""


@pytest.mark.proof
def test_whatever_is_asked_nothing_breaks(tmp_path: Path, database_url: str) -> None:
    with real_hub(tmp_path, database_url) as hub:
        hub.enrol("huiji")
        document = httpx2.get(f"{hub.url}/openapi.json", trust_env=False).json()
        assert [
            path for path in document["paths"] if path.startswith("/fhir")
        ] == []  # /fhir/metadata says what is there
        token = hub.run(tokens.issue_token_for(hub.hub, "huiji"))
        program = Path(sys.executable).with_name("schemathesis")
        options = [
            "--checks",
            "not_a_server_error",
            "--phases",
            "coverage,fuzzing",
            "--continue-on-failure",
            "--no-color",
        ]
        options += [
            "--generation-deterministic",
            "--max-examples",
            str(CASES),
            "--request-timeout",
            str(LONGEST_ANSWER),
        ]
        done = subprocess.run(
            [program, "run", f"{hub.url}/openapi.json", "--header", f"Authorization: Bearer {token}", *options],
            env=os.environ | {"NO_PROXY": "127.0.0.1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    operations = sum(len(methods) for methods in document["paths"].values())
    assert re.search(rf"Tested: {operations}\b", done.stdout), done.stdout[-5000:]
