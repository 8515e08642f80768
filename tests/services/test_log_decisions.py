"""Whoever writes decisions into the database, or changes them there, is found out by the log."""

import pytest
from sqlalchemy import text

from hub.runtime import Hub
from hub.services import auditing
from tests.feeds import feeder, parameters, put, resolved, steward
from tests.hubs import Clock, Enrolled
from tests.people import patient

QIAN = {"name": "钱学森", "birth": "1962-10-30", "sex": "male", "id": "330784196210300015"}
ZHOU = {"name": "周杰", "birth": "1977-05-05", "sex": "male"}
WU = {"name": "吴军", "birth": "1950-02-02", "sex": "male"}


@pytest.fixture
async def decided(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    """Two records merged, parted and merged again; a third replaced by its source; all of it in the log."""
    rows = [patient("yongkang", "Y1", **QIAN), patient("yongkang", "Y2", **ZHOU), patient("yongkang", "Y3", **WU)]
    async with feeder(hub, yongkang) as client:
        one, other, _ = [(await put(client, row)).json()["id"] for row in rows]
        await put(client, resolved(rows[2], "Y2"))
    given = parameters(source_patient=f"Patient/{one}", target_patient=f"Patient/{other}")
    async with steward(hub, "lin") as client:
        for operation in ("merge", "undo-merge", "merge"):
            assert (await client.post(f"/fhir/Patient/${operation}", json=given)).status_code == 200
    clock.advance(seconds=20)
    while await auditing.sequence(hub):
        pass


async def _findings(hub: Hub) -> dict[str, int]:
    return {finding.code: finding.count for finding in (await auditing.verify(hub)).findings}


async def test_honest_decisions_verify(hub: Hub, decided: None) -> None:
    assert await _findings(hub) == {}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE decision_event SET actor = 'wang' WHERE kind = 'RETRACT'", {"decision-changed": 1}),
        ("UPDATE decision_event SET approver = 'wang' WHERE kind = 'MUST_LINK'", {"decision-changed": 2}),
        ("UPDATE decision_event SET reason = 'other' WHERE kind = 'MUST_LINK'", {"decision-changed": 2}),
        ("UPDATE decision_event SET supersedes = 99 WHERE kind = 'RETRACT'", {"decision-changed": 1}),
        (
            "UPDATE decision_event SET subjects = ARRAY[1, 3] WHERE kind = 'MUST_LINK'",
            {"decision-changed": 2, "decision-unlogged": 1},
        ),
        (
            "UPDATE decision_event SET subjects = ARRAY[1, 3] WHERE kind = 'SOURCE_MERGE'",
            {"decision-changed": 1, "decision-unlogged": 1},
        ),
        ("DELETE FROM decision_event WHERE kind = 'RETRACT'", {"decision-changed": 1}),
        (
            """INSERT INTO decision_event (kind, subjects, actor, reason, evidence, valid_from)
            VALUES ('CANNOT_LINK', ARRAY[1, 3], 'lin', 'documents-agree', '{}', now())""",
            {"decision-unlogged": 1},
        ),
        ("INSERT INTO link_constraint (a, b, kind, seq) VALUES (1, 3, 'MUST', 1)", {"decision-unlogged": 1}),
        ("UPDATE link_constraint SET kind = 'CANNOT' WHERE a = 1", {"decision-unlogged": 1}),
    ],
)
async def test_what_was_not_decided_is_found(hub: Hub, decided: None, change: str, found: dict[str, int]) -> None:
    async with hub.database.begin() as connection:
        assert (await connection.execute(text(change))).rowcount > 0
    assert await _findings(hub) == found
