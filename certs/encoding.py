"""How bytes are written and read here: base64url without padding, and JSON that two readers cannot understand differently.

Reading is strict (UTF-8, no duplicate names, no NaN, no lone surrogates, bounded size and depth) and raises ValueError,
whose text never quotes the input: the input may be somebody's record.
"""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 16

_TAILS: Final = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
"""Last characters whose unused bits are zero, by length modulo 4: any byte string has exactly one encoding."""


def b64url(data: bytes) -> str:
    """RFC 4648 §5, no padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """The bytes of unpadded base64url; ValueError for any other spelling."""
    tail = len(text) % 4
    if tail == 1 or "=" in text or "+" in text or "/" in text:
        raise ValueError("not base64url")
    if tail and text[-1] not in _TAILS[tail]:
        raise ValueError("not the one base64url spelling of these bytes")
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64url") from None


def sha256(data: bytes) -> bytes:
    """SHA-256 digest."""
    return hashlib.sha256(data).digest()


def dump_json(value: object) -> bytes:
    """One spelling for one value: sorted names, no blanks, UTF-8."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
    ).encode("utf-8")


def load_json(
    data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, decimals: Callable[[str], object] | None = None
) -> Any:
    """Parse strictly; ValueError says what is wrong without quoting the text. `decimals` reads numbers with a fraction."""
    if len(data) > max_bytes:
        raise ValueError(f"longer than {max_bytes} bytes")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_float=decimals or _finite,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {max_depth}") from None
    _check(value, max_depth)
    return value


def load_object(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Parse strictly what must be an object."""
    value = load_json(data, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error type for unusable input
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("half a surrogate pair") from None
    elif isinstance(value, dict | list):
        if depth < 1:
            raise ValueError("nested too deeply")
        for item in value:
            _check(item, depth - 1)
        if isinstance(value, dict):
            for item in value.values():
                _check(item, depth - 1)
