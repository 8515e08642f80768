"""Every contract between the packages and layers is enforced: a planted violation of each is named by the linter."""

import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapters", "certs", "hub", "mappings")

# contract → the file to plant, what it says, and what the linter must answer
VIOLATIONS = {
    "packages-pure": ("certs/planted_pure.py", "import hub", "certs.planted_pure -> hub"),
    "packages-apart": ("mappings/planted_apart.py", "import certs", "mappings.planted_apart -> certs"),
    "packages-wire": ("adapters/planted_wire.py", "import hub.errors", "adapters.planted_wire -> hub.errors"),
    "hub-layers": (
        "hub/storage/planted_layers.py",
        "import hub.services",
        "hub.storage.planted_layers -> hub.services",
    ),
    "acyclic": ("hub/domain/planted_cycle.py", "import hub.domain.planted_turn", "planted_cycle"),
    "database-in-storage": (
        "hub/services/planted_database.py",
        "import sqlalchemy",
        "hub.services.planted_database -> sqlalchemy",
    ),
    "batch-engines": ("hub/linkage/planted_batch.py", "import duckdb", "hub.linkage.planted_batch -> duckdb"),
    "web-at-the-edge": ("hub/services/planted_web.py", "import fastapi", "hub.services.planted_web -> fastapi"),
    "clock-in-jobs": ("hub/services/planted_clock.py", "import apscheduler", "planted_clock -> apscheduler"),
    "http-clients": ("hub/services/planted_client.py", "import httpx2", "hub.services.planted_client -> httpx2"),
    "pure-core": ("certs/planted_socket.py", "import socket", "certs.planted_socket -> socket"),
}
FURTHER_FILES = {"hub/domain/planted_turn.py": "import hub.domain.planted_cycle"}


def contracts() -> dict[str, str]:
    """Id and name of every contract in force."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}


def plant(tree: Path, file: str, text: str) -> None:
    """Add a line to a module, made when it is not there, as are the packages above it."""
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as module:
        module.write(f"\n{text}\n")


def lint(tree: Path) -> str:
    """What the linter says about `tree`."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo"]
    done = subprocess.run(
        [*command, "--cache-dir", str(tree / "cache")], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout + done.stderr


def copied(tree: Path) -> Path:
    """`tree`, with a copy of the packages' code and of the contracts."""
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in PACKAGES:
        for module in (ROOT / package).rglob("*.py"):
            copy = tree / module.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(module, copy)
    return tree


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The linter's section about each broken contract, after all violations were planted in one copy."""
    tree = copied(tmp_path_factory.mktemp("planted"))
    for file, text, _ in VIOLATIONS.values():
        plant(tree, file, text)
    for file, text in FURTHER_FILES.items():
        plant(tree, file, text)
    broken = lint(tree).partition("Broken contracts")[2]
    return dict(re.findall(r"\n([^\n]+)\n-+\n(.*?)(?=\n[^\n]+\n-+\n|\Z)", broken, re.DOTALL))


def test_every_contract_has_a_violation_to_plant() -> None:
    assert contracts().keys() == VIOLATIONS.keys()


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_is_named(contract: str, findings: dict[str, str]) -> None:
    answer = VIOLATIONS[contract][2]
    assert answer in findings.get(contracts()[contract], "not reported as broken")


def layers() -> list[list[str]]:
    """The layers of the hub from top to bottom, each the modules that share it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in settings["tool"]["importlinter"]["contracts"] if c["id"] == "hub-layers"]
    return [re.findall(r"\w+", layer) for layer in contract["layers"]]


def test_no_layer_may_look_up(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    pairs = [
        (lower, upper)
        for above, below in itertools.pairwise(layers())
        for lower in below
        for upper in above
        if upper != "__main__"
    ]
    for lower, upper in pairs:
        for name in (lower, upper):
            if not (tree / "hub" / f"{name}.py").exists():
                plant(tree, f"hub/{name}/__init__.py", "")
        single = (tree / "hub" / f"{lower}.py").exists()
        plant(tree, f"hub/{lower}.py" if single else f"hub/{lower}/looks_up_{upper}.py", f"import hub.{upper}")
    told = lint(tree)
    assert [pair for pair in pairs if "hub.{} is not allowed to import hub.{}:".format(*pair) not in told] == []


def test_a_package_outside_the_layers_is_refused(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    plant(tree, "hub/elsewhere/__init__.py", "")
    assert "elsewhere" in lint(tree)
