"""What tests of the interface over real sockets share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import pytest

from hub.api import turns
from hub.runtime import Hub, open_hub
from hub.services import tokens
from hub.settings import Settings
from tests import documented
from tests.hubs import Clock, Enrolled
from tests.listening import Served, listening


@pytest.fixture
async def served(
    hub: Hub, hub_settings: Settings, clock: Clock, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    """Clients of huiji at so many processes of one hub."""
    monkeypatch.setattr(turns, "HOLD", 0.0)
    async with AsyncExitStack() as stack:
        token = await tokens.issue_token(hub, huiji.member, 86_400)

        async def serve(processes: int = 1) -> list[httpx2.AsyncClient]:
            found = []
            for _ in range(processes):
                other = await stack.enter_async_context(open_hub(hub_settings, now=clock))
                address = await stack.enter_async_context(listening(other))
                headers = {"Authorization": f"Bearer {token}"}
                client = httpx2.AsyncClient(
                    base_url=address, headers=headers, trust_env=False, event_hooks=documented.HOOKS
                )
                found.append(await stack.enter_async_context(client))
            return found

        yield serve
