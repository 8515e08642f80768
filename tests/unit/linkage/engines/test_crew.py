"""A crew of processes: all of the work, whatever becomes of one of them, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hub.errors import Unavailable
from hub.linkage.engines import crew

LONG = 600.0
Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Through which a copy says that it has begun: what happens next is then no matter of chance."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def in_a_copy(pipe: Pipe, act: Callable[[], object]) -> Callable[[int], int]:
    """Work that does something in a copy, once, and says so before."""
    me = os.getpid()

    def work(part: int) -> int:
        if os.getpid() != me:
            os.write(pipe[1], os.getpid().to_bytes(8, "little"))
            act()
        return part

    return work


def begun(pipe: Pipe) -> int:
    """The process of the copy, when it has begun."""
    return int.from_bytes(os.read(pipe[0], 8), "little")


def waited(pipe: Pipe) -> None:
    begun(pipe)


@pytest.mark.parametrize("hands", [1, 2, 3, 9])
@pytest.mark.parametrize("parts", [0, 1, 2, 40])
def test_every_part_is_done_once_and_stands_in_its_place(parts: int, hands: int) -> None:
    times = crew.shared(parts, np.uint8)

    def work(part: int) -> str:
        times[part] += 1
        return f"part {part}"

    assert crew.each(work, parts, hands) == [f"part {part}" for part in range(parts)]
    assert times.tolist() == [1] * parts


def test_two_processes_work_at_the_same_time(pipe: Pipe) -> None:
    other = os.pipe()

    def work(part: int) -> bytes:
        mine, theirs = (pipe, other) if part else (other, pipe)
        os.write(mine[1], b"%d" % part)
        return os.read(theirs[0], 1)

    assert crew.each(work, 2, 2) == [b"1", b"0"]
    for end in other:
        os.close(end)


def test_what_a_copy_writes_to_shared_memory_is_seen(pipe: Pipe) -> None:
    found = crew.shared(3, np.uint64)

    def note() -> None:
        found[1] = os.getpid()

    copy: list[int] = []
    crew.each(in_a_copy(pipe, note), 3, 2, meanwhile=lambda: copy.append(begun(pipe)))
    assert found.tolist() == [0, copy[0], 0]


def test_it_tells_how_far_it_is() -> None:
    heard: list[int] = []
    crew.each(lambda part: part, 4, 1, heard.append)
    assert heard == [1, 2, 3, 4]


def test_what_fails_in_a_copy_fails_here(pipe: Pipe) -> None:
    def fill() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        crew.each(in_a_copy(pipe, fill), 3, 2, meanwhile=lambda: waited(pipe))


def test_a_copy_that_is_killed_is_a_want_of_memory(pipe: Pipe) -> None:
    with pytest.raises(MemoryError):
        crew.each(in_a_copy(pipe, lambda: os.kill(os.getpid(), signal.SIGKILL)), 3, 2, meanwhile=lambda: waited(pipe))


def test_a_copy_that_is_told_to_end_is_no_result(pipe: Pipe) -> None:
    with pytest.raises(Unavailable, match="interrupted"):
        crew.each(in_a_copy(pipe, sys.exit), 3, 2, meanwhile=lambda: waited(pipe))


def test_no_copy_outlives_a_piece_of_work_that_fails(pipe: Pipe) -> None:
    copies: list[int] = []

    def stop() -> None:
        copies.append(begun(pipe))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.each(in_a_copy(pipe, lambda: time.sleep(LONG)), 3, 2, meanwhile=stop)
    with pytest.raises(ProcessLookupError):
        os.kill(copies[0], 0)


def test_a_copy_ends_soon_after_the_process_above_it_was_killed() -> None:
    program = """
import os, time
from hub.linkage.engines import crew
me = os.getpid()
def work(part):
    if os.getpid() == me:
        time.sleep(600)
    os.write(1, b".")
    time.sleep(0.01)
crew.each(work, 10**6, 2)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as above:
        assert above.stdout is not None
        assert above.stdout.read(1) == b"."
        above.kill()
        above.stdout.read()  # to the end: the copy, which also holds the pipe, is gone
