"""What changing the linkage model of a large hub costs: time, processor and memory of the difference and of the swap.

    python -m tests.bench.model_change [--records 1000000] [--arrivals 4000]

Fills a fresh hub with its own PostgreSQL by SQL: records, two thirds of them two to a person, scores of the model in
force, and of a shadow that parts one of a hundred couples, joins one of two hundred pairs of persons and weighs the rest
as they are. Then looks at the difference and applies it, as the commands do. `--arrivals` measures what letting records
arrive costs while one, two and three models are kept; scoring everybody under a shadow costs about what arriving does.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from hub.linkage.features import extract
from hub.runtime import Hub, open_hub
from hub.services import enrolment, model_change, setup, shadows
from hub.settings import Settings
from hub.storage import people
from tests.models import APPROVER, PROPOSER, change, register, shifted, staff
from tests.people import arrive, patient

Result = TypeVar("Result")
_FILL = (
    """INSERT INTO source_record (resource_id, member_id, anchor, features, version, live, seen_at)
       SELECT gen_random_uuid(), 1, gen_random_uuid(), :features, 1, true, now() FROM generate_series(1, :records)""",
    # Of each three records the first two are one person.
    """INSERT INTO membership (record_id, person_id, since)
       SELECT s.id, o.anchor, 1 FROM source_record s
       JOIN source_record o ON o.id = CASE WHEN s.id % 3 = 2 THEN s.id - 1 ELSE s.id END""",
    """INSERT INTO pair_score (model, a, b, weight, probability, decision, vetoes, levels)
       SELECT m, id, id + 1, 20, 1, 'auto', '{}', '' FROM source_record, generate_series(1, 2) AS m
       WHERE id % 3 = 1 AND id < :records AND (m = 1 OR id % 300 <> 1)""",
    """INSERT INTO pair_score (model, a, b, weight, probability, decision, vetoes, levels)
       SELECT 2, id, id + 1, 9, 1, 'auto', '{}', '' FROM source_record WHERE id % 600 = 3 AND id < :records""",
    """INSERT INTO pair_score (model, a, b, weight, probability, decision, vetoes, levels)
       SELECT m, id, id + 3, m, 0.6, 'review', '{}', '' FROM source_record, generate_series(1, 2) AS m
       WHERE id % 60 = 0 AND id < :records - 3""",
    """UPDATE linkage_model SET cursor = :records, last_record = :records WHERE state = 'SHADOW'""",
)


async def _fill(hub: Hub, records: int) -> None:
    features = hub.vault.seal(extract(patient("huiji", "H1", name="王小明", birth="1980-05-06")).to_bytes())
    await shadows.propose(hub, shifted("shadow", 1.0), PROPOSER)
    for statement in _FILL:
        given = {"records": records, "features": features}
        values = {name: value for name, value in given.items() if f":{name}" in statement}
        async with hub.database.begin() as connection:
            await connection.execute(text(statement), values)
    async with hub.database.begin() as connection:
        await people.analyze(connection)


async def _timed(table: Table, what: str, act: Callable[[], Awaitable[Result]]) -> Result:
    began, processor = time.monotonic(), time.process_time()
    done = await act()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, processor = time.monotonic() - began, time.process_time() - processor
    table.add_row(what, f"{seconds:.1f}", f"{processor:.1f}", f"{most:,.0f}")
    return done


async def _swap(hub: Hub, table: Table) -> None:
    shown = await _timed(table, "difference", lambda: model_change.preview(hub))
    digest = shown.difference.digest
    await _timed(table, "swap", lambda: model_change.apply(hub, APPROVER, digest))


async def _arrivals(hub: Hub, table: Table, number: int, kept: int) -> None:
    """The same people into an empty hub that keeps so many models."""
    member = await enrolment.add_member(
        hub, name="huiji", kind="county", display="Huiji", display_zh="惠济区", divisions=["410108000000"]
    )
    if kept > 1:
        await change(hub, shifted("second", 0.5))
    if kept > 2:
        await shadows.propose(hub, shifted("third", 1.0), PROPOSER)
    rows = [found for _, found in register(1, number)][:number]

    async def come() -> None:
        for start in range(0, len(rows), 1000):
            await arrive(hub, member, rows[start : start + 1000])

    await _timed(table, f"{len(rows):,} arrivals, {kept} models kept", come)


async def _run(records: int, arrivals: int, folder: Path) -> Table:
    table = Table("", "seconds", "processor seconds of the hub", "MiB at most")
    for kept in (1, 2, 3) if arrivals else (0,):
        settings = Settings(data_dir=folder / str(kept))
        await setup.initialise(settings)
        async with open_hub(settings) as hub:
            await staff(hub)
            if arrivals:
                await _arrivals(hub, table, arrivals, kept)
            else:
                await _fill(hub, records)
                await _swap(hub, table)
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--arrivals", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as folder:
        Path(folder).chmod(0o711)  # the database's own user has to pass through it
        Console().print(asyncio.run(_run(given.records, given.arrivals, Path(folder))))


if __name__ == "__main__":
    main()
