"""What people said of pairs, as labels to train on: record ids of the hub and comparisons by name, nothing of people."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from hub.runtime import Hub
from hub.storage import audit, decisions, samples
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection

COLUMNS: Final = ("record_id_l", "record_id_r", "label", "source", "decided_at", "levels")
MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled pair; `source` is decision, four-eyes, merged-at-source or sample. `levels` are those decided on,
    where kept.
    """

    a: int
    b: int
    same: bool
    source: str
    at: datetime
    levels: dict[str, str]


async def labelled(hub: Hub, by: str) -> list[Label]:
    """What people said of pairs, to be written to a file; noted in the log."""
    async with hub.database.begin() as connection:
        found = await known(connection, MOST)
        content = {"labels": len(found)}
        await audit.append(connection, hub.vault, [Act("export-labels", by, content, hub.now())])
    return found


async def known(connection: AsyncConnection, most: int) -> list[Label]:
    """Decisions in force and sure judgements of samples, the newest of each pair, a decision before a judgement.

    Of either no more than the newest `most`.
    """
    found = {
        (answer[0], answer[1]): Label(answer[0], answer[1], answer[2] == "same", "sample", answer[3], {})
        for answer in reversed(await samples.answers(connection, most))
    }
    for decision in await decisions.all_in_force(connection, most):
        source = "four-eyes" if decision.approver else "decision"
        if decision.kind == decisions.SOURCE_MERGE:
            source = "merged-at-source"
        levels = decision.evidence.get("levels", {})
        same = decision.kind != "CANNOT_LINK"
        found[decision.a, decision.b] = Label(decision.a, decision.b, same, source, decision.at, levels)
    return [found[pair] for pair in sorted(found)]


def write(file: Path, found: list[Label]) -> None:
    """As CSV with `COLUMNS`; levels as JSON."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(found))


def _rows(found: list[Label]) -> Iterator[tuple[object, ...]]:
    for label in found:
        levels = orjson.dumps(label.levels, option=orjson.OPT_SORT_KEYS).decode()
        said = "same" if label.same else "different"
        yield label.a, label.b, said, label.source, label.at.isoformat(), levels
