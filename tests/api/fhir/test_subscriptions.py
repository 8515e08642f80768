"""Topic-based subscriptions (R5 Backport in R4) over HTTP, with a real receiver: handshake, events, what is missed, refusals."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from hub.fhir.subscriptions import MAILBOX, OWN_RECORDS
from hub.runtime import Hub
from hub.services import overview
from hub.services.notifying import numbering, pushing
from hub.storage import members
from hub.storage import subscriptions as store
from tests.api.fhir.conftest import Client, ledger
from tests.documents import PERSON_PAGE, Beside, page, record, taken_in
from tests.hubs import Clock, Enrolled, acts
from tests.messages import agree, allow, posted, withdraw
from tests.receiving import SECRET, Receiver
from tests.subscribing import RECORD, asked, new_patient, register, status_of, subscribed, tell, told


async def test_it_is_active_once_the_receiver_has_answered_the_handshake(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    made = await caller("POST", "/fhir/Subscription", json=asked(receiver.url))
    assert (made.status_code, made.json()["status"]) == (201, "requested")
    await new_patient(caller)
    receiver.answers = [(500, {})]
    await tell(teller)
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
    await tell(teller)
    assert told(receiver) == []  # what happened before is not told


async def test_each_change_is_an_event_and_deletions_too(teller: Hub, caller: Client, receiver: Receiver) -> None:
    id_ = await subscribed(caller, teller, asked(receiver.url))
    patient = await new_patient(caller)
    changed = {
        "resourceType": "Patient",
        "id": patient,
        "identifier": [{"system": RECORD, "value": "1"}],
        "gender": "male",
    }
    assert (await caller("PUT", f"/fhir/Patient/{patient}", json=changed)).status_code == 200
    assert (await caller("DELETE", f"/fhir/Patient/{patient}")).status_code == 204
    await tell(teller)
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
    await subscribed(caller, teller, asked(receiver.url, "Patient"))
    await taken_in(teller, huiji, Beside(), page([record(1), record(2)]), PERSON_PAGE)
    await tell(teller)
    (said,) = told(receiver)
    assert [number for number, _ in said["events"]] == [1, 2]


async def test_filters_choose_types_and_what_resources_say(teller: Hub, caller: Client, receiver: Receiver) -> None:
    await subscribed(caller, teller, asked(receiver.url, "Patient?name=李", "Observation"))
    await new_patient(caller, "1", "王五")
    wanted = await new_patient(caller, "2", "李四")
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
    await tell(teller)
    (said,) = told(receiver)
    names = [(focus or "").split("/fhir/")[1] for _, focus in said["events"]]
    assert names == [f"Patient/{wanted}", f"Observation/{observation}", f"Patient/{wanted}"]


async def test_whole_resources_leave_what_a_read_leaves(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    await subscribed(caller, teller, asked(receiver.url, content="full-resource"))
    patient = await new_patient(caller)
    before = await ledger(teller, huiji, "1")
    await tell(teller)
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
    await subscribed(caller, teller, asked(receiver.url, content="empty"))
    patient = await new_patient(caller)
    await tell(teller)
    assert told(receiver)[0]["events"] == [(1, None)]
    assert patient.encode() not in receiver.got[-1][1]


async def test_events_come_in_order_and_in_parts_after_failures_and_none_is_skipped(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    await subscribed(caller, teller, asked(receiver.url, max_count=2))
    made = [await new_patient(caller, str(number)) for number in range(5)]
    receiver.answers = [(204, {}), (503, {"Retry-After": "60"})]
    await tell(teller)
    await pushing.push(teller)
    clock.advance(seconds=30)
    await tell(teller)
    assert len(told(receiver)) == 2
    clock.advance(seconds=31)
    for _ in range(3):
        await tell(teller)
    came = told(receiver)
    assert [[number for number, _ in said["events"]] for said in came] == [[1, 2], [3, 4], [3, 4], [5]]
    ids = receiver.ids()[-4:]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3
    assert [(focus or "")[-36:] for said in (*came[:2], came[3]) for _, focus in said["events"]] == made


async def test_a_crash_repeats_a_notification_and_skips_none(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribed(caller, teller, asked(receiver.url))
    first = await new_patient(caller, "1")

    async def dies(*_: Any) -> None:
        raise RuntimeError("the worker died behind the receiver's answer")

    with monkeypatch.context() as patched:
        patched.setattr(pushing, "_settle", dies)
        with pytest.raises(RuntimeError):
            await tell(teller)
    second = await new_patient(caller, "2")
    await tell(teller)
    assert len(told(receiver)) == 1  # it is claimed still
    clock.advance(seconds=91)
    await tell(teller)
    await tell(teller)
    came = told(receiver)
    assert [[number for number, _ in said["events"]] for said in came] == [[1], [1], [2]]
    ids = receiver.ids()[-3:]
    assert ids[0] == ids[1] != ids[2]
    assert [(came[at]["events"][0][1] or "")[-36:] for at in (0, 1, 2)] == [first, first, second]


async def test_several_workers_number_and_send_each_event_once(teller: Hub, caller: Client, receiver: Receiver) -> None:
    await subscribed(caller, teller, asked(receiver.url, max_count=3))
    await asyncio.gather(*(new_patient(caller, str(number)) for number in range(10)))
    for _ in range(6):
        await asyncio.gather(*(numbering.number(teller) for _ in range(3)), *(pushing.push(teller) for _ in range(3)))
    numbers = [number for said in told(receiver) for number, _ in said["events"]]
    assert numbers == list(range(1, 11))


async def test_a_member_is_told_no_more_than_its_scopes_allow_now(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    await subscribed(caller, teller, asked(receiver.url, content="full-resource"))
    patient = await new_patient(caller)
    async with teller.database.begin() as connection:
        await members.set_scopes(connection, "huiji", ["system/Observation.cruds"])
    await tell(teller)
    assert told(receiver)[0]["events"] == [(1, None)]
    assert patient.encode() not in receiver.got[-1][1]


async def test_a_message_that_waits_is_an_event_as_long_as_policy_lets_it_be_handed_over(
    teller: Hub, caller: Client, huiji: Enrolled, yongkang: Enrolled, receiver: Receiver
) -> None:
    id_ = await subscribed(caller, teller, asked(receiver.url, topic=MAILBOX))
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


async def test_heartbeats_come_when_nothing_happens(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    await subscribed(caller, teller, asked(receiver.url, heartbeat_period=60))
    await new_patient(caller)
    await tell(teller)
    clock.advance(seconds=59)
    await tell(teller)
    assert len(told(receiver)) == 1
    clock.advance(seconds=2)
    await tell(teller)
    said = told(receiver)[-1]
    assert (said["type"], said["events"], said["events-since-subscription-start"]) == ("heartbeat", [], "1")


async def test_days_of_failure_end_in_error_and_a_request_resumes_where_it_was(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    id_ = await subscribed(caller, teller, asked(receiver.url))
    address = f"/fhir/Subscription/{id_}"
    await new_patient(caller, "1")
    receiver.answers = [(500, {})] * 30
    for _ in range(10):
        await tell(teller)
        clock.advance(days=1)
    found = (await caller("GET", address)).json()
    assert (found["status"], found["error"]) == ("error", "the receiver answered 500")
    assert (await caller("GET", "/fhir/Subscription?status=error")).json()["total"] == 1
    assert [one["state"] for one in await acts(teller, "subscription")] == ["active", "error"]
    assert ("subscriptions", {"state": "error"}, 1) in await overview.gauges(teller)
    calls = len(receiver.got)
    await new_patient(caller, "2")
    await tell(teller)
    assert len(receiver.got) == calls  # it is left alone, and what happens is numbered all the same
    receiver.answers = []
    version = found["meta"]["versionId"]
    again = asked(receiver.url) | {"id": id_}
    stale = await caller("PUT", address, json=again, headers={"If-Match": 'W/"1"'})
    assert stale.status_code == 412
    assert (await caller("PUT", address, json=again, headers={"If-Match": f'W/"{version}"'})).status_code == 200
    await tell(teller)
    await tell(teller)
    assert [number for number, _ in told(receiver)[-1]["events"]] == [1, 2]
    assert "error" not in (await caller("GET", address)).json()


async def test_a_receiver_that_never_answers_a_handshake_is_left_alone(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    made = await caller("POST", "/fhir/Subscription", json=asked(receiver.url))
    receiver.answers = [(500, {})] * 10
    for _ in range(5):
        await tell(teller)
        clock.advance(hours=1)
    assert len(receiver.got) == pushing.HANDSHAKES
    assert (await caller("GET", f"/fhir/Subscription/{made.json()['id']}")).json()["status"] == "error"


async def test_410_turns_it_off_and_so_does_its_end(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    gone = await subscribed(caller, teller, asked(receiver.url))
    end = clock().replace(microsecond=0)
    ends = asked(receiver.url, "Location") | {"end": f"{end.replace(year=end.year + 1):%Y-%m-%dT%H:%M:%SZ}"}
    over = await subscribed(caller, teller, ends)
    await new_patient(caller)
    receiver.answers = [(410, {})]
    await tell(teller)
    assert (await caller("GET", f"/fhir/Subscription/{gone}")).json()["status"] == "off"
    clock.advance(days=367)
    await tell(teller)
    assert (await caller("GET", f"/fhir/Subscription/{over}")).json()["status"] == "off"
    assert (await caller("POST", "/fhir/Subscription", json=ends)).status_code == 400  # its end is over


async def test_a_private_address_is_never_called(
    hub: Hub, huiji: Enrolled, receiver: Receiver, as_huiji: Client
) -> None:
    await register(hub, huiji, receiver.url)  # this hub may not call private addresses
    made = await as_huiji("POST", "/fhir/Subscription", json=asked(receiver.url))
    await pushing.push(hub)
    assert receiver.got == []
    found = (await as_huiji("GET", f"/fhir/Subscription/{made.json()['id']}")).json()
    assert found["status"] == "error"


async def test_what_cannot_be_opened_holds_nobody_elses_events_up(
    teller: Hub, caller: Client, receiver: Receiver
) -> None:
    await subscribed(caller, teller, asked(receiver.url, "Patient?name=李"))
    broken = await new_patient(caller, "1", "王五")
    whole = await new_patient(caller, "2", "李四")
    async with teller.database.begin() as connection:
        damage = text("UPDATE resource_version SET body = substr(body, 1, 20) WHERE resource_id = CAST(:id AS uuid)")
        await connection.execute(damage, {"id": broken})
    await tell(teller)
    assert [(focus or "")[-36:] for _, focus in told(receiver)[0]["events"]] == [broken, whole]


async def _without_a_resource(teller: Hub, huiji: Enrolled, ends_at: datetime | None = None) -> None:
    """A subscription as no member can make one; a restored or meddled with database can have it."""
    id_ = uuid4()
    async with teller.database.begin() as connection:
        await store.put(
            connection,
            id_=id_,
            member_id=huiji.member.id,
            version=1,
            topic=OWN_RECORDS,
            types=(),
            state="requested",
            most=1,
            heartbeat_seconds=None,
            ends_at=ends_at,
            now=teller.now(),
        )
        await connection.execute(text("UPDATE subscription SET listening = true WHERE id = :id"), {"id": id_})


async def test_a_subscription_that_is_no_resource_holds_nobodys_events_up(
    teller: Hub, caller: Client, huiji: Enrolled, receiver: Receiver
) -> None:
    await subscribed(caller, teller, asked(receiver.url))
    await _without_a_resource(teller, huiji)
    made = await new_patient(caller)
    await tell(teller)
    assert [(focus or "")[-36:] for _, focus in told(receiver)[0]["events"]] == [made]


async def test_one_that_does_not_come_to_its_end_keeps_nobody_busy(teller: Hub, huiji: Enrolled, clock: Clock) -> None:
    await _without_a_resource(teller, huiji, ends_at=teller.now())
    assert [await pushing.push(teller) for _ in range(3)] == [1, 0, 0]
    clock.advance(minutes=2)
    assert [await pushing.push(teller) for _ in range(2)] == [1, 0]


async def test_who_begins_to_listen_is_not_told_what_happened_long_before(
    teller: Hub, caller: Client, receiver: Receiver, clock: Clock
) -> None:
    await subscribed(caller, teller, asked(receiver.url, "Patient"))
    await new_patient(caller, "1")  # noted for the first, and not numbered before the second is there
    clock.advance(minutes=2)
    await subscribed(caller, teller, asked(receiver.url, content="empty"))
    await new_patient(caller, "2")
    await tell(teller)
    assert sorted([number for number, _ in said["events"]] for said in told(receiver)) == [[1], [1, 2]]
