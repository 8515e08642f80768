"""What all interactions under /fhir have in common: who may call, formats, errors as OperationOutcome, the statement."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from fastapi import APIRouter
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from starlette.responses import Response

from hub.api import fhir
from hub.api.fhir import metadata
from hub.api.fhir.interactions import Call, Interaction, answer, by_member, route
from hub.fhir import criteria
from hub.fhir.capability import Ability, Parameter
from hub.runtime import Hub
from hub.services import tokens
from tests.hubs import Enrolled, serve
from tests.messages import CARE


async def echo(call: Call) -> Response:
    return answer({"resourceType": "Basic", "member": call.member.name, "purpose": call.purpose, "query": call.query})


async def read(call: Call) -> Response:
    return answer(await call.resource())


async def form(call: Call) -> Response:
    return answer({"fields": await call.form()})


ABILITY = Ability("Basic", "search-type", parameters=(Parameter("code", "token", "Exact."),))
INTERACTIONS = (
    Interaction("GET", "/Basic", echo, ABILITY, by_member),
    Interaction("POST", "/Basic/_search", form, ABILITY, by_member),
    Interaction(
        "POST", "/Basic/$read", read, Ability("Basic", operation=("read", "http://example.org/read")), by_member
    ),
)
ROUTER = APIRouter(routes=[*map(route, INTERACTIONS), metadata.route([one.ability for one in INTERACTIONS])])


@pytest.fixture
async def client(hub: Hub, huiji: Enrolled) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, ROUTER) as made:
        made.headers["Authorization"] = f"Bearer {await tokens.issue_token(hub, huiji.member)}"
        yield made


def issue_of(found: httpx2.Response) -> tuple[int, str, str]:
    """(status, our code, FHIR's issue type), of an answer that is a valid OperationOutcome with retry class and trace."""
    assert found.headers["content-type"] == "application/fhir+json"
    body = found.json()
    OperationOutcome.model_validate(body)
    (issue,) = body["issue"]
    assert issue["details"]["text"] == issue["diagnostics"]
    said = {one["url"]: next(v for k, v in one.items() if k != "url") for one in issue["extension"]}
    assert said["urn:lianqiao:ext:retry"] in {"NORMAL", "CHECK_STATUS", "FIX_FIRST", "CONTACT"}
    assert said["urn:lianqiao:ext:trace-id"] == found.headers.get("Trace-Id", said["urn:lianqiao:ext:trace-id"])
    return found.status_code, issue["details"]["coding"][0]["code"], issue["code"]


async def test_a_caller_has_a_token(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/fhir/Basic")).json()["member"] == "huiji"
    for wrong in ("", "Bearer nonsense", "Basic aHVpamk6eA=="):
        found = await client.get("/fhir/Basic", headers={"Authorization": wrong})
        assert issue_of(found) == (401, "unauthenticated", "login")
        assert found.headers["WWW-Authenticate"] == "Bearer"


async def test_a_purpose_is_one_of_the_exchange_or_none(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/fhir/Basic")).json()["purpose"] == ""
    known = await client.get("/fhir/Basic", headers={"Purpose-Of-Use": "continuity-of-care"})
    assert known.json()["purpose"] == "continuity-of-care"
    unknown = await client.get("/fhir/Basic", headers={"Purpose-Of-Use": "curiosity"})
    assert issue_of(unknown) == (400, "unknown-purpose", "invalid")


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html, application/fhir+json;q=0.9",
                                    "application/fhir+json; fhirVersion=4.0"])  # fmt: skip
async def test_json_is_answered_to_whoever_takes_it(client: httpx2.AsyncClient, accept: str) -> None:
    found = await client.get("/fhir/Basic", headers={"Accept": accept})
    assert (found.status_code, found.headers["content-type"]) == (200, "application/fhir+json")
    assert found.headers["cache-control"] == "no-store"


async def test_another_format_is_406(client: httpx2.AsyncClient) -> None:
    for accept in ("application/fhir+xml", "text/turtle", "application/fhir+json; fhirVersion=5.0"):
        found = await client.get("/fhir/Basic", headers={"Accept": accept})
        assert issue_of(found) == (406, "not-acceptable", "not-supported")
    assert (await client.get("/fhir/Basic?_format=xml")).status_code == 406
    # The parameter goes before the header, and a plus sign that was not escaped is a space.
    found = await client.get("/fhir/Basic?_format=application/fhir+json&code=1", headers={"Accept": "text/xml"})
    assert found.json()["query"] == [["code", "1"]]


@pytest.mark.parametrize("type_", [None, "application/json", "application/fhir+json; charset=utf-8; fhirVersion=4.0"])
async def test_a_body_is_json_also_when_it_does_not_say_so(client: httpx2.AsyncClient, type_: str | None) -> None:
    headers = {"Content-Type": type_} if type_ else {}
    found = await client.post("/fhir/Basic/$read", content=b'{"resourceType":"Basic"}', headers=headers)
    assert found.json() == {"resourceType": "Basic"}


@pytest.mark.parametrize(
    ("body", "type_", "expected"),
    [
        (b"{", "application/json", (400, "bad-request", "invalid")),
        (b"[]", "application/json", (400, "bad-request", "invalid")),
        (b"{}", "application/json", (400, "bad-request", "invalid")),
        (b'{"resourceType":"Basic","id":"\\u0000"}', "application/json", (400, "invalid-content", "invalid")),
        (b'{"resourceType":"Basic","id":"\\ud800"}', "application/json", (400, "bad-request", "invalid")),
        (b'{"resourceType":"Basic","x":' + b"[" * 99 + b"]" * 99 + b"}", "application/json", (400, "bad-request", "invalid")),
        (b"<Basic/>", "application/fhir+xml", (415, "unsupported-media-type", "not-supported")),
        (b'{"resourceType":"Basic"}', "application/fhir+json; fhirVersion=3.0", (415, "unsupported-media-type", "not-supported")),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_read_is_refused(
    client: httpx2.AsyncClient, body: bytes, type_: str, expected: tuple[int, str, str]
) -> None:
    found = await client.post("/fhir/Basic/$read", content=body, headers={"Content-Type": type_})
    assert issue_of(found) == expected


async def test_a_form_is_read_in_order(client: httpx2.AsyncClient) -> None:
    found = await client.post("/fhir/Basic/_search", data={"a": ["1", "2"], "_format": "json"})
    assert found.json()["fields"] == [["a", "1"], ["a", "2"]]
    wrong = await client.post("/fhir/Basic/_search", json={"a": 1})
    assert issue_of(wrong) == (415, "unsupported-media-type", "not-supported")
    many = await client.post("/fhir/Basic/_search", data={f"a{n}": "1" for n in range(51)})
    assert issue_of(many) == (400, "bad-request", "invalid")


async def test_what_is_not_there_is_an_outcome_too(client: httpx2.AsyncClient) -> None:
    assert issue_of(await client.get("/fhir/Nothing")) == (404, "not-found", "not-found")
    assert issue_of(await client.delete("/fhir/Basic")) == (405, "method-not-allowed", "not-supported")


async def test_the_statement_is_public_and_lists_what_is_there(hub: Hub) -> None:
    async with serve(hub, ROUTER) as stranger:
        told = (await stranger.get("/fhir/metadata")).json()
    CapabilityStatement.model_validate(told)
    (rest,) = told["rest"]
    (entry,) = rest["resource"]
    assert entry["type"] == "Basic"
    assert [one["code"] for one in entry["interaction"]] == ["search-type"]
    assert [one["name"] for one in entry["searchParam"]] == ["code"]
    assert [one["name"] for one in entry["operation"]] == ["read"]


async def test_the_hubs_own_statement_is_valid(hub: Hub) -> None:
    async with serve(hub, fhir.router) as stranger:
        told = (await stranger.get("/fhir/metadata")).json()
    CapabilityStatement.model_validate(told)
    assert told["fhirVersion"] == "4.0.1"


async def test_the_hubs_statement_lists_identity(hub: Hub) -> None:
    async with serve(hub, fhir.router) as stranger:
        told = (await stranger.get("/fhir/metadata")).json()
    (patient,) = [one for one in told["rest"][0]["resource"] if one["type"] == "Patient"]
    assert {"match", "ihe-pix"} <= {one["name"] for one in patient["operation"]}
    assert {"search-type", "read"} <= {one["code"] for one in patient["interaction"]}
    assert {one["name"] for one in patient["searchParam"]} >= set(criteria.KNOWN)


async def test_a_member_that_asks_too_often_is_told_when_to_go_on(hub: Hub, huiji: Enrolled) -> None:
    slow = replace(hub, settings=hub.settings.model_copy(update={"look_ups_per_minute": 2}))
    async with serve(slow, fhir.router) as caller:
        caller.headers["Authorization"] = f"Bearer {await tokens.issue_token(hub, huiji.member)}"
        caller.headers["Purpose-Of-Use"] = CARE
        answers = [await caller.get("/fhir/Patient?family=李&birthdate=1987-03-12") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert issue_of(answers[2]) == (429, "too-many", "throttled")
    assert answers[2].headers["Retry-After"] == "30"
