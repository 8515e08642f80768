"""Looks for a word in bytes, in every form in which a program may have written it down."""

import base64
import subprocess
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from hub.storage.embedded import EmbeddedPostgres

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


def forms(word: str) -> dict[str, bytes]:
    """The word as raw bytes of several encodings, as base64 at each of three offsets, percent-encoded, as hex, as JSON escapes."""
    found = {encoding: word.encode(encoding) for encoding in _ENCODINGS}
    plain = found["utf-8"]
    for offset in range(3):
        # The characters at both ends depend on what stands beside the word; what is between does not.
        whole = base64.b64encode(b"\0" * offset + plain)
        found[f"base64 at {offset}"] = whole[4 if offset else 0 : len(whole) // 4 * 4 - 4]
        found[f"base64url at {offset}"] = found[f"base64 at {offset}"].translate(bytes.maketrans(b"+/", b"-_"))
    found["percent-encoded"] = quote(word).encode()
    found["hex"] = plain.hex().encode()
    found["HEX"] = plain.hex().upper().encode()
    found["JSON escapes"] = "".join(f"\\u{ord(c):04x}" if ord(c) > 127 else c for c in word).encode()
    return found


def find(word: str, files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """(where, in which form) of every trace of the word."""
    wanted = forms(word)
    return [
        (name, form)
        for name, content in files.items()
        for variant in _variants(content)
        for form, sought in wanted.items()
        if sought in variant
    ]


def _variants(content: bytes) -> Iterable[bytes]:
    """The bytes, and what they unpack to where they are packed as a whole."""
    yield content
    for bits in (zlib.MAX_WBITS, zlib.MAX_WBITS | 16):
        try:
            yield zlib.decompress(content, bits)
        except zlib.error:
            continue


def dump(hub_folder: Path) -> bytes:
    """Everything in the hub's embedded database, as pg_dump writes it."""
    embedded = EmbeddedPostgres(hub_folder)
    try:
        program = embedded._server.bin_path / "pg_dump"
        return subprocess.run([program, "--inserts", embedded.url], capture_output=True, check=True).stdout
    finally:
        embedded.close()
