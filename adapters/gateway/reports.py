"""The issues file of a delivery: every fault in a table that a clerk can open beside the rows it speaks of.

Written whole and atomically, and written anew when more becomes known (the hub's findings, a refusal), so that it always tells the
present state. It holds the county's own values and stays in the county's folder.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.gateway.durable import write_file
from adapters.gateway.spool import Complaint, Spool
from adapters.gateway.tables import csv_bytes
from adapters.gateway.transport import Transport

_HEADER = (
    "文件 file",
    "行 row",
    "列 column",
    "级别 severity",
    "代码 code",
    "说明",
    "text",
    "原值 value",
    "消息编号 message",
)


def issue(severity: str, code: str, text: str, text_zh: str) -> dict[str, Any]:
    """An issue found by the gateway itself, in the form of those the mappings find."""
    return {"severity": severity, "code": code, "text": text, "text_zh": text_zh}


def issues_table(name: str, issues: Sequence[Mapping[str, Any]]) -> bytes:
    """The file for issues of a whole delivery."""
    return csv_bytes(_HEADER, (_line(name, found, "") for found in issues))


def write_owed(spool: Spool, transport: Transport) -> int:
    """Write the issues files that are owed. The number of deliveries told about."""
    owed = spool.deliveries.owed()
    for delivery in owed:
        report = spool.deliveries.report(delivery.id)
        if report.complaints:
            lines = [_line_of(delivery.name, complaint) for complaint in report.complaints]
            write_file(transport.issues_path(delivery), csv_bytes(_HEADER, lines))
        spool.deliveries.mark_reported(delivery.id, report.told)
    return len(owed)


def _line(name: str, found: Mapping[str, Any], message_id: str) -> list[str]:
    parts = (found.get(key) for key in ("row", "column", "severity", "code", "text_zh", "text", "value"))
    return [name, *("" if part is None else str(part) for part in parts), message_id]


def _line_of(name: str, complaint: Complaint) -> list[str]:
    row = str(complaint.row) if complaint.row else ""
    texts = (complaint.text_zh, complaint.text, complaint.value)
    return [name, row, complaint.column, complaint.severity, complaint.code, *texts, complaint.message_id]
