"""What /openapi.json says of the interface is what is there; whatever schemathesis thinks of by it, nothing breaks.

FHIR's part is made from the interactions themselves. An ordinary run tries a little of each operation, the proof much more.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from hub.api import fhir
from hub.api.fhir import examples
from hub.api.fhir.interactions import PREFIX
from hub.app import create_app
from hub.fhir import validate
from hub.runtime import Hub
from hub.services import accounts, steward_tokens, tokens
from hub.settings import Settings
from tests.adapters.real import RealHub, real_hub
from tests.hubs import Enrolled, serve
from tests.messages import CARE

CASES: Final = 15
"""Of each operation in the proof, beside those that cover what its parameters may be."""
LONGEST_ANSWER: Final = 60
"""Seconds; the mailbox may be asked to wait for half of them."""
CHECKS: Final = "not_a_server_error,status_code_conformance,content_type_conformance"
STEWARDS: Final = r"^/fhir/(\$mdm-|Patient/\$(merge|undo-merge|hapi))"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings.model_validate({"data_dir": tmp_path_factory.mktemp("told")})
    told: dict[str, Any] = create_app(settings).openapi()
    return told


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method.upper(), path): one for path, of in document["paths"].items() for method, one in of.items()}


def test_every_interaction_is_told_and_nothing_else(document: dict[str, Any]) -> None:
    told = {one for one in operations(document) if one[1].startswith(PREFIX)}
    there = {(one.method, PREFIX + one.path) for one in fhir.INTERACTIONS} | {("GET", f"{PREFIX}/metadata")}
    assert told == there
    assert len(document["paths"]) > 55
    named = [one["operationId"] for one in operations(document).values()]
    assert len(set(named)) == len(named)


def test_each_says_what_opens_it_and_how_it_is_refused(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    scopes = schemes["smart"]["flows"]["clientCredentials"]["scopes"]
    for (method, path), one in operations(document).items():
        assert "security" in one, path
        for need in one["security"]:
            assert set(need) <= set(schemes), path
            assert set(need.get("smart", ())) <= set(scopes), path
        refusals = [status for status in one["responses"] if status >= "400"]
        for status in refusals:
            if path == "/auth/token" and status in ("400", "401"):
                continue  # as clients of OAuth read them
            reference = one["responses"][status]["$ref"].rsplit("/", 1)[-1]
            refusal = document["components"]["responses"][reference]
            (media_type,) = refusal["content"]
            assert media_type == ("application/fhir+json" if path.startswith(PREFIX) else "application/problem+json")
        assert {"400", "408", "413", "415", "429", "500", "503"} <= set(refusals), (method, path)
    too_many = document["components"]["responses"]["Fhir429"]
    assert set(too_many["headers"]) == {"Trace-Id", "Retry-After", "RateLimit", "RateLimit-Policy"}
    by_path = operations(document)
    assert by_path["POST", "/fhir/Patient/$match"]["security"] == [{"smart": ["system/Patient.s"]}]
    assert by_path["PATCH", "/fhir/{type}/{id}"]["security"] == [{"smart": ["system/*.r", "system/*.u"]}]
    assert by_path["POST", "/fhir/Patient/$merge"]["security"] == [{"steward": []}]
    assert by_path["POST", "/submissions"]["security"] == [{"smart": ["lianqiao/submissions.c"]}]
    assert by_path["POST", "/verify"]["security"] == []


def test_the_examples_are_valid(document: dict[str, Any]) -> None:
    shown = [
        content["example"]
        for one in [*operations(document).values(), *document["components"]["responses"].values()]
        for content in one.get("requestBody", one).get("content", {}).values()
        if isinstance(content.get("example"), dict) and "resourceType" in content["example"]
    ]
    assert len(shown) > 20
    for one in shown:
        assert validate.check(one) == [], one


async def test_the_examples_are_taken(hub: Hub, huiji: Enrolled) -> None:
    token = await tokens.issue_token(hub, huiji.member)
    headers = {"Authorization": f"Bearer {token}", "Purpose-Of-Use": CARE}
    async with serve(hub, fhir.router) as client:
        made = await client.post("/fhir/Patient", json=examples.PATIENT, headers=headers)
        for (method, path), body in examples.REQUESTS.items():
            body = body | {"id": made.json()["id"]} if "id" in body else body
            address = PREFIX + path.format(type="Patient", id=made.json()["id"])
            address += f"?_id={made.json()['id']}" if (method, path) == ("PUT", "/{type}") else ""
            address += "?identifier=urn:lianqiao:huiji:record|H1" if (method, path) == ("PUT", "/Patient") else ""
            asynchronous = {"Prefer": "respond-async"} if path.endswith("$export") else {}
            found = await client.request(method, address, json=body, headers=headers | asynchronous)
            assert found.status_code < 300, (method, path, found.text)
        patch = headers | {"Content-Type": "application/json-patch+json"}
        patched = await client.patch(f"/fhir/Patient/{made.json()['id']}", json=examples.PATCH, headers=patch)
        assert patched.status_code == 200, patched.text
        lines = headers | {"Content-Type": "application/fhir+ndjson"}
        taken = await client.post("/fhir/$import", content=examples.LINES.encode(), headers=lines)
        assert taken.status_code == 202


CONFIG: Final = """
[[operations]]
include-path-regex = "^/fhir/([{{]type[}}]|Patient)/[{{]id[}}]"
parameters = {{ "path.type" = "Patient", "path.id" = "{id}" }}
"""
"""What is asked of one resource is asked of one that is there, until it is deleted."""
HOOKS: Final = """
import schemathesis
schemathesis.serializer.alias("application/fhir+ndjson", "text/plain")
"""


def _tried(hub: RealHub, folder: Path, token: str, *options: str) -> str:
    program = Path(sys.executable).with_name("schemathesis")
    given = ["--checks", CHECKS, "--continue-on-failure", "--no-color", "--generation-deterministic"]
    given += ["--request-timeout", str(LONGEST_ANSWER), "--header", f"Authorization: Bearer {token}", *options]
    done = subprocess.run(
        [program, "run", f"{hub.url}/openapi.json", *given],
        env=os.environ | {"NO_PROXY": "127.0.0.1", "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    return done.stdout


def _patient(hub: RealHub, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx2.post(f"{hub.url}/fhir/Patient", json=examples.PATIENT, headers=headers, trust_env=False)
    return str(made.json()["id"])


def _try_all(folder: Path, database_url: str, *options: str) -> None:
    """As a member what members may, as a steward what stewards may."""
    with real_hub(folder, database_url) as hub:
        hub.enrol("huiji")
        hub.run(accounts.create_user(hub.hub, name="lin", display="林", roles=["steward"]))
        (folder / "hooks.py").write_text(HOOKS)
        told = httpx2.get(f"{hub.url}/openapi.json", trust_env=False).json()
        stewards = sum(bool(re.match(STEWARDS, path)) for _, path in operations(told))
        member = hub.run(tokens.issue_token_for(hub.hub, "huiji"))
        (folder / "schemathesis.toml").write_text(CONFIG.format(id=_patient(hub, member)))
        said = _tried(hub, folder, member, "--exclude-path-regex", STEWARDS, *options)
        assert re.search(rf"Tested: {len(operations(told)) - stewards}\b", said), said[-5000:]
        steward = hub.run(steward_tokens.issue(hub.hub, "lin"))
        said = _tried(hub, folder, steward, "--include-path-regex", STEWARDS, *options)
        assert re.search(rf"Tested: {stewards}\b", said), said[-5000:]


@pytest.mark.timeout(600)
def test_a_little_of_everything_breaks_nothing(tmp_path: Path, database_url: str) -> None:
    _try_all(tmp_path, database_url, "--phases", "fuzzing", "--max-examples", "3")


@pytest.mark.proof
def test_whatever_is_asked_nothing_breaks(tmp_path: Path, database_url: str) -> None:
    _try_all(tmp_path, database_url, "--phases", "coverage,fuzzing", "--max-examples", str(CASES))
