"""A token opens what it says and no more: at the token endpoint, in every part of the interface, in Bundles and searches."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from hub.api import auth, certificates, fhir, mailbox, scopes, submissions
from hub.domain.scopes import EVERYTHING
from hub.errors import Invalid, NotFound
from hub.runtime import Hub
from hub.services import enrolment, tokens
from tests.api.test_auth import assertion, form
from tests.hubs import Clock, Enrolled, acts, serve
from tests.messages import CARE

PATIENT = {"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male", "birthDate": "1990-01-02"}


class As:
    """Calls with a token of these scopes."""

    def __init__(self, http: httpx2.AsyncClient, token: str) -> None:
        self._http, self._token = http, token

    async def __call__(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._token}", **more.pop("headers", {})}
        return await self._http.request(method, path, headers=headers, **more)

    async def make(self, resource: dict[str, Any]) -> str:
        """The id of a resource that is created."""
        made = await self("POST", f"/fhir/{resource['resourceType']}", json=resource)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


@pytest.fixture
async def http(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, auth.router, submissions.router, mailbox.router, certificates.router, fhir.router) as made:
        yield made


@pytest.fixture
def given(hub: Hub, http: httpx2.AsyncClient, huiji: Enrolled) -> Any:
    async def made(scope: str = "") -> As:
        return As(http, await tokens.issue_token(hub, huiji.member, scope=scope))

    return made


def _lacks(answer: httpx2.Response, scope: str) -> bool:
    assert answer.status_code == 403, answer.text
    assert answer.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
    body = answer.json()
    code = body["code"] if "code" in body else body["issue"][0]["details"]["coding"][0]["code"]
    return code == "missing-scope" and f"lacks the scope {scope}. Nothing was stored" in answer.text


async def test_what_is_asked_for_is_given_as_far_as_the_member_may_have_it(
    hub: Hub, http: httpx2.AsyncClient, huiji: Enrolled, clock: Clock
) -> None:
    async def ask(**more: str) -> httpx2.Response:
        return await http.post("/auth/token", data=form(assertion(huiji.auth, "huiji", clock), **more))

    assert (await ask()).json()["scope"] == EVERYTHING
    assert (await ask(scope=" ")).json()["scope"] == EVERYTHING
    assert (await ask(scope="system/Patient.read openid")).json()["scope"] == "system/Patient.rs"
    await enrolment.set_scopes(hub, "huiji", ["system/*.rs", "lianqiao/mailbox.ru"])
    assert (await ask()).json()["scope"] == "lianqiao/mailbox.ru system/*.rs"
    assert (await ask(scope="system/Patient.cruds")).json()["scope"] == "system/Patient.rs"
    assert (await ask(scope=EVERYTHING)).json()["scope"] == "lianqiao/mailbox.ru system/*.rs"
    for wanted in ("system/Patient.c", "nonsense", "system/Patient.r?x=y"):
        refused = await ask(scope=wanted)
        assert (refused.status_code, refused.json()["error"], refused.json()["code"]) == (
            400,
            "invalid_scope",
            "invalid-scope",
        )


async def test_what_a_member_may_is_set_and_counts_for_tokens_that_it_has(
    hub: Hub, given: Any, huiji: Enrolled, clock: Clock
) -> None:
    ask = await given()
    assert (await ask("GET", "/fhir/Patient")).status_code == 200
    assert (
        await enrolment.set_scopes(hub, "huiji", ["system/Patient.write", "system/Patient.c"]) == "system/Patient.cud"
    )
    clock.advance(seconds=tokens.RECHECK.total_seconds())
    assert _lacks(await ask("GET", "/fhir/Patient"), "system/Patient.s")
    assert await ask.make(PATIENT)
    assert [one["scopes"] for one in await acts(hub, "set-scopes")] == ["system/Patient.cud"]
    with pytest.raises(Invalid):
        await enrolment.set_scopes(hub, "huiji", ["system/Patient.c", "system/Patient.sr"])
    with pytest.raises(NotFound):
        await enrolment.set_scopes(hub, "nobody", [EVERYTHING])


async def test_too_many_scopes_for_a_token_are_refused(hub: Hub, huiji: Enrolled) -> None:
    named = [scope for scope in scopes.supported() if "*" not in scope and scope != EVERYTHING]
    with pytest.raises(Invalid, match=r"system/\*"):
        await tokens.issue_token(hub, huiji.member, scope=" ".join(named + [f"system/X{'y' * 50}{n}.r" for n in range(9)] + [
            f"system/{'Z' * 40}{chr(97 + n)}.cruds" for n in range(20)]))  # fmt: skip
    token = await tokens.issue_token(hub, huiji.member, scope=" ".join(named[:30]))
    assert len((await tokens.access_of(hub, token)).rights) >= 30


NOBODYS = "7b1f0c52-6a31-4c1e-9d55-0f4ab2c9d8e1"
"""The id of nothing; the same in all processes that collect the tests."""
PARTS: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "POST",
        "/submissions",
        {"headers": {"Message-Id": NOBODYS, "Content-Digest": "x"}},
        "lianqiao/submissions.c",
    ),
    ("GET", "/submissions", {}, "lianqiao/submissions.r"),
    ("GET", f"/submissions/{NOBODYS}", {}, "lianqiao/submissions.r"),
    ("GET", f"/submissions/{NOBODYS}/issues", {}, "lianqiao/submissions.r"),
    ("POST", "/mailbox", {"json": {}}, "lianqiao/mailbox.r"),
    ("GET", f"/mailbox/{NOBODYS}", {}, "lianqiao/mailbox.r"),
    (
        "POST",
        f"/mailbox/{NOBODYS}/receipt",
        {"json": {"state": "RECEIVED", "digest": f"sha-256:{'0' * 64}"}},
        "lianqiao/mailbox.u",
    ),
    (
        "POST",
        "/certificates",
        {"json": {"kind": "k", "number": "1", "subject": "s"}, "headers": {"Message-Id": NOBODYS}},
        "lianqiao/certificates.c",
    ),
    (
        "PUT",
        f"/certificates/{NOBODYS}",
        {
            "json": {
                "digest": f"sha-256:{'0' * 64}",
                "issued_at": "2026-01-01T00:00:00Z",
                "expires_at": "2026-01-01T00:00:00Z",
            }
        },
        "lianqiao/certificates.u",
    ),
    (
        "POST",
        f"/certificates/{NOBODYS}/status",
        {"json": {"status": "revoked", "reason": "x"}},
        "lianqiao/certificates.u",
    ),
    ("POST", "/fhir/Patient/$match", {"json": PATIENT}, "system/Patient.s"),
    ("GET", "/fhir/Patient/$ihe-pix?sourceIdentifier=a|b", {}, "system/Patient.s"),
    ("POST", "/fhir/Patient/_search", {"data": {"gender": "male"}}, "system/Patient.s"),
    ("GET", f"/fhir/Patient/{NOBODYS}", {}, "system/Patient.r"),
    ("GET", f"/fhir/Observation/{NOBODYS}", {}, "system/Observation.r"),
    ("GET", f"/fhir/Observation/{NOBODYS}/_history", {}, "system/Observation.r"),
    ("GET", f"/fhir/Observation/{NOBODYS}/_history/1", {}, "system/Observation.r"),
    ("POST", "/fhir/Observation", {"json": {"resourceType": "Observation"}}, "system/Observation.c"),
    ("PUT", f"/fhir/Observation/{NOBODYS}", {"json": {"resourceType": "Observation"}}, "system/Observation.u"),
    ("DELETE", f"/fhir/Observation/{NOBODYS}", {}, "system/Observation.d"),
    ("GET", "/fhir/Observation", {}, "system/Observation.s"),
]


@pytest.mark.parametrize(("method", "path", "more", "scope"), PARTS, ids=lambda value: str(value)[:40])
async def test_each_part_asks_for_its_scope_and_for_no_other(
    hub: Hub, given: Any, method: str, path: str, more: dict[str, Any], scope: str
) -> None:
    area, _, letter = scope.rpartition(".")
    others = {one for _, _, _, one in PARTS} - {scope} | {
        f"{area}.{other}" for other in "cruds" if area[:3] == "sys"
    } - {scope}
    without = await given(" ".join(sorted(others)))
    assert _lacks(await without(method, path, **more), scope)
    assert [(one["actor"], one["reason"], one["scope"]) for one in await acts(hub, "refuse")] == [
        ("huiji", "missing-scope", scope)
    ]
    opened = [await given(scope), await given()]
    if area.startswith("system/"):
        opened.append(await given(f"system/*.{letter}"))
    answers = {(await ask(method, path, **more)).status_code for ask in opened}
    assert len(answers) == 1
    assert not answers & {401, 403}


async def test_a_patch_shows_what_it_changes_and_needs_the_right_to_read_it(given: Any) -> None:
    where = f"/fhir/Patient/{await (await given()).make(PATIENT)}"
    patch = {"content": b'[{"op":"test","path":"/gender","value":"male"}]'}
    headers = {"Content-Type": "application/json-patch+json"}
    entry = {
        "request": {"method": "PATCH", "url": where.removeprefix("/fhir/")},
        "resource": {"resourceType": "Binary", "contentType": headers["Content-Type"], "data": "W10="},
    }
    together = {"json": {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}}
    ask = await given("system/Patient.cuds")
    assert _lacks(await ask("PATCH", where, headers=headers, **patch), "system/Patient.r")
    assert _lacks(await ask("POST", "/fhir", **together), "system/Patient.r")
    ask = await given("system/Patient.ru")
    assert (await ask("PATCH", where, headers=headers, **patch)).json()["gender"] == "male"
    assert (await ask("POST", "/fhir", **together)).status_code == 200


async def test_what_is_there_is_judged_for_who_may_read_it_and_do_what_is_tried(given: Any) -> None:
    where = f"/fhir/Patient/{await (await given()).make(PATIENT)}"
    body = {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "delete"}]}
    assert _lacks(await (await given("system/Patient.cuds"))("GET", f"{where}/$validate"), "system/Patient.r")
    ask = await given("system/Patient.cr")
    assert (await ask("GET", f"{where}/$validate")).status_code == 200
    assert _lacks(await ask("GET", f"{where}/$validate?mode=delete"), "system/Patient.d")
    assert _lacks(await ask("POST", f"{where}/$validate", json=body), "system/Patient.d")
    assert _lacks(await ask("POST", f"{where}/$validate?mode=update", json=PATIENT), "system/Patient.u")
    assert (await (await given("system/Patient.rd"))("GET", f"{where}/$validate?mode=delete")).status_code == 200


async def test_whoever_may_import_sees_what_came_of_it(given: Any) -> None:
    ask, reads = await given("system/*.cu"), await given("system/*.rs")
    lines = {"content": b'{"resourceType": "Location"}', "headers": {"Content-Type": "application/fhir+ndjson"}}
    asked = await ask("POST", "/fhir/$import", **lines)
    assert asked.status_code == 202, asked.text
    where = asked.headers["Content-Location"]
    assert (await ask("GET", where)).status_code == 202
    assert (await ask("GET", f"{where}/issues")).status_code == 200
    for path in (where, f"{where}/issues"):
        assert _lacks(await reads("GET", path), "system/*.c")


async def test_a_purpose_has_to_be_open_too(given: Any) -> None:
    ask = await given("system/Patient.s lianqiao/purpose.entitlement")
    assert (await ask("GET", "/fhir/Patient")).status_code == 200
    found = await ask("GET", "/fhir/Patient?identifier=a|b", headers={"Purpose-Of-Use": CARE})
    assert _lacks(found, f"lianqiao/purpose.{CARE}")
    found = await ask("GET", "/fhir/Patient?identifier=a|b", headers={"Purpose-Of-Use": "entitlement"})
    assert found.status_code == 200


async def test_a_condition_is_a_search_too(given: Any) -> None:
    ask = await given("system/Patient.cu")
    condition = {"If-None-Exist": "identifier=a|b"}
    assert _lacks(await ask("POST", "/fhir/Patient", json=PATIENT, headers=condition), "system/Patient.s")
    assert _lacks(await ask("PUT", "/fhir/Patient?identifier=a|b", json=PATIENT), "system/Patient.s")
    assert _lacks(await (await given("system/Patient.us"))("PUT", "/fhir/Patient?identifier=a|b"), "system/Patient.c")


def _bundle(kind: str, *entries: tuple[str, str, dict[str, Any] | None]) -> dict[str, Any]:
    listed = [
        {"request": {"method": method, "url": url}} | ({"resource": resource} if resource else {})
        for method, url, resource in entries
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": listed}


async def test_a_transaction_is_refused_whole_and_a_batch_by_entries(hub: Hub, given: Any) -> None:
    own = await (await given()).make(PATIENT)
    ask = await given("system/Patient.cr")
    entries = (("POST", "Patient", PATIENT), ("DELETE", f"Patient/{own}", None), ("GET", f"Patient/{own}", None))
    assert _lacks(await ask("POST", "/fhir", json=_bundle("transaction", *entries)), "system/Patient.d")
    everything = await given()
    assert (await everything("GET", "/fhir/Patient?_summary=count")).json()["total"] == 1
    told = (await ask("POST", "/fhir", json=_bundle("batch", *entries, entries[1], ("GET", "Patient", None)))).json()[
        "entry"
    ]
    assert [one["response"]["status"] for one in told] == ["201", "403", "200", "403", "403"]
    refused = told[1]["response"]["outcome"]["issue"][0]
    assert (refused["code"], refused["details"]["coding"][0]["code"]) == ("forbidden", "missing-scope")
    assert (await everything("GET", f"/fhir/Patient/{own}")).status_code == 200
    assert sorted(one["scope"] for one in await acts(hub, "refuse")) == [
        "system/Patient.d", "system/Patient.d", "system/Patient.s"
    ]  # fmt: skip


WEIGHT = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


async def test_conditions_of_a_bundle_are_counted_before_their_rights_are_looked_for(given: Any) -> None:
    """Reading thousands of searches takes long, whatever comes of them."""
    ask = await given("system/Observation.c")
    said = [{"reference": f"Provenance?target._id={at}"} for at in range(51)]
    for listed, code in ((said[:50], "missing-scope"), (said, "too-costly")):
        sent = _bundle("transaction", ("POST", "Observation", WEIGHT | {"focus": listed}))
        found = (await ask("POST", "/fhir", json=sent)).json()
        assert found["issue"][0]["details"]["coding"][0]["code"] == code
    deletes = [("DELETE", f"Patient?birthdate=2000-01-01&_id={at}", None) for at in range(51)]
    found = (await (await given())("POST", "/fhir", json=_bundle("batch", *deletes))).json()
    assert found["issue"][0]["details"]["coding"][0]["code"] == "too-costly"


async def test_only_a_transaction_leads_references_and_needs_the_rights_for_it(given: Any) -> None:
    ask = await given("system/Observation.c")
    sent = WEIGHT | {"focus": [{"reference": "Provenance?target.name=x"}]}
    assert (await ask("POST", "/fhir/Observation", json=sent)).status_code != 403
    entry = ("POST", "Observation", sent)
    (told,) = (await ask("POST", "/fhir", json=_bundle("batch", entry))).json()["entry"]
    assert told["response"]["status"] != "403"
    assert _lacks(await ask("POST", "/fhir", json=_bundle("transaction", entry)), "system/Provenance.s")


async def test_a_search_leads_through_and_shows_only_what_is_open(given: Any) -> None:
    everything = await given()
    subject = await everything.make(PATIENT)
    seen = await everything.make(
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "weight"},
            "subject": {"reference": f"Patient/{subject}"},
        }
    )
    ask = await given("system/Observation.rs")
    for query in ("subject:Patient.gender=male", "patient.gender=male"):
        assert _lacks(await ask("GET", f"/fhir/Observation?{query}"), "system/Patient.s")
    both = "/fhir/Observation?_include=Observation:subject"
    for caller, shown in ((ask, {seen}), (await given("system/Observation.s system/Patient.r"), {seen, subject})):
        found = (await caller("GET", both)).json()
        assert {one["resource"]["id"] for one in found["entry"]} == shown
    patients = await given("system/Patient.rs")
    assert _lacks(await patients("GET", "/fhir/Patient?_has:Observation:subject:status=final"), "system/Observation.s")
    found = (await patients("GET", "/fhir/Patient?_revinclude=Observation:subject")).json()
    assert {one["resource"]["id"] for one in found["entry"]} == {subject}


async def test_a_stewards_operations_are_open_to_no_member(given: Any) -> None:
    for scope in ("", "system/*.cruds"):
        found = await (await given(scope))("POST", "/fhir/Patient/$merge", json={})
        assert found.status_code == 403
        assert found.json()["issue"][0]["details"]["coding"][0]["code"] == "role-missing"


LETTERS = {
    "create": "c", "read": "r", "vread": "r", "history-instance": "r", "update": "u", "patch": "u", "delete": "d",
    "search-type": "s", "history-type": "s",
}  # fmt: skip


async def test_what_clients_are_told_is_what_there_is(http: httpx2.AsyncClient) -> None:
    told = (await http.get("/.well-known/smart-configuration")).json()
    assert {"permission-v1", "permission-v2"} <= set(told["capabilities"])
    offered = set(told["scopes_supported"])
    (rest,) = (await http.get("/fhir/metadata")).json()["rest"]
    assert "system/TYPE.cruds" in rest["security"]["description"]
    for one in rest["resource"]:
        letters = {LETTERS[interaction["code"]] for interaction in one.get("interaction", ())}
        if letters & set("cud"):
            assert f"system/{one['type']}.cruds" in offered
            assert letters <= set("cruds")
    assert {EVERYTHING, "system/*.cruds", "lianqiao/mailbox.ru", f"lianqiao/purpose.{CARE}"} <= offered
