"""What the tests' clients hold answers against: it notices what /openapi.json does not tell, and no client goes without it."""

import ast
import re
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx2
import pytest

from hub.app import create_app
from hub.runtime import Hub
from tests import documented
from tests.documented import Answer
from tests.hubs import BASE_URL

FHIR, JSON, PROBLEM = "application/fhir+json", "application/json", "application/problem+json"
OWN_APPLICATIONS: Final = {"test_limits.py", "test_unforeseen.py", "fhir/test_directory.py"}
"""Whose clients ask applications that the test makes, beside the hub's."""


@pytest.mark.parametrize(
    "answer",
    [
        Answer("GET", "/healthz", 200, JSON),
        Answer("GET", f"/fhir/Patient/{uuid4()}", 410, FHIR),
        Answer("HEAD", f"/fhir/Patient/{uuid4()}", 200, FHIR),
        Answer("GET", f"/fhir/Patient/{uuid4()}", 304),
        Answer("POST", "/fhir/Basic", 201, is_minimal=True),
        Answer("GET", "/fhir/Patient/$export", 202, FHIR),
        Answer("GET", "/portal/applications/x", 200, JSON),
        Answer("GET", "/console/people", 200, "text/html"),
        Answer("GET", "/nowhere", 404, PROBLEM),
        Answer("PATCH", "/healthz", 405, PROBLEM),
        Answer("GET", "/fhir/$nothing/at/all/here", 404, FHIR),
    ],
)
def test_what_is_told_passes(answer: Answer) -> None:
    documented.check(answer)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer("GET", "/healthz", 418, PROBLEM), "418.* of /healthz the document tells"),
        (Answer("GET", "/fhir/Patient/$export", 200, FHIR), r"of /fhir/Patient/\$export the document tells \[202"),
        (Answer("POST", "/fhir/Basic", 410, FHIR), r"of /fhir/\{type\} the document tells"),
        (Answer("GET", f"/fhir/Patient/{uuid4()}", 404, PROBLEM), "tells .'application/fhir.json'"),
        (Answer("GET", f"/fhir/Patient/{uuid4()}", 200), "tells .'application/fhir.json'"),
        (Answer("GET", f"/fhir/Patient/{uuid4()}", 304, FHIR), r"tells \[\]"),
        (Answer("POST", "/fhir/Basic", 201), "tells .'application/fhir.json'"),
        (Answer("POST", "/fhir/Basic", 400, is_minimal=True), "tells .'application/fhir.json'"),
        (Answer("GET", "/nowhere", 200, JSON), "no route"),
        (Answer("GET", "/nowhere", 404, JSON), "no route"),
        (Answer("GET", "/fhir/$nothing/at/all/here", 404, PROBLEM), "no route"),
        (Answer("PATCH", "/healthz", 403, PROBLEM), "no route"),
    ],
)
def test_what_is_not_told_is_noticed(answer: Answer, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        documented.check(answer)


def _clients_without(file: Path) -> list[int]:
    """Lines that make a client which listens to nothing."""
    calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    made = [one for one in calls if ast.unparse(one.func) in ("httpx2.AsyncClient", "httpx2.Client")]
    return [one.lineno for one in made if "event_hooks" not in {given.arg for given in one.keywords}]


def test_every_client_listens() -> None:
    folder = Path(__file__).parent
    found = {file.relative_to(folder).as_posix(): _clients_without(file) for file in folder.rglob("*.py")}
    assert {name for name, lines in found.items() if lines} == OWN_APPLICATIONS


@pytest.mark.parametrize("sandbox", [False, True])
async def test_what_stands_in_front_is_told_of_every_operation(hub: Hub, *, sandbox: bool) -> None:
    app = create_app(hub.settings.model_copy(update={"sandbox": sandbox}))
    app.state.hub = hub
    operations = [(method.upper(), path) for path, of in app.openapi()["paths"].items() for method in of]
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, event_hooks=documented.HOOKS) as client:
        for method, path in [*operations, ("GET", "/nowhere"), ("PATCH", "/healthz")]:
            address = re.sub(r"\{\w+\}", "1", path)
            coded = await client.request(method, address, content=b"x", headers={"Content-Encoding": "gzip"})
            large = await client.request(method, address, content=b"x", headers={"Content-Length": str(2**40)})
            broken = await client.request(method, f"{address}?lang=%00")
            assert [one.status_code for one in (coded, large, broken)] == [415, 413, 400], (method, path)
