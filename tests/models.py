"""Linkage models that differ from the one that ships, a made-up register, and decisions in bulk, for model changes."""

import json
import random
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub.linkage.engines import model_files
from hub.runtime import Hub
from hub.services import accounts, linking, model_change, projecting, shadows
from hub.services.differences import Difference
from hub.storage import decisions, people, person_events
from hub.storage.decisions import Decision
from tests.hubs import Enrolled
from tests.people import arrive, patient

PROPOSER, APPROVER = "anna", "bo"


def shifted(name: str, bits: float, *, review: float = 0.0, **fields: float) -> dict[str, Any]:
    """The model that ships, with its cut for automatic links moved by `bits`, and that for review by `review`.

    Each of `fields` gives that much more weight to the field's agreement than it had.
    """
    content = deepcopy(model_files.content(None))
    content["id"] = name
    content["thresholds"]["auto"] += bits
    content["thresholds"]["review"] += review
    for field, more in fields.items():
        same = content["comparisons"][field]["same"]
        same["u"] = max(min(same["u"] * 2**-more, 1.0), 1e-9)
    return content


def saved(content: dict[str, Any], folder: Path) -> Path:
    """The model as a file."""
    file = folder / f"{content['id']}.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


async def staff(hub: Hub) -> None:
    """Two people who may change the model together."""
    for name in (PROPOSER, APPROVER):
        await accounts.create_user(hub, name=name, display=name.capitalize(), roles=["steward"])


async def change(hub: Hub, content: dict[str, Any]) -> Difference:
    """The whole way: proposed, scored, shown, approved, applied; answers the difference that was shown."""
    await shadows.score(hub, await shadows.propose(hub, content, PROPOSER))
    shown = (await model_change.preview(hub)).difference
    assert (await model_change.apply(hub, APPROVER, shown.digest)) == shown
    return shown


async def go_back(hub: Hub) -> Difference:
    """The former model in force again, proposed and approved."""
    await model_change.propose_roll_back(hub, PROPOSER)
    shown = (await model_change.preview(hub, "FORMER")).difference
    assert (await model_change.roll_back(hub, APPROVER, shown.digest)) == shown
    return shown


def register(seed: int, number: int) -> list[tuple[str, dict[str, Any]]]:
    """(member, patient) of so many made-up people: most known to both counties, with the faults that make pairs uncertain."""
    draw = random.Random(seed)
    rows = []
    for at in range(number):
        name = draw.choice("王李张刘陈杨赵黄周吴") + draw.choice("伟芳娜敏静丽强磊军洋") + draw.choice("华明国玉兰杰")
        birth = f"{draw.randrange(1960, 1990)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
        said = {"name": name, "birth": birth, "sex": draw.choice(["male", "female"]), "origin": "410108000000"}
        said["phone"] = f"138{draw.randrange(10**8):08}"
        rows.append(("huiji", patient("huiji", f"H{at}", **said)))
        rows += [("yongkang", patient("yongkang", f"{kind}{at}", **_slipped(draw, said))) for kind in _copies(draw)]
    return rows


def _copies(draw: random.Random) -> str:
    return draw.choices(("", "Y", "YZ", "YZX"), weights=(1, 5, 3, 1))[0]


def _slipped(draw: random.Random, said: dict[str, str]) -> dict[str, str]:
    """The same person as another clerk writes her."""
    other = dict(said)
    if draw.random() < 0.4:
        del other["phone"]
    if draw.random() < 0.3:
        other["birth"] = said["birth"][: draw.choice((4, 7))]
    if draw.random() < 0.2:
        other["name"] = said["name"][:2] + draw.choice("平红超勇")
    if draw.random() < 0.2:
        other["origin"] = draw.choice(("410122000000", "330784000000"))
    return other


async def arrive_all(
    hub: Hub, members: dict[str, Enrolled], rows: Sequence[tuple[str, dict[str, Any]]], size: int = 200
) -> None:
    """Let the rows arrive, each member's in batches."""
    for name, enrolled in members.items():
        own = [patient_ for owner, patient_ in rows if owner == name]
        for start in range(0, len(own), size):
            await arrive(hub, enrolled.member, own[start : start + size])


async def decide_all(hub: Hub, pairs: Iterable[tuple[str, int, int]]) -> None:
    """Put decisions (MUST or CANNOT, a, b) in force, as if stewards had taken them one by one."""
    listed = list(pairs)
    async with hub.database.begin() as connection:
        for kind, a, b in listed:
            event = Decision(f"{kind}_LINK", a, b, "tester", None, "because", {}, None, hub.now())
            await decisions.append(connection, event)
    ids = sorted({id_ for _, a, b in listed for id_ in (a, b)})
    for start in range(0, len(ids), 500):
        async with hub.database.begin() as connection:
            await projecting.project(hub, connection, ids[start : start + 500], cause="decision", now=hub.now())


async def projection(hub: Hub) -> str:
    """The hash of who belongs to whom."""
    async with hub.database.read() as connection:
        return person_events.digest(await person_events.belonging(connection))


@pytest.fixture
async def members(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> dict[str, Enrolled]:
    """The two counties, and two people who may change the model."""
    await staff(hub)
    return {"yongkang": yongkang, "huiji": huiji}


async def table(hub: Hub, query: str) -> list[tuple[Any, ...]]:
    """The rows that a query gives."""
    async with hub.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def open_tasks(hub: Hub) -> list[tuple[Any, ...]]:
    """(a, b, reason, weight) of what waits for people."""
    return await table(
        hub, "SELECT a, b, reason, weight FROM review_task WHERE state IN ('REVIEW', 'DEFERRED') ORDER BY a, b"
    )


async def scores_in_force(hub: Hub) -> list[tuple[Any, ...]]:
    """(a, b, weight, decision, vetoes) of the scores that count."""
    return await table(
        hub,
        """SELECT a, b, weight, decision, vetoes FROM pair_score p JOIN linkage_model m ON m.id = p.model
           WHERE m.state = 'IN_FORCE' ORDER BY a, b""",
    )


async def rescore(hub: Hub) -> projecting.Outcome:
    """Compare everybody anew, as a night does."""
    async with hub.database.begin() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100_000)
        return await linking.rescore(hub, connection, ids, hub.now(), cause="reconciliation")
