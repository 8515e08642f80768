"""HAPI's MDM operations over HTTP, with the requests of its documentation ("MDM Operations", server_jpa_mdm, HAPI FHIR 8)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.patient import Patient

from hub.runtime import Hub
from hub.storage import access, decisions, people, reviews
from tests.console import people as invented
from tests.feeds import feeder, outs, parameters, steward
from tests.hubs import Clock, Enrolled, acts
from tests.people import arrive, named_persons, patient

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
QIAN = {"name": "钱学森", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015", "origin": "330784000000"}


class World:
    """H1 and Y1 are one person by themselves, H2 is another; 陈志强 (C1, C2) waits in the queue of conflicts."""

    def __init__(self, hub: Hub, infos: dict[int, people.RecordInfo]) -> None:
        self.hub, self.infos = hub, dict(zip(("H1", "H2", "C2", "Y1", "C1"), infos.values(), strict=True))

    def record(self, name: str) -> str:
        return f"Patient/{self.infos[name].resource_id}"

    async def person(self, name: str) -> str:
        async with self.hub.database.read() as connection:
            info = (await people.info(connection, [self.infos[name].id]))[self.infos[name].id]
        return f"Patient/{info.person_id}"


@pytest.fixture
async def here(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> World:
    theirs, ours = ({"name": "陈志强", "birth": birth} for birth in ("1988-03-04", "1988-04-03"))
    huijis = [patient("huiji", name, **said) for name, said in (("H1", LI), ("H2", QIAN), ("C2", theirs))]
    await arrive(hub, huiji.member, huijis)
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI), patient("yongkang", "C1", **ours)])
    async with hub.database.read() as connection:
        return World(hub, dict(sorted((await people.info(connection, range(1, 6))).items())))


@pytest.fixture
async def client(hub: Hub, here: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with steward(hub, "lin") as made:
        yield made


def _code(found: httpx2.Response) -> tuple[int, str]:
    return found.status_code, found.json()["issue"][0]["details"]["coding"][0]["code"]


def _links(found: httpx2.Response, name: str = "link") -> list[dict[str, Any]]:
    return [
        {part["name"]: next(value for key, value in part.items() if key != "name") for part in link}
        for link in outs(found, name)
    ]


def _brief(found: httpx2.Response, name: str = "link") -> list[tuple[str, str, str, str]]:
    names = ("goldenResourceId", "sourceResourceId", "matchResult", "linkSource")
    return [(link[names[0]], link[names[1]], link[names[2]], link[names[3]]) for link in _links(found, name)]


async def _post(client: httpx2.AsyncClient, operation: str, **given: Any) -> httpx2.Response:
    return await client.post(f"/fhir/${operation}", json=parameters(**given))


async def test_hapis_query_of_possible_matches(client: httpx2.AsyncClient, here: World) -> None:
    """ "Query links", example: GET …/$mdm-query-links?matchResult=POSSIBLE_MATCH, and its answer part by part."""
    found = await client.get("/fhir/$mdm-query-links?matchResult=POSSIBLE_MATCH")
    assert found.status_code == 200
    Parameters.model_validate(found.json())
    (link,) = _links(found)
    assert list(link) == [
        "goldenResourceId",
        "sourceResourceId",
        "matchResult",
        "linkSource",
        "eidMatch",
        "hadToCreateNewResource",
        "score",
        "linkCreated",
        "linkUpdated",
    ]
    assert (link["goldenResourceId"], link["sourceResourceId"]) == (await here.person("C2"), here.record("C1"))
    assert (link["matchResult"], link["linkSource"], link["eidMatch"]) == ("POSSIBLE_MATCH", "AUTO", False)


async def test_hapis_query_by_post_with_the_pages_sent_back(client: httpx2.AsyncClient) -> None:
    """ "Query links", the request body of the example, which repeats prev, self and next of an answer."""
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "prev", "valueUri": "http://example.com/$mdm-query-links?_offset=8_count=2"},
            {"name": "self", "valueUri": "http://example.com/$mdm-query-links?_offset=10_count=2"},
            {"name": "next", "valueUri": "http://example.com/$mdm-query-links?_offset=12_count=2"},
            {"name": "matchResult", "valueString": "POSSIBLE_MATCH"},
        ],
    }
    found = await client.post("/fhir/$mdm-query-links", json=body)
    assert [link["matchResult"] for link in _links(found)] == ["POSSIBLE_MATCH"]


async def test_hapis_pages(client: httpx2.AsyncClient) -> None:
    """ "Pagination": _offset and _count, by GET and by POST, with the addresses of the pages around."""
    whole = _brief(await client.get("/fhir/$mdm-query-links"))
    assert len(whole) == 6
    first = await client.get("/fhir/$mdm-query-links?_offset=0&_count=2")
    assert outs(first, "prev") == []
    second = await _post(client, "mdm-query-links", _offset=2, _count=2)
    assert urlsplit(outs(second, "prev")[0]).query == "_offset=0&_count=2"
    assert urlsplit(outs(second, "self")[0]).query == "_offset=2&_count=2"
    address = urlsplit(outs(second, "next")[0])
    third = await client.get(f"{address.path}?{address.query}")
    assert outs(third, "next") == []
    assert _brief(first) + _brief(second) + _brief(third) == whole


async def test_links_are_chosen_and_sorted(client: httpx2.AsyncClient, here: World) -> None:
    person = await here.person("H1")
    of_person = await client.get(f"/fhir/$mdm-query-links?goldenResourceId={person}")
    assert sorted(_brief(of_person)) == sorted((person, here.record(name), "MATCH", "AUTO") for name in ("H1", "Y1"))
    assert [link["hadToCreateNewResource"] for link in _links(of_person)].count(True) == 1
    of_record = await client.get(f"/fhir/$mdm-query-links?resourceId={here.record('H2')}&resourceType=Patient")
    assert _brief(of_record) == [(await here.person("H2"), here.record("H2"), "MATCH", "AUTO")]
    falling = [link["score"] for link in _links(await client.get("/fhir/$mdm-query-links?_sort=-myScore,myCreated"))]
    assert falling == sorted(falling, reverse=True)
    assert _brief(await client.get("/fhir/$mdm-query-links?linkSource=MANUAL")) == []


@pytest.mark.parametrize(
    "query",
    [
        "matchResult=MAYBE",
        "linkSource=GUESS",
        "_count=201",
        "_count=-1",
        "_offset=x",
        "_offset=1000000",
        "_sort=name",
        "resourceType=Practitioner",
        "goldenResourceId=Patient/x",
        "nonsense=1",
    ],
)
async def test_what_cannot_be_asked_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    assert (await client.get(f"/fhir/$mdm-query-links?{query}")).status_code == 400


async def test_hapis_duplicates_and_not_duplicate(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    """ "Query Duplicate Golden Resources" and "Unduplicate Golden Resources"."""
    found = await client.get("/fhir/$mdm-duplicate-golden-resources")
    c1, c2 = await here.person("C1"), await here.person("C2")
    assert _brief(found) == [(c2, c1, "POSSIBLE_DUPLICATE", "AUTO")]
    done = await _post(client, "mdm-not-duplicate", goldenResourceId=c1, resourceId=c2)
    assert done.json() == {"resourceType": "Parameters", "parameter": [{"name": "success", "valueBoolean": True}]}
    assert _brief(await client.get("/fhir/$mdm-duplicate-golden-resources")) == []
    kept = await client.get("/fhir/$mdm-query-links?matchResult=NO_MATCH")
    assert _brief(kept) == [(c2, here.record("C1"), "NO_MATCH", "MANUAL")]
    (decided,) = await acts(hub, "decide")
    assert (decided["verdict"], decided["actor"]) == ("different", "lin")
    assert _code(await _post(client, "mdm-not-duplicate", goldenResourceId=c1, resourceId=c2)) == (409, "no-link")


async def test_hapis_update_of_a_possible_match(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    """ "Update Link": goldenResourceId, resourceId, matchResult MATCH; the golden resource is answered."""
    golden, record = await here.person("C2"), here.record("C1")
    found = await _post(client, "mdm-update-link", goldenResourceId=golden, resourceId=record, matchResult="MATCH")
    assert (found.status_code, f"Patient/{found.json()['id']}") == (200, golden)
    Patient.model_validate(found.json())
    assert {
        "system": "http://hapifhir.io/fhir/NamingSystem/mdm-record-status",
        "code": "GOLDEN_RECORD",
    } in found.json()["meta"]["tag"]
    assert {link["other"]["reference"] for link in found.json()["link"]} == {here.record("C1"), here.record("C2")}
    links = await client.get(f"/fhir/$mdm-query-links?goldenResourceId={golden}")
    assert {brief[2:] for brief in _brief(links)} == {("MATCH", "MANUAL")}
    again = await _post(client, "mdm-update-link", goldenResourceId=golden, resourceId=record, matchResult="MATCH")
    assert again.status_code == 200
    assert len(await acts(hub, "decide")) == 1


async def test_a_possible_match_that_is_none_is_decided(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    """ "Update Link": a POSSIBLE_MATCH becomes NO_MATCH, and is not asked about any more."""
    golden, record = await here.person("C2"), here.record("C1")
    said = {"goldenResourceId": golden, "resourceId": record, "matchResult": "NO_MATCH"}
    assert (await _post(client, "mdm-update-link", **said)).status_code == 200
    assert _brief(await client.get("/fhir/$mdm-query-links?matchResult=POSSIBLE_MATCH")) == []
    kept = await client.get("/fhir/$mdm-query-links?matchResult=NO_MATCH")
    assert _brief(kept) == [(golden, record, "NO_MATCH", "MANUAL")]
    assert (await _post(client, "mdm-update-link", **said)).status_code == 200
    assert [act["verdict"] for act in await acts(hub, "decide")] == ["different"]


async def test_what_takes_two_people_is_not_said_to_be_done(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, client: httpx2.AsyncClient
) -> None:
    """Two valid numbers speak against one person, and one number of two whichever way it is decided."""
    ours, theirs = invented.two_ids()
    shared = [{**known, "id": "410108196505052112"} for known in ({**QIAN, "name": "孙立"}, {**LI, "name": "周红"})]
    mine = await arrive(hub, yongkang.member, [ours, patient("yongkang", "S1", **shared[0])])
    other = await arrive(hub, huiji.member, [theirs, patient("huiji", "S2", **shared[1])])
    before = await named_persons(hub)
    async with hub.database.read() as connection:
        infos = await people.info(connection, [*mine.records, *other.records])
    a, c, b, d = [f"Patient/{infos[id_].anchor}" for id_ in (*mine.records, *other.records)]
    record = f"Patient/{infos[other.records[0]].resource_id}"
    given = {"goldenResourceId": a, "resourceId": record, "matchResult": "MATCH"}
    said = await _post(client, "mdm-update-link", **given)
    assert (said.status_code, f"Patient/{said.json()['id']}") == (202, a)
    parted = await _post(client, "mdm-not-duplicate", goldenResourceId=c, resourceId=d)
    assert (parted.status_code, outs(parted, "success")) == (202, [False])
    assert await named_persons(hub) == before
    assert [act["verdict"] for act in await acts(hub, "propose")] == ["same", "different"]
    assert b not in said.text


async def test_hapis_history_of_a_link(client: httpx2.AsyncClient, here: World, clock: Clock) -> None:
    """ "Link History": a link that was MATCH and was updated to NO_MATCH, the newest revision first, each once."""
    golden, record = await here.person("H1"), here.record("Y1")
    clock.advance(minutes=1)
    await _post(client, "mdm-update-link", goldenResourceId=golden, resourceId=record, matchResult="NO_MATCH")
    found = await client.get(f"/fhir/$mdm-link-history?goldenResourceId={golden}&resourceId={record}")
    Parameters.model_validate(found.json())
    of_link = [brief for brief in _brief(found, "historical link") if brief[:2] == (golden, record)]
    assert [brief[2:] for brief in of_link] == [("NO_MATCH", "MANUAL"), ("MATCH", "AUTO")]
    stamps = [link["revisionTimestamp"] for link in _links(found, "historical link")]
    assert stamps == sorted(stamps, reverse=True)
    assert _code(await client.get("/fhir/$mdm-link-history")) == (400, "bad-request")


async def test_a_link_can_be_parted_and_joined_again(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    before = await named_persons(hub)
    golden, record = await here.person("H1"), here.record("Y1")
    said = {"goldenResourceId": golden, "resourceId": record}
    parted = await _post(client, "mdm-update-link", **said, matchResult="NO_MATCH")
    assert {link["other"]["reference"] for link in parted.json()["link"]} == {here.record("H1")}
    assert len(await named_persons(hub)) == len(before) + 1
    joined = await _post(client, "mdm-update-link", **said, matchResult="MATCH")
    assert f"Patient/{joined.json()['id']}" == golden
    assert await named_persons(hub) == before
    a, b = sorted((here.infos["H1"].id, here.infos["Y1"].id))
    async with hub.database.read() as connection:
        kinds = [event.kind for event in await decisions.of_pair(connection, a, b)]
    assert kinds == ["CANNOT_LINK", "RETRACT", "MUST_LINK"]


async def test_what_a_colleague_proposes_is_not_passed_over(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    said = {"goldenResourceId": await here.person("H1"), "resourceId": here.record("Y1")}
    await _post(client, "mdm-update-link", **said, matchResult="NO_MATCH")
    async with hub.database.begin() as connection:
        task = await reviews.of_pair(connection, *sorted((here.infos["H1"].id, here.infos["Y1"].id)))
        assert task is not None
        await reviews.settle(
            connection, task.id, state="PROPOSED", by="wang", seq=task.decision_seq, now=hub.now(), proposed="same"
        )
    before = await named_persons(hub)
    assert _code(await _post(client, "mdm-update-link", **said, matchResult="MATCH")) == (409, "stale")
    assert await named_persons(hub) == before


async def test_hapis_creation_of_a_link(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    """ "Create Link": without any matching data; matchResult may be left out."""
    golden, record = await here.person("H1"), here.record("H2")
    missing = await _post(client, "mdm-update-link", goldenResourceId=golden, resourceId=record, matchResult="MATCH")
    assert _code(missing) == (409, "no-link")
    found = await _post(client, "mdm-create-link", goldenResourceId=golden, resourceId=record)
    assert {link["other"]["reference"] for link in found.json()["link"]} == {
        here.record(name) for name in ("H1", "H2", "Y1")
    }
    twice = await _post(client, "mdm-create-link", goldenResourceId=golden, resourceId=record)
    assert _code(twice) == (409, "already-linked")
    possible = await _post(
        client, "mdm-create-link", goldenResourceId=golden, resourceId=record, matchResult="POSSIBLE_MATCH"
    )
    assert _code(possible) == (400, "bad-request")


async def test_a_link_that_may_not_be(hub: Hub, client: httpx2.AsyncClient, here: World) -> None:
    golden, record = await here.person("H1"), here.record("H2")
    given = {"goldenResourceId": golden, "resourceId": record}
    assert (await _post(client, "mdm-create-link", **given, matchResult="NO_MATCH")).status_code == 200
    assert {act["verdict"] for act in await acts(hub, "decide")} == {"different"}
    assert len(await acts(hub, "decide")) == 2
    joined = await _post(client, "mdm-update-link", **given, matchResult="MATCH")
    assert {link["other"]["reference"] for link in joined.json()["link"]} == {
        here.record(name) for name in ("H1", "H2", "Y1")
    }


async def test_a_version_that_is_not_the_latest_is_a_conflict(client: httpx2.AsyncClient, here: World) -> None:
    """ "In cases where the operation changes data …": 409 for Patient/123/_history/1 that is not the latest."""
    golden, record = await here.person("C2"), here.record("C1")
    given = {"goldenResourceId": golden, "matchResult": "MATCH"}
    old = await _post(client, "mdm-update-link", **given, resourceId=f"{record}/_history/9")
    assert _code(old) == (409, "stale")
    old = await _post(
        client, "mdm-update-link", **{**given, "goldenResourceId": f"{golden}/_history/999"}, resourceId=record
    )
    assert _code(old) == (409, "stale")
    new = await _post(client, "mdm-update-link", **given, resourceId=f"{record}/_history/1")
    assert new.status_code == 200


async def test_a_region_sees_and_changes_its_own(hub: Hub, here: World) -> None:
    async with steward(hub, "sun", "yongkang") as client:
        found = await client.get("/fhir/$mdm-query-links")
        shown = {brief[1] for brief in _brief(found)}
        assert shown == {here.record("Y1"), here.record("C1")}
        assert [brief[2] for brief in _brief(found)].count("POSSIBLE_MATCH") == 1
        hidden = {"goldenResourceId": await here.person("H2"), "resourceId": here.record("Y1")}
        nothing = {**hidden, "goldenResourceId": f"Patient/{uuid4()}"}
        answers = [await _post(client, "mdm-create-link", **given) for given in (hidden, nothing)]
        assert [_code(answer) for answer in answers] == [(404, "not-found")] * 2
        assert answers[0].json()["issue"][0]["details"] == answers[1].json()["issue"][0]["details"]
        foreign = {"goldenResourceId": await here.person("Y1"), "resourceId": here.record("H2")}
        for given in (foreign, {**foreign, "resourceId": f"{here.record('H2')}/_history/9"}):
            assert _code(await _post(client, "mdm-create-link", **given)) == (404, "not-found")
        # Its own record is linked with another region's by itself: that is for the hub's staff to part.
        own = {"goldenResourceId": await here.person("H1"), "resourceId": here.record("Y1")}
        assert _code(await _post(client, "mdm-update-link", **own, matchResult="NO_MATCH")) == (404, "not-found")
        queued = {"goldenResourceId": await here.person("C2"), "resourceId": here.record("C1")}
        assert (await _post(client, "mdm-update-link", **queued, matchResult="NO_MATCH")).status_code == 200
        history = await client.get(f"/fhir/$mdm-link-history?resourceId={here.record('H2')}")
        assert outs(history, "historical link") == []
    async with hub.database.read() as connection:
        person = here.infos["H2"].person_id
        assert person is not None
        noted = await access.about(connection, [person], [])
    assert [(event.actor, event.outcome) for event in noted] == [("sun", "not-visible")] * 3


async def test_what_was_shown_is_in_the_ledger_of_whom_it_is_about(
    hub: Hub, client: httpx2.AsyncClient, here: World
) -> None:
    await client.get(f"/fhir/$mdm-query-links?resourceId={here.record('H2')}")
    async with hub.database.read() as connection:
        person = here.infos["H2"].person_id
        assert person is not None
        noted = await access.about(connection, [person], [])
    assert [(event.actor, event.act, event.fields) for event in noted] == [("lin", "mdm-query-links", ("link",))]


async def test_a_members_system_and_an_auditor_are_refused(hub: Hub, huiji: Enrolled, here: World) -> None:
    async with feeder(hub, huiji) as client:
        assert _code(await client.get("/fhir/$mdm-query-links")) == (403, "role-missing")
        assert _code(await _post(client, "mdm-update-link")) == (403, "role-missing")
    assert [act["actor"] for act in await acts(hub, "refuse")] == ["huiji"] * 2


async def test_a_conflict_decided_here_is_decided_in_the_console(
    hub: Hub, client: httpx2.AsyncClient, here: World
) -> None:
    golden, record = await here.person("C2"), here.record("C1")
    await _post(client, "mdm-update-link", goldenResourceId=golden, resourceId=record, matchResult="MATCH")
    async with hub.database.read() as connection:
        (task,) = await reviews.queue(connection, None, states=["CONFIRMED"], limit=9)
    assert (task.decided_by, task.reason) == ("lin", "uncertain")
