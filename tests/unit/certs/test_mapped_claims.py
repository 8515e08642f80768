"""What the mappings make of the counties' certificates can be issued: the two packages agree on every claim."""

import json
from pathlib import Path
from typing import Any

import pytest

from certs import kinds
from certs.errors import InvalidClaims

MAPPINGS = Path(__file__).parents[3] / "mappings"
EXPECTED = sorted(MAPPINGS.glob("*/*_certificate.v*/examples/*.expected.json"))


def claims_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def search(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("claims"), dict):
                found.append(value["claims"])
            for item in value.values():
                search(item)
        elif isinstance(value, list):
            for item in value:
                search(item)

    search(json.loads(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: "/".join(path.parts[-4:]))
def test_every_mapped_certificate_is_one_of_its_kind(path: Path) -> None:
    kind = kinds.named(path.parts[-3].split(".")[0].replace("_", "-"))
    for claims in claims_of(path):
        wrong = []
        try:
            kind.check({name: value for name, value in claims.items() if name != "holder_key"})
        except InvalidClaims as error:
            wrong.append(error.detail)
        assert wrong == []


def test_there_are_such_certificates() -> None:
    assert sum(len(claims_of(path)) for path in EXPECTED) >= 8
