"""A released version is what it was when it was released."""

from pathlib import Path

import pytest

import mappings
from mappings import released


def test_every_mapping_is_what_was_released() -> None:
    assert released.problems() == []


def test_a_changed_release_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    name = mappings.names()[0]
    monkeypatch.setattr(released, "digests", lambda: dict.fromkeys(mappings.names(), "0" * 64))
    problem = next(text for text in released.problems() if text.startswith(name))
    assert "immutable" in problem
    assert name.replace(".v1", ".v2") in problem


def test_a_removed_release_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    known = released.digests() | {"huiji/person.v0": "0" * 64}
    monkeypatch.setattr(released, "digests", lambda: known)
    assert released.problems() == ["huiji/person.v0 was released but its folder is gone: put it back"]


def test_digest_follows_the_tables_that_a_mapping_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    from mappings.engine import codes
    from mappings.engine.load import load_folder, root

    name = "huiji/person.v1"
    before = mappings.load(name).digest
    read = codes.read
    monkeypatch.setattr(codes, "read", lambda table: read(table) + (b"\n" if table == "huiji-sex" else b""))
    assert load_folder(Path(root()) / name, name).digest != before
