"""What a signed-in person may not do leaves a leaf, whatever page she tried it on."""

from hub.runtime import Hub
from hub.services import accounts
from tests.console import people as invented
from tests.console import world
from tests.console.browsing import entered, opened
from tests.hubs import acts

__all__ = ["opened"]


async def test_every_page_notes_what_it_does_not_allow(opened: Hub) -> None:
    await accounts.create_user(opened, name="audit", display="审计员", roles=["auditor"], member="huiji")
    records = await world.add_records(opened, *invented.two_ids())
    task = f"/console/conflicts/{await world.task_of(opened, *records)}"
    tried = [
        (f"{task}/decide", {"verdict": "same", "reason_same": "documents-agree", "seen": "1.1.1"}),
        (f"{task}/assign", {"act": "assign", "to": "lihua"}),
        (f"{task}/reveal", {"purpose": "check-document"}),
        ("/console/quality/draw", {}),
        ("/console/quality/draw", {"csrf": "another's"}),
    ]
    async with entered(opened, "audit") as (client, csrf):
        for path, form in tried:
            answer = await client.post(path, data={"csrf": csrf, **form})
            assert answer.status_code == 403, (path, answer.status_code)
    # What a service refuses is noted there, by its own name; everything else by the page that was asked. Nothing twice.
    by_pages = [act["attempt"] for act in await acts(opened, "refuse")]
    assert by_pages == [f"POST {path}" for path, _ in (tried[2], tried[4])]
    by_services = {act: [one["reason"] for one in await acts(opened, f"{act}-refused")]
                   for act in ("decide", "assign", "draw-sample")}  # fmt: skip
    assert by_services == {
        "decide": ["role-missing"],
        "assign": ["not-yours-to-give"],
        "draw-sample": ["not-yours-to-draw"],
    }
