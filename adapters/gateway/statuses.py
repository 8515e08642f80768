"""What became of our messages at the hub: polled by change cursor, stored, and its findings told to the county.

The cursor moves in the same transaction as the states it stands for. A message is settled when the hub gave its application
acknowledgement or it can change no more.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from adapters.client.calls import HubClient
from adapters.client.clock import Clock
from adapters.gateway.spool import Spool

PAGE = 200
CURSOR = "submissions-changed"
MOST_ISSUES = 5000
_SETTLED = frozenset(
    {"REJECTED", "PROCESSED", "BUSINESS_ERROR", "MANUAL_REVIEW", "SUPERSEDED", "VOIDED", "EXPIRED", "DEAD"}
)


class Statuses:
    """Reads GET /submissions?changed_after."""

    def __init__(self, spool: Spool, client: HubClient, clock: Clock) -> None:
        self._spool = spool
        self._client = client
        self._clock = clock

    async def cycle(self) -> int:
        """Read one page of changes; the number of our messages that changed."""
        cursor = await asyncio.to_thread(self._spool.cursor, CURSOR)
        documents, following = await self._client.changed_submissions(cursor, PAGE)
        updates = [await self._update(document) for document in documents]
        if not documents and following in (None, cursor):
            return 0
        advanced = (CURSOR, following) if following is not None else None
        await asyncio.to_thread(self._spool.apply_statuses, updates, cursor=advanced, now=self._clock())
        return len(documents)

    async def _update(self, document: Mapping[str, Any]) -> dict[str, Any]:
        state = str(document.get("state", ""))
        ack = document.get("application_ack")
        issues = await self._issues(document)
        if isinstance(ack, Mapping) and not issues:
            # For a document the errors repeat its issues; for a sealed record they are what its recipient answered.
            errors = ack.get("errors")
            issues = [_of_recipient(error) for error in errors[:MOST_ISSUES]] if isinstance(errors, list) else []
        return {
            "message_id": str(document.get("message_id", "")),
            "hub_state": state,
            "hub_answer": json.dumps(
                {"state": state, "ack": ack, "counts": document.get("counts"), "issues": len(issues)}, sort_keys=True
            ),
            "settled": isinstance(ack, Mapping) or state in _SETTLED,
            "issues": json.dumps(issues, ensure_ascii=False) if issues else None,
        }

    async def _issues(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The issues the hub found; a submission carries up to a hundred, the rest is read page by page."""
        found = _issues_in(document, "issues")
        submission_id = str(document.get("submission_id", ""))
        if len(found) < 100 or not submission_id:
            return found
        everything: list[dict[str, Any]] = []
        after: str | None = None
        while len(everything) < MOST_ISSUES:
            page = await self._client.submission_issues(submission_id, after, 1000)
            items = _issues_in(page, "items")
            everything += items
            following = page.get("after")
            if not items or following is None or str(following) == after:
                break
            after = str(following)
        return everything or found


def _issues_in(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What is of the agreed form; the rest must not keep the other messages' states from being read."""
    found = document.get(name)
    return [dict(issue) for issue in found if isinstance(issue, Mapping)] if isinstance(found, list) else []


def _of_recipient(error: Any) -> dict[str, Any]:
    """A business error of the receiving region as an issue of ours."""
    given = error if isinstance(error, Mapping) else {"text": str(error)}
    return {
        "severity": "error",
        "code": str(given.get("code", "business-error")),
        "text": str(given.get("text") or given.get("code") or "the receiving region could not use the record"),
        "text_zh": "接收地区未能处理该记录。",
        "column": given.get("path"),
    }
