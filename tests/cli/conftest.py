"""The commands as an operator runs them, in this process, on a screen of 80 columns."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from hub.cli import frame
from hub.cli.root import app
from hub.runtime import Hub
from hub.settings import Settings, get_settings
from tests.processes import environment

WIDTH = 80
Say = Callable[..., Awaitable[Result]]


@pytest.fixture
def say(hub: Hub, hub_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Say]:
    """Runs a command on the test's hub; `typed` is what is typed when it asks."""

    async def said(*words: object, typed: str = "") -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(map(str, words)), input=typed)

    for name, value in environment(hub_settings).items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    for console in (frame.out, frame.err):
        monkeypatch.setattr(console, "width", WIDTH)
    get_settings.cache_clear()
    yield said
    get_settings.cache_clear()
