"""Numbers about the hub as a whole: for monitors, for the console's first page and for the demonstration's table."""

from hub.errors import Unavailable
from hub.runtime import Hub
from hub.storage import (
    certificates,
    deliveries,
    mailbox,
    people,
    quarantine,
    reviews,
    revision,
    submissions,
    subscriptions,
    work,
)

Gauge = tuple[str, dict[str, str], int]


async def check_ready(hub: Hub) -> None:
    """Raises Unavailable unless the database answers with this version's schema."""
    async with hub.database.read() as connection:
        found = await revision.current(connection)
    if found != revision.NEEDED:
        raise Unavailable("schema-outdated", "The database has another version's schema. Run `hub init`.")


async def gauges(hub: Hub) -> list[Gauge]:
    """(name, labels, value) of every queue and count."""
    async with hub.database.read() as connection:
        result: list[Gauge] = [("work_waiting", {}, await work.waiting(connection))]
        result += [(f"submissions_{name}", {}, value) for name, value in (await submissions.totals(connection)).items()]
        result += [(name, {}, value) for name, value in (await people.counts(connection)).items()]
        result += [
            ("mailbox_items", {"kind": kind, "state": state}, value)
            for (kind, state), value in (await mailbox.counts(connection)).items()
        ]
        result += [
            ("deliveries", {"topic": topic, "state": state}, value)
            for (topic, state), value in (await deliveries.totals(connection)).items()
        ]
        result += [
            ("certificates", {"kind": kind, "status": status}, value)
            for (kind, status), value in (await certificates.totals(connection)).items()
        ]
        result += [("subscriptions", {"state": s}, n) for s, n in (await subscriptions.totals(connection)).items()]
        result += [("quarantined", {"code": code}, n) for code, n in (await quarantine.totals(connection)).items()]
        result += [("reviews", {"state": s}, n) for s, n in (await reviews.totals(connection, None)).items()]
    return result
