"""Numbers that point to a person are shown as far as a comparison needs them and no further.

A resident number keeps its division; its birth date is shown elsewhere, so the rest stays hidden. Where two numbers
differ is shown by position, not by digit.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

DOT = "•"
_LEAST_ALIKE = 0.5
_FEW = 4
# A number or a Latin word is one sign, like a Chinese character.
_WORDS = re.compile(r"\d+|[A-Za-z]+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; `differs` where the other side has something else."""

    text: str
    differs: bool = False


Pieces = tuple[Piece, ...]


def resident_id(number: str) -> str:
    """The first six digits."""
    return number[:6] + DOT * (len(number) - 6)


def phone(number: str) -> str:
    """The first three digits and the last two."""
    if len(number) < 7:
        return DOT * len(number)
    return number[:3] + DOT * (len(number) - 5) + number[-2:]


def document(number: str) -> str:
    """The first two characters."""
    return number[:2] + DOT * max(len(number) - 2, 0)


def address(text: str) -> str:
    """Without the numbers of house and room, which single out a home."""
    return re.sub(r"\d", DOT, text)


def plain(text: str) -> Pieces:
    """Text without marks."""
    return (Piece(text),)


def _joined(marks: list[tuple[str, bool]]) -> Pieces:
    pieces: list[Piece] = []
    for text, differs in marks:
        if pieces and pieces[-1].differs == differs:
            pieces[-1] = Piece(pieces[-1].text + text, differs)
        else:
            pieces.append(Piece(text, differs))
    return tuple(pieces)


def by_place(shown: str, own: str, other: str) -> Pieces:
    """`shown` (masked or not) with the places marked where `own` and `other`, of one length, differ; few or none."""
    if not len(shown) == len(own) == len(other) or sum(map(str.__ne__, own, other)) > _FEW:
        return plain(shown)
    return _joined([(text, a != b) for text, a, b in zip(shown, own, other, strict=True)])


def by_text(own: str, other: str) -> Pieces:
    """`own` with the stretches marked that `other` does not have; no marks where the two are too unlike to compare."""
    here, there = _WORDS.findall(own), _WORDS.findall(other)
    matcher = SequenceMatcher(None, here, there, autojunk=False)
    if matcher.ratio() < _LEAST_ALIKE:
        return plain(own)
    marks = [("".join(here[a:b]), tag != "equal") for tag, a, b, _, _ in matcher.get_opcodes() if b > a]
    return _joined(marks) or plain(own)
