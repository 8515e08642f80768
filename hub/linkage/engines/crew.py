"""A crew of processes for one piece of work: this one and copies of it that see all it sees.

Why not threads: hub/decisions/0023. A copy gives back what it returns and what it writes to `shared` arrays; it ends with
the piece of work, or soon after the process that it is a copy of, however that comes about.
"""

import mmap
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from tempfile import TemporaryFile
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from hub.errors import Unavailable

Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.generic)


def nothing(part: int = 0) -> None:
    """Nobody is told, and nothing is done."""


def shared(count: int, dtype: type[Scalar] | np.dtype[Scalar]) -> npt.NDArray[Scalar]:
    """Zeros that a whole crew writes to. What nobody looks at takes no memory."""
    size = max(count * np.dtype(dtype).itemsize, 1)
    return np.frombuffer(mmap.mmap(-1, size), dtype=dtype, count=count)


def each(
    work: Callable[[int], Result],
    parts: int,
    hands: int,
    told: Callable[[int], None] = nothing,
    meanwhile: Callable[[], None] = nothing,
) -> list[Result]:
    """What `work` gives for each of so many parts, done by as many processes as `hands`.

    `told` hears now and then how many parts are begun. `meanwhile` is what this process does first. Raises what `work`
    raises, and MemoryError where a copy was killed, as the kernel does when memory runs out.
    """
    with TemporaryFile(buffering=0) as queue:  # its position, which all share, is the next part
        mates: list[_Mate] = []
        try:
            while len(mates) < min(hands, parts) - 1:
                mates.append(_mate(work, queue.fileno(), parts))
            meanwhile()
            found: dict[int, Result] = {}
            for part in _taken(queue.fileno(), parts):
                found[part] = work(part)
                told(part + 1)
            for mate in mates:
                found |= mate.found()
        finally:
            for mate in mates:
                mate.end()
    return [found[part] for part in range(parts)]


@dataclass(slots=True)
class _Mate:
    """A copy of this process and the pipe through which it tells what it found."""

    process: int
    pipe: Connection
    status: int | None = None

    def found(self) -> dict[int, Any]:
        try:
            found = self.pipe.recv()
        except (EOFError, OSError):  # the latter where it was killed while it told
            _, self.status = os.waitpid(self.process, 0)
            if os.WIFSIGNALED(self.status):
                raise MemoryError("a process of the crew was killed") from None
            raise Unavailable("interrupted", "A part of the work was interrupted; try again.") from None
        if isinstance(found, BaseException):
            raise found
        return dict(found)

    def end(self) -> None:
        self.pipe.close()
        if self.status is None:
            os.kill(self.process, signal.SIGKILL)
            _, self.status = os.waitpid(self.process, 0)


def _mate(work: Callable[[int], object], queue: int, parts: int) -> _Mate:
    ours, theirs = Pipe(duplex=False)
    parent, process = os.getpid(), os.fork()
    if not process:
        ours.close()
        _work_along(work, queue, parts, parent, theirs)
    theirs.close()
    return _Mate(process, ours)


def _work_along(work: Callable[[int], object], queue: int, parts: int, parent: int, pipe: Connection) -> NoReturn:
    """What a copy does: never go back to where it came from, whose files and folders are not its own to clear away."""
    try:
        found: dict[int, object] | Exception = {}
        try:
            found = {part: work(part) for part in _taken(queue, parts) if os.getppid() == parent}
        except Exception as error:  # noqa: BLE001 - is raised again where it is heard
            found = error
        pipe.send(found)
    finally:
        os._exit(0)


def _taken(queue: int, parts: int) -> Iterator[int]:
    """The parts that fall to this process: whoever is ready takes the next."""
    while (part := os.lseek(queue, 1, os.SEEK_CUR) - 1) < parts:
        yield part
