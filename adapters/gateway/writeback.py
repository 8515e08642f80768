"""What the county is given for a message that arrived: a flat record with names its clerks read, and the content as it came.

The same message always gives the same record, byte for byte, so that writing it twice is writing it once. Labels are Chinese; the
field names in `fields` are stable English paths.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.gateway.records import WriteBack

_KINDS = {
    "contraception-report": "避孕节育情况报告单",
    "marriage-certificate": "结婚证",
    "birth-certificate": "出生医学证明",
    "person": "基本信息卡",
    "consent": "知情同意书",
}
_MAX_CELL = 32_000


def flatten(content: Mapping[str, Any]) -> dict[str, str]:
    """Every leaf of a JSON document under its path (`entry.0.resource.status`), in the order of the document."""
    return dict(_leaves("", content))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _leaves(f"{path}.{number}" if path else str(number), part)
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    elif value is not None:
        yield path, str(value)


def table_of(message: WriteBack) -> tuple[list[str], list[str]]:
    """Header and row of the table a clerk opens."""
    fixed = {
        "消息编号": message.message_id,
        "类别": _KINDS.get(message.kind, message.kind),
        "发送单位": message.sender,
        "本地人员编号": "、".join(message.subjects),
        "发送时间": message.sent_at.isoformat(),
    }
    cells = {**fixed, **{name: value[:_MAX_CELL] for name, value in message.fields.items()}}
    return list(cells), list(cells.values())
