"""A process of its own that reads and translates documents, so that neither a hostile file nor its work touches the rest.

The child holds no key and no connection: it asks for parts of the document and answers prepared batches over a pipe.
While one batch is stored the next is fetched and the one behind it made. If the child dies, the document's work is
tried again; it ends with its parent.
"""

import asyncio
import multiprocessing
import resource
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, BinaryIO

import mappings
from hub.errors import Unavailable
from hub.services import fhir_lines, translators
from hub.services.collecting import collect_seldom
from hub.services.documents import open_document
from hub.services.preparing import Prepared

MEMORY_LIMIT = 4 * 2**30
NEXT = "next"
WITHHELD = frozenset({"withheld-column", fhir_lines.MUST_BE_SEALED})
"""What may only travel sealed: a document that holds any of it is refused whole and not kept."""
PATIENCE = 300.0
_TICK = 0.25  # seconds between two looks at whether to go on waiting
Fetch = Callable[[int], Awaitable[bytes]]
Stop = Callable[[], bool]


class Stopped(Exception):
    """The worker was told to end: what is stored stays, the rest of the document is for another."""


def never() -> bool:
    """A `Stop` that goes on to the end."""
    return False


@dataclass(frozen=True, slots=True)
class Task:
    """A document to be read: `skip` rows are stored already; `dry` only counts the rows."""

    mapping: str
    source: str
    received_at: datetime
    file_name: str
    size: int
    batch_rows: int
    skip: int
    dry: bool


class Preparer:
    """The child process, started when first needed and again after it has died. One document at a time.

    `patience` is how many seconds it may take over a batch before it is taken for lost.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._ahead: asyncio.Task[Prepared | int | None] | None = None
        self._patience = patience
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preparer")

    async def begin(self, task: Task) -> None:
        """Hand the child a document."""
        if self._process is None or not self._process.is_alive():
            await self._start()
        await self._send(task)

    async def next(self, fetch: Fetch, stop: Stop = never) -> Prepared | int | None:
        """The next prepared batch (the number of rows when dry), None at the end.

        The one behind it is fetched from then on, so that neither side waits for the other. Raises UnreadableFile,
        Unavailable, and Stopped as soon as `stop` says so.
        """
        coming = self._ahead = self._ahead or asyncio.create_task(self._fetched(fetch))
        ends = time.monotonic() + self._patience
        while not coming.done():
            await asyncio.wait({coming}, timeout=_TICK)
            if stop():
                raise Stopped
            if not coming.done() and time.monotonic() > ends:
                raise Unavailable("preparer-slow", "The preparing process took too long over a part of a document.")
        self._ahead = None
        found = coming.result()
        if found is not None:
            self._ahead = asyncio.create_task(self._fetched(fetch))
        return found

    async def _fetched(self, fetch: Fetch) -> Prepared | int | None:
        await self._send(NEXT)
        while True:
            kind, value = await self._receive()
            if kind == "part":
                await self._send(await fetch(value))
            elif kind == "batch":
                return value  # type: ignore[no-any-return]
            elif kind == "end":
                return None
            elif kind == "unreadable":
                raise mappings.UnreadableFile(value)
            else:
                raise RuntimeError(f"the preparing process failed: {value}")

    def close(self) -> None:
        """End the child."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.terminate()
            self._process.join(5)
        self._process = self._pipe = None
        self._thread.shutdown(wait=False)

    async def abandon(self) -> None:
        """Leave a document before its end: the child is replaced when it is needed again."""
        # Taken away first: whoever still listens to the child notes its death in the same place.
        process, self._process = self._process, None
        ahead, self._ahead = self._ahead, None
        if process is not None:
            process.kill()
        if ahead is not None:
            await asyncio.gather(ahead, return_exceptions=True)  # ends with the pipe; nobody needs its answer
        if process is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, process.join)

    async def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True, name="hub-preparer")
        process.start()
        theirs.close()
        self._process, self._pipe = process, ours

    async def _send(self, value: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._talk, "send", value)

    async def _receive(self) -> tuple[str, Any]:
        received: tuple[str, Any] = await asyncio.get_running_loop().run_in_executor(self._thread, self._talk, "recv")
        return received

    def _talk(self, act: str, *values: Any) -> Any:
        if self._pipe is None:
            raise Unavailable("unavailable", "The preparing process is not running.")
        try:
            return getattr(self._pipe, act)(*values)
        except (EOFError, OSError) as error:
            self._process = None
            raise Unavailable("preparer-died", "The preparing process ended in the middle of a document.") from error


def _serve(pipe: Connection) -> None:
    """The child: one document after the other until the parent is gone."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    collect_seldom(500_000)
    try:
        while True:
            _Reading(pipe, pipe.recv()).run()
    except (EOFError, ConnectionError, KeyboardInterrupt):
        return


def answers(task: Task, document: BinaryIO) -> Iterator[Prepared | int]:
    """The prepared batches of a document, or how many rows each has when it is dry. Raises UnreadableFile."""
    translator = translators.load(task.mapping)
    read = translator.read(document, task.file_name, task.batch_rows)
    for batch in behind(task.skip, joined(read)):
        if task.dry:
            withheld = next((issue for issue in batch.issues if issue.code in WITHHELD), None)
            if withheld is not None:
                raise mappings.UnreadableFile(withheld)
            yield len(batch.rows)
        else:
            yield translator.prepare(task.source, task.received_at, batch.rows, batch.issues)


def joined(batches: Iterable[mappings.ReadBatch]) -> Iterator[mappings.ReadBatch]:
    """The batches, what is said behind the last row told with that row: rows alone say how far a document is stored."""
    held: mappings.ReadBatch | None = None
    for batch in batches:
        if held is None:
            held = batch
        elif not batch.rows:
            held = mappings.ReadBatch(held.rows, [*held.issues, *batch.issues])
        else:
            yield held
            held = batch
    if held is not None:
        yield held


def behind(skip: int, batches: Iterable[mappings.ReadBatch]) -> Iterator[mappings.ReadBatch]:
    """The batches without the first `skip` rows and what was said with them."""
    for batch in batches:
        if skip >= len(batch.rows) and skip:
            skip -= len(batch.rows)
            continue
        if skip:
            last = batch.rows[skip - 1].number
            told = [issue for issue in batch.issues if issue.row is not None and issue.row > last]
            batch = mappings.ReadBatch(batch.rows[skip:], told)
            skip = 0
        yield batch


class _Reading:
    """One document in the child. Works one batch ahead of what the parent has asked for."""

    def __init__(self, pipe: Connection, task: Task) -> None:
        self._pipe = pipe
        self._task = task
        self._asked = 0

    def run(self) -> None:
        try:
            for answer in answers(self._task, open_document(self._task.size, self._part)):
                self._answer("batch", answer)
            self._answer("end", None)
        except mappings.UnreadableFile as error:
            self._answer("unreadable", error.issue)
        except (EOFError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent decides
            # Its text may quote the document; only the type leaves the process.
            self._answer("failed", type(error).__name__)

    def _part(self, seq: int) -> bytes:
        self._pipe.send(("part", seq))
        while True:
            came = self._pipe.recv()
            if isinstance(came, bytes):
                return came
            self._asked += 1

    def _answer(self, kind: str, value: Any) -> None:
        while not self._asked:
            if self._pipe.recv() != NEXT:
                raise RuntimeError("the parent answered a question that was not asked")
            self._asked += 1
        self._asked -= 1
        self._pipe.send((kind, value))
