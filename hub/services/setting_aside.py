"""Stores a batch of a document, and sets aside by itself each row whose word about other records cannot be followed.

Whether it can is known only once all is stored: the batch is then undone and done again without such rows, so that what
stays is what would be there had they been refused before. All in the caller's transaction.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from hub.domain.ordering import SOURCE_DISAGREES
from hub.runtime import Hub
from hub.services import fhir_lines, import_names, recording
from hub.services.preparing import Prepared, Refused
from hub.services.recording import Recorded
from hub.services.source_merges import CONTRADICTION, CYCLE, Late, NotFollowed
from hub.services.translators import Translator
from hub.storage import audit, blocking_keys, decisions, people, resources, review_reopenings, source_links
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection, attempt
from hub.storage.members import Member
from hub.storage.submissions import Submission

_WHOLE: Final = 3
"""Times that a batch is done as a whole. Then each half by itself: rows that come to the fore one after the other, each when
another is gone, cost its logarithm and not its square."""
_TOLD: Final = {
    CONTRADICTION: (
        (
            "To join this record with the one that replaces it would contradict what a steward has decided. The row was set "
            "aside, the others were taken. Correct the record and send it again, or have the decision looked at; when it is "
            "taken back, the hub's operator has the row tried again."
        ),
        (
            "本记录若与替代它的记录合并，将与核查员的结论矛盾。本行已搁置，其余各行已采用。请更正后重新报送，或申请复核该结论；"
            "结论撤销后，由中心管理员重新处理本行。"
        ),
    ),
    CYCLE: (
        (
            "The record would be replaced, over others, by itself. The row was set aside, the others were taken. Say which of "
            "the records stays, and send it again without a link."
        ),
        "按本行所述，该记录经由其他记录最终被自身替代。本行已搁置，其余各行已采用。请确认保留哪一条记录，去掉其替代链接后重新报送。",
    ),
}


@dataclass(frozen=True, slots=True)
class _Document:
    """What the rows of a batch belong to."""

    hub: Hub
    connection: AsyncConnection
    member: Member
    submission: Submission
    mapping: Translator
    now: datetime


async def record(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    submission: Submission,
    mapping: Translator,
    batch: Prepared,
    now: datetime,
) -> Recorded:
    """Store what can be stored of `batch` and hold the rest, as `recording.record` stores a batch without such rows."""
    await resources.lock_member(connection, member.id)
    document = _Document(hub, connection, member, submission, mapping, now)
    let_go: list[Late] = []
    parts = await _parts(document, batch, let_go)
    # Behind all parts: whoever opens a case holds its records before it, and so do these.
    await _ask_again(document, let_go)
    return _all(parts) if len(parts) > 1 else parts[0]


async def _parts(document: _Document, batch: Prepared, let_go: list[Late]) -> list[Recorded]:
    """What became of the parts of the batch; what is not followed any more is added to what was `let_go`."""
    tries = 0
    while True:
        try:
            async with attempt(document.connection):
                return [await _whole(document, batch)]
        except NotFollowed as refused:
            late = await _still_apart(document, refused.late)
            await source_links.forget(document.connection, [one.loser for one in late])
            let_go += late
            batch = _without(batch, refused.rows, late)
        tries += 1
        if tries >= _WHOLE and len(rows := sorted({ready.row for ready in batch.ready})) > 1:
            # The keys of both halves would not be held in their order: so all of them are, before any record is.
            await blocking_keys.lock_all(document.connection)
            first, second = _halves(batch, rows[len(rows) // 2])
            return [*await _parts(document, first, let_go), *await _parts(document, second, let_go)]


async def _whole(document: _Document, batch: Prepared) -> Recorded:
    """Store the batch; where its resources came as they are, under the hub's ids and with references to those."""
    hub, connection, member, mapping = document.hub, document.connection, document.member, document.mapping
    if mapping.name == fhir_lines.NAME:
        batch = await import_names.named(hub, connection, member, batch)
    return await recording.record(hub, connection, member, document.submission, mapping.digest, batch, document.now)


def _without(batch: Prepared, rows: Mapping[int, str], late: Sequence[Late]) -> Prepared:
    """The batch, its `rows` {row: code} that cannot be followed held, and told what was said before of the others."""
    held = [Refused(row, batch.originals[row], (code,)) for row, code in rows.items()]
    told = [_issue(row, code, "error", *_TOLD[code]) for row, code in rows.items()]
    told += [_kept_apart(row, number) for row, number in Counter(one.row for one in late).items()]
    return replace(
        batch,
        ready=[ready for ready in batch.ready if ready.row not in rows],
        refused=[*batch.refused, *held],
        issues=sorted([*batch.issues, *told], key=lambda issue: issue["row"] or 0),
    )


def _halves(batch: Prepared, middle: int) -> tuple[Prepared, Prepared]:
    """The rows in front of row `middle`, and those from it on, each with what was refused and said of them."""
    later = replace(
        batch,
        ready=[ready for ready in batch.ready if ready.row >= middle],
        refused=[refused for refused in batch.refused if refused.row >= middle],
        issues=[issue for issue in batch.issues if (issue["row"] or 0) >= middle],
    )
    # Rows of which nothing was made count with the first.
    rows = len({ready.row for ready in later.ready} | {refused.row for refused in later.refused})
    earlier = replace(
        batch,
        rows=batch.rows - rows,
        ready=[ready for ready in batch.ready if ready.row < middle],
        refused=[refused for refused in batch.refused if refused.row < middle],
        issues=[issue for issue in batch.issues if (issue["row"] or 0) < middle],
    )
    return earlier, replace(later, rows=rows)


def _all(parts: Sequence[Recorded]) -> Recorded:
    return Recorded(
        rows=sum(part.rows for part in parts),
        translated=sum(part.translated for part in parts),
        quarantined=sum(part.quarantined for part in parts),
        linked=sum(part.linked for part in parts),
        reviews=sum(part.reviews for part in parts),
        issues=sum(part.issues for part in parts),
        people=tuple(person for part in parts for person in part.people),
        held=tuple(row for part in parts for row in part.held),
    )


async def _still_apart(document: _Document, found: Sequence[Late]) -> list[Late]:
    """Without those whose decision was taken back in the meantime: these can be followed now."""
    ids = sorted({id_ for late in found for id_ in late.apart})
    held = await people.constraints_touching(document.connection, ids) if ids else []
    apart = {(one.a, one.b) for one in held if one.kind == "CANNOT"}
    return [late for late in found if late.apart in apart]


async def _ask_again(document: _Document, found: Sequence[Late]) -> None:
    """Ask whether the decisions were right that earlier words contradict, which are not followed any more."""
    if not found:
        return
    connection, hub, now = document.connection, document.hub, document.now
    records = await source_links.record_ids(connection, [late.loser for late in found])
    pairs = {late.apart for late in found}
    held = await decisions.in_force(connection, sorted({id_ for pair in pairs for id_ in pair}))
    asked = [one for one in held if (one.a, one.b) in pairs]
    owners = await people.members_of(connection, {id_ for one in asked for id_ in (one.a, one.b)})
    scores = {
        (pair.a, pair.b): pair.weight for pair in await people.pairs_touching(connection, [one.a for one in asked])
    }
    opened = await review_reopenings.reopen(
        connection,
        [(one.a, one.b, one.seq, scores.get((one.a, one.b), 0.0), (owners[one.a], owners[one.b])) for one in asked],
        reason=SOURCE_DISAGREES,
        now=now,
    )
    name, submission = document.member.name, str(document.submission.id)
    acts = [
        Act(
            "source-merge-refused", name, {"loser": records[late.loser], "submission": submission, "row": late.row}, now
        )
        for late in found
    ]
    acts += [Act("reopen", "hub", {"task": str(task), "decision": seq}, now) for task, seq in opened]
    await audit.append(connection, hub.vault, acts)


def _kept_apart(row: int, number: int) -> dict[str, Any]:
    """Told, not an error: the row is not at fault, and was taken."""
    return _issue(
        row,
        "replaced-kept-apart",
        "warning",
        f"To join this record with those that you said it replaces ({number} of them) would contradict what a steward has "
        "decided. It was taken and they were not joined; stewards are asked. When that is settled, send those again.",
        f"您曾声明本记录替代其他记录，但其中 {number} 条若合并，将与核查员的结论矛盾。本记录已采用，未与其合并，"
        "已请核查员复核。结论确定后，请重新报送这些记录。",
    )


def _issue(row: int, code: str, severity: str, text: str, text_zh: str) -> dict[str, Any]:
    said = {"row": row, "column": "link", "code": code, "severity": severity}
    return {**said, "text": text, "text_zh": text_zh, "value": None}
