"""What a sender is told about what it sent: both acknowledgements, counts, issues and the timeline.

Never what its records were found to resemble: a count of links would tell whoever invents a row whether somebody else
holds such a person.
"""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson

from hub.domain.messages import FINAL, State
from hub.errors import NotFound
from hub.runtime import Hub
from hub.storage import mailbox, submissions
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from hub.storage.submissions import StoredIssue, Submission

_SHOWN = 100
_PAGE = 5000
_COLUMNS = ("row", "column", "code", "severity", "text", "text_zh", "value")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


async def by_id(hub: Hub, member: Member, submission_id: UUID) -> dict[str, Any]:
    """The member's own submission. Raises NotFound."""
    async with hub.database.read() as connection:
        found = await submissions.by_id(connection, hub.vault, submission_id)
        return await _told(hub, connection, member, found)


async def by_message(hub: Hub, member: Member, message_id: UUID) -> dict[str, Any]:
    """The same by the sender's message id. Raises NotFound."""
    async with hub.database.read() as connection:
        found = await submissions.by_message(connection, hub.vault, member.id, message_id)
        return await _told(hub, connection, member, found)


async def changed(hub: Hub, member: Member, cursor: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Submissions changed after `cursor`, and the cursor behind them."""
    async with hub.database.read() as connection:
        found = await submissions.changed_after(connection, hub.vault, member.id, cursor, limit)
        told = [await _told(hub, connection, member, some) for some in found]
    return told, found[-1].changed if found else cursor


async def _told(hub: Hub, connection: AsyncConnection, member: Member, found: Submission | None) -> dict[str, Any]:
    if found is None or found.member_id != member.id:
        raise NotFound
    listed = await submissions.issues(connection, hub.vault, found.id, limit=_SHOWN)
    return {
        "submission_id": str(found.id),
        "message_id": str(found.message_id),
        "kind": found.kind,
        "mapping": found.mapping,
        "state": found.state,
        "received_at": found.received_at,
        "commit_ack": orjson.loads(found.acknowledgement),
        "application_ack": await _application(hub, connection, found, listed),
        "counts": {
            "rows": found.rows,
            "translated": found.translated,
            "quarantined": found.quarantined,
        },
        "issues": [_issue(issue) for issue in listed],
        "timeline": [
            {"state": state, "at": at, "detail": detail}
            for state, at, detail in await submissions.timeline(connection, found.id)
        ],
    }


async def _application(
    hub: Hub, connection: AsyncConnection, found: Submission, listed: list[StoredIssue]
) -> dict[str, Any] | None:
    """The second level: None while it is open. Acknowledgement and error exclude each other; warnings may ride along.

    What its sender corrected before it was handed over is neither: nobody could say anything of it.
    """
    if found.state not in FINAL:
        return None
    failed = found.state not in (State.PROCESSED, State.SUPERSEDED)
    errors: list[dict[str, Any]] = []
    if failed:
        given = await mailbox.errors_of(connection, hub.vault, found.id)
        errors = orjson.loads(given) if given else [_issue(i) for i in listed if i.severity == "error"]
        if not errors:
            last = (await submissions.timeline(connection, found.id))[-1]
            errors = [{"code": last[2] or found.state.lower(), "text": last[2]}]
    return {
        "state": found.state,
        "at": found.state_at,
        "errors": errors,
        "warnings": [_issue(issue) for issue in listed if failed is False and issue.severity != "information"],
    }


def _issue(issue: StoredIssue) -> dict[str, Any]:
    return {
        "row": issue.row,
        "column": issue.column,
        "code": issue.code,
        "severity": issue.severity,
        "text": issue.text,
        "text_zh": issue.text_zh,
        "value": issue.value,
    }


async def issues(hub: Hub, member: Member, submission_id: UUID, after: int, limit: int) -> list[StoredIssue]:
    """A page of the issues of the member's own submission. Raises NotFound."""
    async with hub.database.read() as connection:
        found = await submissions.by_id(connection, hub.vault, submission_id)
        if found is None or found.member_id != member.id:
            raise NotFound
        return await submissions.issues(connection, hub.vault, submission_id, after=after, limit=limit)


def as_json(found: list[StoredIssue]) -> bytes:
    """{items, after}: `after` goes on behind the last."""
    return orjson.dumps({"items": [_issue(issue) for issue in found], "after": found[-1].id if found else None})


async def all_issues(hub: Hub, submission_id: UUID) -> AsyncIterator[bytes]:
    """Every issue of a submission, for the hub's operator: one CSV file in parts, as many as it takes."""
    after, begun = 0, False
    while True:
        async with hub.database.read() as connection:
            page = await submissions.issues(connection, hub.vault, submission_id, after=after, limit=_PAGE)
        if not begun:
            yield as_csv(page)
        elif page:
            yield _lines(page)
        if len(page) < _PAGE:
            return
        after, begun = page[-1].id, True


def as_csv(found: list[StoredIssue]) -> bytes:
    """For a spreadsheet: UTF-8 with BOM, cells that would be formulas made harmless."""
    return b"\xef\xbb\xbf" + ",".join(_COLUMNS).encode() + b"\r\n" + _lines(found)


def _lines(found: list[StoredIssue]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    for issue in found:
        cells = [issue.row, issue.column, issue.code, issue.severity, issue.text, issue.text_zh, issue.value]
        writer.writerow(["" if cell is None else _harmless(str(cell)) for cell in cells])
    return out.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
