"""Turns: nobody's requests hold up another's, none is lost, and what waits in vain is told so."""

import asyncio
import random
from collections import Counter

import pytest

from hub.api import turns
from hub.api.turns import Turn, Turns
from hub.errors import TooMany

A, B, C = 1, 2, 3


async def _waiting(made: Turns, member: int, share: int, number: int) -> list["asyncio.Task[Turn]"]:
    tasks = [asyncio.create_task(made.take(member, share)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_a_member_has_its_share_and_no_more() -> None:
    made = Turns(4)
    held = [await made.take(A, 2) for _ in range(2)]
    (third,) = await _waiting(made, A, 2, 1)
    other = await made.take(B, 2)
    assert not third.done()
    held[0].end()
    await asyncio.sleep(0)
    assert third.done()
    for turn in (held[1], other, third.result()):
        turn.end()
        turn.end()  # twice is once
    assert (made._free, made._taken, made._waiting) == (4, {}, {})


async def test_no_share_is_all_there_is() -> None:
    made = Turns(8)
    held = [await made.take(A, 100) for _ in range(6)]
    (seventh,) = await _waiting(made, A, 100, 1)
    (await made.take(B, 1)).end()
    assert not seventh.done()
    for turn in held:
        turn.end()
    (await seventh).end()
    assert (made._free, made._taken, made._waiting) == (8, {}, {})


async def test_whoever_waits_takes_turns_by_member() -> None:
    made = Turns(1)
    first = await made.take(A, 1)
    flood = await _waiting(made, A, 9, 12)
    late = await _waiting(made, B, 9, 1)
    order = []
    turn = first
    for _ in range(3):
        turn.end()
        await asyncio.sleep(0)
        name, task = next((n, t) for n, t in [*(("A", t) for t in flood), *(("B", t) for t in late)] if t.done())
        order.append(name)
        turn = task.result()
        (flood if name == "A" else late).remove(task)
    assert order == ["A", "B", "A"]
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    turn.end()
    assert (made._free, made._waiting) == (1, {})


async def test_too_many_behind_each_other_and_too_long_a_wait_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    made = Turns(8)
    held = await made.take(A, 1)
    queued = await _waiting(made, A, 1, turns.QUEUE)
    with pytest.raises(TooMany) as full:
        await made.take(A, 1)
    assert (full.value.code, full.value.policy, full.value.retry_after) == ("too-many", "at-once", 1)
    told = await asyncio.gather(*queued, return_exceptions=True)
    assert {type(one) for one in told} == {TooMany}
    held.end()
    assert (made._free, made._taken, made._waiting) == (8, {}, {})


async def test_who_only_waits_steps_aside_as_far_as_it_may() -> None:
    made = Turns(8)
    come = asyncio.Event()

    async def poll() -> None:
        turn = await made.take(A, 1)
        try:
            async with turn.aside():
                await come.wait()
        finally:
            turn.end()

    polls = [asyncio.create_task(poll()) for _ in range(turns.QUEUE)]
    for _ in range(20):
        await asyncio.sleep(0)
    work = await asyncio.wait_for(made.take(A, 1), 1)  # they do not hinder it
    stays = asyncio.create_task(poll())  # one more than may step aside keeps its turn
    work.end()
    for _ in range(20):
        await asyncio.sleep(0)
    assert made._taken == {A: 1}
    polls.pop().cancel()
    come.set()
    await asyncio.gather(*polls, stays)
    await asyncio.sleep(0)
    assert (made._free, made._taken, made._aside, made._waiting) == (8, {}, {}, {})


async def test_what_does_not_come_at_once_is_awaited_without_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    made, come = Turns(8), asyncio.Event()

    async def one() -> bool:
        turn = await made.take(A, 1)
        try:
            return await turn.while_waiting(come.wait())
        finally:
            turn.end()

    come.set()
    assert await one()
    come.clear()
    monkeypatch.setattr(turns, "GRACE", 0.0)
    slow = [asyncio.create_task(one()) for _ in range(turns.QUEUE)]
    async with asyncio.timeout(30):
        while made._aside.get(A) != turns.QUEUE:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    assert (made._free, made._taken) == (8, {})
    with pytest.raises(TooMany):
        await one()  # one more than may be slow
    slow.pop().cancel()
    come.set()
    assert await asyncio.gather(*slow) == [True] * (turns.QUEUE - 1)
    await asyncio.sleep(0)
    assert (made._free, made._taken, made._aside, made._waiting) == (8, {}, {}, {})


async def test_a_request_that_waits_for_two_things_gives_its_turn_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "GRACE", 0.0)
    made, come = Turns(8), asyncio.Event()
    turn = await made.take(A, 2)
    both = [asyncio.create_task(turn.while_waiting(come.wait())) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert (made._free, made._taken, made._aside) == (8, {}, {A: 1})
    come.set()
    await asyncio.gather(*both)
    assert (made._free, made._taken, made._aside) == (7, {A: 1}, {})
    turn.end()
    assert (made._free, made._taken, made._aside) == (8, {}, {})


async def test_refusals_are_kept_back_of_so_many_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HOLD", 30.0)
    made = Turns(8)
    held = [asyncio.create_task(made.hold(A)) for _ in range(turns.HELD)]
    await asyncio.sleep(0)
    await asyncio.wait_for(made.hold(A), 1)  # one more is not
    other = asyncio.create_task(made.hold(B))
    await asyncio.sleep(0)
    assert not other.done()
    for task in (*held, other):
        task.cancel()
    await asyncio.gather(*held, other, return_exceptions=True)
    assert not any(made._held.values())


async def test_whatever_happens_no_turn_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "GRACE", 0.001)
    made, rng = Turns(5), random.Random(28)
    most: Counter[int] = Counter()

    async def one(member: int) -> None:
        turn = await made.take(member, 3)
        try:
            most[member] = max(most[member], made._taken[member])
            await asyncio.sleep(rng.random() / 500)
            if rng.random() < 0.3:
                async with turn.aside():
                    await asyncio.sleep(rng.random() / 500)
            elif rng.random() < 0.5:
                await turn.while_waiting(asyncio.sleep(rng.random() / 500))
        finally:
            turn.end()

    tasks = []
    for _ in range(600):
        tasks.append(asyncio.create_task(one(rng.choice((A, B, C)))))
        if rng.random() < 0.2:
            rng.choice(tasks).cancel()
        if rng.random() < 0.5:
            await asyncio.sleep(rng.random() / 1000)
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(error) for error in told} <= {type(None), asyncio.CancelledError, TooMany}
    assert set(most.values()) == {3}
    assert (made._free, made._taken, made._aside, made._waiting) == (5, {}, {}, {})
