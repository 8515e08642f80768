"""The gateway believes a trust list only as far as it is signed, current and the newest."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.errors import ConfigError, TrustError
from adapters.gateway.config import TrustSettings
from adapters.gateway.spool import Spool
from adapters.gateway.testing.world import World
from adapters.gateway.trust import TrustStore, load_roots
from certs.keys import DecryptionKey, SigningKey

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Hub:
    """Hands out whatever bytes it is given, as the client does."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def trust_list(self) -> bytes:
        return self.data


@pytest.fixture
def world() -> World:
    return World(NOW)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "gateway.db")
    yield opened
    opened.close()


def store(world: World, spool: Spool, now: datetime = NOW, kids: Collection[str] = ()) -> TrustStore:
    roots = [root.public for root in world.roots]
    file = spool._store.path.with_name("trust-list")
    return TrustStore(roots, 2, spool, file, lambda: now, member="yongkang", kids=kids)


async def refresh(trust: TrustStore, data: bytes) -> None:
    await trust.refresh(Hub(data))  # type: ignore[arg-type]


async def test_a_verified_list_outlives_the_process(world: World, spool: Spool) -> None:
    with pytest.raises(TrustError, match="no trust list"):
        store(world, spool).current()
    await refresh(store(world, spool), world.signed_trust_list(NOW))
    assert store(world, spool).current().version == world.version


async def test_an_older_or_different_list_is_refused_even_by_a_new_process(world: World, spool: Spool) -> None:
    older = world.signed_trust_list(NOW)
    world.version += 1
    await refresh(store(world, spool), world.signed_trust_list(NOW))
    with pytest.raises(TrustError) as caught:
        await refresh(store(world, spool), older)
    assert caught.value.code == "rollback-refused"
    world.hub_key = SigningKey.generate()
    other = World(NOW, roots=world.roots, version=world.version)
    with pytest.raises(TrustError) as caught:
        await refresh(store(world, spool), other.signed_trust_list(NOW))
    assert caught.value.code == "rollback-refused"


def enrol(world: World, name: str, *keys: tuple[str, SigningKey | DecryptionKey]) -> None:
    world.enrol(name, [], {"keys": [{**key.public.to_jwk(), "purpose": purpose} for purpose, key in keys]})


@pytest.mark.parametrize("purpose", ["sig", "enc"])
async def test_a_list_with_a_key_in_our_name_that_we_do_not_hold_is_refused(
    world: World, spool: Spool, purpose: str
) -> None:
    own = (("sig", SigningKey.generate()), ("enc", DecryptionKey.generate()))
    kids = [key.kid for _, key in own]
    enrol(world, "huiji", ("sig", SigningKey.generate()))
    enrol(world, "yongkang", *own)
    trust = store(world, spool, kids=kids)
    await refresh(trust, world.signed_trust_list(NOW))
    strange = DecryptionKey.generate() if purpose == "enc" else SigningKey.generate()
    enrol(world, "yongkang", *own, (purpose, strange))
    with capture_logs() as said, pytest.raises(TrustError, match=strange.kid) as caught:
        await refresh(trust, world.signed_trust_list(NOW))
    assert caught.value.code == "foreign-key"
    assert [(line["log_level"], line["keys"]) for line in said] == [("error", [strange.kid])]
    assert trust.current().version == world.version - 1
    # Reported stolen, or past its time, it signs nothing any more and the list is taken.
    late = store(world, spool, now=NOW + timedelta(days=81), kids=kids)
    await refresh(late, world.signed_trust_list(NOW + timedelta(days=81)))


async def test_too_few_signatures_and_stale_lists_are_refused(world: World, spool: Spool) -> None:
    with pytest.raises(TrustError) as caught:
        await refresh(store(world, spool), world.trust_list(NOW).sign(world.roots[0], SigningKey.generate()))
    assert caught.value.code == "too-few-signatures"
    trust = store(world, spool)
    await refresh(trust, world.signed_trust_list(NOW))
    late = store(world, spool, now=NOW + timedelta(days=8))
    with pytest.raises(TrustError) as caught:
        late.current()
    assert caught.value.code == "trust-list-stale"


def test_the_roots_file_must_hold_enough_keys(world: World, tmp_path: Path) -> None:
    path = tmp_path / "roots.json"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_roots(TrustSettings(roots_file=path))
    path.write_text("{}")
    with pytest.raises(ConfigError, match="not a JWKS"):
        load_roots(TrustSettings(roots_file=path))
    path.write_text(json.dumps(world.roots_jwks()))
    assert len(load_roots(TrustSettings(roots_file=path))) == 3
    with pytest.raises(ConfigError, match="threshold"):
        load_roots(TrustSettings(roots_file=path, threshold=4))
