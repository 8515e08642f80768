"""What every test may ask for: a database of its own, a browser, and the list of tests that were left out."""

import inspect
import shutil
from collections.abc import Iterator

import httpx2
import pytest
import structlog
from hypothesis import settings

from tests import chromium as browser
from tests.databases import Server, new_folder
from tests.left_out import FILE, LeftOut

pytest_plugins = ["tests.hubs", "tests.documents"]

settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


PATIENCE = 60.0
"""Seconds that a client waits for an answer unless it says otherwise: a machine that also runs all else may be slow."""


def pytest_configure(config: pytest.Config) -> None:
    """Give clients their patience; gather what is left out, in the one process that sees every report."""
    usual = inspect.signature(httpx2.Client).parameters["timeout"].default  # one object, the default of all of them
    usual.connect = usual.read = usual.write = usual.pool = PATIENCE
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LeftOut(config.rootpath / FILE), "left-out")


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A test that sets up logging, as a command does, does so for itself: its standard error is closed behind it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def database_server() -> Iterator[Server]:
    """The run's PostgreSQL server."""
    folder = new_folder()
    server = Server(folder)
    yield server
    server.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(database_server: Server) -> str:
    """Name of a database with the current schema and no rows; copied, never connected to."""
    return database_server.create_migrated()


@pytest.fixture
def database_url(database_server: Server, migrated_template: str) -> Iterator[str]:
    """Address (postgresql://…, a Unix socket) of a migrated database that this test has to itself."""
    name = database_server.create(migrated_template)
    yield database_server.url(name)
    database_server.drop(name)


@pytest.fixture(scope="module")
def module_database_url(database_server: Server, migrated_template: str) -> Iterator[str]:
    """Like `database_url`, shared by the tests of one module."""
    name = database_server.create(migrated_template)
    yield database_server.url(name)
    database_server.drop(name)


@pytest.fixture
def empty_database_url(database_server: Server) -> Iterator[str]:
    """Address of a database without any schema."""
    name = database_server.create()
    yield database_server.url(name)
    database_server.drop(name)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium. A test that asks for it is left out, by name, where there is none."""
    path = browser.find()
    if path is None:
        pytest.skip("no Chromium here; `make test` installs it when it may, CHROMIUM=/path names one")
    return path
