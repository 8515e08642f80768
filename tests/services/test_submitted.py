"""What a sender is told: its own submissions only, both acknowledgements, and issues that are safe in a spreadsheet."""

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import NotFound
from hub.runtime import Hub
from hub.services import submitted
from hub.storage.submissions import StoredIssue
from tests.documents import (
    NAMELESS,
    PERSON_PAGE,
    Beside,
    page,
    receive,
    record,
    row,
    rows,
    sent,
    sheet,
    taken_in,
)
from tests.hubs import Enrolled

FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def test_acknowledgement_and_error_exclude_each_other_and_warnings_ride_along(hub: Hub, huiji: Enrolled) -> None:
    good = await taken_in(hub, huiji, Beside(), sheet([row(1), row(2, 身份证号码="4.1E+17"), row(3, **NAMELESS)]))
    assert good["application_ack"]["errors"] == []
    assert {issue["code"] for issue in good["application_ack"]["warnings"]} >= {"id-ruined", "required-missing"}
    bad = await taken_in(hub, huiji, Beside(), b"x,y\n")
    assert bad["application_ack"]["errors"]
    assert bad["application_ack"]["warnings"] == []


async def test_a_message_is_told_to_its_sender_only(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    found = await taken_in(hub, huiji, Beside(), sheet(rows(1)))
    id_ = UUID(found["submission_id"])
    refusals = []
    for member, submission_id in ((yongkang, id_), (yongkang, uuid4()), (huiji, uuid4())):
        for act in (
            submitted.by_id(hub, member.member, submission_id),
            submitted.issues(hub, member.member, submission_id, 0, 10),
            submitted.by_message(hub, member.member, uuid4()),
        ):
            with pytest.raises(NotFound) as refused:
                await act
            refusals.append(str(refused.value))
    assert len(set(refusals)) == 1
    with pytest.raises(NotFound):
        await submitted.by_message(hub, yongkang.member, UUID(found["message_id"]))
    assert (await submitted.by_id(hub, huiji.member, id_))["message_id"] == found["message_id"]


async def test_a_sender_is_not_told_whether_others_know_the_person(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled
) -> None:
    await taken_in(hub, huiji, Beside(), sheet(rows(3)))
    asked = [
        await taken_in(hub, yongkang, Beside(), page([{**record(number), "rybh": f"YK90000{number:02}"}]), PERSON_PAGE)
        for number in (2, 50)
    ]
    alike = [{name: found[name] for name in ("state", "counts", "issues")} for found in asked]
    assert alike[0] == alike[1]
    assert [line["state"] for line in asked[0]["timeline"]] == [line["state"] for line in asked[1]["timeline"]]
    assert [line["detail"] for line in asked[0]["timeline"]] == [line["detail"] for line in asked[1]["timeline"]]


async def test_changes_are_followed_page_by_page(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    ids = [(await taken_in(hub, huiji, Beside(), sheet(rows(1, first))))["submission_id"] for first in range(1, 8)]
    await taken_in(hub, yongkang, Beside(), sheet(rows(1)))
    seen: list[str] = []
    cursor = 0
    while True:
        items, following = await submitted.changed(hub, huiji.member, cursor, 3)
        if not items:
            break
        seen += [item["submission_id"] for item in items]
        cursor = following
    assert seen == ids
    assert following == cursor
    await receive(hub, huiji, sent(sheet(rows(1, 9))))
    items, _ = await submitted.changed(hub, huiji.member, cursor, 3)
    assert [item["state"] for item in items] == ["ACCEPTED"]


async def test_more_issues_than_are_shown_can_be_read_in_pages(hub: Hub, huiji: Enrolled) -> None:
    found = await taken_in(hub, huiji, Beside(), sheet([row(number, 身份证号码="4.1E+17") for number in range(1, 131)]))
    assert len(found["issues"]) == 100
    id_, after, seen = UUID(found["submission_id"]), 0, []
    while page := await submitted.issues(hub, huiji.member, id_, after, 50):
        document = orjson.loads(submitted.as_json(page))
        seen += [issue["row"] for issue in document["items"]]
        after = document["after"]
    assert seen == list(range(2, 132))
    assert orjson.loads(submitted.as_json([])) == {"items": [], "after": None}


def _issue(**changed: Any) -> StoredIssue:
    given_: dict[str, Any] = {
        "id": 1, "row": 2, "column": "姓名", "code": "x", "severity": "error", "text": "t", "text_zh": "字", "value": "v"
    }  # fmt: skip
    return StoredIssue(**given_ | changed)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.sampled_from(FORMULA))
def test_no_cell_of_the_export_is_a_formula_and_none_loses_its_text(text: str, lead: str) -> None:
    values = [text, lead + text, f" {lead}{text}"]
    written = submitted.as_csv([_issue(value=value, column=value) for value in values])
    assert written.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    for cells, value in zip(table[1:], values, strict=True):
        for cell in (cells[1], cells[6]):
            assert not cell.startswith(FORMULA)
            assert cell in (value, f"'{value}")


def test_empty_cells_stay_empty() -> None:
    written = submitted.as_csv([_issue(row=None, column=None, value=None)]).decode("utf-8-sig")
    assert written.splitlines()[1] == ",,x,error,t,字,"
