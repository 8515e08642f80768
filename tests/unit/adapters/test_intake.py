"""What a transport read comes into the spool, whatever characters the county's system let into a row."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import mappings
from adapters.gateway.intake import Intake, row_of
from adapters.gateway.mapper import translate
from adapters.gateway.records import Route, Source
from adapters.gateway.spool import Spool

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MAPPING = "yongkang/contraception_report.v1"
SOURCE = Source("reports", MAPPING, "contraception-report", Route.SEALED, 2, {})


def test_a_row_with_a_broken_character_is_told_and_stops_no_other(tmp_path: Path) -> None:
    rows = [{"bgdbh": "B1", "xm": "王\ud800", "rowver": 1}, {"bgdbh": "B2", "xm": "王芳", "rowver": 2}]
    page = json.dumps({"code": 200, "data": {"list": rows}}).encode()
    spool = Spool(tmp_path / "gateway.db")
    try:
        for batch in mappings.load(MAPPING).read(io.BytesIO(page), file_name="page.json"):
            assert Intake(spool, lambda: NOW).rows(SOURCE, batch.rows).stored == 2
        broken, whole = spool.outgoing.to_prepare(9, NOW)
    finally:
        spool.close()
    assert row_of(broken.row or "").cells["xm"] == "王?"
    assert [issue.code for issue in row_of(broken.row or "").issues] == ["invalid-character"]
    assert row_of(whole.row or "").cells["xm"] == "王芳"
    first = translate([broken], "yongkang")[0]
    assert not first.ok
    assert "invalid-character" in {issue["code"] for issue in first.issues}
