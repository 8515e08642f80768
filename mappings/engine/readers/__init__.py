"""Reading: a county's bytes to rows, within fixed limits of memory; what can be refused at once is refused first.

The format is told from the content, never from the file's name. Rows come in batches; a fault of the whole file
raises UnreadableFile, before any row wherever it can be known.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

from mappings.engine.issues import make
from mappings.engine.model import ReadBatch, UnreadableFile
from mappings.engine.readers import delimited, pages, workbook
from mappings.engine.readers.columns import Columns
from mappings.engine.readers.limits import Limits

_SPOOL = 8 * 1024 * 1024


def read(
    stream: BinaryIO, columns: Columns, *, file_name: str = "", batch_size: int = 1000, limits: Limits | None = None
) -> Iterator[ReadBatch]:
    """Batches of rows; the first also brings what there is to say about the file as a whole."""
    limits = limits or Limits()
    if stream.seekable():
        yield from _read(stream, columns, file_name, batch_size, limits)
        return
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as copy:
        _copy(stream, copy, limits, file_name)
        yield from _read(cast(BinaryIO, copy), columns, file_name, batch_size, limits)


def _read(source: BinaryIO, columns: Columns, file_name: str, batch_size: int, limits: Limits) -> Iterator[ReadBatch]:
    source.seek(0)
    head = source.read(4096)
    source.seek(0)
    found = _format(head)
    if not head.strip():
        raise UnreadableFile(make("empty-file", file=file_name))
    if found == "xls":
        raise UnreadableFile(make("old-or-locked-workbook", file=file_name))
    expected = columns.spec.source.formats
    if found not in expected:
        raise UnreadableFile(make("wrong-format", file=file_name, found=found, expected=" / ".join(expected)))
    reader = {"csv": delimited.read, "xlsx": workbook.read, "json": pages.read}[found]
    yield from reader(source, columns, file_name, batch_size, limits)


def _format(head: bytes) -> str:
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return "json"
    return "csv"


def _copy(stream: BinaryIO, copy: IO[bytes], limits: Limits, file_name: str) -> None:
    """A stream that cannot be read twice is read once into a temporary file."""
    size = 0
    while chunk := stream.read(1 << 20):
        size += len(chunk)
        if size > limits.file_bytes:
            raise UnreadableFile(make("too-large", file=file_name, limit=limits.file_bytes))
        copy.write(chunk)
