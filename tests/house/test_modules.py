"""The code keeps the habits that no linter knows: docstrings, sizes, names, and pure packages without a clock."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapters", "certs", "hub", "mappings")
MODULES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# A migration is the frozen record of one step, written once and never read as code.
SIZED = [module for module in MODULES if "versions" not in module.parts]
PURE = ("certs", "mappings", "hub/domain", "hub/fhir", "hub/linkage")
IMPURE_PARTS = ("hub/linkage/engines", "hub/linkage/train.py", "mappings/cli.py")

MOST_LINES = 400
MOST_DOCSTRING_LINES = 8
EMPTY_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
CLOCKS = {
    ("date", "today"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("time", "monotonic"),
    ("time", "time"),
    ("time", "time_ns"),
}


def read(module: Path) -> str:
    return (ROOT / module).read_text(encoding="utf-8")


def identify(module: Path) -> str:
    return module.as_posix()


def test_every_module_says_what_it_answers_for() -> None:
    docstrings = {module: ast.get_docstring(ast.parse(read(module))) for module in MODULES}
    assert [identify(module) for module, text in docstrings.items() if not text] == []
    drawn_in_full = "errors"  # the tree of a package's errors
    lengths = {
        identify(module): len(text.splitlines())
        for module, text in docstrings.items()
        if text and module.stem != drawn_in_full
    }
    assert {name: length for name, length in lengths.items() if length > MOST_DOCSTRING_LINES} == {}


def test_no_file_is_too_long() -> None:
    lengths = {identify(module): len(read(module).splitlines()) for module in SIZED}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_names_say_what_is_inside() -> None:
    assert [identify(m) for m in MODULES if EMPTY_NAMES & {part.removesuffix(".py") for part in m.parts}] == []


def clock_readings(source: str) -> list[int]:
    """Lines at which `source` asks what time it is."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name | ast.Attribute)
        and (getattr(node.func.value, "id", getattr(node.func.value, "attr", "")), node.func.attr) in CLOCKS
    ]


@pytest.mark.parametrize("source", ["datetime.now(UTC)", "datetime.datetime.now(UTC)", "time.time()", "date.today()"])
def test_a_clock_is_recognised(source: str) -> None:
    assert clock_readings(f"x = 1\n{source}\n") == [2]


def test_pure_packages_are_given_the_time() -> None:
    pure = [
        module
        for module in MODULES
        if identify(module).startswith(PURE) and not identify(module).startswith(IMPURE_PARTS)
    ]
    assert pure
    assert {identify(module): lines for module in pure if (lines := clock_readings(read(module)))} == {}
