"""How much is told of the lines of an import: so many issues of a batch are listed, the others are counted.

One line can hold tens of thousands of faults of one kind, and each issue is a row that is sealed, kept and shown. Of each
line that is set aside one reason at least is listed, so that its sender knows all such lines by their numbers. What is
listed beyond is bounded by OF_LINE and OF_BATCH; of each code one issue more says how many are not, and where.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

OF_LINE = 10
"""Issues of one code about one line."""
OF_BATCH = 100
"""Issues of one code about one batch, besides the first error of each line."""
NOT_LISTED: Final = "not-listed"

Issues = list[dict[str, Any]]


@dataclass(slots=True)
class _Left:
    """Issues of one code and gravity that are not listed: how many, and about which lines."""

    severity: str
    first: int
    last: int
    number: int = 0

    def add(self, row: int) -> None:
        """One more."""
        self.number += 1
        self.first, self.last = min(self.first, row), max(self.last, row)


def bounded(issues: Iterable[dict[str, Any]]) -> Issues:
    """Those of a batch that are listed, in their order, and behind them what says how many are not.

    They are taken one by one, so that they need never be there all at once.
    """
    listed: Issues = []
    set_aside: set[int] = set()
    of_line: Counter[tuple[int, str]] = Counter()
    of_batch: Counter[str] = Counter()
    left: dict[tuple[str, str], _Left] = {}
    for issue in issues:
        row, code, severity = issue["row"] or 0, issue["code"], issue["severity"]
        if severity == "error" and row not in set_aside:
            set_aside.add(row)
        elif of_line[row, code] < OF_LINE and of_batch[code] < OF_BATCH:
            of_batch[code] += 1
        else:
            left.setdefault((code, severity), _Left(severity, row, row)).add(row)
            continue
        of_line[row, code] += 1
        listed.append(issue)
    return listed + [_more(code, some) for (code, _), some in left.items()]


def _more(code: str, left: _Left) -> dict[str, Any]:
    """The issue that stands for those that are not listed. Its line is their first."""
    lines, lines_zh = f"line {left.first}", f"第 {left.first} 行"
    if left.last > left.first:
        lines, lines_zh = f"lines {left.first} to {left.last}", f"第 {left.first} 至 {left.last} 行"
    return {
        "row": left.first or None,
        "column": None,
        "code": NOT_LISTED,
        "severity": left.severity,
        "text": f"{left.number} more of the issues {code}, about {lines}, are not listed one by one.",
        "text_zh": f"{lines_zh}另有 {left.number} 条同类问题（{code}）未逐条列出。",
        "value": None,
    }
