"""Documents for tests: a county's sheets and pages about people who do not exist, received and translated for real.

`receive` is the act behind POST /submissions; `work_off` does what a worker does until nothing waits.
"""

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from hub.demo.population.dialects.huiji import workbooks
from hub.demo.population.dialects.huiji.workbooks import Cell
from hub.demo.population.resident_ids import check_digit
from hub.domain.messages import PART_BYTES
from hub.jobs import worker
from hub.runtime import Hub
from hub.services import intake, submitted
from hub.services.documents import open_document
from hub.services.intake import Acknowledgement, Document
from hub.services.preparation import Fetch, Preparer, Stop, Task, answers, never
from hub.services.preparing import Prepared
from hub.storage import people, resources, work
from hub.storage.work import Work
from tests.hubs import Enrolled

PERSON_SHEET = "huiji/person.v1"
PERSON_PAGE = "yongkang/person.v1"
CONSENT_PAGE = "yongkang/consent.v1"
COLUMNS = ("登记编号", "姓名", "性别", "身份证号码", "出生年月", "户籍地", "现居住地", "婚姻状况", "联系电话", "备注")
NAMELESS = {"姓名": "", "备注": "周敏"}
"""What makes a row fail: its name stands where the mapping does not look."""
_FAMILIES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉文"


@pytest.fixture(scope="session")
def process() -> Iterator[Preparer]:
    """The run's preparing process, a real one."""
    made = Preparer()
    yield made
    made.close()


class Beside(Preparer):
    """Reads and translates in the test's own process, by the same functions: starting a process takes seconds.

    That it answers as a process does is shown in tests/services/test_translating.py.
    """

    async def begin(self, task: Task) -> None:
        """Take a document."""
        self._task = task
        self._answers: Iterator[Prepared | int] | None = None

    async def next(self, fetch: Fetch, stop: Stop = never) -> Prepared | int | None:
        """The next batch."""
        if self._answers is None:
            count = -(-self._task.size // PART_BYTES)
            parts = [await fetch(seq) for seq in range(count)]
            self._answers = answers(self._task, open_document(self._task.size, parts.__getitem__))
        return next(self._answers, None)

    async def abandon(self) -> None:
        """Nothing is left behind."""


@pytest.fixture(scope="session")
def preparer() -> Iterator[Preparer]:
    """Reads and translates documents beside the test."""
    made = Beside()
    yield made
    made.close()


def row(number: int, **changed: str) -> dict[str, str]:
    """The `number`-th person of the sheet: always the same, different from every other."""
    born = date(1960, 1, 1) + timedelta(days=number * 37 % 15_000)
    first17 = f"410108{born:%Y%m%d}{number % 999:03d}"
    said = {
        "登记编号": f"HJ{number:07d}",
        "姓名": _FAMILIES[number % 20] + _GIVEN[number // 20 % 26] + _GIVEN[number // 520 % 26],
        "性别": "男" if int(first17[16]) % 2 else "女",
        "身份证号码": first17 + check_digit(first17),
        "出生年月": born.isoformat(),
        "户籍地": f"河南省郑州市惠济区古荥镇孙庄村{number}组",
        "现居住地": f"浙江省永康市东城街道金城路{number}号",
        "婚姻状况": "已婚",
        "联系电话": f"138{number * 7919 % 10**8:08d}",
        "备注": "",
    }
    return said | changed


def rows(count: int, first: int = 1) -> list[dict[str, str]]:
    """`count` people of the sheet."""
    return [row(number) for number in range(first, first + count)]


def table(people: Sequence[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> list[list[str]]:
    """Header and cells."""
    return [list(columns), *([one.get(column, "") for column in columns] for one in people)]


def sheet(
    people: Sequence[Mapping[str, str]], *, columns: Sequence[str] = COLUMNS, encoding: str = "gb18030", end: str = ""
) -> bytes:
    """A CSV as the county drops it; `end` is text behind the last row."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(table(people, columns))
    return (out.getvalue() + end).encode(encoding)


def workbook(folder: Path, lines: Sequence[Sequence[Cell]]) -> bytes:
    """An .xlsx with these lines."""
    path = folder / f"{uuid4().hex}.xlsx"
    workbooks.write(path, "Sheet1", lines)
    return path.read_bytes()


def page(records: Sequence[Mapping[str, Any]], code: int = 200) -> bytes:
    """A page of the JSON county's interface."""
    return orjson.dumps({"code": code, "msg": "ok", "data": {"list": list(records), "page": 1, "pages": 1}})


def record(number: int, **changed: Any) -> dict[str, Any]:
    """The same person as `row(number)`, as the JSON county writes her."""
    same = row(number)
    said = {
        "rybh": f"YK{number:07d}",
        "xm": same["姓名"],
        "xbdm": "1" if same["性别"] == "男" else "2",
        "csrq": same["出生年月"],
        "zjlx": "01",
        "zjhm": same["身份证号码"],
        "hjdxzqh": "410108",
        "hjdxz": same["户籍地"],
        "xjzdxzqh": "330784",
        "xjzdxz": same["现居住地"],
        "lxdh": same["联系电话"],
    }
    return said | changed


def consent(number: int, **changed: Any) -> dict[str, Any]:
    """Person `number` lets her contraception reports go to Huiji, for years around today."""
    said = {
        "sqbh": f"C{number:07d}",
        "rybh": f"YK{number:07d}",
        "xm": row(number)["姓名"],
        "sjlx": "contraception-report",
        "sqmd": "continuity-of-care",
        "jsdq": "410108",
        "sxrq": "2020-01-01",
        "jzrq": "2060-01-01",
        "zt": "1",
    }
    return said | changed


@dataclass(frozen=True, slots=True)
class Sent:
    """A document on its way: what it is called and what it says."""

    document: Document
    body: bytes


def sent(body: bytes, mapping: str = PERSON_SHEET, **how: Any) -> Sent:
    """`body` as a document with a message id of its own."""
    given: dict[str, Any] = {
        "message_id": uuid4(),
        "mapping": mapping,
        "media_type": "application/octet-stream",
        "file_name": "",
        "digest": hashlib.sha256(body).digest(),
    }
    return Sent(Document(**(given | how)), body)


async def chunks(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """The body as it arrives."""
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def receive(hub: Hub, owner: Enrolled, what: Sent) -> Acknowledgement:
    """Hand the document in."""
    return await intake.receive(hub, owner.member, what.document, chunks(what.body))


async def work_off(hub: Hub, preparer: Preparer) -> int:
    """Do all the work there is; answers how many pieces."""
    return await worker.drain(hub, preparer)


async def taken_in(
    hub: Hub, owner: Enrolled, preparer: Preparer, body: bytes, mapping: str = PERSON_SHEET, **how: Any
) -> dict[str, Any]:
    """Receive and translate the document; what its sender is told."""
    what = sent(body, mapping, **how)
    await receive(hub, owner, what)
    await work_off(hub, preparer)
    return await told(hub, owner, what.document.message_id)


async def told(hub: Hub, owner: Enrolled, message_id: UUID) -> dict[str, Any]:
    """What the sender is told about its message."""
    return await submitted.by_message(hub, owner.member, message_id)


async def number_of(hub: Hub, table_name: str) -> int:
    """Rows in a table."""
    async with hub.database.read() as connection:
        return int((await connection.execute(text(f'SELECT count(*) FROM "{table_name}"'))).scalar_one())  # noqa: S608


async def forget_documents(hub: Hub) -> None:
    """Remove every document and what was made of it, so that the same can arrive again."""
    async with hub.database.begin() as connection:
        await connection.execute(
            text("""
                TRUNCATE submission, resource, resource_version, resource_identifier, source_record, blocking_key, pair_score,
                    membership, membership_history, person_event, review_task, work_item CASCADE""")
        )


async def patients(hub: Hub) -> dict[str, dict[str, Any]]:
    """Every Patient by its record number."""
    async with hub.database.read() as connection:
        ids = await people.records_behind(connection, 0, 2**62, 100_000)
        infos = await people.info(connection, ids)
        found = await resources.newest(connection, hub.vault, [info.resource_id for info in infos.values()])
    bodies = [orjson.loads(resource.body) for resource in found.values()]
    return {body["identifier"][0]["value"]: body for body in bodies}


async def claim(hub: Hub) -> Work:
    """The one piece of work that waits."""
    async with hub.database.begin() as connection:
        (claimed,) = await work.claim(connection, worker.KINDS, hub.now(), seconds=hub.settings.lease_seconds)
    return claimed


def facts(found: dict[str, Any]) -> tuple[Any, ...]:
    """What a document came to, to be compared with another's."""
    listed = [(i["row"], i["column"], i["code"], i["value"]) for i in found["issues"]]
    return found["state"], found["counts"], listed


def mixed(count: int) -> bytes:
    """A sheet with everything in it: totals, faults, warnings, people who come twice."""
    people_ = rows(count)
    people_[3] = row(4, **NAMELESS)
    people_[9] = row(10, 身份证号码="4.1E+17")
    people_[20] = row(2, 联系电话="13900000000")
    people_[-1] = row(count, 备注="政策外二孩")
    return sheet(
        [*people_[:12], {"登记编号": "小计", "姓名": "12人"}, *people_[12:], {"登记编号": "合计", "姓名": "x"}]
    )
