"""Web processes, the worker and the database die under mixed load: what was acknowledged is there once, and receipts verify."""

import asyncio
import hashlib
import itertools
from random import Random
from typing import Any

import httpx2
import orjson
import pytest

from certs import tokens as certs_tokens
from hub.runtime import open_hub
from hub.services import auditing, enrolment, receipts, setup, tokens
from tests.faults.mixed.estate import DATABASE, Estate, disturb, estate
from tests.faults.mixed.senders import (
    MEMBER,
    OBSERVATIONS,
    Acknowledged,
    Sender,
    Sent,
    Told,
    by_number,
)

SENDERS = 8
_AT_ONCE = 8


@pytest.mark.parametrize(
    ("seconds", "least"),
    [
        pytest.param(8, 3, id="eight seconds", marks=pytest.mark.timeout(300)),
        pytest.param(600, 2_000, id="ten minutes", marks=[pytest.mark.proof, pytest.mark.timeout(1500)]),
    ],
)
async def test_what_is_acknowledged_is_there_once(seconds: float, least: int) -> None:
    told = Told()
    with estate() as place:
        token = await _prepared(place)
        place.keep_alive()
        async with httpx2.AsyncClient(
            base_url=place.address, headers={"Authorization": f"Bearer {token}"}, timeout=20
        ) as client:
            await _up(client)
            numbers = itertools.count(1)
            until = asyncio.get_running_loop().time() + seconds
            senders = [Sender(client, told, numbers, seed).work(until) for seed in range(SENDERS)]
            deaths = asyncio.to_thread(disturb, place, seconds, (1.0, 4.0), Random(11))
            await asyncio.gather(deaths, *senders)
            place.keep_alive()
            await _up(client)
            print(_figures(place, told))  # noqa: T201 - what a proof saw; shown with -s
            assert told.wrong == [], place.said()
            assert sum(place.killed.values()) >= seconds / 12
            assert place.killed[DATABASE] or seconds < 60
            assert len(told.documents) + len(told.transactions) + len(told.created) >= least
            await _processed(client, told)
            await _there_once(client, told)
            await _answered_as_before(client, told.documents + told.transactions)
        await _verified(place, told)


def _figures(place: Estate, told: Told) -> str:
    sizes = {name: len(getattr(told, name)) for name in ("documents", "transactions", "created", "given_up")}
    broken = "".join(f"\n{text}" for text in told.broken)
    return f"\n{dict(place.killed)}\n{dict(told.answers)}\n{sizes}, slowest {told.slowest:.1f} s{broken}"


async def _prepared(place: Estate) -> str:
    """A hub with one county; the county's token."""
    await setup.initialise(place.settings)
    async with open_hub(place.settings) as hub:
        await enrolment.add_member(
            hub, name=MEMBER, kind="county", display="Huiji", display_zh="惠济区", divisions=["410108000000"]
        )
        return await tokens.issue_token_for(hub, MEMBER, 3600)


async def _up(client: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(90):
        while True:
            try:
                if (await client.get("/readyz")).is_success:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.2)


async def _processed(client: httpx2.AsyncClient, told: Told) -> None:
    """Every document that was acknowledged is processed, whole."""
    async with asyncio.timeout(300):
        for one in told.documents:
            while True:
                found = (await client.get(f"/submissions/{one_id(one)}")).json()
                if found["state"] == "PROCESSED":
                    break
                await asyncio.sleep(0.5)


def one_id(one: Acknowledged) -> str:
    """The hub's id of a document."""
    return str(orjson.loads(one.body)["submission_id"])


async def _there_once(client: httpx2.AsyncClient, told: Told) -> None:
    acknowledged = [(number, 1) for one in told.documents + told.transactions for number in one.sent.numbers]
    acknowledged += [(number, 1) for number in told.created]
    limit = asyncio.Semaphore(_AT_ONCE)

    async def found(number: str) -> list[dict[str, Any]]:
        async with limit:
            answer = await client.get(by_number(number))
            assert answer.is_success, answer.text
            return [entry["resource"] for entry in answer.json().get("entry", ())]

    numbers = [number for number, _ in acknowledged]
    assert len(set(numbers)) == len(numbers)
    by_numbers = dict(zip(numbers, await asyncio.gather(*map(found, numbers)), strict=True))
    assert {number for number, some in by_numbers.items() if len(some) != 1} == set()
    versions = {number: int(by_numbers[number][0]["meta"]["versionId"]) for number in told.versions}
    unsure = {number for sent in told.given_up if sent.method == "PUT" for number in sent.numbers}
    assert {
        n for n in versions if versions[n] != told.versions[n] + (n in unsure and versions[n] > told.versions[n])
    } == set()
    for one in told.transactions:
        (person,) = by_numbers[one.sent.numbers[0]]
        answer = await client.get(f"/fhir/Observation?subject=Patient/{person['id']}&_total=accurate")
        assert answer.json()["total"] == OBSERVATIONS
    await _at_most_once(found, told.given_up)


async def _at_most_once(found: Any, given_up: list[Sent]) -> None:
    """What nobody acknowledged may be there, but not twice, and a transaction not in part."""
    numbers = [number for sent in given_up for number in sent.numbers if sent.method == "POST"]
    assert {
        n for n, some in zip(numbers, await asyncio.gather(*map(found, numbers)), strict=True) if len(some) > 1
    } == set()


async def _answered_as_before(client: httpx2.AsyncClient, acknowledged: list[Acknowledged]) -> None:
    """The same message again is answered from what was stored, with the same receipt."""
    for one in acknowledged:
        sent = one.sent
        again = await client.request(sent.method, sent.path, content=sent.body, headers=sent.headers)
        assert again.status_code == 200, again.text
        receipt = again.json()["receipt"] if sent.path == "/submissions" else again.headers["Receipt"]
        assert receipt == one.receipt


async def _verified(place: Estate, told: Told) -> None:
    """The log holds together and has the leaf of every receipt, each of which names its message and its bytes."""
    async with open_hub(place.settings) as hub:
        while await auditing.sequence(hub):
            pass
        assert (await auditing.verify(hub)).ok
        for one in told.documents + told.transactions:
            claims = certs_tokens.verify(one.receipt, hub.signer.public, typ=receipts.TYPE)
            assert claims["message_id"] == one.sent.headers["Message-Id"]
            assert claims["digest"] == f"sha-256:{hashlib.sha256(one.sent.body).hexdigest()}"
            await auditing.inclusion(hub, bytes.fromhex(str(claims["leaf"])))
