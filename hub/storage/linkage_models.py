"""Models of linkage: the one in force, a shadow that is being scored, a former one kept to go back to, retired ones.

There is at most one of each state but the last. Whoever writes scores or persons holds the models (`hold`) until its
transaction ends; whoever changes which there are holds them alone. A row is believed when its seal fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.storage import seals
from hub.storage.database import driver, holds
from hub.storage.tables import linkage_model, source_record
from hub.storage.vault import Vault

SHADOW, IN_FORCE, FORMER, RETIRED = "SHADOW", "IN_FORCE", "FORMER", "RETIRED"
OF_MODEL_IN_FORCE: Final = "(SELECT id FROM linkage_model WHERE state = 'IN_FORCE')"
"""In SQL, the model whose scores count: every statement that reads scores names a model."""

_SPACE = 0x6C71_6D6F  # "lqmo"
HOLD: Final = f"SELECT pg_advisory_xact_lock_shared({_SPACE})"
"""In SQL, what `hold` does: for a transaction to begin with."""
_COLUMNS = [column for column in linkage_model.c if column.name != "content"]
_KEPT: Final = f"""
    -- kept: models that are not retired; asked by every request
    SELECT {", ".join(column.name for column in _COLUMNS)} FROM linkage_model WHERE state <> '{RETIRED}'"""  # noqa: S608
SEALS: Final = f"""
        (SELECT string_agg(seal, ''::bytea ORDER BY id) FROM linkage_model WHERE state <> '{RETIRED}')"""  # noqa: S608
"""In SQL, the seals of the models that are not retired, one after the other: while they are the same, the models are."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A model and its time; `cursor` and `last_record` say how far a shadow is scored."""

    id: int
    hash: str
    state: str
    cursor: int
    last_record: int
    proposed_by: str | None
    approved_by: str | None
    digest: str | None
    state_at: datetime

    @property
    def is_whole(self) -> bool:
        """Is every record scored?"""
        return self.cursor >= self.last_record


def _epoch(row: Any) -> Epoch:
    return Epoch(*(row._mapping[name] for name in Epoch.__slots__))


async def hold(connection: AsyncConnection) -> None:
    """No model comes or goes until the transaction ends; waits while one does."""
    if not holds(connection, HOLD):
        await driver(connection).execute(HOLD)


async def hold_alone(connection: AsyncConnection) -> None:
    """Nobody else scores, links or decides until the transaction ends; waits for those who do."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SPACE})


async def kept(connection: AsyncConnection) -> dict[str, Epoch]:
    """The models that are not retired, by state."""
    rows = await driver(connection).fetch(_KEPT)
    return {
        row["state"]: Epoch(*(row[name] for name in Epoch.__slots__))
        for row in rows
        if seals.is_genuine(connection, linkage_model, row)
    }


async def newest(connection: AsyncConnection, limit: int) -> list[Epoch]:
    """The newest models."""
    rows = await connection.execute(select(*_COLUMNS).order_by(linkage_model.c.id.desc()).limit(limit))
    return [_epoch(row) for row in seals.genuine(connection, linkage_model, rows)]


async def exists(connection: AsyncConnection) -> bool:
    """Was there ever a model?"""
    return (await connection.execute(select(linkage_model.c.id).limit(1))).first() is not None


async def content(connection: AsyncConnection, vault: Vault, epoch: Epoch) -> bytes:
    """The model's JSON; whether it is the one of the epoch's hash is for the reader to see."""
    statement = select(linkage_model.c.content).where(linkage_model.c.id == epoch.id)
    return vault.open((await connection.execute(statement)).scalar_one())


async def add(
    connection: AsyncConnection,
    vault: Vault,
    *,
    hash_: str,
    content: bytes,
    state: str,
    proposed_by: str | None,
    now: datetime,
) -> Epoch:
    """Keep a model, under the next epoch; a shadow has every record there is still to score."""
    number = (await connection.execute(select(func.coalesce(func.max(linkage_model.c.id), 0) + 1))).scalar_one()
    last = (await connection.execute(select(func.coalesce(func.max(source_record.c.id), 0)))).scalar_one()
    made = Epoch(number, hash_, state, 0, last if state == SHADOW else 0, proposed_by, None, None, now)
    values = {name: getattr(made, name) for name in Epoch.__slots__}
    seal = seals.of(connection, linkage_model, values)
    await connection.execute(insert(linkage_model).values(**values, content=vault.seal(content), seal=seal))
    return made


async def change(connection: AsyncConnection, epoch: Epoch, **values: Any) -> None:
    """Change what is decided of a model: its state, who proposed and approved it."""
    row = await seals.find(connection, linkage_model, linkage_model.c.id == epoch.id, lock=True)
    if row is None:
        raise LookupError(f"model {epoch.id} is gone or was not written by this hub")
    await seals.change(connection, linkage_model, row, **values)


async def lock_cursor(connection: AsyncConnection, epoch: Epoch) -> bool:
    """Hold the shadow for this transaction; False when it is no shadow any more or another has gone on with it."""
    statement = select(linkage_model.c.cursor, linkage_model.c.state).where(linkage_model.c.id == epoch.id)
    row = (await connection.execute(statement.with_for_update())).one()
    return bool(row.state == SHADOW and row.cursor == epoch.cursor)


async def advance(connection: AsyncConnection, epoch: Epoch, cursor: int) -> None:
    """Records up to `cursor` are scored."""
    await connection.execute(update(linkage_model).where(linkage_model.c.id == epoch.id).values(cursor=cursor))


async def swap(
    connection: AsyncConnection, present: Epoch, coming: Epoch, others: Sequence[Epoch], now: datetime, **said: Any
) -> None:
    """Put `coming` in force; the present model is kept as the former, `others` are not kept any longer."""
    nobody = {"proposed_by": None, "approved_by": None, "digest": None, "state_at": now}
    for one in (*others, coming):
        await change(connection, one, state=RETIRED, **nobody)
    await change(connection, present, state=FORMER, **nobody)
    await change(connection, coming, state=IN_FORCE, state_at=now, **said)
