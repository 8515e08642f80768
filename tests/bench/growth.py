"""Draws how the time and the memory of `hub dedupe` grow with the records, as SVG: both axes in powers of ten."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import Protocol

_WIDTH, _HEIGHT, _MARGIN = 340, 260, 56
_SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000]
_MEMORY = [50, 100, 300, 1000, 3000, 10_000, 30_000]


class Point(Protocol):
    """One run: `memory` in bytes."""

    @property
    def rows(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def memory(self) -> int: ...


def draw(points: Sequence[Point], file: Path) -> None:
    """Two panels side by side, one for seconds and one for MiB."""
    ordered = sorted(points, key=lambda point: point.rows)
    panels = [
        _panel(0, "seconds", _SECONDS, ordered, lambda point: point.seconds),
        _panel(_WIDTH + _MARGIN, "memory, MiB", _MEMORY, ordered, lambda point: point.memory / 2**20),
    ]
    width, height = 2 * _WIDTH + 2 * _MARGIN + 20, _HEIGHT + 2 * _MARGIN
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="12" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(panels)}</svg>\n",
        encoding="utf-8",
    )


def _told(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def _panel(
    left: float, title: str, ticks: Sequence[float], points: Sequence[Point], value: Callable[[Point], float]
) -> str:
    values = [value(point) for point in points]
    low, high = floor(log10(points[0].rows)), ceil(log10(points[-1].rows))
    shown = [tick for tick in ticks if min(values) / 3.5 <= tick <= max(values) * 3.5]

    def x(rows: float) -> float:
        return left + _MARGIN + (log10(rows) - low) / max(high - low, 1) * (_WIDTH - 40)

    def y(number: float) -> float:
        span = log10(shown[-1] / shown[0])
        return _MARGIN + _HEIGHT - log10(number / shown[0]) / span * _HEIGHT

    lines = [f'<text x="{left + _MARGIN}" y="{_MARGIN - 22}" font-weight="bold">{title}</text>']
    lines += [
        f'<path d="M{x(10**low):.1f} {y(tick):.1f}H{x(10**high):.1f}" stroke="#ddd"/>'
        f'<text x="{x(10**low) - 6:.1f}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,g}</text>'
        for tick in shown
    ]
    lines += [
        f'<text x="{x(10**power):.1f}" y="{_MARGIN + _HEIGHT + 18}" text-anchor="middle">{10**power:,}</text>'
        for power in range(low, high + 1)
    ]
    lines.append(f'<text x="{x(10**high):.1f}" y="{_MARGIN + _HEIGHT + 36}" text-anchor="end">records</text>')
    path = " ".join(f"{x(point.rows):.1f},{y(number):.1f}" for point, number in zip(points, values, strict=True))
    lines.append(f'<polyline points="{path}" fill="none" stroke="#1f6f54" stroke-width="2"/>')
    for point, number in zip(points, values, strict=True):
        at = f'cx="{x(point.rows):.1f}" cy="{y(number):.1f}"'
        lines.append(
            f'<circle {at} r="3.5" fill="#1f6f54"/><text x="{x(point.rows) + 6:.1f}" y="{y(number) - 8:.1f}"'
            f' text-anchor="{"end" if point is points[-1] else "start"}">{_told(number)}</text>'
        )
    return "".join(lines)
