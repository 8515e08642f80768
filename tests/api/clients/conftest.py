"""A hub on a loopback port for other people's FHIR clients, and a member with a token; both last for one client's tests."""

from collections.abc import Iterator

import pytest

from hub.services import tokens
from tests.adapters.real import RealHub, real_hub

MEMBER = "huiji"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[RealHub]:
    """The whole application, with its worker."""
    with (
        pytest.MonkeyPatch.context() as patch,
        real_hub(tmp_path_factory.mktemp("served"), module_database_url) as hub,
    ):
        patch.setenv("NO_PROXY", "127.0.0.1")  # the clients would ask the proxy of the environment for it
        hub.enrol(MEMBER)
        yield hub


@pytest.fixture(scope="module")
def base(served: RealHub) -> str:
    """What a client is told of the hub: its FHIR base address."""
    return f"{served.url}/fhir"


@pytest.fixture(scope="module")
def token(served: RealHub) -> str:
    """And an access token of the member."""
    return served.run(tokens.issue_token_for(served.hub, MEMBER))
