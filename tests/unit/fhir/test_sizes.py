"""How much a Patient may say of one thing."""

from typing import Any

import orjson
import pytest

from hub.errors import Invalid
from hub.fhir import sizes

MOST, LONGEST = sizes.MOST, sizes.LONGEST


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": [{"text": "王"}] * (MOST + 1)}, "too-many"),
        ({"identifier": [{"value": "1"}] * (MOST + 1)}, "too-many"),
        ({"name": [{"given": ["王" * (LONGEST + 1)]}]}, "too-long"),
        ({"address": [{"extension": [{"url": "urn:a", "valueString": "1" * (LONGEST + 1)}]}]}, "too-long"),
        ({"contact": [{"name": {"text": "李" * (LONGEST + 1)}}]}, "too-long"),
        ({"name": [{"text": '"' * (LONGEST + 1)}]}, "too-long"),
        ({"name": [{"text": '\t"' * LONGEST}]}, "too-long"),
    ],
)
def test_what_is_compared_has_limits(said: dict[str, Any], code: str) -> None:
    patient = {"resourceType": "Patient", **said}
    for body in (None, orjson.dumps(patient)):
        with pytest.raises(Invalid) as refused:
            sizes.check(patient, body)
        assert refused.value.code == code


def test_what_is_not_compared_may_be_long() -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"text": "王" * LONGEST}, {"text": '"' * LONGEST}] * (MOST // 2),
        "photo": [{"contentType": "image/png", "data": "AAAA" * LONGEST}],
    }
    for body in (None, orjson.dumps(patient)):
        sizes.check(patient, body)
