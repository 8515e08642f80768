"""Searching Patients (ITI-78, PDQm) although everything about them is sealed: what is found, by whom, and what is refused."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle

from hub.fhir.patients import FEWEST, IN_FULL
from hub.runtime import Hub
from hub.services.exchange import indexing
from mappings.vocabulary import PERSON, RESIDENT_ID
from tests.api.fhir.conftest import Client, found, ledger
from tests.api.fhir.test_plumbing import issue_of
from tests.hubs import Enrolled, acts
from tests.messages import CARE, agree
from tests.people import arrive, patient

LI = {"name": "李秀英", "sex": "female", "birth": "1987-03-12", "id": "410108198703120041", "phone": "13687654091"}
LI_TOO = {"name": "李秀云", "sex": "female", "birth": "1987-03-12", "phone": "13687654091"}
ZHANG = {"name": "张伟国", "birth": "1979-11-02", "id": "330784197911020015", "phone": "13798700432"}
ALICE = {"name": "MOHR ALICE", "sex": "female", "birth": "1958-01-30"}
RECORD = "urn:lianqiao:{}:record"


@pytest.fixture
async def people(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    place = {"origin": "410108001000", "address": "河南省郑州市惠济区花园口镇南月堤村12号"}
    alice = patient("huiji", "H4", **ALICE)
    alice["name"] = [{"family": "MOHR", "given": ["ALICE"]}]
    await arrive(
        hub,
        huiji.member,
        [patient("huiji", "H1", **LI, **place), patient("huiji", "H2", **LI_TOO), alice],
    )
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI), patient("yongkang", "Y2", **ZHANG)])
    await indexing.catch_up(hub)


async def numbers(client: Client, *, purpose: str | None = None, **asked: Any) -> list[str]:
    """The record numbers that a search finds."""
    params = {name.replace("_exact", ":exact").replace("__", "-"): value for name, value in asked.items()}
    return [number for number, _ in found(await client("GET", "/fhir/Patient", purpose=purpose, params=params))]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"family": "李", "birthdate": "1987-03-12"}, ["H1", "H2"]),
        ({"family": "李", "given": "秀英", "birthdate": "1987-03-12"}, ["H1"]),
        ({"family": "李", "given": "秀英", "birthdate": "1987"}, ["H1"]),
        ({"family": "李", "given": "秀英", "birthdate": ["ge1980-01-01", "le1989-12-31"]}, ["H1"]),
        ({"family": "李", "given": "秀英", "birthdate": ["gt1987-03-12", "lt1989-12-31"]}, []),
        ({"given": "秀云", "birthdate": "1987-03-12"}, ["H2"]),
        ({"given": "秀云,秀英", "birthdate": "1987-03-12"}, ["H1", "H2"]),
        ({"given_exact": "秀云", "birthdate": "1987-03-12"}, ["H2"]),
        ({"family": "李", "birthdate": "1987-03-12", "gender": "male"}, []),
        ({"family": "李", "birthdate": "1987-03-12", "gender": "female,male"}, ["H1", "H2"]),
        ({"family": "李", "birthdate": "1987-03-12", "active": "true"}, []),  # neither says so
        ({"family": "李", "birthdate": "1987-03-12", "active": "false"}, []),
        ({"family": "李", "birthdate": "1987-03-12", "address": "河南省郑州市"}, ["H1"]),
        ({"family": "李", "birthdate": "1987-03-12", "address_exact": "河南省郑州市"}, []),
        ({"family": "李", "birthdate": "1987-03-12", "address__city": "郑州"}, []),
        ({"telecom": "13687654091", "birthdate": "1987"}, ["H1", "H2"]),
        ({"telecom": "phone|13687654091", "birthdate": "1987"}, ["H1", "H2"]),
        ({"telecom": "13687654091", "birthdate": "1986"}, []),
        ({"identifier": f"{RESIDENT_ID}|{LI['id']}"}, ["H1"]),
        ({"identifier": LI["id"]}, ["H1"]),
        ({"identifier": [f"{RESIDENT_ID}|{LI['id']}", RECORD.format("huiji") + "|H1"]}, ["H1"]),
        ({"identifier": [f"{RESIDENT_ID}|{LI['id']}", RECORD.format("huiji") + "|H2"]}, []),
        ({"identifier": f"{RESIDENT_ID}|{LI['id']},{RECORD.format('huiji')}|H2"}, ["H1", "H2"]),
        ({"identifier": f"{RESIDENT_ID}|410108198703120000"}, []),
        ({}, ["H1", "H2", "H4"]),
    ],
)
async def test_ones_own_records(people: None, as_huiji: Client, asked: dict[str, Any], expected: list[str]) -> None:
    params = {name.replace("_exact", ":exact").replace("__", "-"): value for name, value in asked.items()}
    answer = await as_huiji("GET", "/fhir/Patient", purpose=None, params=params)
    assert [number for number, _ in found(answer)] == expected
    Bundle.model_validate(answer.json())
    assert answer.json()["total"] == len(expected)
    by_form = await as_huiji("POST", "/fhir/Patient/_search", purpose=None, data=params)
    assert found(by_form) == found(answer) if params else by_form.status_code == 415


async def test_the_profiles_example(people: None, as_huiji: Client) -> None:
    """ITI-78, 2:3.78.4.1.2.1: family=MOHR&given=ALICE&active=true&gender=female; a birth date is the way in here."""
    asked = {"family": "MOHR", "given": "ALICE", "active": "true", "gender": "female"}
    accept = {"Accept": "application/fhir+json; fhirVersion=4.0"}
    refused = await as_huiji("GET", "/fhir/Patient", params=asked, headers=accept)
    assert issue_of(refused) == (400, "not-supported", "not-supported")
    assert "sealed" in refused.json()["issue"][0]["diagnostics"]
    answer = await as_huiji("GET", "/fhir/Patient", params={**asked, "birthdate": "1958-01-30"}, headers=accept)
    assert found(answer) == [("H4", "")]
    assert (await as_huiji("GET", "/fhir/Patient", params={**asked, "birthdate": "1958-01-31"})).json()["total"] == 0


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"family": "李"}, (400, "not-supported", "not-supported")),
        ({"family": "李", "gender": "female"}, (400, "not-supported", "not-supported")),
        ({"birthdate": "1987-03-12"}, (400, "not-supported", "not-supported")),
        ({"family": "李", "given": "秀英", "birthdate": "ge1980-01-01"}, (400, "not-supported", "not-supported")),
        ({"family:contains": "李", "birthdate": "1987-03-12"}, (400, "not-supported", "not-supported")),
        ({"family": "李", "birthdate": "ne1987-03-12"}, (400, "not-supported", "not-supported")),
        ({"family": "李", "birthdate": "12.3.1987"}, (400, "bad-request", "invalid")),
        ({"family": "李", "birthdate": "1987-02-30"}, (400, "bad-request", "invalid")),
        ({"family": "", "birthdate": "1987-03-12"}, (400, "bad-request", "invalid")),
        ({"_count": "-1"}, (400, "bad-request", "invalid")),
    ],
)
async def test_what_cannot_be_searched_says_so(
    people: None, as_huiji: Client, asked: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert issue_of(await as_huiji("GET", "/fhir/Patient", params=asked)) == expected


async def test_unknown_parameters_are_left_out_or_refused(people: None, as_huiji: Client) -> None:
    asked = {"family": "李", "birthdate": "1987-03-12", "favourite-colour": "red"}
    answer = await as_huiji("GET", "/fhir/Patient", params=asked)
    (self_,) = [link["url"] for link in answer.json()["link"] if link["relation"] == "self"]
    assert "family" in self_
    assert "colour" not in self_
    strict = await as_huiji("GET", "/fhir/Patient", params=asked, headers={"Prefer": "handling=strict"})
    assert issue_of(strict)[1] == "not-supported"


async def test_domains_are_chosen(people: None, as_huiji: Client) -> None:
    """ITI-78, Populating Which Domains are Returned, and case 4."""
    asked = {"family": "李", "birthdate": "1987-03-12"}
    chosen = {**asked, "identifier": f"{RECORD.format('huiji')}|,urn:oid:2.16.156.10011.1.2|"}
    answer = await as_huiji("GET", "/fhir/Patient", params=chosen)
    assert {i["system"] for e in answer.json()["entry"] for i in e["resource"]["identifier"]} == {
        RECORD.format("huiji")
    }
    assert len(found(answer)) == 2
    only = await as_huiji("GET", "/fhir/Patient", params={**asked, "identifier": f"{RESIDENT_ID}|"})
    assert only.json()["total"] == 1
    unknown = await as_huiji("GET", "/fhir/Patient", params={**asked, "identifier": "urn:oid:1.2.3|"})
    assert issue_of(unknown) == (404, "unknown-domain", "not-found")
    issue = unknown.json()["issue"][0]
    assert (issue["severity"], issue["diagnostics"]) == ("warning", "targetSystem not found")


async def test_pages_go_on_and_back(hub: Hub, huiji: Enrolled, as_huiji: Client) -> None:
    await arrive(hub, huiji.member, [patient("huiji", f"P{n}", **LI_TOO) for n in range(7)])
    address, seen, back = "/fhir/Patient?family=李&birthdate=1987-03-12&_count=3", list[str](), ""
    while address:
        answer = await as_huiji("GET", address)
        assert answer.json()["total"] == 7
        seen += [number for number, _ in found(answer)]
        links = {link["relation"]: link["url"] for link in answer.json()["link"]}
        address, back = links.get("next", "").removeprefix("http://hub.test"), links.get("previous", "")
    assert seen == [f"P{n}" for n in range(7)]
    assert parse_qs(urlsplit(back).query)["_offset"] == ["3"]
    none = await as_huiji("GET", "/fhir/Patient?family=李&birthdate=1987-03-12&_count=0")
    assert (none.json()["total"], "entry" in none.json()) == (7, False)


async def test_others_show_under_an_agreement_to_whoever_says_enough(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    whole = {"family": "张", "given": "伟国", "birthdate": "1979-11-02"}
    answer = await as_huiji("GET", "/fhir/Patient", params=whole)
    assert found(answer) == [("Y2", "")]
    assert ZHANG["id"] not in answer.text
    assert ZHANG["phone"] not in answer.text
    assert await numbers(as_huiji, purpose=CARE, family="张", birthdate="1979-11-02") == []
    assert await numbers(as_huiji, purpose=CARE, identifier=f"{RESIDENT_ID}|{ZHANG['id']}") == []
    assert await numbers(as_huiji, purpose=CARE, identifier=RECORD.format("yongkang") + "|Y2") == ["Y2"]
    assert await numbers(as_huiji, purpose="entitlement", **whole) == []
    noted = await ledger(hub, yongkang, "Y2")
    assert noted == [
        ("huiji", "search", CARE, "permit", FEWEST),
        ("huiji", "search", CARE, "permit", FEWEST),
        ("huiji", "search", "entitlement", "not-visible", ()),
    ]


@pytest.mark.parametrize(
    "guess",
    [
        {"family": "张", "birthdate": "1979-11-02", "gender": "male,female,other,unknown"},
        {"family": "张", "birthdate": "1979-11-02", "given": "伟国,国伟,建国,伟"},
        {"identifier": ",".join(RECORD.format("yongkang") + f"|Y{n}" for n in range(1, 21))},
    ],
)
async def test_many_guesses_in_one_search_find_nobody_of_anothers(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client, guess: dict[str, str]
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    assert await numbers(as_huiji, purpose=CARE, **guess) == []
    assert await ledger(hub, yongkang, "Y2") == []


async def test_every_search_has_its_leaf_and_every_person_shown_her_line(
    hub: Hub, people: None, huiji: Enrolled, as_huiji: Client
) -> None:
    await numbers(as_huiji, family="李", birthdate="1987-03-12", _count="1")
    await numbers(as_huiji, family="赵", birthdate="1987-03-12")
    assert [(one["asked"], len(one["rows"])) for one in await acts(hub, "look-up")] == [("search", 1), ("search", 0)]
    assert await ledger(hub, huiji, "H1") == [("huiji", "search", "unknown", "permit", IN_FULL)]
    assert await ledger(hub, huiji, "H2") == []


async def test_a_patient_is_read_by_its_id(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client, as_yongkang: Client
) -> None:
    (entry,) = (await as_yongkang("GET", "/fhir/Patient?family=张&birthdate=1979-11-02")).json()["entry"]
    path = f"/fhir/Patient/{entry['resource']['id']}"
    own = await as_yongkang("GET", path)
    assert own.json() == entry["resource"]
    assert own.headers["ETag"] == 'W/"1"'
    hidden, nobody = await as_huiji("GET", path), await as_huiji("GET", "/fhir/Patient/nobody")
    assert issue_of(hidden) == issue_of(nobody) == (404, "not-found", "not-found")
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    shown = await as_huiji("GET", path)
    assert shown.json()["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert await numbers(as_huiji, purpose=CARE, _id=entry["resource"]["id"]) == ["Y2"]


async def test_many_searches_at_once(people: None, as_huiji: Client) -> None:
    asked = {"family": "李", "birthdate": "1987-03-12"}
    answers: list[httpx2.Response] = await asyncio.gather(
        *(as_huiji("GET", "/fhir/Patient", params=asked) for _ in range(20))
    )
    assert {len(found(answer)) for answer in answers} == {2}


async def test_a_total_tells_of_others_and_is_in_their_ledger(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    for page in ("_count=0", "_offset=5"):
        answer = await as_huiji("GET", f"/fhir/Patient?family=张&given=伟国&birthdate=1979-11-02&{page}")
        assert answer.json()["total"] == 1
    assert await ledger(hub, yongkang, "Y2") == 2 * [("huiji", "search", CARE, "permit", ())]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("family=张&given=%20&birthdate=1979-11-02", 400),
        ("family=张&telecom=phone%7C&birthdate=1979-11-02", 200),
        ("identifier=urn:oid:1.2.3.4%7C330784", 200),
    ],
)
async def test_what_says_nothing_counts_for_nothing(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client, asked: str, status: int
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    known = patient("yongkang", "Y3", **{**ZHANG, "id": "330784197911020031"})
    known["identifier"].append({"system": "urn:oid:1.2.3.4", "value": "330784"})
    await arrive(hub, yongkang.member, [known])
    answer = await as_huiji("GET", f"/fhir/Patient?{asked}")
    assert answer.status_code == status
    if status == 200:
        assert found(answer) == []


async def test_many_choices_are_refused_before_they_are_multiplied(people: None, as_huiji: Client) -> None:
    names = "&".join(
        f"{name}=" + ",".join(f"{chr(0x4E00 + at)}" for at in range(20)) for name in ("family", "given") * 10
    )
    async with asyncio.timeout(5):
        answer = await as_huiji("GET", f"/fhir/Patient?{names}&birthdate=1979-11-02")
    assert answer.status_code == 400
