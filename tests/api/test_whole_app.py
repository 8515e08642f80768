"""The whole application on a real socket: a member signs in and issues, a stranger verifies, a monitor follows the log."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
import uvicorn

from certs import checkpoint as notes
from certs import sdjwt, tokens
from certs.sdjwt import StatusRef
from hub.api import auth
from hub.app import create_app
from hub.runtime import Hub, open_hub
from hub.services import auditing, setup
from hub.settings import Settings
from tests import documented, papers
from tests.hubs import enrol, settings_for


@pytest.fixture
async def served(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> AsyncIterator[Settings]:
    """Settings of a hub that answers on a loopback port."""
    folder = tmp_path_factory.mktemp("hub")
    server = uvicorn.Server(uvicorn.Config("", port=0, log_config=None, lifespan="on"))
    socket = server.config.bind_socket()
    address = f"http://127.0.0.1:{socket.getsockname()[1]}"
    settings = settings_for(folder, database_url, base_url=address, database_pool=4)
    await setup.initialise(settings)
    server.config.app = create_app(settings)
    running = asyncio.create_task(server.serve(sockets=[socket]))
    while not server.started and not running.done():  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.01)
    yield settings
    server.should_exit = True
    await running


@pytest.fixture
async def beside(served: Settings) -> AsyncIterator[Hub]:
    """The same hub as its operator has it."""
    async with open_hub(served) as opened:
        yield opened


async def test_from_signing_in_to_the_log(served: Settings, beside: Hub) -> None:
    issuer = await enrol(beside, "yongkang", ["330784000000"], display_zh="永康市")
    base = served.base_url
    async with httpx2.AsyncClient(base_url=base, trust_env=False, event_hooks=documented.HOOKS) as client:
        at = int(beside.now().timestamp())
        claims = {"iss": "yongkang", "sub": "yongkang", "aud": f"{base}/auth/token", "jti": uuid.uuid4().hex}
        form = {
            "grant_type": auth.GRANT,
            "client_assertion_type": auth.ASSERTION_TYPE,
            "client_assertion": tokens.sign(claims | {"exp": at + 240}, typ="JWT", signer=issuer.auth),
        }
        token = (await client.post("/auth/token", data=form)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Message-Id": str(uuid.uuid4())}
        asked = {"kind": papers.MARRIAGE, "number": "J330784-2024-000123", "subject": "R-1"}
        made = (await client.post("/certificates", json=asked, headers=headers)).json()
        credential = papers.sign(beside, issuer, StatusRef(made["status_uri"], made["status_index"]))
        recorded = await client.put(
            f"/certificates/{made['certificate_id']}",
            headers=headers,
            json={
                "digest": f"sha-256:{sdjwt.parse(credential).digest}",
                "issued_at": beside.now().isoformat(),
                "expires_at": (beside.now() + timedelta(days=1)).isoformat(),
            },
        )
        assert recorded.status_code == 200
        shown = sdjwt.present(credential, ["party_b_name"], now=beside.now())
        assert (await client.post("/verify", json={"presentation": shown})).json()["claims"]["party_b_name"] == "王小芳"
        assert (await client.get(made["status_uri"])).status_code == 200
        assert (await client.get("/verify")).status_code == 200

        await auditing.sequence(beside)
        head = notes.verify((await client.get("/log/checkpoint")).content, beside.signer.public, served.origin)
        assert head.size > 5
    assert (await auditing.verify(beside)).ok


@pytest.mark.parametrize(
    "path", ["/fhir/Patient/", "/log/checkpoint/", "/no-such-page/", "/console/sign-in/", "/console/static"]
)
async def test_nobody_is_led_to_the_host_that_a_caller_names(served: Settings, path: str) -> None:
    async with httpx2.AsyncClient(base_url=served.base_url, trust_env=False, event_hooks=documented.HOOKS) as client:
        answer = await client.get(path, headers={"Host": "elsewhere.example"})
    assert answer.status_code == 404
    assert "elsewhere.example" not in f"{answer.headers}{answer.text}"


def test_a_process_that_the_web_server_starts_sets_up_its_own_log(tmp_path: Path) -> None:
    """`hub serve --workers 2` makes the application in processes that know nothing but how to make it."""
    asked = "import structlog, hub.app; hub.app.create_app(); print(structlog.is_configured())"
    environment = {**os.environ, "HUB_DATA_DIR": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "True"
