"""$ihe-pix (ITI-83): the profile's example and errors, and what each caller may see.

The example is PIXm's own (IHE/ITI.PIXm, input/examples: Patient-MohrAlice-{Red,Blue,Green}.json and
pixm-response-mohralice-red-{all,to-blue}.xml), its three domains being those of three members here.
"""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fhir.resources.R4B.parameters import Parameters

from hub.runtime import Hub
from hub.services import terms, tokens
from mappings.vocabulary import PERSON, RESIDENT_ID
from tests.api.fhir.conftest import Client, ledger
from tests.api.fhir.test_plumbing import issue_of
from tests.hubs import Enrolled, acts, enrol
from tests.messages import CARE, agree
from tests.people import arrive, patient

PIX = "/fhir/Patient/$ihe-pix"
ALICE = {"name": "MOHR ALICE", "sex": "female", "birth": "1958-01-30"}
LI = {"name": "李秀英", "sex": "female", "birth": "1987-03-12", "id": "410108198703120041"}


def domain(name: str) -> str:
    """The identifier domain of a member."""
    return f"urn:lianqiao:{name}:record"


def told(answer: httpx2.Response) -> tuple[list[tuple[str, str]], int]:
    """The identifiers (system, value) of an answer, sorted, and how many Patients it names."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    Parameters.model_validate(body)
    parts: list[dict[str, Any]] = body.get("parameter", [])
    identifiers = [p["valueIdentifier"] for p in parts if p["name"] == "targetIdentifier"]
    ids = [p["valueReference"]["reference"] for p in parts if p["name"] == "targetId"]
    assert all(one.startswith("Patient/") for one in ids)
    return sorted((one["system"], one["value"]) for one in identifiers), len(ids)


class World:
    """Alice in red, blue and green; blue and green let red see."""

    def __init__(self, members: dict[str, Enrolled], red: Client) -> None:
        self.members, self.red = members, red


@pytest.fixture
async def world(hub: Hub, http: httpx2.AsyncClient) -> World:
    divisions = {"red": "110101000000", "blue": "120101000000", "green": "130102000000"}
    members = {name: await enrol(hub, name, [division], publish=False) for name, division in divisions.items()}
    for name, member in members.items():
        await arrive(hub, member.member, [patient(name, f"IHE{name.upper()}-994", **ALICE)])
        if name != "red":
            await agree(hub, member, members["red"], kinds=[PERSON], purposes=[CARE])
    return World(members, Client(http, await tokens.issue_token(hub, members["red"].member)))


async def test_the_profiles_example_for_all_domains(hub: Hub, world: World) -> None:
    answer = await world.red("GET", PIX, params={"sourceIdentifier": f"{domain('red')}|IHERED-994"})
    expected = [(domain("blue"), "IHEBLUE-994"), (domain("green"), "IHEGREEN-994")]
    assert told(answer) == (expected, 2)
    first = answer.json()["parameter"][0]["valueIdentifier"]
    assert first["assigner"] == {"display": "Blue"}
    assert [line[:4] for line in await ledger(hub, world.members["blue"], "IHEBLUE-994")] == [
        ("red", "cross-reference", CARE, "permit")
    ] * 3
    assert [one["asked"] for one in await acts(hub, "look-up")] == ["cross-reference"]


async def test_the_profiles_example_for_one_domain(world: World) -> None:
    asked = {"sourceIdentifier": f"{domain('red')}|IHERED-994", "targetSystem": domain("blue")}
    assert told(await world.red("GET", PIX, params=asked)) == ([(domain("blue"), "IHEBLUE-994")], 1)
    several = {**asked, "targetSystem": [domain("blue"), domain("green")]}
    assert len(told(await world.red("GET", PIX, params=several))[0]) == 2


async def test_from_another_members_number_to_ones_own(world: World) -> None:
    asked = {"sourceIdentifier": f"{domain('blue')}|IHEBLUE-994", "targetSystem": domain("red")}
    assert told(await world.red("GET", PIX, params=asked)) == ([(domain("red"), "IHERED-994")], 1)


async def test_from_the_id_of_a_patient_here_and_to_such_ids(world: World) -> None:
    asked = {"sourceIdentifier": f"{domain('red')}|IHERED-994", "targetSystem": "http://hub.test/fhir"}
    answer = await world.red("GET", PIX, params=asked)
    assert told(answer) == ([], 2)
    reference = answer.json()["parameter"][0]["valueReference"]["reference"]
    back = await world.red("GET", PIX, params={"sourceIdentifier": f"http://hub.test/fhir|{reference}"})
    assert (domain("red"), "IHERED-994") in told(back)[0]


@pytest.mark.parametrize(
    ("asked", "expected", "text"),
    [
        (
            {"sourceIdentifier": f"{domain('red')}|IHERED-000"},
            (404, "not-found", "not-found"),
            "sourceIdentifier Patient Identifier not found",
        ),
        (
            {"sourceIdentifier": "urn:oid:1.2.3.4|IHERED-994"},
            (400, "unknown-source-domain", "code-invalid"),
            "sourceIdentifier Assigning Authority not found",
        ),
        (
            {"sourceIdentifier": f"{domain('red')}|IHERED-994", "targetSystem": "urn:oid:1.2.3.4"},
            (403, "unknown-target-domain", "code-invalid"),
            "targetSystem not found",
        ),
        (
            {"sourceIdentifier": f"{domain('red')}|IHERED-994", "targetSystem": [domain("blue"), domain("nobody")]},
            (403, "unknown-target-domain", "code-invalid"),
            "targetSystem not found",
        ),
    ],
)
async def test_the_profiles_errors(world: World, asked: Any, expected: tuple[int, str, str], text: str) -> None:
    """2:3.83.4.2.2.2 to .4: status, issue type and the very words, in both places."""
    answer = await world.red("GET", PIX, params=asked)
    assert issue_of(answer) == expected
    (issue,) = answer.json()["issue"]
    assert (issue["severity"], issue["diagnostics"], issue["details"]["text"]) == ("error", text, text)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"sourceIdentifier": ["a|b", "c|d"]},
        {"sourceIdentifier": f"{domain('red')}|"},
        {"sourceIdentifier": f"{domain('red')}|1", "target": "x"},
    ],
)
async def test_what_cannot_be_asked(world: World, asked: Any) -> None:
    assert issue_of(await world.red("GET", PIX, params=asked))[0] == 400


async def test_what_may_not_be_seen_looks_like_what_is_not_there(
    hub: Hub, world: World, http: httpx2.AsyncClient
) -> None:
    """Green has no agreement that lets it see: its own identifier gives nothing more, another's is unknown."""
    green = Client(http, await tokens.issue_token(hub, world.members["green"].member))
    own = await green("GET", PIX, params={"sourceIdentifier": f"{domain('green')}|IHEGREEN-994"})
    assert told(own) == ([], 0)
    hidden = await green("GET", PIX, params={"sourceIdentifier": f"{domain('red')}|IHERED-994"})
    nobody = await green("GET", PIX, params={"sourceIdentifier": f"{domain('red')}|IHERED-000"})
    assert issue_of(hidden) == issue_of(nobody) == (404, "not-found", "not-found")
    noted = await ledger(hub, world.members["red"], "IHERED-994")
    assert noted[-1] == ("green", "cross-reference", CARE, "not-visible", ())


async def test_an_agreement_counts_for_its_purpose_until_it_ends(hub: Hub, world: World) -> None:
    asked = {"sourceIdentifier": f"{domain('red')}|IHERED-994"}
    for purpose in (None, "entitlement"):
        assert told(await world.red("GET", PIX, purpose=purpose, params=asked)) == ([], 0)
    for _, agreement, holder, _ in await terms.listed(hub):
        if holder == "blue":
            await terms.end(hub, agreement.id)
    assert told(await world.red("GET", PIX, params=asked)) == ([(domain("green"), "IHEGREEN-994")], 1)


async def test_a_number_of_the_nation_finds_and_shows_ones_own_only(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, as_huiji: Client
) -> None:
    await arrive(hub, huiji.member, [patient("huiji", "H1", **LI)])
    other = LI | {"id": "410108198703120068", "name": "李秀云"}
    await arrive(hub, yongkang.member, [patient("yongkang", "Y1", **LI), patient("yongkang", "Y2", **other)])
    await agree(hub, yongkang, huiji, kinds=[PERSON], purposes=[CARE])
    own = await as_huiji("GET", PIX, params={"sourceIdentifier": f"{RESIDENT_ID}|{LI['id']}"})
    assert told(own) == ([(domain("huiji"), "H1"), (domain("yongkang"), "Y1")], 2)
    guessed = await as_huiji("GET", PIX, params={"sourceIdentifier": f"{RESIDENT_ID}|{other['id']}"})
    assert issue_of(guessed)[0] == 404
    by_number = await as_huiji("GET", PIX, params={"sourceIdentifier": f"{domain('yongkang')}|Y1"})
    # Of another's record its number only; the national one is given because the caller's own record has it.
    assert told(by_number)[0] == [(domain("huiji"), "H1"), (RESIDENT_ID, LI["id"])]


async def test_many_at_once(world: World) -> None:
    asked = {"sourceIdentifier": f"{domain('red')}|IHERED-994"}
    answers = await asyncio.gather(*(world.red("GET", PIX, params=asked) for _ in range(20)))
    assert {len(told(one)[0]) for one in answers} == {2}
    unknown = await world.red("GET", PIX, params={"sourceIdentifier": f"http://hub.test/fhir|Patient/{uuid4()}"})
    assert issue_of(unknown)[0] == 404
