"""Makes readings.tsv from pypinyin: `python -m hub.linkage.data.build_readings > readings.tsv`.

Kept is every character that pypinyin knows, with all its readings, the commonest first.
"""

import sys
from importlib.metadata import distribution

from pypinyin import Style, pinyin
from pypinyin.constants import PINYIN_DICT

_VOWELS = str.maketrans({"ü": "v", "ê": "e", "ń": "n", "ň": "n", "ǹ": "n", "ḿ": "m"})


def readings(char: str) -> tuple[str, ...]:
    """The readings of a character with the tone as a last digit."""
    found = pinyin(char, style=Style.TONE3, heteronym=True, errors="ignore", neutral_tone_with_five=True)
    return tuple(sound.translate(_VOWELS) for sound in found[0] if sound) if found else ()


def main() -> None:
    source = distribution("pypinyin")
    licence = next(file for file in source.files or () if file.name.startswith("LICENSE")).read_text("utf-8")
    notice = [f"The readings of pypinyin {source.version}, under its licence:", *licence.splitlines(), "char\treadings"]
    lines = [f"# {line}".rstrip() for line in notice]
    lines += [f"{char}\t{' '.join(readings(char))}" for char in map(chr, sorted(PINYIN_DICT))]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
