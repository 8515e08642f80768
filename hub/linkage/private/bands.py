"""Keys by which the hub finds candidates: bands of keyed minimum hashes, worked out where the secret is.

Two records share a band with probability (common share of their tokens) ** rows, so a slip of the pen rarely parts them
(MinHash: Broder 1997). Bands are over groups of fields; a group of which a field is missing gives no band.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, shake_256

import numpy as np
import numpy.typing as npt

NONE = 0
"""The band of a record that lacks a field of the group."""
Bands = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields whose tokens are hashed together, into `bands` bands of `rows` minimum hashes."""

    fields: tuple[str, ...]
    bands: int
    rows: int


GROUPS = (
    Group(("name", "sound", "birth"), 16, 5),
    Group(("digits", "order"), 8, 5),
    Group(("birth", "phone"), 8, 5),
    Group(("name", "sound", "phone"), 8, 5),
)
BANDS = sum(group.bands for group in GROUPS)


@lru_cache(maxsize=1 << 17)
def value(key: bytes, field: str, token: str) -> int:
    """A token of a field as a keyed number of 64 bits."""
    return int.from_bytes(blake2b(f"{field} {token}".encode(), digest_size=8, key=key).digest(), "little")


def bands(mixing: bytes, tokens: Sequence[Mapping[str, Sequence[int]]]) -> Bands:
    """BANDS numbers for each record; `tokens` are the values of its tokens by field, none where it is missing."""
    parts = [_of_group(mixing, at, group, tokens) for at, group in enumerate(GROUPS)]
    return np.concatenate(parts, axis=1)


def _of_group(mixing: bytes, at: int, group: Group, tokens: Sequence[Mapping[str, Sequence[int]]]) -> Bands:
    found = np.full((len(tokens), group.bands), NONE, dtype=np.uint32)
    whole = [place for place, one in enumerate(tokens) if all(one[field] for field in group.fields)]
    if not whole:
        return found
    values = [[value for field in group.fields for value in tokens[place][field]] for place in whole]
    starts = np.cumsum([0, *(len(one) for one in values[:-1])])
    flat = np.array([value for one in values for value in one], dtype=np.uint64)
    different, of = np.unique(flat, return_inverse=True)
    least = np.minimum.reduceat(_turned(mixing, at, group, different)[of], starts, axis=0)
    found[whole] = _sealed(mixing, at, group, least)
    return found


def _turned(mixing: bytes, at: int, group: Group, values: Numbers) -> Bands:
    """Each value under every hash function of a group: multiply and shift, with secret factors."""
    size = group.bands * group.rows
    secret = shake_256(mixing + b"group %d" % at).digest(16 * size)
    masks, factors = np.frombuffer(secret, dtype="<u8").astype(np.uint64).reshape(2, size)
    turned: Numbers = (values[:, None] ^ masks) * (factors | np.uint64(1))
    return (turned >> np.uint64(32)).astype(np.uint32)


def _sealed(mixing: bytes, at: int, group: Group, least: Bands) -> Bands:
    """The minimum hashes of each band as one keyed number that is never NONE and says nothing but equal or not."""
    size = group.rows * 4
    digests = bytearray()
    for row in least.astype("<u4"):
        written = row.tobytes()
        for band in range(group.bands):
            part = written[band * size : (band + 1) * size]
            digests += blake2b(b"%d %d " % (at, band) + part, digest_size=4, key=mixing).digest()
    numbers = np.frombuffer(bytes(digests), dtype="<u4").astype(np.uint32)
    return np.maximum(numbers, 1).reshape(-1, group.bands)
