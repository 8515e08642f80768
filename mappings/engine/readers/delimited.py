"""CSV in GB18030 or UTF-8, as a stream: memory does not grow with the file, and no line is read beyond its limit.

The whole file is checked once for encoding and length before the first row is given, so that a fault in the last
line cannot leave half a file behind. Text that fits both encodings by accident is told by the known column names.
"""

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

from mappings.engine.issues import make
from mappings.engine.model import ReadBatch, UnreadableFile
from mappings.engine.readers import table
from mappings.engine.readers.columns import Columns, normal
from mappings.engine.readers.limits import Limits

_BOM = b"\xef\xbb\xbf"
_SHOWN = {"gb18030": "GBK/GB18030", "utf-8": "UTF-8"}
_HEAD = 64 * 1024
_HAN = re.compile("[\u4e00-\u9fff]")
_DELIMITERS = (",", "\t", ";")


def read(stream: BinaryIO, columns: Columns, file_name: str, batch_size: int, limits: Limits) -> Iterator[ReadBatch]:
    """Batches of rows of a delimited text file."""
    encoding, delimiter, skip = _dialect(stream, columns)
    stream.seek(skip)
    for _ in _decoded(stream, encoding, skip, file_name, limits):
        pass
    stream.seek(skip)
    lines = _records(stream, encoding, delimiter, skip, file_name, limits)
    yield from table.rows(lines, columns, file_name, batch_size, ragged=True)


def _dialect(stream: BinaryIO, columns: Columns) -> tuple[str, str, int]:
    """(encoding, delimiter, bytes to skip): the pair under which most known column names appear."""
    head = stream.read(_HEAD)
    if head.startswith(_BOM):
        return "utf-8", _best_delimiter(head.decode("utf-8", "ignore"), columns)[1], len(_BOM)
    best: tuple[int, str, str] | None = None
    for encoding in columns.spec.source.encodings:
        known, delimiter = _best_delimiter(head.decode(encoding, "ignore"), columns)
        if best is None or known > best[0]:
            best = (known, delimiter, encoding)
    assert best is not None, "the schema asks for one encoding at least"  # noqa: S101
    return best[2], best[1], 0


def _best_delimiter(head: str, columns: Columns) -> tuple[int, str]:
    lines = head.splitlines()[: columns.spec.source.header_within + 1]
    found = (
        (max((sum(normal(cell.strip('"')) in columns.names for cell in line.split(d)) for line in lines), default=0), d)
        for d in _DELIMITERS
    )
    return max(found, key=lambda pair: pair[0])


def _decoded(stream: BinaryIO, encoding: str, offset: int, file_name: str, limits: Limits) -> Iterator[str]:
    """The lines as text; raises UnreadableFile at the first that is too long or is not text of this encoding."""
    number = 0
    limit = limits.line_bytes
    other = "utf-8" if encoding == "gb18030" else "gb18030"
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise UnreadableFile(
                make("line-too-long", file=file_name, row=number, line=number, limit=limit, offset=offset + limit)
            )
        if line.isascii():
            if b"\0" in line:
                raise _not_text(number, offset + line.index(b"\0"), encoding, file_name)
            yield line.decode("ascii")
        else:
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError as error:
                if _reads_as(line, other):
                    raise _mixed(number, offset, encoding, other, file_name) from error
                raise _not_text(number, offset + error.start, encoding, file_name) from error
            if encoding == "gb18030" and _reads_as(line, other):
                raise _mixed(number, offset, encoding, other, file_name)
            yield text
        offset += len(line)


def _reads_as(line: bytes, encoding: str) -> bool:
    """Whether the line is Chinese text in the other encoding; three characters cannot fit UTF-8 by accident."""
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return len(_HAN.findall(text)) >= 3


def _not_text(line: int, offset: int, encoding: str, file_name: str) -> UnreadableFile:
    return UnreadableFile(
        make("wrong-encoding", file=file_name, row=line, line=line, offset=offset, encoding=_SHOWN[encoding])
    )


def _mixed(line: int, offset: int, encoding: str, other: str, file_name: str) -> UnreadableFile:
    return UnreadableFile(
        make(
            "mixed-encoding", file=file_name, row=line, line=line, offset=offset,
            encoding=_SHOWN[encoding], other=_SHOWN[other],
        )
    )  # fmt: skip


def _records(
    stream: BinaryIO, encoding: str, delimiter: str, offset: int, file_name: str, limits: Limits
) -> Iterator[table.Line]:
    """Records with the number of their first line and their text as it stands in the file."""
    pending: list[str] = []

    def feed() -> Iterator[str]:
        while line := stream.readline():
            text = line.decode(encoding)
            if "\r" in text[:-2]:  # a lone carriage return is no line break to a person, and an error to the parser
                text = text[:-2].replace("\r", " ") + text[-2:]
            pending.append(text)
            if len(pending) > limits.record_lines:
                raise UnreadableFile(
                    make("record-too-long", file=file_name, row=begin, line=begin, limit=limits.record_lines)
                )
            yield text

    reader = csv.reader(feed(), delimiter=delimiter)
    begin = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableFile(
                make("record-unreadable", file=file_name, row=begin, line=begin, reason=str(error))
            ) from error
        if cells is None:
            return
        original = pending[0] if len(pending) == 1 else "".join(pending)
        yield table.Line(begin, cells, original.rstrip("\r\n"))
        begin += len(pending)
        pending.clear()
