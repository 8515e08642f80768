"""Two counties, two gateways, one stand-in hub: records go out in order, arrive once, and what is refused is told."""

import asyncio
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import HubUnreachable, SpoolFull
from adapters.gateway import runner
from adapters.gateway.testing.ledger import Manners
from certs import seal
from tests.adapters import kit


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture
def county(tmp_path: Path) -> Iterator[kit.County]:
    with kit.yongkang_county(tmp_path) as made:
        yield made


def told(folder: Path) -> list[dict[str, str]]:
    """Every line of every issues file of a county that pulls."""
    lines = []
    for path in sorted((folder / "yongkang" / "county" / "issues").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines += list(csv.DictReader(file))
    return lines


def codes(folder: Path) -> list[str]:
    return [line["代码 code"] for line in told(folder) if line["级别 severity"] == "error"]


def inbox(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in (folder / "huiji" / "drop" / "inbox").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += list(csv.DictReader(file))
    return found


async def test_reports_and_certificates_arrive_at_the_other_county(
    tmp_path: Path, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("ldrk", [kit.person(n) for n in range(1, 13)])
    county.store.put("byjy", [kit.contraception_report(n) for n in range(1, 13)])
    county.store.put("jhz", [kit.marriage(n) for n in range(1, 4)])
    county.store.put("tysq", [kit.consent(n) for n in range(1, 12)])
    sender, receiver = kit.yongkang_gateway(world, county.url), kit.huiji_gateway(world)

    drained = await kit.drain(sender)
    assert drained.clean, drained
    received = await kit.drain(receiver)
    assert received.clean, received

    kinds = sorted(s.kind for s in world.ledger.of("yongkang", raw=False))
    assert kinds == ["contraception-report"] * 11 + ["marriage-certificate"] * 3
    assert all(letter.states == ["RECEIVED", "PROCESSED"] for letter in world.ledger.letters.values())
    written = inbox(tmp_path)
    assert len(written) == 14
    assert {line["发送单位"] for line in written} == {"yongkang"}
    assert all(line["本地人员编号"].startswith("here-YK") for line in written)
    certificates = [line for line in written if line["类别"] == "结婚证"]
    assert {line["party_b_name"] for line in certificates} == {"王芳"}
    assert len(list((tmp_path / "yongkang" / "county" / "certificates").iterdir())) == 3

    # Refused for want of consent: told to the county, with the reason, and not tried again.
    assert world.ledger.refused == [("yongkang", "no-consent")]
    assert codes(tmp_path) == ["no-consent"]
    assert (await kit.drain(sender)).clean
    assert world.ledger.refused == [("yongkang", "no-consent")]


async def test_documents_travel_as_the_bytes_the_county_gave(
    tmp_path: Path, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("ldrk", [kit.person(n) for n in range(1, 13)])
    sender = kit.yongkang_gateway(world, county.url)
    await kit.drain(sender)
    await kit.drain(sender)
    pages = [json.loads(s.body) for s in world.ledger.of("yongkang")]
    rows = [row["rybh"] for page in pages for row in page["data"]["list"]]
    assert rows == [f"YK{n}" for n in range(1, 13)], "each once, though the pages overlap"
    assert {s.mapping for s in world.ledger.of("yongkang")} == {"yongkang/person.v1"}


async def test_a_report_waits_until_the_hub_knows_the_consent(tmp_path: Path, county: kit.County) -> None:
    """The hub reads documents later than it accepts them; a report sent in between would be refused for ever."""
    with kit.exchange(tmp_path, Manners(settle_seconds=0.6)) as world:
        county.store.put("tysq", [kit.consent(1)])
        county.store.put("byjy", [kit.contraception_report(1)])
        kit.huiji_gateway(world)
        drained = await kit.drain(kit.yongkang_gateway(world, county.url))
        assert drained.clean, drained
        assert world.ledger.refused == []
        assert [s.kind for s in world.ledger.of("yongkang")] == ["consent", "contraception-report"]


async def test_the_gateway_behaves_when_nothing_else_does(tmp_path: Path) -> None:
    manners = Manners(seed=3, lost=0.15, busy=0.15, settle_seconds=0.1)
    with kit.exchange(tmp_path, manners) as world, kit.yongkang_county(tmp_path, failures=0.3) as county:
        county.store.put("tysq", [kit.consent(n) for n in range(1, 5)])
        county.store.put("byjy", [kit.contraception_report(n) for n in range(1, 5)])
        kit.huiji_gateway(world)
        drained = await kit.drain(kit.yongkang_gateway(world, county.url))
        assert drained.clean, drained
        sealed = world.ledger.of("yongkang", raw=False)
        assert len(sealed) == 4
        assert world.ledger.refused == []
        assert not any("digest-conflict" in code for _, code in world.ledger.refused), "and with the same bytes"


async def test_the_same_content_under_a_new_version_is_not_sent_again(
    tmp_path: Path, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("tysq", [kit.consent(1)])
    county.store.put("byjy", [kit.contraception_report(1)])
    kit.huiji_gateway(world)
    sender = kit.yongkang_gateway(world, county.url)
    await kit.drain(sender)
    (first,) = world.ledger.of("yongkang", raw=False)

    county.store.put("byjy", [kit.contraception_report(1, jcrq=1767196800000)])  # the same day, as epoch milliseconds
    assert (await kit.drain(sender)).clean
    assert len(world.ledger.of("yongkang", raw=False)) == 1

    county.store.put("byjy", [kit.contraception_report(1, jcjg="异常")])
    assert (await kit.drain(sender)).clean
    (correction,) = [s for s in world.ledger.of("yongkang", raw=False) if s is not first]
    assert correction.headers["supersedes"] == first.message_id


async def test_records_that_have_nowhere_to_go_are_told_apart(
    tmp_path: Path, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("tysq", [kit.consent(n) for n in range(1, 4)])
    county.store.put(
        "byjy",
        [
            kit.contraception_report(1, hjdxzqh="330784"),
            kit.contraception_report(2, hjdxzqh="530111"),
            kit.contraception_report(3, byff="A95"),
        ],
    )
    county.store.put("jhz", [kit.marriage(1, hjdxzqh="330784"), kit.marriage(2, fzjgxzqh="330100")])
    sender = kit.yongkang_gateway(world, county.url)
    drained = await kit.drain(sender)
    assert drained.clean, drained
    assert world.ledger.of("yongkang", raw=False) == []
    async with kit.opened(sender) as gateway:
        counts = gateway.spool.counts()
    assert counts["contraception-report"] == {"NOT_SENT": 1, "QUARANTINED": 2}
    assert counts["marriage-certificate"] == {"NOT_SENT": 1, "QUARANTINED": 1}
    assert sorted(codes(tmp_path)) == ["forbidden-content", "issuer-not-entitled", "unknown-recipient"]
    assert len(world.ledger.certificates) == 1, "a certificate is issued even if it stays at home"


async def test_quarantined_rows_go_once_the_cause_is_gone(
    tmp_path: Path, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("tysq", [kit.consent(1)])
    county.store.put("byjy", [kit.contraception_report(1)])
    sender = kit.yongkang_gateway(world, county.url)
    assert (await kit.drain(sender)).clean
    assert codes(tmp_path) == ["unknown-recipient"], "nobody answers for the origin yet"
    kit.huiji_gateway(world)
    async with kit.opened(sender) as gateway:
        assert gateway.spool.outgoing.release(now=gateway.clock()) == 1
    assert (await kit.drain(sender)).clean
    assert [s.kind for s in world.ledger.of("yongkang", raw=False)] == ["contraception-report"]


async def test_nothing_of_a_sealed_record_can_be_read_on_the_way(
    tmp_path: Path, world: kit.Exchange, county: kit.County, capfd: pytest.CaptureFixture[str]
) -> None:
    county.store.put("tysq", [kit.consent(1)])
    county.store.put("byjy", [kit.contraception_report(1), kit.contraception_report(2, byff="999")])
    county.store.put("jhz", [kit.marriage(1)])
    sender, receiver = kit.yongkang_gateway(world, county.url), kit.huiji_gateway(world)
    await kit.drain(sender)
    await kit.drain(receiver)
    canary = kit.CANARY.encode()
    assert not any(canary in s.body for s in world.ledger.of("yongkang"))
    assert {seal.read_header(s.body).to for s in world.ledger.of("yongkang", raw=False)} == {"huiji"}
    status = (tmp_path / "yongkang" / "county" / "gateway-status.json").read_bytes()
    assert canary not in status
    captured = capfd.readouterr()
    assert kit.CANARY not in captured.out + captured.err
    # In the end it reaches the other county's clerk.
    assert any(kit.CANARY in "".join(line.values()) for line in inbox(tmp_path))


async def test_reading_stops_while_the_spool_is_full(tmp_path: Path, world: kit.Exchange, county: kit.County) -> None:
    county.store.put("byjy", [kit.contraception_report(n) for n in range(1, 26)])
    county.store.put("tysq", [kit.consent(n) for n in range(1, 26)])
    kit.huiji_gateway(world)
    config = kit.yongkang_gateway(world, county.url, spool={"file": "spool/gateway.db", "max_messages": 7})
    async with kit.opened(config) as gateway:
        with pytest.raises(SpoolFull):
            await gateway.intaking.look()
        held = gateway.spool.counts()
    assert sum(n for states in held.values() for n in states.values()) <= 7
    drained = await kit.drain(config)
    assert drained.clean, drained
    assert len(world.ledger.of("yongkang", raw=False)) == 25


async def test_a_hub_that_is_away_costs_nothing(tmp_path: Path, county: kit.County) -> None:
    county.store.put("ldrk", [kit.person(1)])
    with kit.exchange(tmp_path) as world:
        sender = kit.yongkang_gateway(world, county.url)
        async with kit.opened(sender) as gateway:
            await gateway.trust.refresh(gateway.client)
            await gateway.intaking.cycle()
    async with kit.opened(sender) as gateway:
        with pytest.raises(HubUnreachable):
            await gateway.submitting.cycle()
        (item,) = gateway.spool.outgoing.to_submit(9, gateway.clock(), consents_through=9, person_floor=None)
        assert item.attempts == 0


async def test_the_supervisor_runs_all_of_it_and_stops_in_order(
    tmp_path: Path, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("tysq", [kit.consent(1)])
    county.store.put("byjy", [kit.contraception_report(1)])
    sender, receiver = kit.yongkang_gateway(world, county.url), kit.huiji_gateway(world)
    stop = asyncio.Event()

    async def watch() -> None:
        while not inbox(tmp_path):  # noqa: ASYNC110 - what is watched for is a file
            await asyncio.sleep(0.05)
        stop.set()

    async with kit.opened(sender) as one, kit.opened(receiver) as two, asyncio.timeout(30):
        await asyncio.gather(runner.supervise(one, stop), runner.supervise(two, stop), watch())
    status: dict[str, Any] = json.loads((tmp_path / "yongkang" / "county" / "gateway-status.json").read_text())
    assert {loop["name"] for loop in status["loops"]} >= {
        "read",
        "prepare",
        "submit",
        "statuses",
        "mailbox",
        "write-back",
    }
    assert not any(loop["failing_in_a_row"] for loop in status["loops"])
    assert status["outgoing"]["contraception-report"] == {"ACCEPTED": 1}
