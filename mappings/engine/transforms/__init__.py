"""The closed set of named transforms: small pure functions from text to a value, each with property tests.

A transform returns a value, or Noted(value, notes) when there is something to say; a value of None means that
nothing usable was there. A mapping can name what REGISTRY holds and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mappings.engine.transforms import (
    certificates,
    codes,
    dates,
    documents,
    lists,
    names,
    numbers,
    phones,
    places,
    text,
)

Transform = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """How a transform is made from its options, and how many answers are worth keeping.

    0 where values hardly repeat: a large cache costs more in garbage collection than it saves.
    """

    make: Callable[..., Transform]
    cached: int = 0


def _plain(function: Transform) -> Callable[..., Transform]:
    return lambda: function


REGISTRY: dict[str, Entry] = {
    "text": Entry(_plain(text.plain)),
    "fold": Entry(_plain(text.fold), 4096),
    "upper": Entry(_plain(text.upper)),
    "truth": Entry(text.truth, 64),
    "name": Entry(_plain(names.person_name)),
    "code": Entry(codes.code, 1024),
    "words": Entry(codes.words, 256),
    "birth_date": Entry(dates.birth_date, 4096),
    "date": Entry(dates.day, 4096),
    "instant": Entry(dates.instant),
    "resident_id": Entry(_plain(documents.resident_id)),
    "document_number": Entry(_plain(documents.document_number)),
    "phone": Entry(_plain(phones.phones)),
    "division_code": Entry(_plain(places.division_code), 4096),
    "division_any": Entry(places.division_any, 256),
    "division_text": Entry(places.division_text, 2048),
    "items": Entry(lists.items, 1024),
    "integer": Entry(numbers.integer, 512),
    "decimal": Entry(numbers.decimal, 1024),
    "certificate_number": Entry(certificates.certificate_number),
    "public_jwk": Entry(_plain(certificates.public_jwk)),
}
