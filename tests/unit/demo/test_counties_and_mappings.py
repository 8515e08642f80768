"""What the counties send is what the mappings read: every row is translated but those that the truth names."""

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import mappings
from hub.demo.counties.huiji.drop import drop
from hub.demo.counties.yongkang.store import KEYS
from hub.demo.population import Shape, Story, build
from hub.demo.population.dialects import yongkang
from mappings import vocabulary

AS_OF = date(2025, 6, 1)
NOW = datetime(2025, 6, 1, 4, tzinfo=UTC)
KINDS = sorted(vocabulary.RECORD_KINDS)


@pytest.fixture(scope="module")
def story() -> Story:
    return build(7, AS_OF, Shape(people=6000))


def _translate(county: str, kind: str, content: bytes, file_name: str) -> list[mappings.RowResult]:
    mapping = mappings.load(f"{county}/{kind.replace('-', '_')}.v1")
    context = mappings.Context(county, NOW)
    results = []
    for batch in mapping.read(io.BytesIO(content), file_name=file_name):
        assert not [issue for issue in batch.issues if issue.severity != "information"]
        results += mapping.apply(batch.rows, context)
    return results


def _expected_bad(story: Story, county: str, kind: str) -> set[str]:
    return {defect.key for defect in story.truth.defects if (defect.county, defect.kind) == (county, kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_yongkang_rows_are_read_but_for_the_known_defects(story: Story, kind: str) -> None:
    table, rows = next(iter(yongkang.tables(story, [kind]).items()))
    results = _translate("yongkang", kind, json.dumps(rows, ensure_ascii=False).encode(), "page.json")
    assert len(results) == len(rows) == story.truth.expected.rows["yongkang", kind]
    bad = {rows[result.row - 1][KEYS[table]] for result in results if not result.ok}
    assert bad == _expected_bad(story, "yongkang", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_huiji_files_are_read_but_for_the_known_defects(story: Story, kind: str, tmp_path: Path) -> None:
    results = []
    for name in drop(tmp_path, story, [kind]):
        results += _translate("huiji", kind, (tmp_path / name).read_bytes(), name)
    assert len(results) == story.truth.expected.rows["huiji", kind]
    assert sum(not result.ok for result in results) == story.truth.expected.quarantined.get(("huiji", kind), 0)
    keys = {result.key for result in results if not result.ok and result.key}
    assert keys <= _expected_bad(story, "huiji", kind)
