"""Released versions never change: released.csv holds the digest that each had when it was released.

A mapping that means something else is a new version beside the old one; stored records say which version made them.
"""

import csv
from importlib.resources import files

from mappings.engine.load import load, names


def digests() -> dict[str, str]:
    """Released mappings and their digests."""
    lines = files("mappings").joinpath("released.csv").read_text("utf-8").splitlines()
    return {line["mapping"]: line["digest"] for line in csv.DictReader(lines)}


def problems() -> list[str]:
    """What is wrong, in sentences that say what to do; empty when every version is as it was released."""
    known = digests()
    found = []
    for name in names():
        digest = load(name).digest
        if name not in known:
            found.append(
                f"{name} is not released yet: when it is finished, add the line {name},{digest} to released.csv"
            )
        elif known[name] != digest:
            found.append(
                f"{name} was released and has changed since (mapping.yaml or a code table that it uses). Released versions are "
                f"immutable: put the old files back and make the change in {_next(name)}"
            )
    found += [f"{name} was released but its folder is gone: put it back" for name in known if name not in names()]
    return found


def _next(name: str) -> str:
    stem, _, version = name.rpartition(".v")
    return f"{stem}.v{int(version) + 1}"
