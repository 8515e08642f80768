"""The published R4 examples; a test that asks for them is left out, by name, where they cannot be had."""

from typing import Any

import pytest

from hub.fhir.search import types
from tests import r4


@pytest.fixture(scope="session")
def examples() -> tuple[dict[str, Any], ...]:
    """Every published example of the types that can be searched, those inside Bundles too."""
    try:
        return r4.examples(frozenset(types()))
    except r4.Unreachable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def definitions() -> tuple[dict[str, Any], ...]:
    """The published definitions."""
    try:
        return r4.definitions()
    except r4.Unreachable as error:
        pytest.skip(str(error))
