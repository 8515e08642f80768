"""A record that its source has replaced, as others see it: by PIX query and search, in files, and in the console's queue.

IHE PIXm ITI-104, 2:3.104.4.2.3: references to the subsumed identifier are replaced by the survivor's before they are
provided to PIX queries.
"""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest

from hub.domain.ordering import SOURCE_MERGE
from hub.runtime import Hub
from hub.services import recording, submitted
from hub.services.preparing import prepare
from hub.storage import decisions, people, reviews, submissions
from hub.storage.members import Member
from mappings import Row
from mappings.vocabulary import PERSON
from tests.api.fhir.conftest import Client
from tests.feeds import feeder, parameters, put, resolved, steward
from tests.hubs import Enrolled, acts
from tests.messages import CARE, agree
from tests.people import arrive, patient

LI = {"name": "李秀英", "birth": "1990-03-07", "sex": "female", "id": "410108199003071228", "origin": "410108000000"}
QIAN = {"name": "钱学森", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015", "origin": "330784000000"}
PIX = "/fhir/Patient/$ihe-pix"


@pytest.fixture
async def source(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> AsyncIterator[httpx2.AsyncClient]:
    """huiji's client; Y1 and H1 are one person, H2 is another record of hers that looks like nobody."""
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI)])
    await agree(hub, huiji, yongkang, kinds=[PERSON], purposes=[CARE])
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    async with feeder(hub, huiji) as client:
        await put(client, patient("huiji", "H1", **LI))
        await put(client, patient("huiji", "H2", name="王小花", birth="1955-01-01"))
        yield client


def _identifiers(found: httpx2.Response) -> list[str]:
    return [p["valueIdentifier"]["value"] for p in found.json().get("parameter", ()) if p["name"] == "targetIdentifier"]


async def test_a_cross_reference_leads_to_the_survivor_and_never_to_what_it_replaced(
    source: httpx2.AsyncClient, as_yongkang: Client
) -> None:
    await put(source, resolved(patient("huiji", "H2", name="王小花", birth="1955-01-01"), "H1"))
    asked = {"sourceIdentifier": "urn:lianqiao:yongkang:record|Y1", "targetSystem": "urn:lianqiao:huiji:record"}
    assert _identifiers(await as_yongkang("GET", PIX, params=asked)) == ["H1"]


async def test_its_own_source_reads_what_it_said(source: httpx2.AsyncClient, as_huiji: Client) -> None:
    put_back = await put(source, resolved(patient("huiji", "H2", name="王小花", birth="1955-01-01"), "H1"))
    read = await as_huiji("GET", f"/fhir/Patient/{put_back.json()['id']}", purpose=None)
    assert read.json() == put_back.json()
    assert read.json()["active"] is False


async def test_a_file_that_has_it_as_it_is_takes_the_merge_back(
    hub: Hub, huiji: Enrolled, source: httpx2.AsyncClient
) -> None:
    first = await put(source, resolved(patient("huiji", "H2", name="王小花", birth="1955-01-01"), "H1"))
    async with hub.database.begin() as connection:
        stored = await submissions.by_id(connection, hub.vault, UUID(first.headers["Submission-Id"]))
        assert stored is not None
        cells: dict[str, str | None] = {
            "登记编号": "H2",
            "姓名": "王小花",
            "性别": "女",
            "出生年月": "1955.1",
            "户籍地": "郑州市惠济区",
        }
        batch = prepare(
            "huiji/person.v1", "huiji", hub.now(), [Row(1, cells, ",".join(filter(None, cells.values())))], ()
        )
        assert [one.key for one in batch.ready] == ["H2"]
        await recording.record(hub, connection, huiji.member, stored, "", batch, hub.now())
    async with hub.database.read() as connection:
        events = await decisions.of_records(connection, range(1, 9))
    assert [event.kind for event in events] == ["SOURCE_MERGE", "SOURCE_UNMERGE"]


async def test_the_sender_is_told_of_a_feed_like_of_a_document(
    hub: Hub, huiji: Enrolled, source: httpx2.AsyncClient
) -> None:
    member: Member = huiji.member
    fed = await put(source, resolved(patient("huiji", "H3", **LI), "H9"))
    told = await submitted.by_id(hub, member, UUID(fed.headers["Submission-Id"]))
    assert (told["state"], told["counts"]) == ("PROCESSED", {"rows": 1, "translated": 1, "quarantined": 0})
    assert [issue["code"] for issue in told["application_ack"]["warnings"]] == ["survivor-unknown"]


async def test_people_are_asked_about_unlike_records_that_a_sources_word_brings_together(
    hub: Hub, source: httpx2.AsyncClient, yongkang: Enrolled
) -> None:
    """A steward joined H1 with Y1; that H2 replaces H1 is for its source to say, but not that Y1 is Y2."""
    await arrive(hub, yongkang.member, [patient("yongkang", "Y2", **QIAN)])
    other = await put(source, patient("huiji", "H2", **QIAN))
    one = await put(source, patient("huiji", "H1", **LI))
    async with hub.database.read() as connection:
        first = (await people.info(connection, [1]))[1]
    given = parameters(source_patient=f"Patient/{one.json()['id']}", target_patient=f"Patient/{first.resource_id}")
    async with steward(hub, "lin") as client:
        assert (await client.post("/fhir/Patient/$merge", json=given)).status_code == 200
    assert other.status_code == 200
    assert await _open(hub) == []
    for number in ("H2", "H2"):
        await put(source, resolved(patient("huiji", "H1", **LI), number))
        (task,) = await _open(hub)
        assert (task.a, task.b, task.reason) == (1, 3, SOURCE_MERGE)
        assert yongkang.member.id in task.member_ids
    assert [act["decision"] for act in await acts(hub, "reopen")] == [None]


async def test_records_of_one_person_that_a_source_merges_are_nobodys_question(
    hub: Hub, source: httpx2.AsyncClient
) -> None:
    await put(source, resolved(patient("huiji", "H2", name="王小花", birth="1955-01-01"), "H1"))
    assert await _open(hub) == []


async def _open(hub: Hub) -> list[reviews.Review]:
    async with hub.database.read() as connection:
        return await reviews.queue(connection, None, states=["REVIEW"], limit=9)
