"""The tests that a run left out (skipped, or expected to fail), told at its end and written to a file.

The file is empty when everything ran; `.ci/run` fails when it is not. Tests deselected by a marker or by -k are a
choice of the caller and are not listed.
"""

from pathlib import Path

import pytest

FILE = Path("var") / "tests-left-out.txt"


class LeftOut:
    """Plugin that gathers what was left out; `file` is written when the run ends, however it ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._file.unlink(missing_ok=True)
        self._reasons: dict[str, str] = {}

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped:
            where = report.longrepr
            reason = where[2] if isinstance(where, tuple) else str(getattr(report, "wasxfail", where))
            self._reasons[report.nodeid] = " ".join(reason.removeprefix("Skipped: ").split())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's phase ended."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file was collected, or skipped as a whole."""
        self._note(report)

    def lines(self) -> list[str]:
        """One line for each test left out: its id and the reason."""
        return [f"{test}: {reason}" for test, reason in sorted(self._reasons.items())]

    def pytest_sessionfinish(self) -> None:
        """Write the list."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("".join(f"{line}\n" for line in self.lines()), encoding="utf-8")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it plainly."""
        if not self._reasons:
            terminalreporter.write_line("no test was left out")
            return
        terminalreporter.section("tests left out", yellow=True)
        for line in self.lines():
            terminalreporter.write_line(line)
