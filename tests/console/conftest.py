"""A running console for each module of tests, and a browser that complains about everything the page's policy blocks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from hub.runtime import Hub
from hub.services import accounts, passwords
from tests.console import world
from tests.console.language import speak
from tests.console.site import Site

Enter = Callable[..., Page]
# A machine that also runs everything else may be slow; what never comes still fails.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for a module. Not for the run: while it lives its event loop occupies the thread, and no other
    module's async test could run.
    """
    with sync_playwright() as playwright:
        # Containers often run tests as root, where Chromium's own sandbox cannot start.
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def serving(database_url: str, folder: Path) -> Iterator[Site]:
    """A console with three regions and users of every role, whose password hashes are cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        passwords._decoy.cache_clear()
        started = Site(database_url, folder)
        try:
            started.run(world.add_users)
            yield started
        finally:
            started.close()


@pytest.fixture(scope="module")
def site(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console for a module's tests. Any of them may be the first: each leaves it as it was, or as any other may."""
    with serving(module_database_url, tmp_path_factory.mktemp("hub")) as started:
        yield started


@pytest.fixture
def own_site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """A console that a test has to itself."""
    with serving(database_url, tmp_path) as started:
        yield started


class Watched:
    """What a page's console said that nobody should read: errors, and whatever the policy blocked."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self._said(said.type, said.text))

    def _said(self, kind: str, text: str) -> None:
        # That an error page has an error's status is how it should be.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource: the server responded"):
            self.errors.append(text)


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Browser windows without memory of each other; at the end none may have had an error."""
    watched, opened = Watched(), []

    def open_one(**options: object) -> BrowserContext:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.on("page", watched.watch)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
    assert watched.errors == []


@pytest.fixture
def enter(new_context: Callable[..., BrowserContext], site: Site) -> Enter:
    """Sign in with a one-time link: `enter("lihua", language="en", …options of the window)`."""

    def sign_in(name: str = "lihua", *, language: str = "zh", **options: object) -> Page:
        async def link(hub: Hub) -> str:
            return await accounts.make_sign_in_link(hub, name)

        page = new_context(**options).new_page()
        page.goto(site.run(link))
        speak(page, language)
        return page

    return sign_in
