"""JSON as a county's API gives it: a page with a code, a list, or one object. Each record keeps its own text.

An error page served with HTTP 200 is a fault of the whole file. Numbers keep every digit that was sent.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from mappings.engine.issues import make
from mappings.engine.model import Issue, ReadBatch, Row, UnreadableFile
from mappings.engine.readers.columns import Columns, normal
from mappings.engine.readers.limits import TOLD, Limits
from mappings.engine.transforms.text import damaged, trim

_SPACE = re.compile(r"[ \t\r\n]*")
_BOM = b"\xef\xbb\xbf"


class _RepeatedMember(ValueError):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedMember(next(name for name in names if names.count(name) > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_int=str, parse_float=str, parse_constant=str)
_LOOSE = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def read(stream: BinaryIO, columns: Columns, file_name: str, batch_size: int, limits: Limits) -> Iterator[ReadBatch]:
    """Batches of rows of a JSON document."""
    data = stream.read(limits.json_bytes + 1)
    if len(data) > limits.json_bytes:
        raise UnreadableFile(make("too-large", file=file_name, limit=limits.json_bytes))
    begin = len(_BOM) if data.startswith(_BOM) else 0
    data = data[begin:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, offset = data.count(b"\n", 0, error.start) + 1, begin + error.start
        raise UnreadableFile(
            make("wrong-encoding", file=file_name, row=line, line=line, offset=offset, encoding="UTF-8")
        ) from error
    _check_depth(text, limits, file_name)
    try:
        items = list(_items(text, columns, file_name))
    except json.JSONDecodeError as error:
        offset = begin + len(text[: error.pos].encode())
        raise UnreadableFile(make("not-json", file=file_name, reason=error.msg, offset=offset)) from error
    except RecursionError as error:
        raise UnreadableFile(make("json-too-deep", file=file_name)) from error
    yield from _batches(items, columns, file_name, batch_size)


def _check_depth(text: str, limits: Limits, file_name: str) -> None:
    """Refuse deep nesting before parsing; brackets inside strings do not count."""
    depth = 0
    for found in _TOKENS.finditer(text):
        mark = found[0]
        if mark in "{[":
            depth += 1
            if depth > limits.json_depth:
                raise UnreadableFile(make("json-too-deep", file=file_name))
        elif mark in "}]":
            depth -= 1


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _items(text: str, columns: Columns, file_name: str) -> Iterator[tuple[Any, str]]:
    """(value, its text) of every record; the page's own members are judged before any record is given."""
    at = _skip(text, 0)
    if text.startswith("[", at):
        records, end = _list(text, at)
    else:
        value, end = _LOOSE.raw_decode(text, at)
        if not isinstance(value, dict):
            raise UnreadableFile(make("json-shape", file=file_name, found="a bare value"))
        page = columns.spec.source.page
        if page is not None and (page["code"] in value or page["data"] in value):
            _judge(value, page, file_name)
            records = _page_records(text, at, page["data"], page.get("list"), file_name)
        else:
            records = [(_strict(text, at)[0], text[at:end])]
    if _skip(text, end) != len(text):
        raise json.JSONDecodeError("more text after the end", text, _skip(text, end))
    yield from records


def _judge(page_value: dict[str, Any], page: dict[str, Any], file_name: str) -> None:
    code = page_value.get(page["code"])
    if str(code) not in page["good"]:
        message = str(page_value.get(page.get("message", "message"), ""))[:80]
        raise UnreadableFile(make("source-error-page", file=file_name, found=code, message=message))


def _page_records(text: str, at: int, member: str, inner: str | None, file_name: str) -> list[tuple[Any, str]]:
    """Walk the page's members to the one that holds the records (perhaps one level down, in `inner`), keeping their texts."""
    at = _skip(text, at + 1)
    while not text.startswith("}", at):
        name, at = _LOOSE.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if name == member:
            if text.startswith("[", at):
                return _list(text, at)[0]
            value, end = _LOOSE.raw_decode(text, at)
            if isinstance(value, dict) and inner is not None and inner in value:
                return _page_records(text, at, inner, None, file_name)
            if isinstance(value, dict):
                return [(_strict(text, at)[0], text[at:end])]
            if value is None:
                return []
            raise UnreadableFile(make("json-shape", file=file_name, found=type(value).__name__))
        _, at = _LOOSE.raw_decode(text, at)
        at = _skip(text, at)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
    return []


def _list(text: str, at: int) -> tuple[list[tuple[Any, str]], int]:
    found: list[tuple[Any, str]] = []
    at = _skip(text, at + 1)
    while not text.startswith("]", at):
        value, end = _strict(text, at)
        found.append((value, text[at:end]))
        at = _skip(text, end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
            if text.startswith("]", at):
                raise json.JSONDecodeError("a value is missing", text, at)
        elif not text.startswith("]", at):
            raise json.JSONDecodeError("a comma or ] is missing", text, at)
    return found, at + 1


def _strict(text: str, at: int) -> tuple[Any, int]:
    """The value at `at`; one with a repeated member comes as that complaint instead of a value."""
    try:
        return _DECODER.raw_decode(text, at)
    except _RepeatedMember as error:
        return error, _LOOSE.raw_decode(text, at)[1]


def _batches(items: list[tuple[Any, str]], columns: Columns, file_name: str, batch_size: int) -> Iterator[ReadBatch]:
    told: set[str] = set()
    unknown: set[str] = set()
    for start in range(0, len(items), batch_size):
        issues: list[Issue] = []
        batch = [
            _row(start + at, value, text, columns, file_name, issues, told, unknown)
            for at, (value, text) in enumerate(items[start : start + batch_size], 1)
        ]
        if start + batch_size >= len(items) and len(unknown) > TOLD:
            issues.append(make("more-columns", file=file_name, row=len(items), count=len(unknown) - TOLD))
        yield ReadBatch(batch, issues)


def _row(
    number: int,
    value: Any,
    text: str,
    columns: Columns,
    file_name: str,
    issues: list[Issue],
    told: set[str],
    unknown: set[str],
) -> Row:
    if isinstance(value, _RepeatedMember):
        member = str(value)
        return Row(
            number, {}, text, (make("repeated-member", file=file_name, row=number, column=member, member=member),)
        )
    if not isinstance(value, dict):
        kind = "nothing" if value is None else "a list" if isinstance(value, list) else "a bare value"
        return Row(number, {}, text, (make("not-a-record", file=file_name, row=number, value=text, found=kind),))
    cells: dict[str, str | None] = dict.fromkeys(columns.spec.columns)
    noticed: tuple[Issue, ...] = ()
    for member, content in value.items():
        name = columns.names.get(normal(member))
        if name is None:
            if member not in unknown and content not in (None, "") and columns.term(member) is None:
                unknown.add(member)
                if len(unknown) <= TOLD:
                    issues.append(make("unknown-column", file=file_name, row=number, column=member))
            name = member
        cell = _cell(content)
        if cell is not None and cell in columns.spec.source.empty:
            cell = None
        if cell is not None and name in columns.spec.withheld and name not in told:
            told.add(name)
            issues.append(make("withheld-column", file=file_name, row=number, column=name))
        if cell is not None and damaged(cell):
            noticed += (make("text-damaged", file=file_name, row=number, column=name),)
        cells[name] = cell
    return Row(number, cells, text, noticed)


def _cell(content: Any) -> str | None:
    if content is None:
        return None
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, str):
        return trim(content)
    return json.dumps(content, ensure_ascii=False)
