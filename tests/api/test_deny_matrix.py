"""Whoever asks for whatever in whatever role over real HTTP: allowed and refused as the oracle says, by default refused.

What belongs to another and what is not there are answered byte for byte alike; how long that takes is measured by
`tests.bench.api.hidden`.
"""

import asyncio
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import tokens as signed
from certs.keys import SigningKey
from hub.domain.policy import PURPOSES, Agreement
from hub.services import accounts, enrolment, steward_tokens, terms, tokens
from hub.storage import members, seals
from hub.storage.tables import member as member_table
from mappings.vocabulary import PERSON
from tests import documented
from tests.adapters.real import RealHub, real_hub
from tests.api import oracle
from tests.api.oracle import Asked
from tests.subscribing import asked as asked_for

DIVISIONS = {
    "owner": "410108000000",
    "partner": "330784000000",
    "stranger": "330106000000",
    "suspended": "330702000000",
}
BODIES: dict[str, dict[str, Any]] = {
    "Patient": {"name": [{"text": "王五"}], "gender": "male", "birthDate": "1990-01-02"},
    "Observation": {"status": "final", "code": {"text": "weight"}},
    "Condition": {"subject": {"display": "somebody"}},
    "Subscription": {
        name: value for name, value in asked_for("https://a.example/", status="off").items() if name != "resourceType"
    },
    "Encounter": {
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    },
}
GOT = {"read": "", "vread": "/_history/1", "history": "/_history", "status": "/$status", "events": "/$events"}
"""What is only got: what stands behind the address of the resource."""
INTERACTIONS = [*oracle.LETTERS, "merge"]
TRACE = re.compile(rb'"trace[-_]id"(:|,"valueString":)"[0-9a-f]{32}"')
URL_TRACE = re.compile(rb'(urn:lianqiao:ext:trace-id","valueString":")[0-9a-f]{32}')


@dataclass(slots=True, repr=False)
class World:
    """A hub that answers, a token for each role, and a resource of each type and member."""

    hub: RealHub
    http: httpx2.Client
    tokens: dict[str, str]
    narrowed: dict[tuple[str, str], str]
    theirs: dict[tuple[str, str], str]

    def token(self, asked: Asked) -> str:
        """The token of a role, narrowed where the cell says so."""
        if asked.letters is None or asked.role not in oracle.MEMBERS:
            return self.tokens[asked.role]
        letters = "".join(letter for letter in "cruds" if letter in asked.letters)
        words = [f"system/{asked.type}.{letters}"] if letters else []
        words += [f"lianqiao/purpose.{name}" for name in sorted(asked.purposes)]
        scope = " ".join(words) or "lianqiao/mailbox.r"
        key = (asked.role, scope)
        if key not in self.narrowed:
            self.narrowed[key] = self.hub.run(tokens.issue_token_for(self.hub.hub, asked.role, 3600, scope))
        return self.narrowed[key]

    def make(self, role: str, type_: str) -> str:
        """The id of a new resource of a member."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        made = self.http.post(f"/fhir/{type_}", json={"resourceType": type_, **BODIES[type_]}, headers=headers)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def id_of(self, asked: Asked) -> str:
        """Whom the cell is about: what is changed is fresh."""
        if asked.target == "missing":
            return str(uuid.uuid4())
        if asked.target == "foreign":
            return self.theirs["partner" if asked.role == "owner" else "owner", asked.type]
        caller = asked.role if asked.role in oracle.MEMBERS else "owner"
        changes = asked.interaction in ("update", "delete", "transaction-update", "transaction-delete")
        return self.make(caller, asked.type) if changes else self.theirs[caller, asked.type]

    def ask(self, asked: Asked, id_: str) -> httpx2.Response:
        """What is answered."""
        token = self.token(asked)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if asked.purpose:
            headers["Purpose-Of-Use"] = asked.purpose
        return _send(self.http, asked, id_, headers)


def _send(http: httpx2.Client, asked: Asked, id_: str, headers: dict[str, str]) -> httpx2.Response:
    type_, body = asked.type, {"resourceType": asked.type, **BODIES[asked.type]}
    at, one = f"/fhir/{type_}", f"/fhir/{type_}/{id_}"
    if (behind := GOT.get(asked.interaction)) is not None:
        return http.get(one + behind, headers=headers)
    match asked.interaction:
        case "create":
            return http.post(at, json=body, headers=headers)
        case "create-unless":
            return http.post(at, json=body, headers={**headers, "If-None-Exist": f"identifier=urn:x|{uuid.uuid4()}"})
        case "update":
            return http.put(one, json={**body, "id": id_}, headers=headers)
        case "delete":
            return http.delete(one, headers=headers)
        case "search":
            return http.get(at, params={"_id": id_}, headers=headers)
        case "search-form":
            return http.post(f"{at}/_search", data={"_id": id_}, headers=headers)
        case "merge":
            return http.post("/fhir/Patient/$merge", json={"resourceType": "Parameters"}, headers=headers)
    kind, _, doing = asked.interaction.partition("-")
    method = {"create": "POST", "update": "PUT", "delete": "DELETE", "read": "GET"}[doing]
    entry: dict[str, Any] = {"request": {"method": method, "url": type_ if doing == "create" else f"{type_}/{id_}"}}
    if doing in ("create", "update"):
        entry["resource"] = body | ({"id": id_} if doing == "update" else {})
    bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
    return http.post("/fhir", json=bundle, headers=headers)


def _status(asked: Asked, answer: httpx2.Response) -> int:
    """The status as the oracle counts it."""
    if answer.status_code == 200 and asked.interaction.startswith("search"):
        return 200 if answer.json()["total"] else 404
    if answer.status_code == 200 and asked.interaction == "batch-read":
        return int(answer.json()["entry"][0]["response"]["status"])
    return answer.status_code


def _bare(answer: httpx2.Response, id_: str) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what differs between any two: the trace, the time, what is left of a quota; and the id asked for."""
    body = URL_TRACE.sub(rb"\1", TRACE.sub(b"", answer.content)).replace(id_.encode(), b"ID")
    body = re.sub(rb'"timestamp":"[^"]*"', b"", body)
    kept = {name: value for name, value in answer.headers.items() if name not in ("date", "trace-id", "ratelimit")}
    return answer.status_code, body, kept


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[World]:
    """Four regions, one of them suspended, and people of the console."""
    with real_hub(tmp_path_factory.mktemp("matrix"), module_database_url) as hub:
        held = hub.run(_tokens(hub))
        with httpx2.Client(base_url=hub.url, trust_env=False, timeout=60, event_hooks=documented.SYNC_HOOKS) as http:
            made = World(hub, http, held, {}, {})
            made.theirs = {(role, type_): made.make(role, type_) for role in oracle.MEMBERS for type_ in BODIES}
            yield made


async def _tokens(real: RealHub) -> dict[str, str]:
    hub = real.hub
    for name, division in DIVISIONS.items():
        await enrolment.add_member(hub, name=name, kind="county", display=name, display_zh=name, divisions=[division])
    held = {name: await tokens.issue_token_for(hub, name, 3600) for name in DIVISIONS}
    held["expired"] = await tokens.issue_token_for(hub, "owner", 1)
    owner, partner = await terms.parties(hub, "owner", "partner")
    now = hub.now()
    care = frozenset({oracle.AGREED})
    span = (now - timedelta(days=1), now + timedelta(days=9))
    await terms.enter(
        hub, "x", Agreement(uuid.uuid4(), owner.id, partner.id, frozenset({PERSON}), care, False, 9, *span)
    )
    async with hub.database.begin() as connection:
        row = await seals.find(connection, member_table, member_table.c.name == "suspended", lock=True)
        await seals.change(connection, member_table, row, state="suspended")
        assert await members.by_name(connection, "suspended") is None
    at, base = int(now.timestamp()), hub.settings.base_url
    claims = {
        "iss": base,
        "aud": base,
        "sub": "owner",
        "iat": at,
        "exp": at + 600,
        "jti": "x" * 8,
        "scope": "lianqiao/exchange",
    }
    elsewhere = claims | {"aud": "https://another.example"}
    held["elsewhere"] = signed.sign(elsewhere, typ=tokens.TYPE, signer=hub.signer)
    held["forged"] = signed.sign(claims, typ=tokens.TYPE, signer=SigningKey.generate())
    held["nobody"] = ""
    for role in oracle.PEOPLE:
        await accounts.create_user(hub, name=role, display=role, roles=[role], member=None)
        held[role] = await steward_tokens.issue(hub, role) if role in oracle.DECIDE else "console-session"
    await asyncio.sleep(1.1)  # the shortest life of a token
    return held


CELLS = st.builds(
    Asked,
    role=st.sampled_from([*oracle.MEMBERS * 4, *oracle.NOT_BELIEVED, *oracle.PEOPLE]),
    type=st.sampled_from(sorted(BODIES)),
    interaction=st.sampled_from(INTERACTIONS),
    target=st.sampled_from(["own", "foreign", "missing"]),
    letters=st.none() | st.frozensets(st.sampled_from("cruds")) | st.just(frozenset("cruds")),
    purpose=st.sampled_from(["", "", *sorted(PURPOSES)]),
    purposes=st.frozensets(st.sampled_from(sorted(PURPOSES))),
).filter(lambda one: one.type == "Subscription" or one.interaction not in oracle.ASK)


@given(CELLS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_allowed_and_refused_as_it_is_written(world: World, asked: Asked) -> None:
    id_ = world.id_of(asked)
    answer = world.ask(asked, id_)
    assert _status(asked, answer) == oracle.status(asked), (asked, answer.text)
    if answer.status_code == 403 and asked.role in oracle.MEMBERS and asked.interaction != "merge":
        assert "missing-scope" in answer.text
    if oracle.status(asked) in (401, 403, 404) and asked.target == "own" and asked.role in oracle.MEMBERS:
        again = world.http.get(
            f"/fhir/{asked.type}/{id_}", headers={"Authorization": f"Bearer {world.tokens[asked.role]}"}
        )
        assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')  # whatever was refused changed nothing


@pytest.mark.parametrize("purpose", ["", *sorted(PURPOSES)])
@pytest.mark.parametrize("role", oracle.MEMBERS)
def test_what_agreements_show_of_people_is_shown_and_no_more(world: World, role: oracle.Role, purpose: str) -> None:
    for interaction in set(INTERACTIONS) - set(oracle.ASK):
        for target in ("own", "foreign", "missing"):
            asked = Asked(role, "Patient", interaction, target, None, purpose, frozenset())
            answer = world.ask(asked, world.id_of(asked))
            assert _status(asked, answer) == oracle.status(asked), (asked, answer.text)


@given(CELLS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anothers_and_nobodys_are_answered_alike(world: World, asked: Asked) -> None:
    foreign = _with(asked, "foreign")
    if oracle.status(foreign) == 200:
        return  # it is shown
    missing = _with(asked, "missing")
    told = []
    for cell in (foreign, missing):
        id_ = world.id_of(cell)
        told.append(_bare(world.ask(cell, id_), id_))
    if oracle.status(foreign) in (401, 403, 404):
        assert told[0] == told[1], asked


def _with(asked: Asked, target: oracle.Target) -> Asked:
    return Asked(asked.role, asked.type, asked.interaction, target, asked.letters, asked.purpose, asked.purposes)
