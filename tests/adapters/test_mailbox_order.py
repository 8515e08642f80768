"""Messages about one person are written back in their order; what fails holds up nobody else's."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.client.clock import utc_now
from adapters.errors import HubUnreachable, TransportError
from adapters.gateway.assembly import Gateway
from adapters.gateway.opening import BusinessError, Opener
from adapters.gateway.records import WriteBack
from tests.adapters import kit
from tests.adapters.letters import NOW, about, receiver, uuid_of, world, written

__all__ = ["receiver", "world"]


class County:
    """Stands between the gateway and its transport: what is in `down` cannot be published, the rest is noted in order."""

    def __init__(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        self.down: set[str] = set()
        self.published: list[str] = []
        self._publish = gateway.transport.publish
        monkeypatch.setattr(gateway.transport, "publish", self.publish)

    async def publish(self, message: WriteBack) -> None:
        if message.message_id in self.down:
            raise TransportError("the county hiccups", code="county-down")
        await self._publish(message)
        self.published.append(message.message_id)


async def test_what_fails_holds_up_its_own_person_and_nobody_else(
    world: kit.Exchange, receiver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, subject in ((1, "YK1"), (2, "YK1"), (3, "YK2"), (4, "YK1")):
        about(world, subject, number)
    async with kit.opened(receiver) as gateway:
        county = County(gateway, monkeypatch)
        county.down.add(uuid_of(1))
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        # The first waits for its next try meanwhile; those behind it are due by themselves.
        assert [await gateway.mailbox.work() for _ in range(3)] == [1, 0, 0]
        assert county.published == [uuid_of(3)]
        county.down.clear()
        gateway.spool.inbox.defer(uuid_of(1), text="", due=utc_now(), now=utc_now())
        assert await gateway.mailbox.work() == 3
    assert county.published == [uuid_of(number) for number in (3, 1, 2, 4)]


async def test_what_is_refused_for_good_holds_up_nobody(
    world: kit.Exchange, receiver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = about(world, "YK1", 1, iat=NOW - timedelta(hours=3), exp=NOW - timedelta(hours=2))
    about(world, "YK1", 2)
    async with kit.opened(receiver) as gateway:
        county = County(gateway, monkeypatch)
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        assert await gateway.mailbox.work() == 2
    assert (bad.state, county.published) == ("BUSINESS_ERROR", [uuid_of(2)])


@pytest.mark.parametrize(("published", "taken"), [(True, False), (True, True), (False, False)])
async def test_what_ran_out_in_a_crash_counts_by_whether_the_county_has_it(
    published: bool,
    taken: bool,
    world: kit.Exchange,
    receiver: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = about(world, "YK1", 1)
    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        with monkeypatch.context() as patched:
            publish = gateway.transport.publish

            async def dies(message: WriteBack) -> None:
                if published:
                    await publish(message)
                raise HubUnreachable("as if the process ended here", sent=True)

            patched.setattr(gateway.transport, "publish", dies)
            with pytest.raises(HubUnreachable):
                await gateway.mailbox.work()
        for path in (tmp_path / "huiji" / "drop" / "inbox").glob("*.csv") if taken else ():
            path.unlink()
        monkeypatch.setattr(Opener, "open", _expired)
        await _dies_before_recording(gateway, monkeypatch)
        await gateway.mailbox.work()
    assert item.states == ["RECEIVED", "PROCESSED" if published else "BUSINESS_ERROR"]
    assert written(tmp_path) == ([uuid_of(1)] if published and not taken else [])
    assert not list((tmp_path / "huiji" / "drop").rglob("staging/*.csv"))


async def _expired(*_: Any) -> WriteBack:
    raise BusinessError("its time ran out", code="expired")


async def _dies_before_recording(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that decided and did not get to write down what."""

    def dies(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("as if the process ended here")

    with monkeypatch.context() as patched:
        patched.setattr(gateway.spool.inbox, "move", dies)
        with pytest.raises(sqlite3.OperationalError):
            await gateway.mailbox.work()
