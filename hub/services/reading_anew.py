"""Reads records anew when a version knows more of a record than the one that stored it: nothing else can be compared.

Done by `hub init`, with all other processes stopped; a set-up that is interrupted goes on where it was. Then everybody
is compared anew, as by a whole reconciliation. Records that are not live are read, too: decisions about them are shown.
"""

from collections.abc import Sequence

import orjson

from hub.linkage import blocking, features, layout
from hub.linkage.features import Features
from hub.runtime import Hub
from hub.services import reconciliation
from hub.storage import audit, blocking_keys, people, versions
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.people import NewRecord
from mappings import divisions

_BATCH = 500
_LAST = 2**62


async def run(hub: Hub) -> int:
    """Bring all records to the present layout; answers how many were not."""
    done, begun = hub.settings.data_dir / "features-layout", f"reading {layout.VERSION}"
    said = done.read_text(encoding="ascii") if done.exists() else ""
    if said == str(layout.VERSION):
        return 0
    done.write_text(begun, encoding="ascii")  # who goes on after a crash may find all read and nobody compared
    count = await _read_all(hub)
    if count or said == begun:
        await reconciliation.run(hub, f"layout {layout.VERSION}")
        async with hub.database.begin() as connection:
            content = {"records": count, "layout": layout.VERSION}
            await audit.append(connection, hub.vault, [Act("read-anew", "operator", content, hub.now())])
    done.write_text(str(layout.VERSION), encoding="ascii")
    return count


async def _read_all(hub: Hub) -> int:
    count = cursor = 0
    while True:
        async with hub.database.begin() as connection:
            ids = await people.records_behind(connection, cursor, _LAST, _BATCH, also_dead=True)
            if not ids:
                return count
            stored = await people.features(connection, hub.vault, ids)
            old = [id_ for id_ in ids if not Features.is_readable(stored[id_])]
            if old:
                await _read(hub, connection, old)
            count, cursor = count + len(old), ids[-1]


async def _read(hub: Hub, connection: AsyncConnection, ids: Sequence[int]) -> None:
    infos = await people.info(connection, ids)
    there = await versions.current(connection, hub.vault, [info.resource_id for info in infos.values()])
    for id_ in ids:
        info, said = infos[id_], there[infos[id_].resource_id]
        number = said.newest
        if said.deleted:  # it says no more what it was
            said = await versions.before(connection, hub.vault, said)
        found = features.extract(orjson.loads(said.body), history=divisions.canonical)
        if said.version != number:
            found = found.gone()
        record = NewRecord(info.resource_id, number, found.to_bytes(), bool(found.number("live")))
        await people.put_records(connection, hub.vault, info.member_id, [record], hub.now())
        if record.live:
            await blocking_keys.put(connection, {id_: blocking.keys(found, hub.vault.blocking_secret)})
