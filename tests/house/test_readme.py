"""The README tells the truth: its commands, settings, pictures and links exist."""

import importlib
import os
import re
from pathlib import Path

import pytest
import typer

from hub.settings import Settings
from tests.house import settings_page, validation_page

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = sorted(
    {
        re.sub(r"\s+(#.*|--.*|[A-Z]{2,}.*)$", "", line.strip()).removeprefix(".venv/bin/")
        for line in [*"\n".join(CODE).splitlines(), *re.findall(r"`((?:hub|gateway|mappings|make) [^`]+)`", README)]
        if line.strip()
    }
)


def subcommands(command: object) -> dict[str, object]:
    """The commands below a command, by name."""
    return dict(getattr(command, "commands", {}))


def program(name: str) -> object:
    """The command line of `name` (hub, gateway or mappings)."""
    module = importlib.import_module({"hub": "hub.cli.root", "gateway": "adapters.cli"}.get(name, f"{name}.cli"))
    (app,) = [value for value in vars(module).values() if isinstance(value, typer.Typer)][:1]
    return typer.main.get_command(app)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists(command: str) -> None:
    first, *words = command.split()
    if first == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return
    found = program(first)
    for word in words:
        assert word in subcommands(found)
        found = subcommands(found)[word]


def test_the_commands_are_found_in_the_text() -> None:
    assert {"make demo", "make test", "hub serve", "gateway run"} <= set(COMMANDS)


def test_settings_are_documented() -> None:
    for page in (settings_page, validation_page):
        assert page.PAGE.read_text(encoding="utf-8") == page.render(), (
            f"docs/{page.PAGE.name} is not current: make docs"
        )
    assert all(field.description for field in Settings.model_fields.values())
    documented = {f"HUB_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"HUB_[A-Z_]+", README)) <= documented


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_scripts_may_be_run() -> None:
    assert all(os.access(ROOT / script, os.X_OK) for script in (".ci/run", "scripts/setup"))
