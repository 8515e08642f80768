"""Bloom filters: which bits a token sets, records of many tokens as rows of bits, and folding.

A token's bits are k independent slices of a keyed BLAKE2b, as clkhash's blakeHash has them and not the two hashes of
the first papers, whose few combinations can be recognised (Kroll and Steinmetzer 2015; Niedermeyer et al. 2014).
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

LENGTH = 2048
"""Bits before folding."""
FOLDED = LENGTH // 2
_SLICES = 32
Bits = npt.NDArray[np.uint64]
"""One row a record, 64 bits a number, the first bit highest."""


def positions(key: bytes, token: str, count: int) -> npt.NDArray[np.uint16]:
    """The `count` bits of a token, before they are brought into the length of a filter; some may be the same."""
    return _slices(key, token, -(-count // _SLICES))[:count]


@lru_cache(maxsize=1 << 17)
def _slices(key: bytes, token: str, blocks: int) -> npt.NDArray[np.uint16]:
    written = token.encode()
    found = [blake2b(written, key=key, salt=str(block).encode()).digest() for block in range(blocks)]
    return np.frombuffer(b"".join(found), dtype="<u2")


@cache
def shares(bits: int, tokens: int) -> tuple[int, ...]:
    """How many bits each of `tokens` tokens sets, `bits` together."""
    each, rest = divmod(bits, tokens)
    return (each + 1,) * rest + (each,) * (tokens - rest)


def rows(count: int, records: Sequence[int], found: Sequence[npt.NDArray[np.uint16]]) -> npt.NDArray[np.bool_]:
    """A filter of LENGTH bits for each of `count` records; `found[i]` are bits of record `records[i]`."""
    filters = np.zeros((count, LENGTH), dtype=np.bool_)
    if found:
        owner = np.repeat(np.asarray(records, dtype=np.intp), [len(bits) for bits in found])
        filters[owner, np.concatenate(found) % LENGTH] = True
    return filters


def folded(filters: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Both halves of each filter laid over each other by XOR (Schnell and Borgs 2016): which half set a bit is lost."""
    half = filters.shape[1] // 2
    return filters[:, :half] ^ filters[:, half:]


def packed(filters: npt.NDArray[np.bool_]) -> Bits:
    """Rows of bits as numbers of 64 bits, for counting."""
    return np.packbits(filters, axis=1).view(">u8").astype(np.uint64)
