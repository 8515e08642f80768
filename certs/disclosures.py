"""Disclosures: the salted items that an SD-JWT names only by their digests (RFC 9901 §4.2), and putting them back (§7.1).

Works for every SD-JWT, nested and in arrays; which of that our certificates use is settled in `sdjwt`. Every
disclosure must be named by exactly one digest, every digest may occur once, nothing may take the place of a claim that
is already there.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from certs.encoding import b64url, dump_json, load_json, sha256, unb64url
from certs.errors import DuplicateDisclosure, MalformedPresentation, UnreferencedDisclosure

SD: Final = "_sd"
SD_ALG: Final = "_sd_alg"
ELLIPSIS: Final = "..."
_MAX_BYTES: Final = 8192
_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One item; `name` is None for an element of an array."""

    encoded: str
    digest: str
    name: str | None
    value: Any


def make(name: str, value: Any) -> Disclosure:
    """A disclosure with a fresh salt."""
    return parse(b64url(dump_json([b64url(secrets.token_bytes(_SALT_BYTES)), name, value])))


def decoy() -> str:
    """A digest that no disclosure has: hides how many items there are."""
    return b64url(sha256(secrets.token_bytes(32)))


def parse(encoded: str) -> Disclosure:
    """Read one; MalformedPresentation."""
    try:
        content = load_json(unb64url(encoded), max_bytes=_MAX_BYTES)
    except ValueError as error:
        raise MalformedPresentation(f"a disclosure is damaged: {error}") from None
    digest = b64url(sha256(encoded.encode("ascii")))
    match content:
        case [str(), value]:
            return Disclosure(encoded, digest, None, value)
        case [str(), str(name), value] if name not in {SD, ELLIPSIS}:
            return Disclosure(encoded, digest, name, value)
    raise MalformedPresentation("a disclosure is [salt, name, value] or [salt, value]")


def reveal(payload: dict[str, Any], disclosures: Iterable[Disclosure]) -> dict[str, Any]:
    """The payload with the disclosed items in their places and every digest gone.

    Raises MalformedPresentation, DuplicateDisclosure, UnreferencedDisclosure.
    """
    given: dict[str, Disclosure] = {}
    for disclosure in disclosures:
        if disclosure.digest in given:
            raise DuplicateDisclosure
        given[disclosure.digest] = disclosure
    walk = _Walk(given)
    revealed = walk.members({name: value for name, value in payload.items() if name != SD_ALG})
    if walk.used != set(given):
        raise UnreferencedDisclosure
    return revealed


class _Walk:
    def __init__(self, given: dict[str, Disclosure]) -> None:
        self.given = given
        self.seen: set[str] = set()
        self.used: set[str] = set()

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.members(value)
        if isinstance(value, list):
            return self.elements(value)
        return value

    def members(self, value: dict[str, Any]) -> dict[str, Any]:
        if ELLIPSIS in value:
            raise MalformedPresentation("a digest of an array element stands outside an array")
        shown = {name: self.value(item) for name, item in value.items() if name != SD}
        digests = value.get(SD, [])
        if not isinstance(digests, list):
            raise MalformedPresentation("_sd is a list")
        for digest in digests:
            disclosure = self.take(digest)
            if disclosure is None:
                continue
            if disclosure.name is None or disclosure.name in shown:
                raise MalformedPresentation("a disclosure does not fit the place of its digest")
            shown[disclosure.name] = self.value(disclosure.value)
        return shown

    def elements(self, value: list[Any]) -> list[Any]:
        shown = []
        for item in value:
            if not (isinstance(item, dict) and set(item) == {ELLIPSIS}):
                shown.append(self.value(item))
                continue
            disclosure = self.take(item[ELLIPSIS])
            if disclosure is None:
                continue
            if disclosure.name is not None:
                raise MalformedPresentation("a disclosure does not fit the place of its digest")
            shown.append(self.value(disclosure.value))
        return shown

    def take(self, digest: object) -> Disclosure | None:
        if not isinstance(digest, str):
            raise MalformedPresentation("a digest is a text")
        if digest in self.seen:
            raise MalformedPresentation("a digest occurs twice")
        self.seen.add(digest)
        if digest in self.given:
            self.used.add(digest)
        return self.given.get(digest)
