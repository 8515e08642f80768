"""What the counties' mappings really give is what linkage reads: their own examples lead to features that tell."""

import json
from pathlib import Path
from typing import Any

import pytest

import mappings
from hub.linkage import comparisons, explain
from hub.linkage.features import Features, extract

EXAMPLES = sorted(Path(mappings.__file__).parent.glob("*/person.v1/examples/*.expected.json"))


def people(path: Path) -> list[tuple[dict[str, Any], Features]]:
    results = json.loads(path.read_text(encoding="utf-8"))
    return [(resource, extract(resource)) for result in results for resource in result["resources"]]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parts[-4]}-{path.name}")
def test_examples_lead_to_features(path: Path) -> None:
    for resource, one in people(path):
        assert one.text("name")
        assert one.text("record")
        assert one.text("source") == path.parts[-4]
        assert bool(one.birth) == ("birthDate" in resource)
        assert bool(explain.shown(one, "birth")) == ("birthDate" in resource)


def test_every_field_is_met_in_some_example() -> None:
    found = [one for path in EXAMPLES for _, one in people(path)]
    assert len(found) >= 10
    met = {field for one in found for field in comparisons.FIELDS if explain.shown(one, field)}
    assert met >= {
        "resident_id",
        "surname",
        "given",
        "sex",
        "birth",
        "phone",
        "origin",
        "residence",
        "spouse",
        "children",
    }
    assert any(one.text("former") for one in found)
    assert any(one.number("spouse_id") for one in found)
