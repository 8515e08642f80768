"""Topic-based subscriptions (R5 Backport in R4) over HTTP, with a real receiver: handshake, events, what is missed, refusals."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from standardwebhooks import Webhook

from hub.api import fhir
from hub.errors import Invalid
from hub.fhir import subscriptions
from hub.fhir.subscriptions import MAILBOX, OWN_RECORDS
from hub.runtime import Hub, open_hub
from hub.services import subscribing, tokens
from hub.services.notifying import numbering, pushing
from hub.settings import Settings
from hub.storage import members
from hub.storage import subscriptions as store
from hub.storage.members import Member
from tests.api.fhir.conftest import Client, ledger
from tests.documents import PERSON_PAGE, Beside, page, record, taken_in
from tests.hubs import Clock, Enrolled, acts, serve
from tests.messages import CARE, agree, allow, posted, withdraw
from tests.receiving import SECRET, Receiver, receiving
from tests.subscribing import EXTENSION, asked

RECORD = "urn:lianqiao:huiji:record"


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
    await _register(teller, huiji, receiver.url)
    async with serve(teller, fhir.router) as http:
        yield Renewing(http, teller, huiji.member)


async def _register(hub: Hub, owner: Enrolled, url: str) -> None:
    async with hub.database.begin() as connection:
        await members.put_endpoint(connection, hub.vault, owner.member.id, "webhook", url, SECRET)


async def _subscribed(caller: Client, hub: Hub, wanted: dict[str, Any]) -> str:
    """The id of a subscription that is active; the receiver has forgotten the handshake."""
    made = await caller("POST", "/fhir/Subscription", json=wanted)
    assert made.status_code == 201, made.text
    await pushing.push(hub)
    found = (await caller("GET", f"/fhir/Subscription/{made.json()['id']}")).json()
    assert found["status"] == "active", found
    id_: str = found["id"]
    return id_


async def _tell(hub: Hub) -> None:
    while await numbering.number(hub):
        pass
    await pushing.push(hub)


async def _patient(caller: Client, number: str = "1", name: str = "王五") -> str:
    body = {"resourceType": "Patient", "identifier": [{"system": RECORD, "value": number}], "name": [{"text": name}]}
    made = await caller("POST", "/fhir/Patient", json=body)
    assert made.status_code == 201, made.text
    id_: str = made.json()["id"]
    return id_


def status_of(body: bytes | dict[str, Any]) -> dict[str, Any]:
    """What the first entry of a notification says, by name; its events as (number, focus)."""
    bundle = orjson.loads(body) if isinstance(body, bytes) else body
    Bundle.model_validate(bundle)
    assert bundle["type"] == "history"
    (first, *_) = bundle["entry"]
    assert first["resource"]["resourceType"] == "Parameters"
    said: dict[str, Any] = {"events": []}
    for one in first["resource"]["parameter"]:
        if one["name"] == "notification-event":
            parts = {part["name"]: next(v for k, v in part.items() if k.startswith("value")) for part in one["part"]}
            said["events"].append((int(parts["event-number"]), parts.get("focus", {}).get("reference")))
        else:
            said[one["name"]] = next(value for name, value in one.items() if name.startswith("value"))
    return said


def told(receiver: Receiver) -> list[dict[str, Any]]:
    """The notifications that came, but handshakes."""
    return [said for _, body in receiver.got if (said := status_of(body))["type"] != "handshake"]


async def test_it_is_active_once_the_receiver_has_answered_the_handshake(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    made = await caller("POST", "/fhir/Subscription", json=asked(receiver.url))
    assert (made.status_code, made.json()["status"]) == (201, "requested")
    await _patient(caller)
    receiver.answers = [(500, {})]
    await _tell(teller)
    address = f"/fhir/Subscription/{made.json()['id']}"
    assert (await caller("GET", address)).json()["status"] == "requested"
    clock.advance(seconds=6)
    await pushing.push(teller)
    assert (await caller("GET", address)).json()["status"] == "active"
    first, second = receiver.got
    said = status_of(second[1])
    assert (said["type"], said["status"], said["events-since-subscription-start"]) == ("handshake", "requested", "0")
    assert said["subscription"]["reference"].endswith(address)
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert second[0]["content-type"] == "application/fhir+json"
    assert second[0]["authorization"] == "Bearer of-the-receiver"
    signed = Webhook(SECRET).sign(second[0]["webhook-id"], teller.now(), second[1].decode())
    assert second[0]["webhook-signature"] == signed
    history = (await caller("GET", f"{address}/_history")).json()
    assert [one["resource"]["status"] for one in history["entry"]] == ["active", "requested"]
    assert [one["state"] for one in await acts(teller, "subscription")] == ["active"]
    await _tell(teller)
    assert told(receiver) == []  # what happened before is not told


async def test_each_change_is_an_event_and_deletions_too(teller: Hub, caller: Client, receiver: Receiver) -> None:
    id_ = await _subscribed(caller, teller, asked(receiver.url))
    patient = await _patient(caller)
    changed = {
        "resourceType": "Patient",
        "id": patient,
        "identifier": [{"system": RECORD, "value": "1"}],
        "gender": "male",
    }
    assert (await caller("PUT", f"/fhir/Patient/{patient}", json=changed)).status_code == 200
    assert (await caller("DELETE", f"/fhir/Patient/{patient}")).status_code == 204
    await _tell(teller)
    (said,) = told(receiver)
    focus = f"http://hub.test/fhir/Patient/{patient}"
    assert said["events"] == [(1, focus), (2, focus), (3, focus)]
    assert (said["type"], said["status"], said["topic"]) == ("event-notification", "active", OWN_RECORDS)
    assert said["events-since-subscription-start"] == "3"
    assert len(orjson.loads(receiver.got[-1][1])["entry"]) == 1
    assert [(one["first"], one["last"]) for one in await acts(teller, "notify")] == [(1, 3)]
    found = (await caller("GET", f"/fhir/Subscription/{id_}/$status")).json()
    (entry,) = found["entry"]
    names = {one["name"]: one for one in entry["resource"]["parameter"]}
    assert (names["type"]["valueCode"], names["events-since-subscription-start"]["valueString"]) == (
        "query-status",
        "3",
    )
    assert found["type"] == "searchset"


async def test_documents_are_told_of_as_well(teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver) -> None:
    await _subscribed(caller, teller, asked(receiver.url, "Patient"))
    await taken_in(teller, huiji, Beside(), page([record(1), record(2)]), PERSON_PAGE)
    await _tell(teller)
    (said,) = told(receiver)
    assert [number for number, _ in said["events"]] == [1, 2]


async def test_filters_choose_types_and_what_resources_say(teller: Hub, caller: Client, receiver: Receiver) -> None:
    await _subscribed(caller, teller, asked(receiver.url, "Patient?name=李", "Observation"))
    await _patient(caller, "1", "王五")
    wanted = await _patient(caller, "2", "李四")
    seen = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "BP"},
        "subject": {"reference": f"Patient/{wanted}"},
    }
    observation = (await caller("POST", "/fhir/Observation", json=seen)).json()["id"]
    encounter = {"resourceType": "Location", "name": "站"}
    assert (await caller("POST", "/fhir/Location", json=encounter)).status_code == 201
    assert (await caller("DELETE", f"/fhir/Patient/{wanted}")).status_code == 204
    await _tell(teller)
    (said,) = told(receiver)
    names = [(focus or "").split("/fhir/")[1] for _, focus in said["events"]]
    assert names == [f"Patient/{wanted}", f"Observation/{observation}", f"Patient/{wanted}"]


async def test_whole_resources_leave_what_a_read_leaves(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    await _subscribed(caller, teller, asked(receiver.url, content="full-resource"))
    patient = await _patient(caller)
    before = await ledger(teller, huiji, "1")
    await _tell(teller)
    entries = orjson.loads(receiver.got[-1][1])["entry"]
    assert [one["request"] for one in entries[1:]] == [{"method": "POST", "url": "Patient"}]
    assert entries[1]["response"]["status"] == "201"
    assert (entries[1]["fullUrl"], entries[1]["resource"]["id"]) == (f"http://hub.test/fhir/Patient/{patient}", patient)
    assert entries[1]["resource"]["name"] == [{"text": "王五"}]
    new = (await ledger(teller, huiji, "1"))[len(before) :]
    assert [(actor, act, outcome) for actor, act, _, outcome, _ in new] == [("huiji", "notify", "permit")]
    looked = await acts(teller, "look-up")
    assert looked[-1]["asked"] == "notify"


async def test_nothing_of_resources_is_said_where_the_content_is_empty(
    teller: Hub, caller: Client, receiver: Receiver
) -> None:
    await _subscribed(caller, teller, asked(receiver.url, content="empty"))
    patient = await _patient(caller)
    await _tell(teller)
    assert told(receiver)[0]["events"] == [(1, None)]
    assert patient.encode() not in receiver.got[-1][1]


async def test_events_come_in_order_and_in_parts_after_failures_and_none_is_skipped(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    await _subscribed(caller, teller, asked(receiver.url, max_count=2))
    made = [await _patient(caller, str(number)) for number in range(5)]
    receiver.answers = [(204, {}), (503, {"Retry-After": "60"})]
    await _tell(teller)
    await pushing.push(teller)
    clock.advance(seconds=30)
    await _tell(teller)
    assert len(told(receiver)) == 2
    clock.advance(seconds=31)
    for _ in range(3):
        await _tell(teller)
    came = told(receiver)
    assert [[number for number, _ in said["events"]] for said in came] == [[1, 2], [3, 4], [3, 4], [5]]
    ids = receiver.ids()[-4:]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3
    assert [(focus or "")[-36:] for said in (*came[:2], came[3]) for _, focus in said["events"]] == made


async def test_a_crash_repeats_a_notification_and_skips_none(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _subscribed(caller, teller, asked(receiver.url))
    first = await _patient(caller, "1")

    async def dies(*_: Any) -> None:
        raise RuntimeError("the worker died behind the receiver's answer")

    with monkeypatch.context() as patched:
        patched.setattr(pushing, "_settle", dies)
        with pytest.raises(RuntimeError):
            await _tell(teller)
    second = await _patient(caller, "2")
    await _tell(teller)
    assert len(told(receiver)) == 1  # it is claimed still
    clock.advance(seconds=91)
    await _tell(teller)
    await _tell(teller)
    came = told(receiver)
    assert [[number for number, _ in said["events"]] for said in came] == [[1], [1], [2]]
    ids = receiver.ids()[-3:]
    assert ids[0] == ids[1] != ids[2]
    assert [(came[at]["events"][0][1] or "")[-36:] for at in (0, 1, 2)] == [first, first, second]


async def test_several_workers_number_and_send_each_event_once(teller: Hub, caller: Client, receiver: Receiver) -> None:
    await _subscribed(caller, teller, asked(receiver.url, max_count=3))
    await asyncio.gather(*(_patient(caller, str(number)) for number in range(10)))
    for _ in range(6):
        await asyncio.gather(*(numbering.number(teller) for _ in range(3)), *(pushing.push(teller) for _ in range(3)))
    numbers = [number for said in told(receiver) for number, _ in said["events"]]
    assert numbers == list(range(1, 11))


async def test_what_is_missed_can_be_asked_for_in_pages(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await _subscribed(caller, teller, asked(receiver.url, content="empty"))
    made = [await _patient(caller, str(number)) for number in range(5)]
    await _tell(teller)
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
    id_ = await _subscribed(caller, teller, asked(receiver.url))
    await _patient(caller)
    await _tell(teller)
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


async def test_a_member_is_told_no_more_than_its_scopes_allow_now(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    await _subscribed(caller, teller, asked(receiver.url, content="full-resource"))
    patient = await _patient(caller)
    async with teller.database.begin() as connection:
        await members.set_scopes(connection, "huiji", ["system/Observation.cruds"])
    await _tell(teller)
    assert told(receiver)[0]["events"] == [(1, None)]
    assert patient.encode() not in receiver.got[-1][1]


async def test_a_message_that_waits_is_an_event_as_long_as_policy_lets_it_be_handed_over(
    teller: Hub, caller: Client, huiji: Enrolled, yongkang: Enrolled, receiver: Receiver
) -> None:
    id_ = await _subscribed(caller, teller, asked(receiver.url, topic=MAILBOX))
    await agree(teller, yongkang, huiji)
    for number in (1, 2):
        await allow(teller, yongkang, number)
        await posted(teller, yongkang, huiji, number)
    await numbering.number(teller)
    await withdraw(teller, yongkang, 2)
    await pushing.push(teller)
    events = orjson.loads(receiver.got[-1][1])["entry"][0]["resource"]["parameter"][5:]
    focuses = [{part["name"] for part in one["part"]} for one in events]
    assert focuses == [{"event-number", "timestamp", "focus"}, {"event-number", "timestamp"}]
    focus = events[0]["part"][2]["valueReference"]["identifier"]
    async with teller.database.read() as connection:
        (row,) = await connection.execute(text("SELECT id FROM mailbox_item WHERE state = 'AVAILABLE'"))
    assert focus == {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{row.id}"}
    whole = await caller("GET", f"/fhir/Subscription/{id_}/$events?content=full-resource")
    assert len(whole.json()["entry"]) == 1  # what is sealed is fetched from the mailbox


async def test_another_members_records_and_subscriptions_are_nobodys_business(
    teller: Hub, caller: Client, yongkang: Enrolled, receiver: Receiver
) -> None:
    id_ = await _subscribed(caller, teller, asked(receiver.url))
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
    await _tell(teller)
    assert told(receiver) == []


async def test_heartbeats_come_when_nothing_happens(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    await _subscribed(caller, teller, asked(receiver.url, heartbeat_period=60))
    await _patient(caller)
    await _tell(teller)
    clock.advance(seconds=59)
    await _tell(teller)
    assert len(told(receiver)) == 1
    clock.advance(seconds=2)
    await _tell(teller)
    said = told(receiver)[-1]
    assert (said["type"], said["events"], said["events-since-subscription-start"]) == ("heartbeat", [], "1")


async def test_days_of_failure_end_in_error_and_a_request_resumes_where_it_was(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    id_ = await _subscribed(caller, teller, asked(receiver.url))
    address = f"/fhir/Subscription/{id_}"
    await _patient(caller, "1")
    receiver.answers = [(500, {})] * 30
    for _ in range(10):
        await _tell(teller)
        clock.advance(days=1)
    found = (await caller("GET", address)).json()
    assert (found["status"], found["error"]) == ("error", "the receiver answered 500")
    assert (await caller("GET", "/fhir/Subscription?status=error")).json()["total"] == 1
    assert [one["state"] for one in await acts(teller, "subscription")] == ["active", "error"]
    calls = len(receiver.got)
    await _patient(caller, "2")
    await _tell(teller)
    assert len(receiver.got) == calls  # it is left alone, and what happens is numbered all the same
    receiver.answers = []
    version = found["meta"]["versionId"]
    again = asked(receiver.url) | {"id": id_}
    stale = await caller("PUT", address, json=again, headers={"If-Match": 'W/"1"'})
    assert stale.status_code == 412
    assert (await caller("PUT", address, json=again, headers={"If-Match": f'W/"{version}"'})).status_code == 200
    await _tell(teller)
    await _tell(teller)
    assert [number for number, _ in told(receiver)[-1]["events"]] == [1, 2]
    assert "error" not in (await caller("GET", address)).json()


async def test_a_receiver_that_never_answers_a_handshake_is_left_alone(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    made = await caller("POST", "/fhir/Subscription", json=asked(receiver.url))
    receiver.answers = [(500, {})] * 10
    for _ in range(5):
        await _tell(teller)
        clock.advance(hours=1)
    assert len(receiver.got) == pushing.HANDSHAKES
    assert (await caller("GET", f"/fhir/Subscription/{made.json()['id']}")).json()["status"] == "error"


async def test_410_turns_it_off_and_so_does_its_end(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    gone = await _subscribed(caller, teller, asked(receiver.url))
    end = clock().replace(microsecond=0)
    ends = asked(receiver.url, "Location") | {"end": f"{end.replace(year=end.year + 1):%Y-%m-%dT%H:%M:%SZ}"}
    over = await _subscribed(caller, teller, ends)
    await _patient(caller)
    receiver.answers = [(410, {})]
    await _tell(teller)
    assert (await caller("GET", f"/fhir/Subscription/{gone}")).json()["status"] == "off"
    clock.advance(days=367)
    await _tell(teller)
    assert (await caller("GET", f"/fhir/Subscription/{over}")).json()["status"] == "off"
    assert (await caller("POST", "/fhir/Subscription", json=ends)).status_code == 400  # its end is over


async def test_off_by_its_member_and_deleted_nothing_more_is_told(
    teller: Hub, caller: Client, receiver: Receiver
) -> None:
    first = await _subscribed(caller, teller, asked(receiver.url))
    second = await _subscribed(caller, teller, asked(receiver.url))
    off = asked(receiver.url, status="off") | {"id": first}
    assert (await caller("PUT", f"/fhir/Subscription/{first}", json=off)).status_code == 200
    assert (await caller("DELETE", f"/fhir/Subscription/{second}")).status_code == 204
    await _patient(caller)
    await _tell(teller)
    assert told(receiver) == []
    async with teller.database.read() as connection:
        counts = await connection.execute(
            text("SELECT (SELECT count(*) FROM subscription_event), (SELECT count(*) FROM subscription_pending)")
        )
        assert tuple(counts.one()) == (0, 0)
    assert (await caller("GET", f"/fhir/Subscription/{second}/$events")).status_code == 410
    assert (await caller("GET", f"/fhir/Subscription/$status?id={first}&id={second}")).json()["total"] == 1


async def test_a_private_address_is_never_called(
    hub: Hub, huiji: Enrolled, receiver: Receiver, as_huiji: Client
) -> None:
    await _register(hub, huiji, receiver.url)  # this hub may not call private addresses
    made = await as_huiji("POST", "/fhir/Subscription", json=asked(receiver.url))
    await pushing.push(hub)
    assert receiver.got == []
    found = (await as_huiji("GET", f"/fhir/Subscription/{made.json()['id']}")).json()
    assert found["status"] == "error"


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


async def test_only_so_many_events_are_kept_and_the_gap_is_seen(
    teller: Hub, caller: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 3)
    id_ = await _subscribed(caller, teller, asked(receiver.url))
    for number in range(5):
        await _patient(caller, str(number))
    await numbering.number(teller)
    said = status_of((await caller("GET", f"/fhir/Subscription/{id_}/$events")).json())
    assert [number for number, _ in said["events"]] == [3, 4, 5]
    assert said["events-since-subscription-start"] == "5"


def _code(found: httpx2.Response) -> str:
    code: str = found.json()["issue"][0]["details"]["coding"][0]["code"]
    return code


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "active"},
        {"criteria": "Observation?code=http://loinc.org|1975-2"},
        {"criteria": "urn:lianqiao:topic:everything"},
        {"end": "2020-01-01T00:00:00Z"},
        {
            "_criteria": {
                "extension": [{"url": f"{EXTENSION}filter-criteria", "valueString": "Patient?organization.name=A"}]
            }
        },
        {"_criteria": {"extension": [{"url": f"{EXTENSION}filter-criteria", "valueString": "Patient?_sort=name"}]}},
        {
            "_criteria": {
                "extension": [{"url": f"{EXTENSION}filter-criteria", "valueString": "Subscription?status=off"}]
            }
        },
        {"_criteria": {"extension": [{"url": f"{EXTENSION}filter-criteria", "valueString": "not a filter"}]}},
        {"channel.type": "email"},
        {"channel.payload": "application/fhir+xml"},
        {"channel._payload": {}},
        {"channel.endpoint": "http://127.0.0.1:1/told"},
        {"channel.endpoint": "http://user@127.0.0.1:1/told"},
        {"channel.header": ["Host: elsewhere"]},
        {"channel.header": ["Webhook-Id: 1"]},
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
def test_whatever_a_subscription_says_it_is_read_or_refused(filter_: str, header: str, topic: str) -> None:
    wanted = asked("https://a.example", filter_) | {"criteria": topic or OWN_RECORDS}
    wanted["channel"]["header"] = [header]
    try:
        found = subscriptions.read(wanted)
    except Invalid:
        return
    assert all("\n" not in value and "\r" not in value for pair in found.headers for value in pair)
    assert found.topic in subscriptions.TOPICS
