"""The audit log grows in order, proves what it holds, and whoever tampers with it is found out."""

import asyncio
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from certs import checkpoint as notes
from certs import merkle
from certs.keys import SigningKey
from hub.domain.messages import State
from hub.errors import HubError, Invalid, NotFound, Unavailable
from hub.runtime import Hub
from hub.services import auditing, log_verification
from hub.storage import audit, log_checks, submissions
from hub.storage.audit import Act
from tests.hubs import Clock, Enrolled


async def log(hub: Hub, count: int, act: str = "test") -> list[bytes]:
    made = [Act(act, "tester", {"n": n, "id": str(uuid4())}, hub.now()) for n in range(count)]
    async with hub.database.begin() as connection:
        return await audit.append(connection, hub.vault, made)


async def grow(hub: Hub, clock: Clock, *counts: int) -> list[bytes]:
    """Log in rounds, with a checkpoint after each."""
    leaves = []
    for count in counts:
        leaves += await log(hub, count)
        clock.advance(seconds=20)
        while await auditing.sequence(hub):
            pass
    return leaves


async def run(hub: Hub, statement: str, **values: Any) -> None:
    async with hub.database.begin() as connection:
        done = await connection.execute(text(statement), values)
        assert done.rowcount > 0


async def codes(hub: Hub) -> set[str]:
    return {finding.code for finding in (await auditing.verify(hub)).findings}


async def test_an_honest_log_verifies(hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_verification, "BATCH", 7)
    await grow(hub, clock, 5, 1, 16, 3)
    await log(hub, 2)
    steps: list[tuple[int, int]] = []
    report = await auditing.verify(hub, lambda done, total: steps.append((done, total)))
    assert report.ok, [str(finding) for finding in report.findings]
    assert (report.checkpoints, report.unplaced, report.erased) == (4, 2, 0)
    assert steps[-1] == (report.size, report.size)
    assert len(steps) == -(-report.size // 7)


async def test_leaves_are_proved_under_the_signed_head(hub: Hub, clock: Clock) -> None:
    leaves = await grow(hub, clock, 5, 8)
    for leaf in leaves:
        found = await auditing.inclusion(hub, leaf)
        head = notes.verify(found.note.encode(), hub.signer.public, hub.settings.origin)
        assert (head.size, head.root) == (found.size, found.root)
        merkle.verify_inclusion(leaf, found.index, head.size, found.proof, head.root)


async def test_heads_are_proved_consistent(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 5, 8, 20)
    async with hub.database.read() as connection:
        heads = await log_checks.checkpoints_within(connection, 0, None)
    for one in heads:
        for other in heads:
            if one.size <= other.size:
                found = await auditing.consistency(hub, one.size, other.size)
                merkle.verify_consistency(one.size, other.size, found.proof, one.root, other.root)
    with pytest.raises(Invalid):
        await auditing.consistency(hub, 0, heads[-1].size + 1)
    with pytest.raises(Invalid):
        await auditing.consistency(hub, 3, 2)


async def test_what_is_not_covered_yet_is_said_so(hub: Hub, clock: Clock) -> None:
    with pytest.raises(NotFound):
        await auditing.head(hub)
    await grow(hub, clock, 1)
    (late,) = await log(hub, 1)
    with pytest.raises(Unavailable) as caught:
        await auditing.inclusion(hub, late)
    assert (caught.value.code, caught.value.retry_after) == ("not-yet-logged", 10)
    with pytest.raises(NotFound):
        await auditing.inclusion(hub, b"\0" * 32)


async def test_checkpoints_are_as_far_apart_as_set(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 1)
    first = await auditing.head(hub)
    await log(hub, 1)
    clock.advance(seconds=hub.settings.checkpoint_seconds - 1)
    assert await auditing.sequence(hub) == 1
    assert await auditing.head(hub) == first
    clock.advance(seconds=1)
    assert await auditing.sequence(hub) == 0
    assert (await auditing.head(hub)).size == first.size + 1
    clock.advance(seconds=60)
    await auditing.sequence(hub)
    assert (await auditing.head(hub)).size == first.size + 1


async def test_many_sequencers_give_each_leaf_one_place(hub: Hub, clock: Clock) -> None:
    async def write() -> None:
        for _ in range(10):
            await log(hub, 3)

    async def place() -> None:
        for _ in range(30):
            await auditing.sequence(hub)

    await asyncio.gather(write(), write(), place(), place(), place())
    await grow(hub, clock, 1)
    report = await auditing.verify(hub)
    assert report.ok
    assert report.unplaced == 0


async def test_an_undone_act_leaves_no_leaf(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 2)
    before = (await auditing.verify(hub)).size

    async def fail() -> None:
        async with hub.database.begin() as connection:
            await audit.append(connection, hub.vault, [Act("test", "tester", {}, hub.now())])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await grow(hub, clock, 1)
    report = await auditing.verify(hub)
    assert (report.ok, report.size) == (True, before + 1)


async def test_dying_around_the_commit_loses_and_doubles_nothing(
    hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grow(hub, clock, 3)

    async def die_around(part: ModuleType, name: str) -> None:
        await log(hub, 4)
        clock.advance(seconds=20)
        with monkeypatch.context() as patched:
            patched.setattr(part, name, _die)
            with pytest.raises(OSError, match="killed"):
                await auditing.sequence(hub)

    await die_around(audit, "add_checkpoint")  # before: the leaves have no place, and get it next time
    assert (await auditing.verify(hub)).unplaced == 4
    await die_around(log_checks, "keep_head")  # after: the head of this machine is one behind
    assert (await auditing.verify(hub)).unplaced == 0
    await grow(hub, clock, 2)
    report = await auditing.verify(hub)
    assert report.ok, [str(finding) for finding in report.findings]


def _die(*_: object) -> None:
    raise OSError("killed")


async def test_an_edited_entry_is_found(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6)
    forged = hub.vault.seal(audit.canonical(Act("test", "tester", {"n": "another"}, hub.now())))
    await run(hub, "UPDATE audit_leaf SET content = :c WHERE tree_index = 5", c=forged)
    report = await auditing.verify(hub)
    assert [(finding.code, finding.places) for finding in report.findings] == [("leaf-edited", ("5",))]
    await run(hub, "UPDATE audit_leaf SET content = 'x' WHERE tree_index = 5")
    assert await codes(hub) == {"leaf-edited"}


@pytest.mark.parametrize("change", ["actor = 'somebody'", "act = 'other'", "at = at - interval '1 day'"])
async def test_what_is_written_beside_an_entry_is_checked(hub: Hub, clock: Clock, change: str) -> None:
    await grow(hub, clock, 3)
    await run(hub, f"UPDATE audit_leaf SET {change} WHERE tree_index = 4")  # noqa: S608 - our own three texts
    assert await codes(hub) == {"leaf-relabelled"}


async def test_an_entry_rewritten_with_its_hash_is_found(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6)
    content, salt = audit.canonical(Act("test", "tester", {"n": "another"}, hub.now())), b"s" * 16
    await run(
        hub,
        "UPDATE audit_leaf SET content = :c, salt = :s, hash = :h, at = :at WHERE tree_index = 4",
        c=hub.vault.seal(content),
        s=salt,
        h=merkle.leaf_hash(salt + content),
        at=hub.now(),
    )
    assert {"leaf-replaced", "checkpoint-unmet", "history-differs"} <= await codes(hub)


async def test_a_deleted_entry_is_found(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6)
    await run(hub, "DELETE FROM audit_leaf WHERE tree_index = 5")
    report = await auditing.verify(hub)
    assert [(finding.code, finding.places) for finding in report.findings] == [("leaf-missing", ("5",))]


async def test_an_entry_taken_out_of_its_place_is_found(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6)
    await run(hub, "UPDATE audit_leaf SET tree_index = NULL WHERE tree_index = 5")
    assert await codes(hub) == {"leaf-missing"}


async def test_a_cut_tail_is_found_whatever_went_with_it(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6, 6)
    size = (await auditing.verify(hub)).size
    await run(hub, "DELETE FROM audit_leaf WHERE tree_index >= :s", s=size - 4)
    assert await codes(hub) == {"tail-missing", "node-extra"}
    await run(hub, "DELETE FROM audit_node WHERE (index + 1) << level > :s", s=size - 4)
    assert await codes(hub) == {"tail-missing"}
    await run(hub, "DELETE FROM checkpoint WHERE size > :s", s=size - 4)
    assert await codes(hub) == {"tail-missing", "checkpoint-missing"}
    clock.advance(seconds=60)
    await log(hub, 1)
    with pytest.raises(HubError, match="audit verify"):
        await auditing.sequence(hub)


async def test_a_replaced_or_missing_node_is_found(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 8)
    await run(hub, "UPDATE audit_node SET hash = :h WHERE level = 1 AND index = 2", h=b"\0" * 32)
    assert await codes(hub) == {"node-wrong"}
    await run(hub, "DELETE FROM audit_node WHERE level = 1 AND index = 2")
    assert await codes(hub) == {"node-missing"}


async def test_a_forged_or_edited_checkpoint_is_found(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 3)
    head = await auditing.head(hub)
    forged = notes.sign(notes.Checkpoint(hub.settings.origin, head.size, head.root), SigningKey.generate())
    await run(hub, "UPDATE checkpoint SET note = :n", n=forged.decode())
    assert await codes(hub) == {"checkpoint-forged"}
    await run(hub, "UPDATE checkpoint SET note = :n, root = :r", n=head.note, r=b"\0" * 32)
    assert await codes(hub) == {"checkpoint-edited"}


async def rewrite(hub: Hub, first: int) -> None:
    """Put another history in place of the leaves from `first` on, nodes and hashes and all, as an insider could."""
    async with hub.database.begin() as connection:
        hashes = [leaf.hash for leaf in await audit.leaves(connection, 0, first)]
        await connection.execute(text("DELETE FROM audit_leaf WHERE tree_index >= :f"), {"f": first})
        await connection.execute(text("DELETE FROM audit_node"))
        await connection.execute(text("DELETE FROM checkpoint WHERE size > :f"), {"f": first})
        tree = merkle.append(merkle.Nodes(), 0, hashes)
        await audit.add_nodes(connection, [(node.level, node.index, node.hash) for node in tree])


async def test_a_fork_is_found_even_when_the_hubs_own_key_signed_it(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6, 6)
    head = await auditing.head(hub)
    await rewrite(hub, head.size - 3)
    await log(hub, 3)
    async with hub.database.begin() as connection:
        waiting = await audit.unplaced(connection, 10)
        await auditing._place(connection, head.size - 3, waiting)
    with pytest.raises(HubError) as caught:
        await auditing.sequence(hub)  # the head is as large as before, and another
    assert caught.value.code == "log-damaged"
    async with hub.database.begin() as connection:
        other = await auditing._root(connection, head.size)
        note = notes.sign(notes.Checkpoint(hub.settings.origin, head.size, other), hub.signer).decode()
        await audit.add_checkpoint(connection, audit.Checkpoint(head.size, other, note, hub.now()))
    assert await codes(hub) == {"history-differs"}


async def test_a_rewritten_history_is_not_signed_again(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 6)
    await run(hub, "UPDATE audit_node SET hash = :h WHERE level = 0 AND index = 0", h=b"\0" * 32)
    await run(hub, "UPDATE audit_node SET hash = :h WHERE level = 3", h=b"\0" * 32)
    clock.advance(seconds=60)
    await log(hub, 1)
    with pytest.raises(HubError) as caught:
        await auditing.sequence(hub)
    assert caught.value.code == "log-damaged"


async def test_erasing_the_salt_erases_the_link_and_nothing_else(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 4)
    await run(hub, "UPDATE audit_leaf SET salt = NULL, content = NULL WHERE tree_index = 5")
    report = await auditing.verify(hub)
    assert (report.ok, report.erased) == (True, 1)


async def test_findings_are_counted_and_the_first_are_named(hub: Hub, clock: Clock) -> None:
    await grow(hub, clock, 12)
    await run(hub, "UPDATE audit_leaf SET actor = 'x' WHERE tree_index >= 4")
    (finding,) = (await auditing.verify(hub)).findings
    assert finding.places == ("4", "5", "6", "7", "8")
    assert str(finding).endswith(f"4, 5, 6, 7, 8 and {finding.count - 5} more")
    assert "旁注" in finding.text_zh


async def test_an_acknowledged_submission_without_its_entry_is_found(
    hub: Hub, yongkang: Enrolled, clock: Clock
) -> None:
    (leaf,) = await log(hub, 1, "receive")
    async with hub.database.begin() as connection:
        await submissions.add(connection, hub.vault, submission(yongkang.member.id, leaf, clock), [b""])
    assert await codes(hub) == set()
    async with hub.database.begin() as connection:
        await submissions.add(connection, hub.vault, submission(yongkang.member.id, b"\1" * 32, clock), [b""])
    (finding,) = (await auditing.verify(hub)).findings
    assert (finding.code, finding.count) == ("submission-without-leaf", 1)


def submission(member_id: int, leaf: bytes, clock: Clock) -> submissions.NewSubmission:
    return submissions.NewSubmission(
        id=uuid4(),
        member_id=member_id,
        message_id=uuid4(),
        kind="person",
        mapping="yongkang/person.v1",
        media_type="application/json",
        file_name="",
        digest=b"\0" * 32,
        size=0,
        state=State.ACCEPTED,
        acknowledgement=b"{}",
        leaf=leaf,
        in_response_to=None,
        supersedes=None,
        received_at=clock(),
    )
