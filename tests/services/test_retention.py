"""Forgetting: what is over goes, completely; what waits, is held or proves something stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hub.domain.messages import State
from hub.jobs.schedules import schedules
from hub.runtime import Hub
from hub.services import mailboxes, notices
from hub.storage import members, retention
from hub.storage.retention import KEPT
from hub.storage.tables import metadata
from tests.documents import NAMELESS, Beside, number_of, receive, row, rows, sent, sheet, taken_in, told, work_off
from tests.hubs import Clock, Enrolled
from tests.messages import agree, allow, posted


async def _forget(hub: Hub) -> dict[str, Any]:
    (job,) = [schedule.job for schedule in schedules(hub.settings) if schedule.name == "retention"]
    return await job(hub, hub.now())


def test_every_table_is_forgotten_or_kept_on_purpose() -> None:
    ruled = set(retention._RULES)
    assert ruled | KEPT == set(metadata.tables)
    assert not ruled & KEPT


async def test_bodies_and_timelines_of_what_is_over_go_when_their_time_is(
    hub: Hub, huiji: Enrolled, clock: Clock
) -> None:
    first = await taken_in(hub, huiji, Beside(), sheet([*rows(3), row(4, 身份证号码="4.1E+17")]))
    clock.advance(days=hub.settings.retention_days - 1)
    assert "submission_part" not in await _forget(hub)
    clock.advance(days=2)
    deleted = await _forget(hub)
    assert (deleted["submission_part"], deleted["submission_issue"], deleted["submission_event"]) == (1, 1, 2)
    found = await told(hub, huiji, first["message_id"])
    assert found["application_ack"]["state"] == "PROCESSED"
    assert found["counts"]["translated"] == 4
    assert [step["state"] for step in found["timeline"]] == ["PROCESSED"]
    assert await number_of(hub, "resource_version") == 4
    assert await _forget(hub) == {}


async def test_a_message_id_is_remembered_for_good(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    what = sent(sheet(rows(1)))
    first = await receive(hub, huiji, what)
    await work_off(hub, Beside())
    clock.advance(days=1000)
    await _forget(hub)
    again = await receive(hub, huiji, what)
    assert (again.repeated, again.body) == (True, first.body)


async def test_what_waits_to_be_translated_is_kept_however_old(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    what = sent(sheet(rows(2)))
    await receive(hub, huiji, what)
    clock.advance(days=1000)
    assert await _forget(hub) == {}
    await work_off(hub, Beside())
    assert (await told(hub, huiji, what.document.message_id))["counts"]["translated"] == 2


async def test_what_is_held_in_quarantine_is_kept_with_its_reasons(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    found = await taken_in(hub, huiji, Beside(), sheet([row(1), row(2, **NAMELESS)]))
    clock.advance(days=1000)
    assert await _forget(hub) == {}
    assert (await told(hub, huiji, found["message_id"]))["issues"] == found["issues"]
    async with hub.database.begin() as connection:
        await connection.execute(
            text("UPDATE quarantined_row SET state = 'released', released_at = :at"), {"at": clock()}
        )
    clock.advance(days=1)
    assert "quarantined_row" not in await _forget(hub)
    clock.advance(days=hub.settings.retention_days)
    await _forget(hub)
    assert await number_of(hub, "quarantined_row") == 0


async def test_a_letter_that_waits_is_kept_and_one_that_is_settled_goes(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = await posted(hub, yongkang, huiji)
    short = {"now": clock(), "before": clock() + timedelta(seconds=1)}
    async with hub.database.begin() as connection:
        await retention.forget(connection, **short)
    (handed,) = await mailboxes.lease(hub, huiji.member, most=5, seconds=60)
    assert handed.body == made.body
    await mailboxes.acknowledge(hub, huiji.member, handed.item.id, State.RECEIVED, made.digest, [])
    async with hub.database.begin() as connection:
        await retention.forget(connection, **short)
    assert (await mailboxes.read(hub, huiji.member, handed.item.id)).body == made.body
    await mailboxes.acknowledge(hub, huiji.member, handed.item.id, State.PROCESSED, made.digest, [])
    async with hub.database.begin() as connection:
        await retention.forget(connection, **short)
    assert await number_of(hub, "submission_part") == 0
    for name in ("mailbox_item", "notice", "access_event"):
        assert await number_of(hub, name) > 0


async def test_more_than_one_batch_goes_in_one_night(
    hub: Hub, huiji: Enrolled, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    await taken_in(hub, huiji, Beside(), sheet([row(number, 身份证号码="4.1E+17") for number in range(1, 11)]))
    clock.advance(days=200)
    assert (await _forget(hub))["submission_issue"] == 10
    assert await number_of(hub, "submission_issue") == 0


async def test_notices_that_nobody_wants_any_more_go(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    async with hub.database.begin() as connection:
        await members.put_endpoint(
            connection, hub.vault, huiji.member.id, "webhook", "https://x.example/", "whsec_eA=="
        )
        for number in range(3):
            await notices.tell(hub, connection, huiji.member.id, "mailbox", str(number), {})
        await connection.execute(text("UPDATE delivery SET state = 'PUSHED' WHERE dedupe = 'mailbox:0'"))
    clock.advance(days=hub.settings.retention_days + 1)
    assert (await _forget(hub))["delivery"] == 1
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE endpoint SET state = 'disabled'"))
    assert (await _forget(hub))["delivery"] == 2


async def test_what_was_received_and_never_answered_goes_too_once_it_is_lent_no_more(
    hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    made = await posted(hub, yongkang, huiji)
    (handed,) = await mailboxes.lease(hub, huiji.member, most=1, seconds=60)
    await mailboxes.acknowledge(hub, huiji.member, handed.item.id, State.RECEIVED, made.digest, [])
    before = await number_of(hub, "submission_part")
    clock.advance(days=20)
    await _forget(hub)
    assert await number_of(hub, "submission_part") == before
    clock.advance(days=hub.settings.retention_days)
    await _forget(hub)
    async with hub.database.read() as connection:
        left = await connection.execute(
            text(
                "SELECT count(*) FROM submission_part JOIN submission s ON s.id = submission_id WHERE s.mapping IS NULL"
            )
        )
        assert left.scalar_one() == 0
    await mailboxes.acknowledge(hub, huiji.member, handed.item.id, State.PROCESSED, made.digest, [])
