"""Records that say less than our own mappings do close no page."""

from hub.runtime import Hub
from hub.services import accounts
from tests.console import people as invented
from tests.console import world
from tests.console.browsing import entered, opened

__all__ = ["opened"]


async def test_records_that_say_little_close_no_page(opened: Hub) -> None:
    """A name in its parts only, as IHE's examples have it, or a record beside without a birth date."""
    await accounts.create_user(opened, name="lin", display="林", roles=["steward"])
    ours, theirs = invented.two_ids()
    del theirs["name"][0]["text"]
    beside = invented.beside(invented.JINJIANG, "JJ-9")
    del beside["birthDate"]
    records = await world.add_records(opened, ours, theirs, beside)
    task = f"/console/conflicts/{await world.task_of(opened, *records[:2])}"
    name = "".join((theirs["name"][0]["family"], *theirs["name"][0]["given"]))
    lots = "/console/conflicts/lots?reason=two-valid-ids&band=likely&verdict=different"
    async with entered(opened, "lin") as (client, _):
        for path in ("/console/conflicts", lots, task):
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert name in answer.text or path == lots
