"""Text as people type it: full-width forms, odd spaces, damage done on the way. Never drops a meaningful character."""

import re
from collections.abc import Callable, Sequence

from mappings.engine.model import Noted, note

_ODD_SPACE = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_EDGES = re.compile(f"^[\\s{_ODD_SPACE}{_INVISIBLE}]+|[\\s{_ODD_SPACE}{_INVISIBLE}]+$")
_FOLDABLE = re.compile(f"[{_ODD_SPACE}{_INVISIBLE}\uff01-\uff5e]")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPACES = {
    ord(c): " " for c in "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
}
_GONE: dict[int, None] = dict.fromkeys(
    [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF]
)
_FOLDING: dict[int, int | str | None] = {**_WIDE, **_SPACES, **_GONE}

_PRIVATE = re.compile("[\ue000-\uf8ff]")


def trim(text: str) -> str:
    """Without spaces of any kind and invisible marks at both ends."""
    if text.isalnum():
        return text
    return _EDGES.sub("", text)


def fold(text: str) -> str:
    """Full-width ASCII and odd spaces made plain, invisible marks gone, ends trimmed; Chinese stays as it is."""
    if text.isascii():
        return text.strip()
    if _FOLDABLE.search(text):
        text = text.translate(_FOLDING)
    return text.strip()


def squeeze(text: str) -> str:
    """Folded and without any space inside: for codes and numbers."""
    folded = text if text.isascii() else fold(text)
    return folded if folded.isalnum() else "".join(folded.split())


def plain(text: str) -> object:
    """Text as given with ends trimmed; private-use characters are pointed out."""
    trimmed = trim(text)
    if (found := _PRIVATE.search(trimmed)) is not None:
        return Noted(trimmed, (note("private-use-character", character=f"U+{ord(found[0]):04X}"),))
    return trimmed or None


def damaged(text: str) -> bool:
    """Whether characters were lost before the text reached us; such text is never stored as if it were right."""
    return "\ufffd" in text or "锟斤拷" in text or "烫烫烫" in text


def upper(text: str) -> str:
    """Folded, without spaces, in capitals."""
    return squeeze(text).upper()


def truth(
    true: Sequence[str] = ("1", "是", "true", "y", "有"), false: Sequence[str] = ("0", "否", "false", "n", "无")
) -> Callable[[str], object]:
    """A yes or no written in one of the given ways."""
    yes, no = frozenset(true), frozenset(false)

    def read(text: str) -> object:
        word = squeeze(text).lower()
        if word in yes:
            return True
        if word in no:
            return False
        return Noted(None, (note("no-codes-for-reading", "warning", found=word, expected="yes/no"),))

    return read
