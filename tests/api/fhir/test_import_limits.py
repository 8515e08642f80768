"""What an import holds apart, and how much of it is told: ids that may mean two, issues without end, references without end."""

from typing import Any

import orjson
import pytest
from sqlalchemy import text

from hub.fhir import search
from hub.runtime import Hub
from hub.services import fhir_lines, import_names, issue_limits, translating
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_import import PEOPLE, issues, ndjson, searched, taken
from tests.api.fhir.test_import_references import told_and_said
from tests.api.fhir.test_own_searches import LI, ZHANG, weight
from tests.documents import Beside, number_of, work_off
from tests.hubs import Clock
from tests.people import patient

NAMELESS = {"resourceType": "Patient", "name": [{"text": "张三"}]}
"""Without a number at its source."""


async def by_id(as_member: Client, type_: str, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await as_member("GET", f"/fhir/{type_}/{id_}", purpose=None)).json()
    return found


async def written(as_member: Client, resource: dict[str, Any]) -> str:
    """The id that the hub gave to a resource that was written by itself."""
    done = await as_member("POST", f"/fhir/{resource['resourceType']}", json=resource)
    assert done.status_code == 201, done.text
    id_: str = done.json()["id"]
    return id_


async def two_under_one_id(as_member: Client, hub: Hub, clock: Clock) -> tuple[str, str]:
    """The hub's id of H1's record, under which H2's was sent; and the hub's id of that one."""
    first = await written(as_member, patient("huiji", "H1", **ZHANG))
    clock.advance(seconds=1)
    await taken(as_member, hub, ndjson(PEOPLE[1] | {"id": first}))
    (other,) = await searched(as_member, "Patient?identifier=H2")
    clock.advance(seconds=1)
    return first, other["id"]


async def test_a_number_that_is_the_hubs_id_of_a_record_without_one_overwrites_nothing(
    as_huiji: Client, hub: Hub, clock: Clock
) -> None:
    id_ = await written(as_huiji, NAMELESS)
    there = await by_id(as_huiji, "Patient", id_)
    clock.advance(seconds=1)
    line = patient("huiji", id_, **LI) | {"id": "p1"}
    assert (await as_huiji("POST", "/fhir/Patient", json=line)).status_code == 409
    told = await taken(as_huiji, hub, ndjson(line, PEOPLE[1], weight("Patient/p1", 80, "2025-03-01")))
    assert told["lines"] == {"read": 3, "stored": 2, "setAside": 1}
    assert [one[:3] for one in await issues(as_huiji, told)] == [
        ("line 1", "error", "duplicate-record"),
        ("line 3", "warning", "reference-unknown"),
    ]
    assert await by_id(as_huiji, "Patient", id_) == there
    async with hub.database.read() as connection:
        (held,) = (await connection.execute(text("SELECT row, original FROM quarantined_row"))).all()
    assert orjson.loads(orjson.loads(hub.vault.open(held.original))["original"]) == line
    # Where the line says by its id too which one it is, it is that one.
    clock.advance(seconds=1)
    told = await taken(as_huiji, hub, ndjson(line | {"id": id_}))
    assert (told["lines"]["stored"], told["error"]) == (1, [])
    assert (await by_id(as_huiji, "Patient", id_))["meta"]["versionId"] == "2"


async def test_an_id_that_means_two_is_not_followed_by_references(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    first, other = await two_under_one_id(as_huiji, hub, clock)
    lines = [weight(f"Patient/{id_}", 80, "2025-03-01") for id_ in (first, other)]
    told = await taken(as_huiji, hub, ndjson(*lines))
    assert told["lines"] == {"read": 2, "stored": 1, "setAside": 1}
    assert await issues(as_huiji, told) == [("line 1", "error", "reference-ambiguous", "Patient")]
    (stored,) = await searched(as_huiji, "Observation")
    assert stored["subject"] == {"reference": f"Patient/{other}"}
    # Once its own resource was sent under it, there is one again that it means; what was set aside is tried again.
    clock.advance(seconds=1)
    await taken(as_huiji, hub, ndjson(PEOPLE[0] | {"id": first}))
    assert len(await translating.ask_replay(hub, fhir_lines.NAME)) == 1
    await work_off(hub, Beside())
    assert len(await searched(as_huiji, f"Observation?subject={first}")) == 1


async def test_an_id_means_two_in_the_same_batch_as_in_the_next(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    first = await written(as_huiji, patient("huiji", "H1", **ZHANG))
    clock.advance(seconds=1)
    told = await taken(as_huiji, hub, ndjson(weight(f"Patient/{first}", 80, "2025-03-01"), PEOPLE[1] | {"id": first}))
    assert [one[:3] for one in await issues(as_huiji, told)] == [("line 1", "error", "reference-ambiguous")]
    assert await number_of(hub, "resource") == 2


async def test_an_id_that_means_two_changes_neither(as_huiji: Client, hub: Hub, clock: Clock) -> None:
    first, other = await two_under_one_id(as_huiji, hub, clock)
    told = await taken(as_huiji, hub, ndjson(NAMELESS | {"id": first}, NAMELESS | {"id": other}))
    assert await issues(as_huiji, told) == [("line 1", "error", "id-ambiguous", "id")]
    versions = [(await by_id(as_huiji, "Patient", id_))["meta"]["versionId"] for id_ in (first, other)]
    assert versions == ["1", "2"]


async def test_what_only_a_line_makes_unclear_that_is_set_aside_is_clear(
    as_huiji: Client, hub: Hub, clock: Clock
) -> None:
    first = await written(as_huiji, patient("huiji", "H1", **ZHANG))
    clock.advance(seconds=1)
    itself = {"link": [{"type": "seealso", "other": {"reference": f"Patient/{first}"}}]}
    line = patient("huiji", "H2", **LI) | {"id": first} | itself
    told = await taken(as_huiji, hub, ndjson(line, weight(f"Patient/{first}", 80, "2025-03-01")))
    assert told["lines"] == {"read": 2, "stored": 1, "setAside": 1}
    assert [one[:3] for one in await issues(as_huiji, told)] == [("line 1", "error", "reference-ambiguous")]
    assert len(await searched(as_huiji, f"Observation?subject=Patient/{first}")) == 1


async def test_lines_that_are_set_aside_one_for_another_are_in_few_rounds(
    as_huiji: Client, hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await written(as_huiji, patient("huiji", f"H{n}", **ZHANG)) for n in range(12)]
    clock.advance(seconds=1)
    # Each is the id of two: clear only where the record itself comes along under it.
    others = [patient("huiji", f"I{n}", **LI) | {"id": id_} for n, id_ in enumerate(ids)]
    assert (await taken(as_huiji, hub, ndjson(*others)))["lines"]["stored"] == 12
    clock.advance(seconds=1)
    chain = [
        patient("huiji", f"H{n}", **ZHANG)
        | {"id": ids[n], "link": [{"type": "seealso", "other": {"reference": f"Patient/{ids[n - 1]}"}}]}
        for n in range(1, 12)
    ]
    rounds, original = [], import_names._ids_of

    def counted(*given: Any) -> dict[Any, str]:
        rounds.append(given)
        return original(*given)

    monkeypatch.setattr(import_names, "_ids_of", counted)
    told = await taken(as_huiji, hub, ndjson(*chain))
    assert told["lines"] == {"read": 11, "stored": 0, "setAside": 11}
    assert len(rounds) <= import_names._ROUNDS + 3
    assert {one[2] for one in await issues(as_huiji, told)} == {"reference-ambiguous"}


async def test_issues_are_listed_so_far_and_then_counted(
    as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue_limits, "OF_LINE", 3)
    monkeypatch.setattr(issue_limits, "OF_BATCH", 5)
    used = [{"reference": f"Device/{at:x}"} for at in range(1_000)]
    done = {"resourceType": "Procedure", "status": "completed", "subject": {"display": "x"}, "usedReference": used}
    wrong = {"resourceType": "Organization", "name": "x"} | {f"wrong{at}": 1 for at in range(6)}
    told = await taken(as_huiji, hub, ndjson(done, done, *[wrong] * 4, done))
    found = await issues(as_huiji, told)
    kinds = [(line, code) for line, _, code, _ in found]
    # Of each line that is set aside one reason at least.
    assert kinds[:9] == [(f"line {at}", "unknown-element") for at in (3, 3, 3, 4, 4, 4, 5, 5, 6)]
    assert kinds[9:14] == [("line 1", "reference-unknown")] * 3 + [("line 2", "reference-unknown")] * 2
    assert [(line, code) for line, code in kinds[14:]] == [("line 3", "not-listed"), ("line 1", "not-listed")]
    (answer,) = told["error"]
    said = [orjson.loads(line) for line in (await as_huiji("GET", answer["url"])).content.splitlines()]
    texts = [one["issue"][0]["diagnostics"] for one in said[14:]]
    assert texts == [
        "15 more of the issues unknown-element, about lines 3 to 6, are not listed one by one.",
        "2995 more of the issues reference-unknown, about lines 1 to 7, are not listed one by one.",
    ]


async def test_names_of_one_resource_count_once(as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"p{at}" for at in range(5_001)]
    await taken(as_huiji, hub, ndjson(*[PEOPLE[0] | {"id": name} for name in names[1:]]))
    seen = weight("Patient/p1", 80, "2025-03-01")
    many = seen | {"performer": [{"reference": f"Patient/{name}"} for name in names]}
    # The one that is not known is a resource more: each has two texts.
    told = await taken(as_huiji, hub, ndjson(many, seen | {"performer": many["performer"] * 2}))
    assert told["lines"] == {"read": 2, "stored": 2, "setAside": 0}
    (who,) = await searched(as_huiji, "Patient")
    assert len(await searched(as_huiji, f"Observation?performer={who['id']}")) == 2
    assert all(held == said for held, said in (await told_and_said(hub)).values())


async def test_what_says_too_much_once_it_is_led_is_set_aside(as_huiji: Client, hub: Hub) -> None:
    many = [{"reference": f"Patient/q{at}"} for at in range(search.MOST // 2 + 1)]
    seen = weight("Patient/w", 80, "2025-03-01") | {"id": "w1", "performer": many}
    after = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    told = await taken(as_huiji, hub, ndjson(seen, after | {"hasMember": [{"reference": "Observation/w1"}]}))
    assert told["lines"] == {"read": 2, "stored": 1, "setAside": 1}
    assert [one[:3] for one in await issues(as_huiji, told)] == [
        ("line 1", "error", "too-large"),
        ("line 2", "warning", "reference-unknown"),
    ]
    (stored,) = await searched(as_huiji, "Observation")
    assert stored["hasMember"] == [{"reference": "Observation/w1"}]
