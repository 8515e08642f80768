"""The fixed part of a record's features: numbers at fixed places, so that a batch becomes columns without a loop.

A hash stands for a text only to test equality. VERSION rises with every change; older bytes are refused, never guessed.
"""

import struct
from functools import lru_cache
from hashlib import blake2b

import numpy as np

VERSION = 2

FIELDS: tuple[tuple[str, str], ...] = (
    ("id_body", "Q"), ("id_check", "B"), ("id_form", "B"),
    ("birth", "I"), ("birth_lunar", "I"), ("birth_from", "B"), ("sex", "B"),
    ("surname", "Q"), ("given", "Q"), ("full", "Q"), ("former", "Q"), ("sound", "Q"),
    ("c1", "I"), ("g1", "I"), ("g2", "I"), ("c1_sound", "I"), ("g1_sound", "I"), ("g2_sound", "I"),
    ("c1_near", "I"), ("g1_near", "I"), ("g2_near", "I"), ("given_length", "B"),
    ("phone", "Q"), ("phone2", "Q"),
    ("origin", "Q"), ("residence", "Q"), ("origin_low", "Q"), ("origin_high", "Q"), ("residence_low", "Q"), ("residence_high", "Q"),
    ("spouse", "Q"), ("spouse_id", "Q"), ("father", "Q"), ("father_id", "Q"), ("mother", "Q"), ("mother_id", "Q"),
    ("child1", "Q"), ("child2", "Q"), ("child3", "Q"),
    ("document", "Q"), ("document_kind", "B"), ("postal", "Q"),
    ("ethnicity", "B"), ("source", "Q"), ("record", "Q"), ("live", "B"), ("death", "I"), ("active", "I"),
)  # fmt: skip

ROW = struct.Struct("<" + "".join(code for _, code in FIELDS))
DTYPE = np.dtype([(name, {"Q": "<u8", "I": "<u4", "B": "u1"}[code]) for name, code in FIELDS])
PLACE = {name: place for place, (name, _) in enumerate(FIELDS)}


def digest(text: str) -> int:
    """A 64-bit stand-in for a text, never 0; 0 for ''."""
    if not text:
        return 0
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") or 1


hashed = lru_cache(maxsize=4096)(digest)
"""`digest` for texts that come back, such as names; a number of its own for each record would only fill the cache."""
