"""Submissions: no change is skipped by who follows them with a cursor, and issues come a page at a time."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.domain.messages import State
from hub.runtime import Hub
from hub.storage import submissions
from hub.storage.submissions import NewSubmission
from tests.hubs import Enrolled


def _new(owner: Enrolled, hub: Hub, **changed: Any) -> NewSubmission:
    given: dict[str, Any] = {
        "id": uuid4(),
        "member_id": owner.member.id,
        "message_id": uuid4(),
        "kind": "person",
        "mapping": "huiji/person.v1",
        "media_type": "text/csv",
        "file_name": "五月.csv",
        "digest": hashlib.sha256(b"x").digest(),
        "size": 1,
        "state": State.ACCEPTED,
        "acknowledgement": b"{}",
        "leaf": bytes(32),
        "in_response_to": None,
        "supersedes": None,
        "received_at": hub.now(),
    }
    return NewSubmission(**given | changed)


async def _add(hub: Hub, owner: Enrolled, parts: tuple[bytes, ...] = (b"x",), **changed: Any) -> UUID:
    new = _new(owner, hub, **changed)
    async with hub.database.begin() as connection:
        assert await submissions.add(connection, hub.vault, new, [hub.vault.seal(part) for part in parts])
    return new.id


async def _changes(hub: Hub, owner: Enrolled, cursor: int) -> tuple[list[UUID], int]:
    async with hub.database.read() as connection:
        found = await submissions.changed_after(connection, hub.vault, owner.member.id, cursor, 100)
    return [one.id for one in found], found[-1].changed if found else cursor


async def _move(hub: Hub, id_: UUID, state: State = State.VALIDATED) -> None:
    async with hub.database.begin() as connection:
        await submissions.move(connection, id_, state, hub.now())


async def test_a_change_that_commits_late_is_never_behind_the_cursor(hub: Hub, huiji: Enrolled) -> None:
    slow, quick = await _add(hub, huiji), await _add(hub, huiji)
    _, cursor = await _changes(hub, huiji, 0)
    async with hub.database.begin() as connection:
        await submissions.move(connection, slow, State.VALIDATED, hub.now())
        overtaking = asyncio.create_task(_move(hub, quick))
        await asyncio.sleep(0.2)
        seen, cursor = await _changes(hub, huiji, cursor)
    await overtaking
    more, _ = await _changes(hub, huiji, cursor)
    assert [*seen, *more] == [slow, quick]


async def test_members_do_not_wait_for_each_other(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    own, others = await _add(hub, huiji), await _add(hub, yongkang)
    async with hub.database.begin() as connection:
        await submissions.move(connection, own, State.VALIDATED, hub.now())
        await asyncio.wait_for(_move(hub, others), 5)


async def test_a_follower_sees_the_last_state_of_everything(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    ids = [await _add(hub, huiji) for _ in range(12)]
    await _add(hub, yongkang)
    seen: dict[UUID, State] = {}
    cursor, going = 0, True

    async def follow() -> None:
        nonlocal cursor
        while True:
            last = not going
            async with hub.database.read() as connection:
                found = await submissions.changed_after(connection, hub.vault, huiji.member.id, cursor, 5)
            for one in found:
                assert one.changed > cursor
                cursor, seen[one.id] = one.changed, one.state
            if last and not found:
                return
            await asyncio.sleep(0)

    following = asyncio.create_task(follow())
    for state in (State.VALIDATED, State.QUEUED, State.AVAILABLE):
        await asyncio.gather(*(_move(hub, id_, state) for id_ in ids))
    going = False
    await following
    assert seen == dict.fromkeys(ids, State.AVAILABLE)


async def test_a_message_id_is_used_once_by_a_member(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    id_ = uuid4()
    await _add(hub, huiji, message_id=id_)
    async with hub.database.begin() as connection:
        assert not await submissions.add(connection, hub.vault, _new(huiji, hub, message_id=id_), [])
    await _add(hub, yongkang, message_id=id_)


async def test_parts_come_back_one_by_one(hub: Hub, huiji: Enrolled) -> None:
    id_ = await _add(hub, huiji, (b"one", b"two"))
    async with hub.database.read() as connection:
        found = [await submissions.part(connection, hub.vault, id_, seq) for seq in range(3)]
    assert found == [b"one", b"two", None]


def _issue(row: int | None, **changed: Any) -> dict[str, Any]:
    return {
        "row": row, "column": "姓名", "code": "x", "severity": "error", "text": "t", "text_zh": "t", "value": None
    } | changed  # fmt: skip


async def test_issues_come_in_order_and_in_pages(hub: Hub, huiji: Enrolled) -> None:
    id_ = await _add(hub, huiji)
    async with hub.database.begin() as connection:
        await submissions.add_issues(connection, hub.vault, id_, [_issue(row, value=f"值{row}") for row in range(25)])
        await submissions.add_issues(connection, hub.vault, id_, [])
    found, after = [], 0
    async with hub.database.read() as connection:
        while some := await submissions.issues(connection, hub.vault, id_, after=after, limit=10):
            found += [(issue.row, issue.value) for issue in some]
            after = some[-1].id
    assert found == [(row, f"值{row}") for row in range(25)]


async def test_issues_of_some_rows_can_be_dropped(hub: Hub, huiji: Enrolled) -> None:
    id_, other = await _add(hub, huiji), await _add(hub, huiji)
    async with hub.database.begin() as connection:
        for one in (id_, other):
            await submissions.add_issues(connection, hub.vault, one, [_issue(row) for row in (None, 1, 2, 2)])
        assert await submissions.drop_issues(connection, id_, [2, 3]) == 2
        rest = await submissions.issues(connection, hub.vault, id_)
        assert [issue.row for issue in rest] == [None, 1]
        assert len(await submissions.issues(connection, hub.vault, other)) == 4


@pytest.mark.parametrize("state", [State.DEAD, State.PROCESSED])
async def test_what_was_set_aside_is_found_by_its_mapping(hub: Hub, huiji: Enrolled, state: State) -> None:
    id_ = await _add(hub, huiji)
    await _move(hub, id_, state)
    async with hub.database.begin() as connection:
        found = await submissions.set_aside(connection, "huiji/person.v")
        assert found == ([id_] if state is State.DEAD else [])
        assert await submissions.set_aside(connection, "yongkang/person.v") == []


async def test_the_timeline_is_in_order(hub: Hub, huiji: Enrolled) -> None:
    id_ = await _add(hub, huiji)
    async with hub.database.begin() as connection:
        await submissions.move(connection, id_, State.VALIDATED, hub.now() - timedelta(hours=1), "a clock went back")
        found = await submissions.timeline(connection, id_)
    assert [state for state, _, _ in found] == ["ACCEPTED", "VALIDATED"]
