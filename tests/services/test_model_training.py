"""Models of a hub's own records, and how models are judged by what people know."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.cli import labels
from hub.cli.labels import COLUMNS
from hub.errors import Invalid
from hub.linkage import fitting
from hub.runtime import Hub
from hub.services import evaluation, model_training
from hub.services.evaluation import Label
from hub.storage import person_events, reviews
from hub.storage.database import AsyncConnection
from tests.bench.linkage import population
from tests.hubs import Enrolled
from tests.models import arrive_all, change, decide_all, register, shifted, staff


@pytest.fixture
async def members(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> dict[str, Enrolled]:
    """The two counties."""
    await staff(hub)
    return {"yongkang": yongkang, "huiji": huiji}


async def _fill(hub: Hub, members: dict[str, Enrolled], people: int) -> list[Label]:
    """Let a made-up population arrive; answers pairs of which the truth is known."""
    rows: list[tuple[str, dict[str, Any]]] = []
    first: dict[int, tuple[str, str]] = {}
    known: list[Label] = []
    for patient, person, _, _ in population.patients(21, people):
        system, record = patient["identifier"][0]["system"], patient["identifier"][0]["value"]
        who = (system.split(":")[2], record)
        rows.append((who[0], patient))
        if person in first:
            known.append(Label(first[person], who, same=True))
        first.setdefault(person, who)
    strangers = list(first.values())
    known += [Label(a, b, same=False) for a, b in zip(strangers[::2], strangers[1::2], strict=False)]
    await arrive_all(hub, members, [row for row in rows if row[0] in members], 500)
    return known


async def test_a_model_of_ones_own_records_is_as_good_as_the_one_that_ships(
    hub: Hub, members: dict[str, Enrolled]
) -> None:
    known = await _fill(hub, members, 3000)
    trained = await model_training.train(hub, "own")
    assert await model_training.train(hub, "own") == trained
    found = await evaluation.evaluate(hub, trained, known)
    assert found.coming.name == "own"
    assert found.pairs + found.unknown == len(known)
    assert found.coming.quality("auto").f1 >= found.present.quality("auto").f1 - 0.005
    same = sum(found.present.same.values())
    records = trained["population"]
    assert trained["prior"] * records * (records - 1) / 2 == pytest.approx(same, rel=0.25)
    await change(hub, trained)


async def test_a_sample_of_keys_gives_the_same_prior(
    hub: Hub, members: dict[str, Enrolled], monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(hub, members, 3000)
    whole = await model_training.train(hub, "own")
    monkeypatch.setattr(model_training, "_KEYS", 6000)
    some = await model_training.train(hub, "own")
    assert some["prior"] == pytest.approx(whole["prior"], rel=0.25)


async def test_a_model_names_nobody(hub: Hub, members: dict[str, Enrolled]) -> None:
    await arrive_all(hub, members, register(1, 60))
    trained = await model_training.train(hub, "own")
    shares = [share for table in trained["frequencies"].values() for share in table["values"].values()]
    assert shares
    assert min(shares) * trained["population"] >= fitting.LEAST_NAMED - 0.01


async def test_nobody_trains_on_nothing(hub: Hub) -> None:
    with pytest.raises(Invalid, match="too-few-records"):
        await model_training.train(hub, "own")


async def test_models_are_judged_by_what_people_decided(hub: Hub, members: dict[str, Enrolled]) -> None:
    await arrive_all(hub, members, register(14, 60))
    with pytest.raises(Invalid, match="no-labels"):
        await evaluation.evaluate(hub, shifted("strict", 9.0))
    async with hub.database.read() as connection:
        persons = await _persons(connection)
    together = [records for records in persons.values() if len(records) > 1]
    alone = [records[0] for records in persons.values()]
    await decide_all(hub, [("MUST", records[0], records[1]) for records in together[:10]])
    await decide_all(hub, [("CANNOT", a, b) for a, b in zip(alone[20:30], alone[30:40], strict=True)])
    found = await evaluation.evaluate(hub, shifted("strict", 9.0))
    assert found.pairs == 20
    assert dict(found.present.same) == {"auto": 10}
    assert found.coming.same["auto"] < 10
    assert sum(found.coming.same.values()) == sum(found.coming.different.values()) == 10
    assert found.present.quality("auto").f1 == 1.0
    assert found.coming.quality("auto").recall.hits == found.coming.same["auto"]


async def test_a_model_learns_from_what_people_decided(hub: Hub, members: dict[str, Enrolled]) -> None:
    """Whoever is merely alike was found to be two people each time: then it takes more than that to be linked."""
    await arrive_all(hub, members, register(14, 60))
    with pytest.raises(Invalid, match="labels-too-few"):
        await model_training.train(hub, "own", decisions=True)
    async with hub.database.read() as connection:
        alike = [(task.a, task.b) for task in await reviews.queue(connection, None, states=("REVIEW",), limit=100)]
        together = [ids[:2] for ids in (await _persons(connection)).values() if len(ids) > 1]
    await decide_all(hub, [("MUST", a, b) for a, b in together] + [("CANNOT", a, b) for a, b in alike])
    plain = await model_training.train(hub, "own")
    taught = await model_training.train(hub, "own", decisions=True)
    assert {name: value for name, value in taught.items() if name != "rescoring"} == plain
    before, after = [(await evaluation.evaluate(hub, content)).coming for content in (plain, taught)]
    assert after.different["auto"] < before.different["auto"]
    assert after.quality("auto", "review").f1 > before.quality("auto", "review").f1


async def _persons(connection: AsyncConnection) -> dict[Any, list[int]]:
    persons: dict[Any, list[int]] = {}
    for record, person in sorted((await person_events.belonging(connection)).items()):
        persons.setdefault(person, []).append(record)
    return persons


def test_pairs_are_read_from_a_file_or_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "known.csv"
    head = ",".join(COLUMNS)
    file.write_text(f"\ufeff{head}\nhuiji,H1,yongkang,Y1,yes\nhuiji,H2,huiji,H3,否\n", encoding="utf-8")
    assert labels.read(file) == [
        Label(("huiji", "H1"), ("yongkang", "Y1"), same=True),
        Label(("huiji", "H2"), ("huiji", "H3"), same=False),
    ]
    for content, words in (
        (f"{head}\nhuiji,H1,yongkang,Y1,perhaps\n", "Line 2"),
        (f"{head}\nhuiji,,yongkang,Y1,yes\n", "Line 2"),
        (f"{head}\nhuiji,H1\n", "Line 2"),
        ("a,b\n", "lacks the columns"),
    ):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(Invalid, match=words):
            labels.read(file)
    file.write_bytes(orjson.dumps(head) + b"\xff\xfe\n")
    with pytest.raises(Invalid):
        labels.read(file)
    with pytest.raises(Invalid, match="cannot be read"):
        labels.read(tmp_path / "missing.csv")
