"""Two regions with records of people, and callers of theirs under /fhir."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.api import fhir
from hub.runtime import Hub, open_hub
from hub.services import tokens
from hub.settings import Settings
from hub.storage import people
from hub.storage.members import Member
from hub.storage.resources import by_identifier
from mappings.vocabulary import record_system
from tests.hubs import Clock, Enrolled, serve
from tests.messages import CARE
from tests.receiving import Receiver, receiving
from tests.subscribing import register

Caller = Callable[..., Awaitable[httpx2.Response]]


class Client:
    """Calls as one member; `purpose` goes into the header."""

    def __init__(self, http: httpx2.AsyncClient, token: str) -> None:
        self._http, self._token = http, token

    async def __call__(self, method: str, path: str, *, purpose: str | None = CARE, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._token}", **more.pop("headers", {})}
        if purpose:
            headers["Purpose-Of-Use"] = purpose
        return await self._http.request(method, path, headers=headers, **more)

    async def match(self, patient: dict[str, Any], purpose: str | None = CARE, **parameters: Any) -> httpx2.Response:
        """POST $match; bare where no parameters are given."""
        body: dict[str, Any] = patient
        if parameters:
            listed: list[dict[str, Any]] = [{"name": "resource", "resource": patient}]
            for name, value in parameters.items():
                listed.append({"name": name, "valueBoolean" if isinstance(value, bool) else "valueInteger": value})
            body = {"resourceType": "Parameters", "parameter": listed}
        return await self("POST", "/fhir/Patient/$match", purpose=purpose, json=body)


@pytest.fixture
async def http(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, fhir.router) as made:
        yield made


@pytest.fixture
async def as_huiji(hub: Hub, http: httpx2.AsyncClient, huiji: Enrolled) -> Client:
    return Client(http, await tokens.issue_token(hub, huiji.member))


@pytest.fixture
async def as_yongkang(hub: Hub, http: httpx2.AsyncClient, yongkang: Enrolled) -> Client:
    return Client(http, await tokens.issue_token(hub, yongkang.member))


def found(answer: httpx2.Response) -> list[tuple[str, str]]:
    """(record number, grade) of each entry of a searchset, in order."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["resourceType"] == "Bundle"
    assert body["type"] == "searchset"
    return [
        (
            next(i["value"] for i in entry["resource"]["identifier"] if i["system"].endswith(":record")),
            next((e["valueCode"] for e in entry["search"].get("extension", ())), ""),
        )
        for entry in body.get("entry", ())
    ]


async def ledger(hub: Hub, member: Enrolled, record: str) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """(actor, act, purpose, outcome, fields) noted about the person of a member's record, oldest first."""
    async with hub.database.read() as connection:
        value = hub.vault.blind("identifier", record_system(member.member.name), record)
        (resource,) = await by_identifier(connection, hub.vault, "Patient", value)
        id_ = await people.record_of_resource(connection, resource.id)
        assert id_ is not None
        person = (await people.info(connection, [id_]))[id_].person_id
        rows = await connection.execute(
            text("SELECT actor, act, purpose, outcome, fields FROM access_event WHERE person_id = :person ORDER BY id"),
            {"person": person},
        )
        return [(r.actor, r.act, r.purpose, r.outcome, tuple(r.fields)) for r in rows]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def teller(hub: Hub, hub_settings: Settings, clock: Clock) -> AsyncIterator[Hub]:
    """The hub, allowed to call loopback."""
    async with open_hub(hub_settings.model_copy(update={"webhook_private": True}), now=clock) as opened:
        yield opened


class Renewing(Client):
    """Calls with a fresh token each time, however the clock was moved."""

    def __init__(self, http: httpx2.AsyncClient, hub: Hub, member: Member) -> None:
        super().__init__(http, "")
        self._hub, self._member = hub, member

    async def __call__(self, method: str, path: str, *, purpose: str | None = CARE, **more: Any) -> httpx2.Response:
        self._token = await tokens.issue_token(self._hub, self._member)
        return await super().__call__(method, path, purpose=purpose, **more)


@pytest.fixture
async def caller(teller: Hub, huiji: Enrolled, receiver: Receiver) -> AsyncIterator[Client]:
    """huiji's system, whose endpoint is registered."""
    await register(teller, huiji, receiver.url)
    async with serve(teller, fhir.router) as http:
        yield Renewing(http, teller, huiji.member)
