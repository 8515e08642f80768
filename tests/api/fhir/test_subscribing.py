"""What subscribers ask for and what is refused: $status, $events, and Subscriptions that are none."""

from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from hub.api import fhir
from hub.errors import Invalid
from hub.fhir import exact, subscriptions, validate
from hub.fhir.subscriptions import MAILBOX, OWN_RECORDS
from hub.runtime import Hub
from hub.services import subscribing, tokens
from hub.services.notifying import numbering
from hub.storage import subscriptions as store
from tests.api.fhir.conftest import Client, ledger
from tests.documents import Beside, taken_in
from tests.hubs import Enrolled, serve
from tests.receiving import Receiver
from tests.subscribing import EXTENSION, asked, new_patient, status_of, subscribed, tell, told


async def test_what_is_missed_can_be_asked_for_in_pages(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await subscribed(caller, teller, asked(receiver.url, content="empty"))
    made = [await new_patient(caller, str(number)) for number in range(5)]
    await tell(teller)
    monkeypatch.setattr("hub.services.notifying.asking.MOST", 2)
    address, found = f"/fhir/Subscription/{id_}/$events?eventsSinceNumber=2&content=id-only", []
    while address:
        page_ = (await caller("GET", address)).json()
        found += status_of(page_)["events"]
        address = next((one["url"] for one in page_.get("link", ())), "").removeprefix("http://hub.test")
    assert [(number, (focus or "")[-36:]) for number, focus in found] == list(zip(range(2, 6), made[1:], strict=True))
    parameters = [{"name": "eventsSinceNumber", "valueString": "3"}, {"name": "eventsUntilNumber", "valueString": "3"}]
    whole = await caller(
        "POST",
        f"/fhir/Subscription/{id_}/$events",
        json={
            "resourceType": "Parameters",
            "parameter": [*parameters, {"name": "content", "valueCode": "full-resource"}],
        },
    )
    said = status_of(whole.json())
    assert (said["type"], said["events"], said["events-since-subscription-start"]) == (
        "query-event",
        [(3, f"http://hub.test/fhir/Patient/{made[2]}")],
        "5",
    )
    assert whole.json()["entry"][1]["resource"]["id"] == made[2]
    assert [act for _, act, *_ in await ledger(teller, huiji, "2")][-1] == "events"
    plain = status_of((await caller("GET", f"/fhir/Subscription/{id_}/$events")).json())
    assert plain["events"] == [(1, None), (2, None)]  # as the subscription has it: empty


async def test_a_token_sees_of_events_what_it_opens(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    id_ = await subscribed(caller, teller, asked(receiver.url))
    await new_patient(caller)
    await tell(teller)
    async with serve(teller, fhir.router) as http:
        narrow = Client(http, await tokens.issue_token(teller, huiji.member, scope="system/Subscription.cruds"))
        found = await narrow("GET", f"/fhir/Subscription/{id_}/$events?content=full-resource", purpose=None)
        assert status_of(found.json())["events"] == [(1, None)]
        assert len(found.json()["entry"]) == 1
        refused = await narrow("POST", "/fhir/Subscription", purpose=None, json=asked(receiver.url, "Patient"))
        assert (refused.status_code, _code(refused)) == (403, "missing-scope")
        batch = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": asked(receiver.url), "request": {"method": "POST", "url": "Subscription"}}],
        }
        assert (await narrow("POST", "/fhir", purpose=None, json=batch)).status_code == 403
        patch = [{"op": "replace", "path": "/status", "value": "requested"}]
        headers = {"Content-Type": "application/json-patch+json"}
        address = f"/fhir/Subscription/{id_}"
        found = await narrow("PATCH", address, purpose=None, content=orjson.dumps(patch), headers=headers)
        assert found.status_code == 403


async def test_another_members_records_and_subscriptions_are_nobodys_business(
    teller: Hub, caller: Client, yongkang: Enrolled, receiver: Receiver
) -> None:
    id_ = await subscribed(caller, teller, asked(receiver.url))
    async with serve(teller, fhir.router) as http:
        other = Client(http, await tokens.issue_token(teller, yongkang.member))
        body = {"resourceType": "Patient", "name": [{"text": "王五"}]}
        assert (await other("POST", "/fhir/Patient", json=body)).status_code == 201
        foreign = [await other("GET", f"/fhir/Subscription/{id_}/${name}") for name in ("status", "events")]
        missing = [await other("GET", f"/fhir/Subscription/{uuid4()}/${name}") for name in ("status", "events")]
        assert [found.status_code for found in foreign + missing] == [404] * 4
        assert (await other("GET", "/fhir/Subscription/$status")).json()["total"] == 0
        # The address is registered for huiji, and not for who asks now.
        refused = await other("POST", "/fhir/Subscription", json=asked(receiver.url))
        assert (refused.status_code, _code(refused)) == (400, "bad-subscription")
    await tell(teller)
    assert told(receiver) == []


async def test_off_by_its_member_and_deleted_nothing_more_is_told(
    teller: Hub, caller: Client, receiver: Receiver
) -> None:
    first = await subscribed(caller, teller, asked(receiver.url))
    second = await subscribed(caller, teller, asked(receiver.url))
    off = asked(receiver.url, status="off") | {"id": first}
    assert (await caller("PUT", f"/fhir/Subscription/{first}", json=off)).status_code == 200
    assert (await caller("DELETE", f"/fhir/Subscription/{second}")).status_code == 204
    await new_patient(caller)
    await tell(teller)
    assert told(receiver) == []
    async with teller.database.read() as connection:
        counts = await connection.execute(
            text("SELECT (SELECT count(*) FROM subscription_event), (SELECT count(*) FROM subscription_pending)")
        )
        assert tuple(counts.one()) == (0, 0)
    assert (await caller("GET", f"/fhir/Subscription/{second}/$events")).status_code == 410
    assert (await caller("GET", f"/fhir/Subscription/$status?id={first}&id={second}")).json()["total"] == 1


async def test_of_one_member_there_are_so_many_at_most(
    teller: Hub, caller: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST", 2)
    made = [await caller("POST", "/fhir/Subscription", json=asked(receiver.url)) for _ in range(3)]
    assert [found.status_code for found in made] == [201, 201, 409]
    address = f"/fhir/Subscription/{made[0].json()['id']}"
    off = asked(receiver.url, status="off") | {"id": made[0].json()["id"]}
    assert (await caller("PUT", address, json=off)).status_code == 200
    assert (await caller("POST", "/fhir/Subscription", json=asked(receiver.url))).status_code == 201


async def test_nobody_gets_around_that_with_a_transaction(
    teller: Hub, caller: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST", 2)
    entry = {"resource": asked(receiver.url), "request": {"method": "POST", "url": "Subscription"}}
    some = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * 3}
    refused = await caller("POST", "/fhir", json=some)
    assert (refused.status_code, _code(refused)) == (409, "too-many")
    assert (await caller("GET", "/fhir/Subscription/$status")).json()["total"] == 0
    assert (await caller("POST", "/fhir", json=some | {"entry": [entry] * 2})).status_code == 200


async def test_those_that_were_deleted_hide_none_of_the_others(
    teller: Hub, caller: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.services.notifying.asking.MOST", 2)
    for _ in range(2):
        made = await caller("POST", "/fhir/Subscription", json=asked(receiver.url))
        assert (await caller("DELETE", f"/fhir/Subscription/{made.json()['id']}")).status_code == 204
    last = await subscribed(caller, teller, asked(receiver.url))
    (found,) = (await caller("GET", "/fhir/Subscription/$status")).json()["entry"]
    assert f"Subscription/{last}" in str(found["resource"])


async def test_only_so_many_events_are_kept_and_the_gap_is_seen(
    teller: Hub, caller: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 3)
    id_ = await subscribed(caller, teller, asked(receiver.url))
    for number in range(5):
        await new_patient(caller, str(number))
    await numbering.number(teller)
    said = status_of((await caller("GET", f"/fhir/Subscription/{id_}/$events")).json())
    assert [number for number, _ in said["events"]] == [3, 4, 5]
    assert said["events-since-subscription-start"] == "5"
    await tell(teller)
    letters = [said["events"] for said in told(receiver)]
    assert [number for events in letters for number, _ in events] == [3, 4, 5]
    assert all(letters), "of the others nothing is sent"


def _code(found: httpx2.Response) -> str:
    code: str = found.json()["issue"][0]["details"]["coding"][0]["code"]
    return code


def _filter(text: str) -> dict[str, Any]:
    return {"url": f"{EXTENSION}filter-criteria", "valueString": text}


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "active"},
        {"criteria": "Observation?code=http://loinc.org|1975-2"},
        {"criteria": "urn:lianqiao:topic:everything"},
        {"end": "2020-01-01T00:00:00Z"},
        {"_criteria": {"extension": [_filter("Patient?organization.name=A")]}},
        {"_criteria": {"extension": [_filter("Patient?_sort=name")]}},
        {"_criteria": {"extension": [_filter("Subscription?status=off")]}},
        {"_criteria": {"extension": [_filter("not a filter")]}},
        {"_criteria": {"extension": [_filter("Patient?" + "&".join(f"name={letter}" for letter in "abcdefghijk"))]}},
        {"_criteria": {"extension": [_filter("Patient?name=" + "x" * 2_000)]}},
        {"_criteria": {"extension": [_filter("Patient")] * 11}},
        {"channel.type": "email"},
        {"channel.payload": "application/fhir+xml"},
        {"channel._payload": {}},
        {"channel.endpoint": "http://127.0.0.1:1/told"},
        {"channel.endpoint": "http://user@127.0.0.1:1/told"},
        {"channel.header": ["Host: elsewhere"]},
        {"channel.header": ["Webhook-Id: 1"]},
        {"channel.header": ["Forwarded: for=192.0.2.1"]},
        {"channel.header": ["X-Real-IP: 192.0.2.1"]},
        {"channel.header": ["A: 1", "B: 2", "C: 3", "D: 4", "E: 5", "F: 6"]},
        {"channel.extension": [{"url": f"{EXTENSION}heartbeat-period", "valueUnsignedInt": 1}]},
        {"channel.extension": [{"url": f"{EXTENSION}timeout", "valueUnsignedInt": 3600}]},
        {"channel.extension": [{"url": f"{EXTENSION}max-count", "valuePositiveInt": 100000}]},
    ],
)
async def test_what_is_not_understood_is_refused(caller: Client, receiver: Receiver, changed: dict[str, Any]) -> None:
    wanted = asked(receiver.url)
    for place, value in changed.items():
        name, _, inner = place.partition(".")
        if inner:
            wanted[name][inner] = value
        else:
            wanted[name] = value
    refused = await caller("POST", "/fhir/Subscription", json=wanted)
    assert refused.status_code in (400, 422), refused.text
    assert (await caller("GET", "/fhir/Subscription")).json()["total"] == 0


async def test_an_import_subscribes_to_nothing(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    document = orjson.dumps(asked(receiver.url))
    found = await taken_in(teller, huiji, Beside(), document, "fhir/ndjson.v1")
    assert found["counts"]["quarantined"] == 1
    assert (await caller("GET", "/fhir/Subscription/$status")).json()["total"] == 0


async def test_what_is_told_may_be_found_in_the_statement(caller: Client) -> None:
    statement = (await caller("GET", "/fhir/metadata")).json()
    (entry,) = [one for one in statement["rest"][0]["resource"] if one["type"] == "Subscription"]
    topics = [one["valueCanonical"] for one in entry["extension"]]
    assert topics == [OWN_RECORDS, MAILBOX]
    assert {one["name"] for one in entry["operation"]} >= {"status", "events"}


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
def test_whatever_texts_a_subscription_has_it_is_read_or_refused(filter_: str, header: str, topic: str) -> None:
    wanted = asked("https://a.example", filter_) | {"criteria": topic or OWN_RECORDS}
    wanted["channel"]["header"] = [header]
    try:
        found = subscriptions.read(wanted)
    except Invalid:
        return
    assert all(text.isprintable() for pair in found.headers for text in pair)
    assert found.topic in subscriptions.TOPICS


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from(["", "x", "rest-hook", "2026-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["extension", "url", "id"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.sampled_from(["criteria", "status", "channel", "end", "reason"]), st.booleans(), VALUES)
def test_a_valid_subscription_of_whatever_form_is_read_or_refused(name: str, inner: bool, value: Any) -> None:
    wanted = asked("https://a.example", "Patient")
    place = wanted["channel"] if inner else wanted
    names = {"criteria": "header", "status": "type", "channel": "payload", "end": "extension", "reason": "endpoint"}
    key = names[name] if inner else name
    if value is None:  # an extension may stand where a value should
        place.pop(key, None)
        place[f"_{key}"] = {"extension": [{"url": "urn:x", "valueString": "y"}]}
    else:
        place[key] = value
    if validate.check(wanted, exact.write(wanted)):
        return
    try:
        found = subscriptions.read(wanted)
    except Invalid:
        return
    assert found.needs
