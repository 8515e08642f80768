"""Without the hub's own receipt nothing is acknowledged: it is kept, told, sent again, and done once the right one comes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.errors import ReceiptRefused
from adapters.gateway.assembly import Gateway
from adapters.gateway.records import InboxState, State
from tests.adapters import kit
from tests.adapters.letters import MESSAGE, REPORT, letter, uuid_of, written

TWISTS = ["signature", "what", "id", "sub", "message_id", "digest"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture
def county(tmp_path: Path) -> Iterator[kit.County]:
    with kit.yongkang_county(tmp_path) as made:
        yield made


@pytest.mark.parametrize("twist", TWISTS)
async def test_a_message_whose_receipt_is_wrong_is_not_taken_over(
    twist: str, world: kit.Exchange, tmp_path: Path
) -> None:
    world.enrol("yongkang")
    receiver = kit.huiji_gateway(world)
    letter(world, kit.envelope(REPORT))
    world.hub.manners.twist = twist
    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        await gateway.mailbox.work()
        assert gateway.spool.inbox.counts() == {InboxState.STORED: 1}
        ((message, why),) = gateway.spool.inbox.troubles()
        assert (message, "receipt" in why, gateway.spool.inbox.receipts(MESSAGE)) == (MESSAGE, True, {})
    assert written(tmp_path) == []
    world.hub.manners.twist = ""
    assert (await kit.drain(receiver)).clean
    assert written(tmp_path) == [MESSAGE]


async def test_what_was_written_back_is_told_again_until_the_receipt_is_right(
    world: kit.Exchange, tmp_path: Path
) -> None:
    world.enrol("yongkang")
    receiver = kit.huiji_gateway(world)
    letter(world, kit.envelope(REPORT))
    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        acts = gateway.mailbox._publish

        async def publish_then_twist(message: object) -> object:
            world.hub.manners.twist = "digest"
            return await acts(message)  # type: ignore[arg-type]

        gateway.mailbox._publish = publish_then_twist  # type: ignore[method-assign, assignment]
        await gateway.mailbox.work()
        assert gateway.spool.inbox.counts() == {InboxState.WRITTEN: 1}
        assert set(gateway.spool.inbox.receipts(MESSAGE)) == {"RECEIVED"}
    world.hub.manners.twist = ""
    assert (await kit.drain(receiver)).clean
    async with kit.opened(receiver) as gateway:
        receipts = gateway.spool.inbox.receipts(MESSAGE)
    assert set(receipts) == {"RECEIVED", "PROCESSED"}
    assert all(receipt.count(".") == 2 for receipt in receipts.values())
    assert written(tmp_path) == [MESSAGE]


async def test_an_answer_to_a_known_message_needs_its_receipt_too(world: kit.Exchange, tmp_path: Path) -> None:
    world.enrol("yongkang")
    receiver = kit.huiji_gateway(world)
    first = letter(world, kit.envelope(REPORT))
    assert (await kit.drain(receiver)).clean
    again = letter(world, first.body)
    other = letter(world, kit.envelope(REPORT, id=uuid_of(7)), message=uuid_of(7))
    world.hub.manners.twist = "message_id"
    async with kit.opened(receiver) as gateway:
        with pytest.raises(ReceiptRefused):
            await gateway.mailbox.fetch(wait_seconds=0)
        assert gateway.spool.inbox.get(uuid_of(7)) is not None, "the others of the batch are stored"
    world.hub.manners.twist = ""
    again.lease_until = other.lease_until = None
    assert (await kit.drain(receiver)).clean
    assert (again.state, other.state) == ("PROCESSED", "PROCESSED")


async def prepared(gateway: Gateway) -> None:
    await gateway.trust.refresh(gateway.client)
    await gateway.intaking.cycle()
    for _ in range(6):
        await gateway.preparing.cycle()


@pytest.mark.parametrize("twist", TWISTS)
async def test_a_certificate_goes_nowhere_before_its_issue_is_proved(
    twist: str, world: kit.Exchange, county: kit.County, tmp_path: Path
) -> None:
    county.store.put("jhz", [kit.marriage(1)])
    kit.huiji_gateway(world)
    sender = kit.yongkang_gateway(world, county.url)
    world.hub.manners.twist = twist
    async with kit.opened(sender) as gateway:
        await prepared(gateway)
        (trouble,) = gateway.spool.stuck()
        assert (trouble["state"], trouble["held"]) == (State.ISSUED, None)
        assert "receipt" in trouble["error_text"]
        message = trouble["message_id"]
    assert not (tmp_path / "yongkang" / "county" / "certificates").exists()
    world.hub.manners.twist = ""
    assert (await kit.drain(sender)).clean
    async with kit.opened(sender) as gateway:
        item = gateway.spool.outgoing.get(message)
    assert item is not None
    assert item.state in {State.ACCEPTED, State.SETTLED}
    assert (item.issue_receipt or "").count(".") == 2
    assert item.receipt not in (None, item.issue_receipt)
    (registered,) = world.ledger.certificates.values()
    assert len(set(registered.digests)) == 1, "recorded again, never issued again"


@pytest.mark.parametrize("twist", TWISTS)
async def test_a_submission_with_a_wrong_receipt_waits_and_stops_no_other(
    twist: str, world: kit.Exchange, county: kit.County
) -> None:
    county.store.put("ldrk", [kit.person(1)])
    sender = kit.yongkang_gateway(world, county.url)
    world.hub.manners.twist = twist
    async with kit.opened(sender) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.intaking.cycle()
        await gateway.submitting.cycle()
        (trouble,) = gateway.spool.stuck()
        assert (trouble["state"], trouble["held"]) == (State.READY, None)
        assert "receipt" in trouble["error_text"]
    # The hub gives out the acknowledgement it stored; a mended hub would have signed it anew.
    world.ledger.submissions.clear()
    world.hub.manners.twist = ""
    assert (await kit.drain(sender)).clean
