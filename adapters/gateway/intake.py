"""From what a transport read to what the spool stores: idempotency keys, and rows or whole documents as the kind demands.

The key of a document is its mapping and the digest of its bytes; that of a sealed row its mapping and the digest of what it says: the same
record read again, from an overlapping page or a file dropped twice, is one message.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import mappings
from adapters.client.clock import Clock
from adapters.gateway.records import Entry, Put, Route, Source
from adapters.gateway.spool import Spool, WholeDelivery


class Intake:
    """The only way from a transport into the spool. Calls are synchronous and durable on return."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.spool = spool
        self.clock = clock

    def document(
        self,
        source: Source,
        body: bytes,
        *,
        content_type: str,
        file_name: str,
        delivery: str | WholeDelivery | None = None,
        resend: bool = False,
        cursor: tuple[str, str] | None = None,
    ) -> Put:
        """A whole document of an ordinary kind, its bytes as the county gave them."""
        entry = Entry(
            key=f"{source.mapping}:{hashlib.sha256(body).hexdigest()}",
            source=source.name,
            kind=source.kind,
            mapping=source.mapping,
            route=Route.RAW,
            stage=source.stage,
            content_type=content_type,
            file_name=file_name,
            body=body,
        )
        return self.spool.outgoing.put([entry], now=self.clock(), delivery=delivery, resend=resend, cursor=cursor)

    def rows(
        self,
        source: Source,
        rows: Sequence[mappings.Row],
        *,
        file_name: str = "",
        delivery: str | WholeDelivery | None = None,
        resend: bool = False,
        cursor: tuple[str, str] | None = None,
    ) -> Put:
        """Rows of a sealed kind, each a message of its own."""
        entries = [_entry(source, row, file_name) for row in rows]
        return self.spool.outgoing.put(entries, now=self.clock(), delivery=delivery, resend=resend, cursor=cursor)


def _entry(source: Source, row: mappings.Row, file_name: str) -> Entry:
    row = _writable(row)
    # The cells too: a "same as above" in the text means what the row above it says.
    said = json.dumps([row.original, row.cells], sort_keys=True)
    return Entry(
        key=f"{source.mapping}:{hashlib.sha256(said.encode()).hexdigest()}",
        source=source.name,
        kind=source.kind,
        mapping=source.mapping,
        route=source.route,
        stage=source.stage,
        file_name=file_name,
        row=json.dumps(row.to_json(), ensure_ascii=False),
        row_number=row.number,
    )


def _writable(row: mappings.Row) -> mappings.Row:
    """A row with half a surrogate pair cannot be stored or sent: it is kept with a mark instead and told to the county."""
    cells = {name: text if text is None else _marked(text) for name, text in row.cells.items()}
    if cells == row.cells:
        return row
    found = mappings.Issue(
        severity="error",
        code="invalid-character",
        text="The row holds a broken character; write it anew.",
        text_zh="该行含有损坏的字符，请重新录入。",
        row=row.number,
    )
    return replace(row, cells=cells, original=_marked(row.original), issues=(*row.issues, found))


def _marked(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def row_of(stored: str) -> mappings.Row:
    """The row as it was read."""
    value: dict[str, Any] = json.loads(stored)
    return mappings.Row.from_json(value)
