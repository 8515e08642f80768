"""A hub is made out of nothing, and making it again only adds what is missing."""

import stat

import orjson
import pytest

from certs.trust import verify
from hub.errors import HubError
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


async def test_a_lost_master_key_is_not_replaced(hub: Hub, hub_settings: Settings, clock: Clock) -> None:
    hub_settings.master_key_file.unlink()
    with pytest.raises(HubError, match="bring it back"):
        await setup.initialise(hub_settings, now=clock)
    assert not hub_settings.master_key_file.exists()
