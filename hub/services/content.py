"""What no open record may hold: what nobody may exchange (DOMAIN §2), and what only the sealing gateway may carry."""

import html
from functools import cache
from typing import Final

from hub.errors import Invalid
from mappings import vocabulary
from mappings.engine import forbidden
from mappings.engine.forbidden import Term

_SEALED: Final = (f'"{vocabulary.CONTRACEPTION_METHOD}"', f'"{vocabulary.REPORT_ITEM}"')
"""Code systems that only reports about contraception use."""


def holds_sealed(body: bytes) -> bool:
    """Does a record (JSON) hold what only the sealing gateway may carry?"""
    return _is_sealed(_text(body))


def _is_sealed(text: str) -> bool:
    return any(system in text for system in _SEALED)


def _text(body: bytes) -> str:
    text = body.decode(errors="replace")
    return html.unescape(text) if "&" in text else text  # a narrative may write any character as its number


@cache
def _sought(kind: str) -> tuple[tuple[str, Term], ...]:
    """What is looked for in each record of `kind`, and why it is refused."""
    return tuple(
        (f'"code":"{term.term}"' if term.where == "code" else term.term, term)
        for term in forbidden.terms()
        if term.applies(kind) and term.where != "finding"
    )


def check(body: bytes, kind: str) -> None:
    """Raises Invalid for a record of `kind` (compact JSON) that may not be exchanged, or not openly; nothing is quoted."""
    if b"\\u0000" in body:
        raise Invalid("invalid-content", "A text holds the character NUL, which cannot be kept; nothing was stored.")
    text = _text(body)
    for sought, term in _sought(kind):
        if sought in text:
            raise Invalid(
                "forbidden-content",
                f"The record holds {term.what}. {term.basis} Nothing was stored. 记录含有{term.what_zh}。{term.basis_zh}",
            )
    if _is_sealed(text):
        raise Invalid(
            "must-be-sealed",
            "The record says something of contraception: that is sealed at the sending gateway, and the hub does not read "
            "it. Nothing was stored.",
        )
