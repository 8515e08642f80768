"""Spreadsheets in a folder: taken whole and once, put away with their faults beside them, answered in the inbox."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.errors import TransportError
from adapters.excel_drop import regular, transport
from adapters.gateway.durable import move_file
from tests.adapters import kit

HEADER = "登记编号,姓名,性别,身份证号码,出生年月,户籍地,现居住地"
PERSON = "HJ1,李娜,女,410108199005010026,1990.5,河南省郑州市惠济区,浙江省永康市"
REPORT_HEADER = (
    "报告单号,登记编号,姓名,身份证号码,户籍地,现居住地,避孕措施,措施日期,康检日期,康检结果,检查单位,同意书编号"
)
REPORT = "R{n},HJ{n},李娜,410108199005010026,永康市,惠济区,{method},2020-01-01,2026-01-02,正常,惠济区妇幼保健院,T{n}"
CONSENT_HEADER = "同意书编号,登记编号,姓名,同意内容,使用目的,接收地区,生效日期,截止日期,签署日期,状态"
CONSENT = "T{n},HJ{n},李娜,contraception-report,continuity-of-care,永康市,2026-01-01,2036-01-01,2026-01-01,有效"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    return tmp_path / "huiji" / "drop"


def put(drop: Path, name: str, *lines: str) -> Path:
    drop.mkdir(parents=True, exist_ok=True)
    path = drop / name
    path.write_bytes("\r\n".join(lines).encode("gb18030"))
    return path


def put_consents(drop: Path, *numbers: int) -> None:
    put(drop, "同意书.csv", CONSENT_HEADER, *(CONSENT.format(n=n) for n in numbers))


def put_reports(drop: Path, name: str, *numbers: int, method: str = "上环") -> None:
    put(drop, name, REPORT_HEADER, *(REPORT.format(n=n, method=method) for n in numbers))


def faults(drop: Path, folder: str = "done") -> list[tuple[str, str, str]]:
    """(row, severity, code) of all issues files in a folder."""
    found = []
    for path in sorted((drop / folder).glob("*.issues.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += [(line["行 row"], line["级别 severity"], line["代码 code"]) for line in csv.DictReader(file)]
    return found


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".issues.csv"))


async def test_an_ordinary_file_goes_as_it_is(world: kit.Exchange, drop: Path) -> None:
    config = kit.huiji_gateway(world)
    original = put(drop, "人员 三月.csv", HEADER, PERSON).read_bytes()
    assert (await kit.drain(config)).clean
    (submission,) = world.ledger.of("huiji")
    assert (submission.body, submission.mapping) == (original, "huiji/person.v1")
    (name,) = listed(drop / "done")
    assert name.startswith("人员_三月.")
    assert list(drop.glob("*.csv")) == []

    put(drop, "人员 四月.csv", HEADER, PERSON)
    assert (await kit.drain(config)).clean
    assert len(world.ledger.of("huiji")) == 1, "the same bytes are one document, whatever they are called"
    assert ("", "information", "known-file") in faults(drop)


async def test_rows_of_a_sealed_file_go_one_by_one_and_once(world: kit.Exchange, drop: Path, tmp_path: Path) -> None:
    with kit.yongkang_county(tmp_path) as county:
        receiver = kit.yongkang_gateway(world, county.url)
        config = kit.huiji_gateway(world)
        put_consents(drop, 1, 2, 3)
        put_reports(drop, "避孕一月.csv", 1, 2)
        assert (await kit.drain(config)).clean
        assert len(world.ledger.of("huiji", raw=False)) == 2
        put_reports(drop, "避孕二月.csv", 1, 2, 3)
        assert (await kit.drain(config)).clean
        assert len(world.ledger.of("huiji", raw=False)) == 3
        received = await kit.drain(receiver)
        assert received.clean, received
        summary = county.store.inbox()
        assert (summary.messages, summary.repeated) == ({"contraception-report": 3}, 0)


async def test_a_bad_row_is_told_beside_the_file_and_the_others_go(
    world: kit.Exchange, drop: Path, tmp_path: Path
) -> None:
    with kit.yongkang_county(tmp_path) as county:
        kit.yongkang_gateway(world, county.url)
        config = kit.huiji_gateway(world)
        put_consents(drop, 1, 3)
        put(
            drop,
            "避孕.csv",
            REPORT_HEADER,
            *(REPORT.format(n=n, method=m) for n, m in ((1, "上环"), (2, "念咒"), (3, "皮埋"))),
        )
        drained = await kit.drain(config)
        assert drained.clean, drained
        assert len(world.ledger.of("huiji", raw=False)) == 2
        assert ("3", "error", "unmapped-code") in faults(drop)


async def test_a_refused_row_goes_when_it_is_dropped_again_with_the_consent(
    world: kit.Exchange, drop: Path, tmp_path: Path
) -> None:
    with kit.yongkang_county(tmp_path) as county:
        kit.yongkang_gateway(world, county.url)
        config = kit.huiji_gateway(world)
        put_reports(drop, "避孕一月.csv", 1)
        assert (await kit.drain(config)).clean
        assert world.ledger.refused == [("huiji", "no-consent")]
        assert ("2", "error", "no-consent") in faults(drop)
        put_consents(drop, 1)
        put_reports(drop, "避孕一月补.csv", 1)
        assert (await kit.drain(config)).clean
        assert [s.kind for s in world.ledger.of("huiji", raw=False)] == ["contraception-report"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("避孕.csv", "姓名,性别\r\n李娜,女\r\n".encode("gb18030"), "missing-column"),
        ("避孕.xlsx", b"this is no workbook", None),
        ("避孕.csv", b"\xff\xfe\x00\x81" * 40, None),
        ("无名.csv", b"a,b\r\n1,2\r\n", "unknown-file"),
    ],
)
async def test_a_file_that_cannot_be_read_is_put_aside_whole(
    name: str, content: bytes, code: str | None, world: kit.Exchange, drop: Path
) -> None:
    config = kit.huiji_gateway(world)
    put(drop, name).write_bytes(content)
    assert (await kit.drain(config)).clean
    assert world.ledger.of("huiji") == []
    assert len(listed(drop / "failed")) == 1
    told = faults(drop, "failed")
    assert told
    assert {severity for _, severity, _ in told} == {"error"}
    assert code is None or code in {found for _, _, found in told}
    async with kit.opened(config) as gateway:
        assert gateway.spool.counts() == {}


async def test_links_are_put_aside_unread(world: kit.Exchange, drop: Path, tmp_path: Path) -> None:
    config = kit.huiji_gateway(world)
    drop.mkdir(parents=True, exist_ok=True)
    secret = tmp_path / "人员.csv"
    secret.write_text("secret")
    (drop / "人员.csv").symlink_to(secret)
    assert (await kit.drain(config)).clean
    assert world.ledger.of("huiji") == []
    assert secret.read_text() == "secret"
    assert [path.is_symlink() for path in (drop / "failed").glob("人员*.csv") if "issues" not in path.name] == [True]


async def claimed(config: Path, drop: Path, name: str) -> Path:
    """Where a file of this name would lie after a crash between claiming and reading it."""
    delivery = "11111111-aaaa-4000-8000-000000000000"
    async with kit.opened(config) as gateway:
        gateway.spool.deliveries.open(delivery, "persons", name, now=gateway.clock())
    return drop / ".processing" / f"{delivery}.csv"


@pytest.mark.parametrize("kind", ["link", "pipe", "hard link"])
@pytest.mark.parametrize("name", ["人员.csv", "避孕.csv"])
async def test_what_was_swapped_after_it_was_looked_at_is_put_aside_unread(
    kind: str, name: str, world: kit.Exchange, drop: Path, tmp_path: Path
) -> None:
    config = kit.huiji_gateway(world)
    secret = put(tmp_path, "secret.csv", HEADER, PERSON)
    path = await claimed(config, drop, name)
    if name == "避孕.csv":
        async with kit.opened(config) as gateway:
            with gateway.spool._store.write() as db:
                db.execute("UPDATE deliveries SET source = 'reports'")
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.hardlink_to(secret)
    put(drop, "人员 好.csv", HEADER, PERSON)
    assert (await kit.drain(config)).clean
    assert [submission.body for submission in world.ledger.of("huiji")] == [secret.read_bytes()]
    assert [code for _, _, code in faults(drop, "failed")] == ["refused-file"]
    assert list((drop / ".processing").iterdir()) == []
    assert len(listed(drop / "failed")) == 1


async def test_a_claimed_file_taken_away_again_stops_nothing(
    world: kit.Exchange, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = kit.huiji_gateway(world)
    put(drop, "人员.csv", HEADER, PERSON)

    def vanished(path: Path, limit: int) -> bytes:
        path.unlink()
        raise FileNotFoundError(path)

    monkeypatch.setattr(regular, "content_of", vanished)
    assert (await kit.drain(config)).clean
    assert world.ledger.of("huiji") == []


async def test_names_in_another_encoding_are_put_aside(world: kit.Exchange, drop: Path) -> None:
    sources = [{"name": "persons", "mapping": "huiji/person.v1", "pattern": "*"}]
    config = kit.huiji_gateway(world, sources)
    put(drop, os.fsdecode("人员.csv".encode("gb18030")), HEADER, PERSON)
    put(drop, "人员.csv", HEADER, PERSON)
    assert (await kit.drain(config)).clean
    assert len(world.ledger.of("huiji")) == 1
    assert [code for _, _, code in faults(drop, "failed")] == ["refused-file"]


async def test_what_cannot_be_moved_stays_and_is_told_once(
    world: kit.Exchange, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = kit.huiji_gateway(world)
    put(drop, "无名.csv", "a")
    put(drop, "人员.csv", HEADER, PERSON)

    def refusing(source: Path, target: Path) -> None:
        raise PermissionError(source)

    monkeypatch.setattr(transport, "move_file", refusing)
    async with kit.opened(config) as gateway:
        for _ in range(3):
            await gateway.intaking.cycle()
        assert gateway.spool.counts()["person"] == {"READY": 1}
    assert faults(drop, "failed") == [("", "error", "unknown-file")]


async def test_nothing_is_read_while_a_folder_of_ours_is_a_link(
    world: kit.Exchange, drop: Path, tmp_path: Path
) -> None:
    config = kit.huiji_gateway(world)
    async with kit.opened(config) as gateway:
        put(drop, "人员.csv", HEADER, PERSON)
        (drop / ".processing").rmdir()
        (drop / ".processing").symlink_to(tmp_path)
        with pytest.raises(TransportError, match="not an ordinary folder"):
            await gateway.intaking.cycle()
        assert gateway.spool.counts() == {}


async def test_a_file_too_large_is_not_read(world: kit.Exchange, drop: Path) -> None:
    transport = {"type": "excel_drop", "folder": "drop", "settle_seconds": 0, "max_document_bytes": 100}
    config = kit.member_config(world, "huiji", transport, kit.HUIJI_SOURCES)
    put(drop, "人员.csv", HEADER, *([PERSON] * 5))
    assert (await kit.drain(config)).clean
    assert world.ledger.of("huiji") == []
    assert [code for _, _, code in faults(drop, "failed")] == ["too-large"]


async def test_a_file_claimed_before_a_crash_is_read_after_it(world: kit.Exchange, drop: Path) -> None:
    config = kit.huiji_gateway(world)
    path = put(drop, "人员.csv", HEADER, PERSON)
    async with kit.opened(config) as gateway:
        now = gateway.clock()
        gateway.spool.deliveries.open("11111111-aaaa-4000-8000-000000000000", "persons", "人员.csv", now=now)
        gateway.spool.deliveries.open("22222222-aaaa-4000-8000-000000000000", "persons", "人员.csv", now=now)
        move_file(path, drop / ".processing" / "11111111-aaaa-4000-8000-000000000000.csv")
    assert (await kit.drain(config)).clean
    assert len(world.ledger.of("huiji")) == 1
    assert [name.split(".")[1] for name in listed(drop / "done")] == ["11111111"]
    assert list((drop / ".processing").iterdir()) == []


async def test_a_formula_from_another_county_stays_text(world: kit.Exchange, drop: Path, tmp_path: Path) -> None:
    with kit.yongkang_county(tmp_path) as county:
        county.store.put("tysq", [kit.consent(1)])
        county.store.put("byjy", [kit.contraception_report(1, jbr='=HYPERLINK("http://evil.example","x")')])
        receiver = kit.huiji_gateway(world)
        await kit.drain(kit.yongkang_gateway(world, county.url))
        await kit.drain(receiver)
    (path,) = (drop / "inbox").glob("*.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert any(value.startswith("'=HYPERLINK") for value in line.values())
    assert not any(value.startswith("=") for value in line.values())
