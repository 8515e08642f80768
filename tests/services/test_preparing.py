"""Preparing rows: whatever breaks over one row refuses that row, and the others go on."""

from datetime import UTC, datetime
from typing import Any

import pytest

import mappings
from hub.services import preparing
from tests.documents import PERSON_SHEET, row

RECEIVED = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("part", ["features.extract", "validate.check"])
def test_what_breaks_over_one_row_refuses_that_row_only(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    module, name = part.split(".")
    whole = getattr(getattr(preparing, module), name)

    def breaking(resource: dict[str, Any], *others: Any, **named: Any) -> Any:
        if resource["identifier"][0]["value"] == "HJ0000002":
            raise KeyError("张三 410108")
        return whole(resource, *others, **named)

    monkeypatch.setattr(getattr(preparing, module), name, breaking)
    rows = [mappings.Row(number, dict(row(number)), "original") for number in (1, 2, 3)]
    found = preparing.prepare(PERSON_SHEET, "huiji", RECEIVED, rows, [])
    assert [ready.row for ready in found.ready] == [1, 3]
    assert [(refused.row, refused.codes) for refused in found.refused] == [(2, ("row-failed",))]
    assert "KeyError" in str(found.issues)
    assert "张三" not in str(found.issues)
