"""The packaged schema is what its script makes of HL7's definitions, and no foreign element has slipped in."""

import pytest

from hub.fhir.validation import schema
from tests.house import r4_definitions
from tests.npm import Unreachable


def test_the_packaged_schema_is_current() -> None:
    try:
        made = r4_definitions.render()
    except Unreachable as reason:
        pytest.skip(str(reason))
    assert r4_definitions.FILE.read_text("utf-8") == made


def test_what_one_server_adds_to_r4_is_not_there() -> None:
    assert "project" not in schema.definition("Meta")["properties"]
    assert "resource" not in schema.definition("Reference")["properties"]


def test_nothing_is_no_resource_of_any_known_type() -> None:
    assert [type_ for type_ in schema.known() if schema.accepts(type_, {})] == []
