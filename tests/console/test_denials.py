"""What a signed-in person may not do leaves a leaf, whatever page she tried it on."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI

import hub.console
from hub.runtime import Hub
from hub.services import accounts, sessions
from tests.console import people as invented
from tests.console import world
from tests.hubs import acts


@pytest.fixture
async def opened(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    async with world.open_world(database_url, tmp_path, base_url="http://hub.test") as (found, _):
        yield found


async def _enter(site: FastAPI, found: Hub, name: str) -> tuple[httpx2.AsyncClient, str]:
    """A browser of hers, and the token of her forms."""
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=site), base_url="http://hub.test")
    link = urlsplit(await accounts.make_sign_in_link(found, name))
    signed = await sessions.enter(found, link.query.removeprefix("token="))
    client.cookies.set("lianqiao-session", signed.token)
    return client, (await sessions.session_of(found, signed.token)).csrf


async def test_every_page_notes_what_it_does_not_allow(opened: Hub) -> None:
    await accounts.create_user(opened, name="audit", display="审计员", roles=["auditor"], member="huiji")
    records = await world.add_records(opened, *invented.two_ids())
    task = f"/console/conflicts/{await world.task_of(opened, *records)}"
    site = FastAPI()
    site.state.hub = opened
    hub.console.install(site)
    client, csrf = await _enter(site, opened, "audit")
    tried = [
        (f"{task}/decide", {"verdict": "same", "reason_same": "documents-agree", "seen": "1.1.1"}),
        (f"{task}/assign", {"act": "assign", "to": "lihua"}),
        (f"{task}/reveal", {"purpose": "check-document"}),
        ("/console/quality/draw", {}),
        ("/console/quality/draw", {"csrf": "another's"}),
    ]
    async with client:
        for path, form in tried:
            answer = await client.post(path, data={"csrf": csrf, **form})
            assert answer.status_code == 403, (path, answer.status_code)
    noted = await acts(opened, "refuse")
    assert [(act["actor"], act["attempt"]) for act in noted] == [("audit", f"POST {path}") for path, _ in tried]
    assert {act["reason"] for act in noted} == {
        "role-missing", "not-yours-to-give", "not-yours-to-draw", "form-expired"
    }  # fmt: skip
