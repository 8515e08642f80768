"""What the lines of an import are and refer to: ids at their sender led to the hub's, and searches told the same at once."""

from uuid import UUID

import orjson
import pytest
from sqlalchemy import text

from hub.fhir import search
from hub.runtime import Hub
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_import import PEOPLE, WEIGHTS, issues, ndjson, searched, taken
from tests.api.fhir.test_own_searches import LI, ZHANG, weight
from tests.documents import number_of
from tests.feeds import resolved
from tests.people import patient


async def told_and_said(hub: Hub) -> dict[UUID, tuple[set[int], set[int]]]:
    """Of each resource what the search index holds of it, and what its stored bytes say."""
    async with hub.database.read() as connection:
        rows = (
            await connection.execute(
                text("""
                    SELECT r.id, r.member_id, v.body, s.tokens FROM resource r
                    JOIN resource_version v ON v.resource_id = r.id AND v.version = r.version
                    LEFT JOIN resource_search s ON s.resource_id = r.id""")
            )
        ).all()
    return {
        id_: (set(tokens or ()), set(hub.vault.searched(member, search.tokens(orjson.loads(hub.vault.open(body))))))
        for id_, member, body, tokens in rows
    }


async def test_searches_are_told_at_once_what_stored_lines_say(as_huiji: Client, hub: Hub) -> None:
    nobody, twice = weight("Patient/p9", 70, "2025-04-01"), weight("Patient/p1", 81, "2025-04-01")
    await taken(as_huiji, hub, ndjson(*WEIGHTS[:1], nobody, PEOPLE[0]))
    (who,) = await searched(as_huiji, "Patient?identifier=H1")
    own = weight(f"Patient/{who['id']}", 82, "2025-04-01")
    nothing = {"resourceType": "RelatedPerson", "patient": {"display": "x"}}
    # Known by its number, by its id here and at its sender, not at all, and as a later line with the id of an earlier one.
    await taken(as_huiji, hub, ndjson(PEOPLE[0], *PEOPLE, own, twice, twice | {"id": "w1"}, *WEIGHTS, nothing))
    found = await told_and_said(hub)
    assert len(found) == 8
    assert all(held == said for held, said in found.values())
    assert await number_of(hub, "search_pending") == 0
    assert len(await searched(as_huiji, f"Observation?patient={who['id']}")) == 3
    assert len(await searched(as_huiji, "Observation?patient=Patient/p9")) == 1


async def test_of_two_lines_with_one_id_and_two_numbers_the_last_is_meant(as_huiji: Client, hub: Hub) -> None:
    other = PEOPLE[1] | {"id": "p1"}
    told = await taken(as_huiji, hub, ndjson(PEOPLE[0], other, WEIGHTS[0]))
    assert (told["lines"]["stored"], told["error"]) == (3, [])
    (who,) = await searched(as_huiji, "Patient?identifier=H2")
    assert [one["subject"]["reference"] for one in await searched(as_huiji, "Observation")] == [f"Patient/{who['id']}"]
    assert all(held == said for held, said in (await told_and_said(hub)).values())


async def test_ids_that_change_places_are_led_as_they_are_meant(as_huiji: Client, hub: Hub) -> None:
    one, two = PEOPLE
    both = weight("Patient/a", 60, "2025-03-01") | {"performer": [{"reference": "Patient/z"}]}
    await taken(as_huiji, hub, ndjson(one | {"id": "z"}, one | {"id": "a"}, two | {"id": "z"}, both))
    first, second = [(await searched(as_huiji, f"Patient?identifier={number}"))[0]["id"] for number in ("H1", "H2")]
    (found,) = await searched(as_huiji, f"Observation?subject=Patient/{first}&performer=Patient/{second}")
    assert (found["subject"], found["performer"]) == (
        {"reference": f"Patient/{first}"},
        [{"reference": f"Patient/{second}"}],
    )


@pytest.mark.parametrize("numbered", [True, False])
async def test_one_id_twice_in_a_batch_that_is_halved(as_huiji: Client, hub: Hub, numbered: bool) -> None:
    first = patient("huiji", "X1", **ZHANG) | {"id": "px"}
    if not numbered:
        del first["identifier"]
    ring = [  # rows that come to the fore one after the other
        resolved(patient("huiji", f"H{at}", **ZHANG) | {"id": f"p{at}"}, f"H{to}")
        for at, to in ((1, 2), (3, 2), (4, 2), (2, 1), (2, 3), (2, 4))
    ]
    last = patient("huiji", "X2", **LI) | {"id": "px"}
    told = await taken(as_huiji, hub, ndjson(first, *ring, last, weight("Patient/px", 60, "2025-03-01")))
    assert (told["state"], told["lines"]) == ("PROCESSED", {"read": 9, "stored": 6, "setAside": 3})
    (who,) = await searched(as_huiji, "Patient?identifier=X2")
    assert [one["subject"]["reference"] for one in await searched(as_huiji, "Observation")] == [f"Patient/{who['id']}"]


async def test_a_line_may_refer_to_very_many(as_huiji: Client, hub: Hub) -> None:
    who = {"reference": "Patient/p1"}
    used = [{"reference": f"Device/{at:x}"} for at in range(36_000)]
    done = {"resourceType": "Procedure", "status": "completed", "subject": who, "usedReference": used}
    told = await taken(as_huiji, hub, ndjson(PEOPLE[0], done))
    assert told["lines"]["stored"] == 2
    (found,) = await searched(as_huiji, "Procedure")
    assert found["usedReference"] == used
    assert all(held == said for held, said in (await told_and_said(hub)).values())


async def test_a_line_that_says_too_much_to_be_searched_is_set_aside(as_huiji: Client, hub: Hub) -> None:
    much = {"resourceType": "Organization", "name": "卫生院", "alias": [f"{at}号卫生院" for at in range(10_001)]}
    told = await taken(as_huiji, hub, ndjson(PEOPLE[0], much))
    assert told["lines"] == {"read": 2, "stored": 1, "setAside": 1}
    assert [one[:3] for one in await issues(as_huiji, told)] == [("line 2", "error", "too-large")]
