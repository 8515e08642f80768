"""Makes hanzi.tsv from Unicode's Unihan files: `python -m hub.linkage.data.build_hanzi FOLDER > hanzi.tsv`.

FOLDER holds Unihan_*.txt.bz2 as Debian's package unicode-data installs them. Kept are the characters of the general
standard (kTGHZ2013), the international core (kIICore) and every variant of those.
"""

import bz2
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

NOTICE = """\
# Derived from the Unihan database {version}, with selected columns only (modified from the original data files).
# Copyright © 1991-2022 Unicode, Inc. Used under the Unicode licence: https://www.unicode.org/license.txt
# char\tfold (simplified or plain form)\tsemantic variant\tfour-corner code\tcangjie\tphonetic class\tstrokes
"""
FILES = ("DictionaryLikeData", "IRGSources", "Readings", "Variants")
CODE_POINT = re.compile(r"U\+([0-9A-F]{4,5})")


def properties(folder: Path) -> Iterator[tuple[str, str, str]]:
    for name in FILES:
        with bz2.open(folder / f"Unihan_{name}.txt.bz2", "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("U+"):
                    code, key, value = line.rstrip("\n").split("\t", 2)
                    yield characters(code)[0], key, value


def characters(value: str) -> list[str]:
    return [chr(int(code, 16)) for code in CODE_POINT.findall(value)]


def fold(char: str, data: dict[str, dict[str, str]]) -> str:
    """The plain modern form: simplified where exactly one exists, compatibility and z-variants merged, least code first."""
    seen = {char}
    while True:
        own = data[char]
        simplified = characters(own.get("kSimplifiedVariant", ""))
        compatible = characters(own.get("kCompatibilityVariant", ""))
        twins = [c for c in characters(own.get("kZVariant", "")) if "kTGHZ2013" in data[c] and "kTGHZ2013" not in own]
        following = [c for c in compatible + simplified + twins if c not in seen]
        if not following or char in simplified:
            return char
        char = min(following)
        seen.add(char)


def semantic(char: str, data: dict[str, dict[str, str]]) -> str:
    found = [c for c in characters(data[char].get("kSemanticVariant", "")) if "kTGHZ2013" in data[c]]
    return min(found) if found else ""


def main(folder: str) -> None:
    data: dict[str, dict[str, str]] = defaultdict(dict)
    for char, key, value in properties(Path(folder)):
        data[char][key] = value
    core = {c for c, own in data.items() if "kTGHZ2013" in own or "kIICore" in own}
    variants = ("kSimplifiedVariant", "kTraditionalVariant", "kZVariant", "kSemanticVariant", "kCompatibilityVariant")
    reach = {v for c in core for key in variants for v in characters(data[c].get(key, ""))}
    back = {c for c in list(data) if {*characters(data[c].get("kSimplifiedVariant", ""))} & core}
    sys.stdout.write(NOTICE.format(version="15.0"))
    for char in sorted(core | reach | back):
        own = data[char]
        plain, other = fold(char, data), semantic(char, data)
        corner = own.get("kFourCornerCode", "").split(" ")[0].replace(".", "")
        cangjie = own.get("kCangjie", "")
        phonetic = re.sub(r"\D.*", "", own.get("kPhonetic", ""))
        strokes = own.get("kTotalStrokes", "0").split(" ")[0]
        fields = (
            char,
            "" if plain == char else plain,
            "" if other == char else other,
            corner,
            cangjie,
            phonetic,
            strokes,
        )
        sys.stdout.write("\t".join(fields) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
