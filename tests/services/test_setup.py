"""A hub is made out of nothing, and making it again only adds what is missing."""

import stat
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from certs.errors import RollbackRefused, TooFewSignatures
from certs.keys import SigningKey
from certs.trust import countersign, verify
from hub.errors import Conflict, HubError
from hub.runtime import Hub, open_hub
from hub.services import setup, trust
from hub.settings import Settings
from hub.storage import keyring, members
from tests.hubs import Clock


async def test_a_new_hub_is_listed_with_its_own_key(hub: Hub, clock: Clock) -> None:
    found = verify(await trust.document(hub), trust.pinned_roots(hub.settings), now=clock())
    assert found.version == 1
    assert found.key(hub.signer.kid).types == {"receipt", "status", "checkpoint"}
    assert found.owner(hub.signer.kid).name == "hub"


async def test_setting_up_again_changes_nothing(hub: Hub, hub_settings: Settings, clock: Clock) -> None:
    again = await setup.initialise(hub_settings, now=clock)
    assert again.made == ()
    assert again.trust_version is None
    async with open_hub(hub_settings, now=clock) as reopened, reopened.database.read() as connection:
        assert reopened.signer.kid == hub.signer.kid
        assert [member.name for member in await members.all_members(connection)] == ["hub"]
        assert len(await members.keys(connection)) == 1


async def test_a_trust_list_put_back_is_refused_after_a_restart_too(
    hub: Hub, hub_settings: Settings, clock: Clock
) -> None:
    old = await trust.document(hub)
    newer = await trust.publish(hub)
    assert (await trust.current(hub)).version == newer.version
    async with hub.database.begin() as connection:
        await connection.execute(text("DELETE FROM trust_list WHERE version = :version"), {"version": newer.version})
    async with open_hub(hub_settings, now=clock) as reopened:
        assert await trust.document(reopened) == old
        with pytest.raises(RollbackRefused):
            await trust.current(reopened)


async def test_keys_are_their_owners_and_the_export_is_public(hub: Hub) -> None:
    folder = hub.settings.keys_dir
    files = sorted(folder.glob("*.key"))
    assert [path.stem for path in files] == ["master", "root-1", "root-2", "root-3", "sign"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    exported = orjson.loads(trust.roots_file(hub.settings).read_bytes())["keys"]
    assert [jwk["kid"] for jwk in exported] == [keyring.load(folder, hub.vault, name).kid for name in keyring.ROOTS]
    assert not any("d" in jwk for jwk in exported)


async def test_roots_taken_to_their_officers_are_not_made_anew(hub: Hub, hub_settings: Settings, clock: Clock) -> None:
    before = trust.roots_file(hub_settings).read_bytes()
    (hub_settings.keys_dir / "root-3.key").unlink()
    again = await setup.initialise(hub_settings, now=clock)
    assert again.made == ()
    assert trust.roots_file(hub_settings).read_bytes() == before


async def test_roots_kept_apart_sign_one_after_the_other(
    hub: Hub, hub_settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    taken = tmp_path / "root-3.key"
    keyring.move(hub_settings.keys_dir, hub.vault, "root-3", taken, "an officer's own")
    assert (await trust.publish(hub)).version == 2  # two of three are still here
    keyring.move(hub_settings.keys_dir, hub.vault, "root-2", tmp_path / "root-2.key", "another's")
    with pytest.raises(HubError, match="no-roots"):
        await trust.publish(hub)
    drafted = await trust.draft(hub)
    with pytest.raises(TooFewSignatures):
        await trust.accept(hub, drafted)
    officer = SigningKey.unlock(taken.read_bytes(), "an officer's own")
    signed = countersign(drafted, officer)
    assert (await trust.accept(hub, signed)).version == (await trust.current(hub)).version == 3
    with pytest.raises(Conflict, match="stale"):
        await trust.accept(hub, signed)
    with pytest.raises(HubError, match="no-hub-key"):
        keyring.move(hub_settings.keys_dir, hub.vault, "sign", tmp_path / "sign.key", "x")


async def test_a_lost_master_key_is_not_replaced(hub: Hub, hub_settings: Settings, clock: Clock) -> None:
    hub_settings.master_key_file.unlink()
    with pytest.raises(HubError, match="bring it back"):
        await setup.initialise(hub_settings, now=clock)
    assert not hub_settings.master_key_file.exists()
