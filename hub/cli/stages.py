"""How far a long piece of work is: bars with rate and remaining time on a terminal, elsewhere one line a stage."""

from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {task.fields['unit']}/s" if speed and task.total else "")


class Stages:
    """Stages that follow one another. `units` says what is counted in a stage, where that is not `unit`."""

    def __init__(self, console: Console, unit: str, units: dict[str, str]) -> None:
        self._console = console
        self._unit, self._units = unit, units
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<18}"),
            BarColumn(),
            TextColumn("{task.fields[amount]:>20}"),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._stage, self._task, self._begun, self._count = "", TaskID(0), 0.0, 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._stage and kind is None:
            self._end()
        self._bars.stop()

    def told(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` in a stage; 0 of 0 while nothing is known."""
        if stage != self._stage:
            if self._stage:
                self._end()
            self._stage, self._begun = stage, monotonic()
            self._task = self._bars.add_task(stage, total=None, amount="", unit=self._named())
        self._count = total
        if total:
            shown = min(done, total - 1)  # a bar is full when the stage is over, which the next stage tells
            self._bars.update(self._task, completed=shown, total=total, amount=self._amount())

    def _named(self) -> str:
        return self._units.get(self._stage, self._unit)

    def _amount(self) -> str:
        return f"{self._count:,} {self._named()}" if self._named() else ""

    def _end(self) -> None:
        self._bars.update(self._task, completed=self._count or 1, total=self._count or 1, amount=self._amount())
        if self._console.is_terminal:
            return
        seconds = monotonic() - self._begun
        rate = f" ({self._count / seconds:,.0f}/s)" if self._named() and self._count and seconds >= 0.1 else ""
        amount = f"{self._amount()} in " if self._amount() else ""
        self._console.print(f"{self._stage}: {amount}{seconds:.1f} s{rate}", markup=False)
