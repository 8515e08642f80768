"""What an import holds apart, and how much of it is told: ids that may mean two, issues without end, references without end."""

import orjson
import pytest

from hub.runtime import Hub
from hub.services import issue_limits
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_import import issues, ndjson, taken


async def test_issues_are_listed_so_far_and_then_counted(
    as_huiji: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue_limits, "OF_LINE", 3)
    monkeypatch.setattr(issue_limits, "OF_BATCH", 5)
    used = [{"reference": f"Device/{at:x}"} for at in range(1_000)]
    done = {"resourceType": "Procedure", "status": "completed", "subject": {"display": "x"}, "usedReference": used}
    wrong = {"resourceType": "Organization", "name": "x"} | {f"wrong{at}": 1 for at in range(6)}
    told = await taken(as_huiji, hub, ndjson(done, done, *[wrong] * 4, done))
    found = await issues(as_huiji, told)
    kinds = [(line, code) for line, _, code, _ in found]
    # Of each line that is set aside one reason at least.
    assert kinds[:9] == [(f"line {at}", "unknown-element") for at in (3, 3, 3, 4, 4, 4, 5, 5, 6)]
    assert kinds[9:14] == [("line 1", "reference-unknown")] * 3 + [("line 2", "reference-unknown")] * 2
    assert [(line, code) for line, code in kinds[14:]] == [("line 3", "not-listed"), ("line 1", "not-listed")]
    (answer,) = told["error"]
    said = [orjson.loads(line) for line in (await as_huiji("GET", answer["url"])).content.splitlines()]
    texts = [one["issue"][0]["diagnostics"] for one in said[14:]]
    assert texts == [
        "15 more of the issues unknown-element, about lines 3 to 6, are not listed one by one.",
        "2995 more of the issues reference-unknown, about lines 1 to 7, are not listed one by one.",
    ]
