"""The floor under answers about people: set before the work begins, and left behind by whatever ends it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hub.api.fhir.timing import FLOOR, even


async def test_nothing_of_the_work_is_in_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, done = asyncio.get_running_loop(), list[str]()
    real = loop.call_later

    def seen(delay: float, callback: Callable[..., Any], *given: Any) -> asyncio.TimerHandle:
        done.append(f"timer {delay}")
        return real(delay, callback, *given)

    monkeypatch.setattr(loop, "call_later", seen)
    begun = loop.time()
    async with even():
        done.append("work")
    assert done == [f"timer {FLOOR}", "work"]
    assert loop.time() - begun >= FLOOR - 0.001  # a loop counts whole milliseconds


async def test_an_error_waits_for_it_too() -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(ZeroDivisionError):
        async with even():
            raise ZeroDivisionError
    assert loop.time() - begun >= FLOOR - 0.001


async def test_whoever_is_cancelled_goes_and_leaves_no_timer() -> None:
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))

    async def look() -> None:
        async with even():
            pass

    looking = asyncio.create_task(look())
    await asyncio.sleep(0)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    await asyncio.sleep(2 * FLOOR)
    assert errors == []
