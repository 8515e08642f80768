"""Records become encodings: pseudonym, bits and bands. Runs at a region, which alone has the keys.

A record of which too little is known would resemble strangers as much as itself; it is left out and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from hub.linkage.private import bands, filters, schema
from hub.linkage.private.bands import Bands
from hub.linkage.private.filters import Bits
from hub.linkage.private.keys import Keys

PSEUDONYM = 16
Pseudonyms = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Encodings:
    """One row a record in each array; `left_out` records had too little to go by."""

    pseudonyms: Pseudonyms
    bits: Bits
    bands: Bands
    left_out: int

    def __len__(self) -> int:
        return len(self.bits)


def encode(rows: Sequence[Mapping[str, str]], keys: Keys) -> Encodings:
    """The encodings of some records, in their order; each row has `record_id`, `source` and `schema.COLUMNS`."""
    names: list[bytes] = []
    tokens: list[dict[str, tuple[str, ...]]] = []
    for row in rows:
        found = schema.tokens(row)
        if schema.enough(found):
            names.append(pseudonym(keys, row["source"], row["record_id"]))
            tokens.append(found)
    return Encodings(
        np.frombuffer(b"".join(names), dtype=np.uint8).reshape(-1, PSEUDONYM),
        _bits(tokens, keys),
        bands.bands(keys.mixing, [_values(found, keys.bands) for found in tokens]),
        len(rows) - len(names),
    )


def _bits(records: Sequence[schema.Tokens], keys: Keys) -> Bits:
    """Every field's tokens set its bits, the same number for a long name as for a short one."""
    owners: list[int] = []
    found: list[npt.NDArray[np.uint16]] = []
    for owner, tokens in enumerate(records):
        for field in schema.FIELDS:
            key, parts = keys.fields[field.name], tokens[field.name]
            if parts:
                shares = filters.shares(field.bits, len(parts))
                found += [filters.positions(key, token, share) for token, share in zip(parts, shares, strict=True)]
                owners += [owner] * len(parts)
    return filters.packed(filters.folded(filters.rows(len(records), owners, found)))


def _values(tokens: schema.Tokens, key: bytes) -> dict[str, list[int]]:
    return {field: [bands.value(key, field, token) for token in parts] for field, parts in tokens.items()}


def pseudonym(keys: Keys, source: str, record_id: str) -> bytes:
    """What a record is called in this exchange and nowhere else."""
    return blake2b(f"{source}\x1f{record_id}".encode(), digest_size=PSEUDONYM, key=keys.pseudonyms).digest()
