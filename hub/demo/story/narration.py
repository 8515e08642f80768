"""What is said while the story is told: moving bars on a terminal, plain lines elsewhere, and how long each part took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_LINE_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the telling and how many seconds it took."""

    title: str
    seconds: float


class Step:
    """A part under way."""

    def __init__(self, narrator: "Narrator", title: str, task: TaskID | None) -> None:
        self._narrator = narrator
        self._title = title
        self._task = task
        self._told = time.monotonic()

    def at(self, done: int, total: int) -> None:
        """So much of it is done."""
        if self._task is not None:
            self._narrator.progress.update(self._task, completed=done, total=max(total, done))
        elif time.monotonic() - self._told >= _LINE_EVERY:
            self._told = time.monotonic()
            self._narrator.say(f"  {self._title}: {done:,} of {total:,}")


class Narrator:
    """Speaks through one console. The bars are opened at the beginning and closed before the table is shown."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.parts: list[Part] = []
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._begun = time.monotonic()

    def open(self) -> None:
        """Let the bars be seen."""
        self.progress.start()

    def close(self) -> None:
        """Take the bars away, for good."""
        self.progress.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def say(self, text: str) -> None:
        """A line that stays, with the time at which it was said."""
        self.console.print(f"{self.elapsed:6.1f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Tell of one part, from its beginning to its end; several may go on at once."""
        begun = time.monotonic()
        task = self.progress.add_task(title, total=None) if self.console.is_terminal else None
        if task is None:
            self.say(f"{title} …")
        try:
            yield Step(self, title, task)
        finally:
            if task is not None:
                self.progress.remove_task(task)
        if task is not None:
            self.say(title)
        self.parts.append(Part(title, time.monotonic() - begun))
