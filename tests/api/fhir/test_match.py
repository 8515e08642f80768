"""$match (ITI-119): who is found, how it is graded, who sees what, and what it leaves behind."""

import asyncio
import time
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from hub.api.fhir.timing import FLOOR
from hub.fhir.patients import FEWEST, IN_FULL
from hub.runtime import Hub
from hub.services import auditing, matters
from hub.storage import audit
from mappings.vocabulary import PERSON, RESIDENT_ID
from tests.api.fhir.conftest import Client, found, ledger
from tests.api.fhir.test_plumbing import issue_of
from tests.hubs import Enrolled, acts
from tests.messages import CARE, agree
from tests.people import arrive, patient

LI = {"name": "李秀英", "sex": "female", "birth": "1987-03-12", "id": "410108198703120041", "phone": "13687654091"}
ZHANG = {"name": "张伟国", "birth": "1979-11-02", "id": "330784197911020015", "phone": "13798700432"}


def described(**said: str) -> dict[str, Any]:
    """A Patient as somebody describes it: without the number of a record."""
    made = patient("nobody", "0", **said)
    del made["identifier"][0]
    if not made["identifier"]:
        del made["identifier"]
    return made


@pytest.fixture
async def people(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    """Li is known in both regions, Zhang in Yongkang only."""
    origin = {"origin": "410108001000", "address": "河南省郑州市惠济区花园口镇南月堤村12号"}
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI, **origin)])
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI), patient("yongkang", "Y2", **ZHANG)])


async def test_ones_own_record_is_found_whole(hub: Hub, people: None, huiji: Enrolled, as_huiji: Client) -> None:
    answer = await as_huiji.match(described(**LI), purpose=None)
    assert found(answer) == [("H1", "certain")]
    Bundle.model_validate(answer.json())
    (entry,) = answer.json()["entry"]
    assert entry["search"]["mode"] == "match"
    assert 0.99 < entry["search"]["score"] <= 1
    assert entry["fullUrl"] == f"http://hub.test/fhir/Patient/{entry['resource']['id']}"
    assert RESIDENT_ID in {i["system"] for i in entry["resource"]["identifier"]}
    # That another region keeps her too is no news to her: whoever was shown a record of hers was not refused.
    assert await ledger(hub, huiji, "H1") == [("huiji", "match", "unknown", "permit", IN_FULL)]


async def test_another_members_record_shows_under_an_agreement_with_the_fewest_fields(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    answer = await as_huiji.match(described(**ZHANG))
    assert found(answer) == [("Y2", "certain")]
    (shown,) = [entry["resource"] for entry in answer.json()["entry"]]
    assert [i["system"] for i in shown["identifier"]] == ["urn:lianqiao:yongkang:record"]
    assert "telecom" not in shown
    assert ZHANG["id"] not in answer.text
    assert shown["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert await ledger(hub, yongkang, "Y2") == [("huiji", "match", CARE, "permit", FEWEST)]


async def test_the_address_of_another_members_record_is_its_division_only(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_yongkang: Client
) -> None:
    await agree(hub, huiji, yongkang, kinds=[PERSON], purposes=[CARE])
    answer = await as_yongkang.match(described(**LI))
    assert sorted(found(answer)) == [("H1", "certain"), ("Y1", "certain")]
    assert "南月堤村" not in answer.text
    assert "410108001000" in answer.text


@pytest.mark.parametrize("purpose", [None, "entitlement"])
async def test_without_the_purpose_of_an_agreement_nobody_elses_record_shows(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client, purpose: str | None
) -> None:
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    assert found(await as_huiji.match(described(**ZHANG), purpose=purpose)) == []
    # The person was meant, and is told that somebody looked.
    assert await ledger(hub, yongkang, "Y2") == [("huiji", "match", purpose or "unknown", "not-visible", ())]


async def test_where_a_case_is_asked_for_only_its_person_shows(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client
) -> None:
    agreement = await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE], case_required=True)
    assert found(await as_huiji.match(described(**ZHANG))) == []
    await matters.begin(hub, agreement, region="yongkang", record_id="Y2", reason="she moves back")
    assert found(await as_huiji.match(described(**ZHANG))) == [("Y2", "certain")]
    assert found(await as_huiji.match(described(**LI))) == [("H1", "certain")]


async def test_a_hidden_person_and_nobody_get_the_same_answer(hub: Hub, people: None, as_huiji: Client) -> None:
    hidden = await as_huiji.match(described(**ZHANG))
    nobody = await as_huiji.match(described(name="赵无人", birth="1979-11-02", id="330784197911020058"))

    def said(answer: Any) -> dict[str, Any]:
        return {name: value for name, value in answer.json().items() if name != "timestamp"}

    assert (hidden.status_code, said(hidden)) == (nobody.status_code, said(nobody))
    assert hidden.headers.keys() == nobody.headers.keys()


async def test_no_answer_comes_before_the_floor(people: None, as_huiji: Client) -> None:
    """How the times of hidden people and of nobody compare is measured by `tests.bench.match`."""
    for asked in (described(**ZHANG), described(name="赵无人", birth="1979-11-02", sex="male")):
        begun = time.perf_counter()
        await as_huiji.match(asked)
        assert time.perf_counter() - begun >= FLOOR


async def test_grades_go_from_certain_to_possible_and_are_sorted(
    hub: Hub, people: None, huiji: Enrolled, as_huiji: Client
) -> None:
    others = [
        patient("huiji", "H2", name="李秀英", sex="female", birth="1987"),
        patient("huiji", "H3", name="李秀瑛", sex="female", birth="1987-03-21"),
    ]
    await arrive(hub, huiji.member, others)
    answer = await as_huiji.match(described(**LI), count=50)
    assert found(answer)[0] == ("H1", "certain")
    assert {number for number, _ in found(answer)} == {"H1", "H2", "H3"}
    scores = [entry["search"]["score"] for entry in answer.json()["entry"]]
    assert scores == sorted(scores, reverse=True)
    assert [grade for _, grade in found(answer)] == ["certain", "probable", "possible"]
    assert len(found(await as_huiji.match(described(**LI), count=1))) == 1


async def test_only_certain_matches_of_one_person(hub: Hub, people: None, huiji: Enrolled, as_huiji: Client) -> None:
    assert found(await as_huiji.match(described(**LI), onlyCertainMatches=True)) == [("H1", "certain")]
    vague = described(name="李秀英", birth="1987", sex="female")
    assert found(await as_huiji.match(vague)) != []
    assert all(grade != "certain" for _, grade in found(await as_huiji.match(vague)))
    assert found(await as_huiji.match(vague, onlyCertainMatches=True)) == []


async def test_only_certain_with_two_persons_is_nobody_and_a_single_match_is_one(
    hub: Hub, huiji: Enrolled, as_huiji: Client
) -> None:
    # One number on two people who have nothing else in common: the hub does not join them.
    one = {"name": "王建国", "birth": "1972-05-17", "id": "410108197205170017", "phone": "13511112222"}
    two = {"name": "王建国", "birth": "1972-05-17", "id": "330784197205170016", "phone": "13511112222"}
    await arrive(hub, huiji.member, [patient("huiji", "A", **one), patient("huiji", "B", **two)])
    asked = described(name="王建国", birth="1972-05-17", phone="13511112222")
    assert {number for number, _ in found(await as_huiji.match(asked))} == {"A", "B"}
    assert found(await as_huiji.match(asked, onlyCertainMatches=True)) == []
    assert found(await as_huiji.match(described(**one), onlySingleMatch=True))[0][0] == "A"
    assert found(await as_huiji.match(asked, onlySingleMatch=True)) == []


@pytest.mark.parametrize(
    ("said", "enough"),
    [
        ({"name": "李秀英", "birth": "1987-03-12"}, False),
        ({"id": "410108198703120041", "name": ""}, False),
        ({"name": "李秀英", "birth": "1987-03-12", "phone": "13687654091"}, True),
    ],
)
async def test_three_elements_are_needed(as_huiji: Client, said: dict[str, str], enough: bool) -> None:
    asked = described(**said)
    asked["gender"] = "unknown"
    if not said["name"]:
        del asked["name"]
    answer = await as_huiji.match(asked)
    if enough:
        assert answer.status_code == 200
    else:
        assert issue_of(answer) == (400, "too-few-elements", "required")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"resourceType": "Observation"}, "bad-request"),
        ({"resourceType": "Parameters"}, "bad-request"),
        ({"resourceType": "Parameters", "parameter": [{"name": "resource"}]}, "bad-request"),
        ({"resourceType": "Parameters", "parameter": [{"name": "onlyCertain", "valueBoolean": True}]}, "not-supported"),
        ({"resourceType": "Patient", "birthDate": "1987-02-30"}, "invalid-resource"),
        ({"resourceType": "Patient", "modifierExtension": [{"url": "urn:x", "valueCode": "y"}]}, "not-supported"),
    ],
)
async def test_what_cannot_be_matched_is_refused(as_huiji: Client, body: dict[str, Any], code: str) -> None:
    assert issue_of(await as_huiji("POST", "/fhir/Patient/$match", json=body))[:2] == (400, code)


@pytest.mark.parametrize("parameters", [{"count": 0}, {"count": True}])
async def test_a_count_is_a_number_from_one(as_huiji: Client, parameters: dict[str, Any]) -> None:
    assert issue_of(await as_huiji.match(described(**LI), **parameters))[0] == 400


async def test_many_at_once_get_their_own_answers(
    hub: Hub, people: None, as_huiji: Client, as_yongkang: Client
) -> None:
    asked = [(as_huiji, LI), (as_yongkang, ZHANG), (as_yongkang, LI), (as_huiji, ZHANG)] * 10
    answers = await asyncio.gather(*(who.match(described(**said), purpose=None) for who, said in asked))
    numbers = [[number for number, _ in found(answer)] for answer in answers]
    assert numbers == [["H1"], ["Y2"], ["Y1"], []] * 10


async def test_every_look_up_has_a_leaf_that_binds_its_lines(hub: Hub, people: None, as_huiji: Client) -> None:
    await as_huiji.match(described(**LI), purpose=None)
    await as_huiji.match(described(name="赵无人", birth="1979-11-02", sex="male"), purpose=None)
    left = await acts(hub, audit.LOOK_UP)
    assert [(one["actor"], one["asked"], len(one["rows"])) for one in left] == [
        ("huiji", "match", 1),
        ("huiji", "match", 0),
    ]
    while await auditing.sequence(hub):
        pass
    assert (await auditing.verify(hub)).ok


async def test_who_guesses_is_stopped(
    hub: Hub, people: None, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client
) -> None:
    """A thousand wrong guesses beyond one's own records are the most of an hour; one's own stay in reach."""
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    guess = described(name="赵无人", birth="1979-11-02", sex="male")
    answers = [await asyncio.gather(*(as_huiji.match(guess) for _ in range(50))) for _ in range(20)]
    assert {answer.status_code for some in answers for answer in some} == {200}
    stopped = await as_huiji.match(described(**ZHANG))
    assert issue_of(stopped) == (429, "misses-used-up", "throttled")
    assert int(stopped.headers["Retry-After"]) >= 1
    assert found(await as_huiji.match(described(**LI), purpose=None)) == [("H1", "certain")]


async def test_a_text_that_would_take_minutes_to_read_is_refused(people: None, as_huiji: Client) -> None:
    answer = await as_huiji.match(described(**LI, origin="410108001000", address="零" * 300_000))
    assert issue_of(answer)[:2] == (400, "too-long")


@pytest.mark.parametrize(
    "filler", [{"telecom": [{"system": "phone", "value": "x"}]}, {"address": [{"use": "home"}]}, {"gender": "other"}]
)
async def test_what_says_nothing_of_anybody_is_no_element(as_huiji: Client, filler: dict[str, Any]) -> None:
    asked = {"resourceType": "Patient", "name": [{"text": "李秀英"}], "birthDate": "1987-03-12", **filler}
    assert issue_of(await as_huiji.match(asked)) == (400, "too-few-elements", "required")
