"""What the database tests by texts loses nothing that is asked for, and is all that is asked for where it says so."""

from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.fhir.search import Clause, matches, parse, plan, plan_all, tokens
from tests.unit.fhir.search.asking import BASE, META, NOW, clauses

Resources = tuple[dict[str, Any], ...]


@cache
def with_texts(examples: Any) -> dict[str, list[tuple[dict[str, Any], frozenset[str]]]]:
    found: dict[str, list[tuple[dict[str, Any], frozenset[str]]]] = {}
    for one in examples.all:
        found.setdefault(one["resourceType"], []).append((one, tokens(one)))
    return found
