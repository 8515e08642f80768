"""Divisions from codes and from free text; the address text itself is always kept."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from mappings import divisions
from mappings.engine.model import Note, Noted, Place, note
from mappings.engine.transforms.text import squeeze, trim

_CODE = re.compile(r"\d{6}(?:\d{3}(?:\d{3})?)?")
_MAX_CANDIDATES = 6
_FIGURE = re.compile("[0-9]")


def division_code(text: str) -> object:
    """A Place from a code of 6, 9 or 12 digits; replaced codes lead to today's, with the one given beside it."""
    given = squeeze(text).removesuffix(".0")
    if _CODE.fullmatch(given) is None or given[:2] == "00":
        return Noted(None, (note("division-malformed", found=given[:20]),))
    if not divisions.known(given):
        return Noted(Place(divisions.expand(given), None), (note("division-unknown", found=given),))
    today = divisions.expand(divisions.canonical(given))
    if today[:6] == given[:6]:
        return Place(today, None)
    return Noted(Place(today, None, given), (note("division-replaced", found=given, code=today),))


def division_text(within: str | None = None, towns: Sequence[str] = ()) -> Callable[[str], object]:
    """A Place from an address in words; `within` is the county to prefer, and to assume where one of its towns begins it."""
    own = tuple(towns)
    worded = not any(map(_FIGURE.search, own))

    @lru_cache(maxsize=4096)
    def known(head: str) -> tuple[str | None, str | None, tuple[Note, ...]]:
        found = divisions.resolve(head, within, own)
        if found.status == "found" and found.code is not None:
            return found.code, found.named if found.named and found.named != found.code[:6] else None, ()
        return found.code, None, (_why(found, within),)

    def transform(text: str) -> object:
        address = trim(text)
        if not address:
            return None
        # No division's name has a figure in it, and up to the first one a whole street has the same text.
        figure = _FIGURE.search(address) if worded else None
        code, named, notes = known(address[: figure.end()] if figure is not None else address)
        place = Place(code, address, named)
        return Noted(place, notes) if notes else place

    return transform


def division_any(within: str | None = None, towns: Sequence[str] = ()) -> Callable[[str], object]:
    """A Place from what may be a code or an address in words; the words are kept as its text."""
    from_text = division_text(within, towns)

    def transform(text: str) -> object:
        return division_code(text) if squeeze(text)[:6].isdecimal() else from_text(text)

    return transform


def _why(found: divisions.Resolution, within: str | None) -> Note:
    if found.status == "assumed":
        return note("division-assumed", name=divisions.full_name(within or "") or within)
    if found.status == "incomplete":
        level, level_zh = divisions.LEVEL_NAMES[found.level]
        return note("division-incomplete", level=level, level_zh=level_zh)
    if found.status == "ambiguous":
        names = [divisions.full_name(code) or code for code in found.candidates[:_MAX_CANDIDATES]]
        more = "…" if len(found.candidates) > _MAX_CANDIDATES else ""
        return note("division-ambiguous", candidates="、".join(names) + more)
    return note("division-not-found")
