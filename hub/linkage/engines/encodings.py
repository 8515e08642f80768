"""Encodings in files: from a region's register to a file for the hub, and back into arrays at the hub.

A register is encoded piece by piece; a file appears whole or not at all, readable by its owner only, in the order of
its pseudonyms. What a member sent is checked before it is believed: no code, no compression, no sizes that lie.
"""

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hub.errors import Invalid
from hub.linkage.engines.cells import Cells
from hub.linkage.private import bands, encode, filters, keys, schema
from hub.linkage.private.compare import Found
from hub.linkage.private.encode import Encodings
from hub.linkage.private.keys import Keys

FORMAT = "lianqiao private linkage"
PIECE = 2048
_SHAPES: dict[str, tuple[int | None, np.dtype[Any]]] = {
    "header": (None, np.dtype("u1")),
    "pseudonyms": (encode.PSEUDONYM, np.dtype("u1")),
    "bits": (filters.FOLDED // 64, np.dtype("<u8")),
    "bands": (bands.BANDS, np.dtype("<u4")),
}
_MOST_HEADER = 4096
Progress = Callable[[int, int], None]


def read_key(file: Path, exchange: str) -> Keys:
    """The keys of an exchange from a key file that nobody else can read. Raises Invalid."""
    try:
        if file.stat().st_mode & 0o077:
            raise Invalid("key-exposed", f"Others may read {file}; take their rights away (chmod 600) and try again.")
        with file.open("rb") as handle:
            content = handle.read(keys.MOST_SECRET + 1)
    except OSError as error:
        raise Invalid("key-unreadable", f"The key file {file} cannot be read: {error.strerror}.") from None
    return keys.derive(keys.secret_of(content), exchange)


def of(
    cells: Cells,
    keys_: Keys,
    progress: Progress = lambda done, total: None,
    owners: dict[str, str] | None = None,
) -> Encodings:
    """All records of a register, in the order of their pseudonyms. `owners` is told whose pseudonym each is."""
    parts = [encode.encode([], keys_)]
    done = 0
    for rows in _pieces(cells):
        parts.append(encode.encode(rows, keys_))
        if owners is not None:
            owners |= {encode.pseudonym(keys_, row["source"], row["record_id"]).hex(): row["record_id"] for row in rows}
        done += len(rows)
        progress(done, cells.count)
    pseudonyms = np.concatenate([part.pseudonyms for part in parts])
    order = np.lexsort(pseudonyms.T[::-1])
    return Encodings(
        pseudonyms[order],
        np.concatenate([part.bits for part in parts])[order],
        np.concatenate([part.bands for part in parts])[order],
        sum(part.left_out for part in parts),
    )


def _pieces(cells: Cells) -> Iterator[list[dict[str, str]]]:
    columns = ("record_id", "source", *schema.COLUMNS)
    for start in range(0, cells.count, PIECE):
        part = cells.part(start, start + PIECE)
        rows = zip(*(part.column(name).strings() for name in columns), strict=True)
        yield [dict(zip(columns, row, strict=True)) for row in rows]


def write(found: Encodings, check: str, out: Path) -> None:
    """The file for the hub: pseudonyms, bits, bands, and by which key and version they were made."""
    header = json.dumps({"format": FORMAT, "version": schema.VERSION, "check": check}).encode()
    with _appearing(out) as handle:
        np.savez(
            handle,
            header=np.frombuffer(header, dtype=np.uint8),
            pseudonyms=found.pseudonyms,
            bits=found.bits.astype("<u8"),
            bands=found.bands.astype("<u4"),
        )


def write_pseudonyms(found: Encodings, owners: dict[str, str], out: Path) -> None:
    """Which record bears which pseudonym: stays at the region."""
    rows = ((name, owners[name]) for name in (one.tobytes().hex() for one in found.pseudonyms))
    _write_csv(out, ("pseudonym", "record_id"), rows)


def write_pairs(left: Encodings, right: Encodings, found: Found, out: Path) -> None:
    """The answer: who of the one region is who of the other, as pseudonyms and nothing else."""
    pairs = zip(left.pseudonyms[found[0]], right.pseudonyms[found[1]], strict=True)
    _write_csv(out, ("pseudonym_a", "pseudonym_b"), ((a.tobytes().hex(), b.tobytes().hex()) for a, b in pairs))


def read(file: Path) -> tuple[Encodings, str]:
    """The encodings in a file and the check of the keys they were made with. Raises Invalid."""
    if not file.is_file():
        raise Invalid("file-missing", f"There is no file {file}.")
    try:
        with zipfile.ZipFile(file) as archive:
            arrays = {name: _array(archive, name) for name in _SHAPES}
        header = json.loads(arrays["header"].tobytes())
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, ValueError, RuntimeError, NotImplementedError):
        raise Invalid("encodings-unreadable", f"{file.name} is no whole file of encodings.") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT or not isinstance(header.get("check"), str):
        raise Invalid("encodings-unreadable", f"{file.name} is no file of encodings.")
    if header.get("version") != schema.VERSION:
        raise Invalid("encodings-version", f"{file.name} was encoded by another version; encode it again.")
    if len({len(arrays[name]) for name in ("pseudonyms", "bits", "bands")}) != 1:
        raise Invalid("encodings-unreadable", f"{file.name} does not hold the same number of everything.")
    return (
        Encodings(arrays["pseudonyms"], arrays["bits"].astype(np.uint64), arrays["bands"].astype(np.uint32), 0),
        header["check"],
    )


def refuse_existing(*outs: Path | None) -> None:
    """Raises Invalid where a file to write is there already, or its folder is not."""
    for out in outs:
        if out is not None and out.exists():
            raise Invalid("file-exists", f"{out} exists already; name a new file.")
        if out is not None and not out.absolute().parent.is_dir():
            raise Invalid("folder-missing", f"There is no folder {out.absolute().parent} to write to.")


def same_keys(one: str, other: str) -> None:
    """Raises Invalid where encodings were made with other keys: they would resemble each other like strangers."""
    if one != other:
        raise Invalid(
            "keys-differ",
            "The two files were encoded with different keys or for different exchanges; no pair could be found.",
        )


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """One array, of the shape it has to have; raises ValueError before memory is taken for a size that lies."""
    entry, (width, dtype) = archive.getinfo(f"{name}.npy"), _SHAPES[name]
    if entry.compress_type != zipfile.ZIP_STORED or (width is None and entry.file_size > _MOST_HEADER):
        raise ValueError(name)
    with archive.open(entry) as member:
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise ValueError(name)
        shape, turned, found = np.lib.format.read_array_header_1_0(member)
        if turned or found != dtype or len(shape) != (1 if width is None else 2) or shape[1:] not in ((), (width,)):
            raise ValueError(name)
        content = member.read()
    if len(content) != dtype.itemsize * int(np.prod(shape, dtype=object)):
        raise ValueError(name)
    array: npt.NDArray[Any] = np.frombuffer(content, dtype=dtype).reshape(shape)
    return array


@contextmanager
def _appearing(out: Path) -> Iterator[BinaryIO]:
    """A file that is there when it is whole. Raises Invalid where it cannot be."""
    refuse_existing(out)
    making = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            yield handle
        making.rename(out)
    except OSError as error:
        raise Invalid("file-unwritable", f"{out} cannot be written: {error.strerror}.") from None
    finally:
        making.unlink(missing_ok=True)


def _write_csv(out: Path, columns: tuple[str, str], rows: Iterator[tuple[str, str]]) -> None:
    with _appearing(out) as handle:
        text = io.TextIOWrapper(handle, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(rows)
        text.flush()
        text.detach()
