"""What the installed package needs at run time may be used by anybody: no strong copyleft, weak copyleft only as listed."""

import re
from importlib import metadata

from packaging.requirements import Requirement

WEAK = {"certifi": "MPL-2.0", "orjson": "MPL-2.0 AND (Apache-2.0 OR MIT)"}
"""Weak copyleft that comes along: files under it stay under it, nothing of ours does."""


def _needed(name: str, seen: dict[str, metadata.Distribution]) -> None:
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    seen[key] = metadata.distribution(name)
    for text in seen[key].requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            _needed(requirement.name, seen)


def _licence(found: metadata.Distribution) -> str:
    said = [(found.metadata.get_all(field) or [""])[0] for field in ("License-Expression", "License")]
    classifiers = [line for line in found.metadata.get_all("Classifier") or () if line.startswith("License")]
    return " ".join([*(text[:80] for text in said), *classifiers])


def test_nothing_at_run_time_is_copyleft_but_what_is_listed() -> None:
    needed: dict[str, metadata.Distribution] = {}
    _needed("lianqiao", needed)
    assert len(needed) > 30
    licences = {name: _licence(found) for name, found in needed.items() if name != "lianqiao"}
    assert not [name for name, text in licences.items() if re.search(r"\b[AL]?GPL|General Public", text)]
    weak = {name for name, text in licences.items() if re.search(r"MPL|Mozilla|EPL|CDDL", text)}
    assert weak <= set(WEAK)
