"""Messages of a member that come at the same time share a transaction, and each is answered as if it had come alone."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from hub.runtime import Hub
from hub.services.exchange import receiving, understanding
from hub.services.gathering import Gathering
from hub.storage import members, resources
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_at_once import _transactions
from tests.api.fhir.test_bundles import bundle, entry, weight
from tests.api.fhir.test_record_messages import RECORD, _message, _observation, _record, _send
from tests.hubs import acts
from tests.people import named_persons

ORGANIZATION: dict[str, Any] = {"resourceType": "Organization", "name": "一"}


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each transaction has taken that took any."""
    take, sizes = receiving.take, list[int]()

    async def counted(*given: Any) -> Any:
        sizes.append(len(given[4]))
        return await take(*given)

    monkeypatch.setattr(receiving, "take", counted)
    return sizes


async def _at_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caller: Client, messages: Sequence[dict[str, Any]]
) -> list[httpx2.Response]:
    """The answers to messages that have come one after the other before the first of them has its member's turn."""
    ask, came, sent = Gathering.ask, asyncio.Queue[object](), list[asyncio.Future[httpx2.Response]]()

    async def counted(self: Any, asked: Any) -> Any:
        came.put_nowait(asked)
        return await ask(self, asked)

    async with hub.database.begin() as connection:
        member = await members.by_name(connection, "huiji")
        assert member is not None
        await resources.lock_member(connection, member.id)
        with monkeypatch.context() as patched:
            patched.setattr(Gathering, "ask", counted)
            for one in messages:
                sent.append(asyncio.ensure_future(_send(caller, one)))
                await came.get()
    return list(await asyncio.gather(*sent))


def _someone(at: int) -> dict[str, Any]:
    """A person like no other, with the number H`at`."""
    return _record(f"H{at}", name="赵钱孙李周吴"[at] + "一二三四五六"[at], birth=f"19{50 + 7 * at}-0{at + 1}-1{at}")


def _focus(answer: httpx2.Response) -> list[str]:
    return [one["reference"] for one in answer.json()["entry"][0]["resource"]["focus"]]


async def test_messages_about_different_people_share_a_transaction(
    hub: Hub, as_huiji: Client, monkeypatch: pytest.MonkeyPatch, shared: list[int]
) -> None:
    sent = [_message(_someone(at), _observation(f"O{at}"), _observation(None)) for at in range(6)]
    answers = await _at_once(hub, monkeypatch, as_huiji, sent)
    assert [one.status_code for one in answers] == [200] * 6
    assert shared == [6]
    assert len({one.headers["Receipt"] for one in answers}) == len(await acts(hub, "receive")) == 6
    assert len(await named_persons(hub)) == 6
    for answer in answers:
        person, *others = (one.split("/_history/")[0] for one in _focus(answer))
        for one in others:
            kept = (await as_huiji("GET", f"/fhir/{one}")).json()
            assert kept["subject"] == {"reference": person}


async def test_a_message_with_a_wrong_record_hinders_no_other(
    hub: Hub, as_huiji: Client, monkeypatch: pytest.MonkeyPatch, shared: list[int]
) -> None:
    sent = [_message(_someone(at), _observation(None)) for at in range(4)]
    sent[0]["entry"][2]["resource"]["status"] = "no status of R4"
    sent[2]["entry"][2]["resource"]["subject"]["reference"] = "urn:uuid:nobody"
    answers = await _at_once(hub, monkeypatch, as_huiji, sent)
    assert [one.status_code for one in answers] == [400, 200, 400, 200]
    assert shared == [2]
    assert sorted(one["reason"] for one in await acts(hub, "refuse")) == ["invalid-resource", "unresolved-reference"]
    assert (await as_huiji("GET", "/fhir/Observation")).json()["total"] == 2


async def test_a_message_that_is_refused_when_it_is_written_is_undone_alone(
    hub: Hub, as_huiji: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    itself = {
        "active": False,
        "link": [{"type": "replaced-by", "other": {"identifier": {"system": RECORD, "value": "H1"}}}],
    }
    sent = [_message(_someone(0)), _message(_observation("O1"), _someone(1) | itself), _message(_someone(2))]
    answers = await _at_once(hub, monkeypatch, as_huiji, sent)
    assert [one.status_code for one in answers] == [200, 400, 200]
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["bad-link"]
    assert (await as_huiji("GET", "/fhir/Observation")).json()["total"] == 0
    assert len(await acts(hub, "receive")) == len(await named_persons(hub)) == 2


async def test_one_message_that_comes_several_times_at_once_is_taken_once(
    hub: Hub, as_huiji: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = _message(_record(), _observation(None))
    other = _message(_someone(2), id_=sent["entry"][0]["resource"]["id"])
    answers = await _at_once(hub, monkeypatch, as_huiji, [sent, sent, other, sent])
    assert [one.status_code for one in answers] == [200, 200, 409, 200]
    assert answers[0].content == answers[1].content == answers[3].content
    assert len({one.headers["Receipt"] for one in (answers[0], answers[1], answers[3])}) == 1
    assert len(await acts(hub, "create")) == 2
    assert [one["reason"] for one in await acts(hub, "refuse")] == ["digest-conflict"]


async def test_messages_about_one_person_follow_each_other_in_the_order_they_came(
    hub: Hub, as_huiji: Client, monkeypatch: pytest.MonkeyPatch, shared: list[int]
) -> None:
    sent = [_message(_record(name=name), _observation(None)) for name in ("王五", "王伍", "王武")]
    sent.insert(1, _message(_someone(2), _observation(None)))
    answers = await _at_once(hub, monkeypatch, as_huiji, sent)
    assert [one.status_code for one in answers] == [200] * 4
    assert shared == [2, 1, 1]
    places = [_focus(answers[at])[0].split("/_history/") for at in (0, 2, 3)]
    assert ([version for _, version in places], len({id_ for id_, _ in places})) == (["1", "2", "3"], 1)
    assert (await as_huiji("GET", f"/fhir/{places[0][0]}", purpose=None)).json()["name"][0]["text"] == "王武"
    for answer in answers[2:]:
        kept = (await as_huiji("GET", f"/fhir/{_focus(answer)[1].split('/_history/')[0]}")).json()
        assert kept["subject"] == {"reference": places[0][0]}


def _named(*numbers: str, **said: Any) -> dict[str, Any]:
    return ORGANIZATION | {"identifier": [{"system": "urn:x", "value": one} for one in numbers]} | said


async def test_what_one_message_writes_is_found_by_the_next(as_huiji: Client, hub: Hub) -> None:
    sent = [
        entry("PUT", "Organization?identifier=urn:x|1", _named("1", "2")),
        entry("PUT", "Organization?identifier=urn:x|2", _named("2", "1")),
        entry("POST", "Organization", _named("3", "1"), ifNoneExist="identifier=urn:x|3"),
        entry("PUT", "Organization?identifier=urn:x|3", _named("3", name="三")),
    ]
    answers = await _transactions(as_huiji, [(bundle(one), uuid4()) for one in sent])
    assert [one.status_code for one in answers] == [200, 200, 200, 200]
    assert len(await acts(hub, "create")) == 2


async def test_one_resource_named_by_its_id_and_by_an_identifier_is_changed_by_one_after_the_other(
    as_huiji: Client, hub: Hub
) -> None:
    made = (await as_huiji("POST", "/fhir/Organization", json=_named("1"))).json()["id"]
    sent = [
        entry("PUT", "Organization?identifier=urn:x|1", _named("1", name="二")),
        entry("PUT", f"Organization/{made}", _named("1", name="三", id=made)),
        entry("PUT", "Organization?identifier=urn:x|1", _named("1", name="四")),
    ]
    answers = await _transactions(as_huiji, [(bundle(one), uuid4()) for one in sent])
    versions = [one.json()["entry"][0]["response"]["etag"] for one in answers]
    assert sorted(versions) == ['W/"2"', 'W/"3"', 'W/"4"']
    assert len(await acts(hub, "create")) == 1


async def test_a_reference_to_what_is_there_already_is_led_there_whatever_was_sent_of_it(as_huiji: Client) -> None:
    there = (await as_huiji("POST", "/fhir/Organization", json=_named("1"))).json()["id"]
    again = entry("POST", "Organization", _named("1", active="no boolean"), ifNoneExist="identifier=urn:x|1")
    about = weight(f"Organization/{there}") | {"performer": [{"reference": "urn:uuid:o"}]}
    sent = bundle({"fullUrl": "urn:uuid:o", **again}, entry("POST", "Observation", about))
    (answer,) = await _transactions(as_huiji, [(sent, uuid4())])
    assert answer.status_code == 200, answer.text
    made = answer.json()["entry"][1]["response"]["location"].split("/fhir/")[1].split("/_history/")[0]
    assert (await as_huiji("GET", f"/fhir/{made}")).json()["performer"] == [{"reference": f"Organization/{there}"}]


async def test_a_long_message_has_a_turn_of_its_own(
    hub: Hub, as_huiji: Client, monkeypatch: pytest.MonkeyPatch, shared: list[int]
) -> None:
    monkeypatch.setattr(understanding, "MOST_DRAFTED", 2000)
    long = _message(_someone(1), *(_observation(None) for _ in range(20)))
    answers = await _at_once(hub, monkeypatch, as_huiji, [_message(_someone(0)), long, _message(_someone(2))])
    assert [one.status_code for one in answers] == [200] * 3
    assert shared == [1, 1, 1]
    assert (await as_huiji("GET", "/fhir/Observation")).json()["total"] == 20
