"""Members and their keys: named once, each division answered for once, only public keys, each for one purpose."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from certs.keys import DecryptionKey, SigningKey
from hub.errors import Conflict, HubError, Invalid, NotFound
from hub.runtime import Hub
from hub.services import enrolment, trust
from hub.storage import members
from tests.hubs import Clock, Enrolled, acts, enrol

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
YONGKANG = {
    "name": "yongkang",
    "kind": "county",
    "display": "Yongkang",
    "display_zh": "永康市",
    "divisions": ["330784000000"],
}


async def add(hub: Hub, **changes: Any) -> str:
    return (await enrolment.add_member(hub, **(YONGKANG | changes))).name


async def test_enrolling_twice_is_enrolling_once(hub: Hub) -> None:
    assert await asyncio.gather(*(add(hub) for _ in range(4))) == ["yongkang"] * 4
    assert [act["member"] for act in await acts(hub, "enrol")] == ["hub", "yongkang"]
    for changes, code in (
        ({"display": "Somebody else"}, "name-taken"),
        ({"name": "other"}, "division-taken"),
        ({"name": "hub", "divisions": []}, "name-taken"),
    ):
        with pytest.raises(Conflict) as caught:
            await add(hub, **changes)
        assert caught.value.code == code


UNLISTABLE: list[dict[str, Any]] = [
    {"kind": "hub"},
    {"name": "Yongkang"},
    {"name": ""},
    {"name": "a" * 64},
    {"display": ""},
    {"display_zh": "永" * 200},
    {"divisions": ["330784"]},
    {"divisions": ["33078400000x"]},
]


async def test_what_could_not_be_listed_is_not_enrolled(hub: Hub) -> None:
    for changes in UNLISTABLE:
        with pytest.raises(Invalid):
            await add(hub, **changes)


async def test_keys_are_taken_up_once_for_one_member_and_purpose(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    same = {"keys": [{**yongkang.sig.public.to_jwk(), "purpose": "sig"}]}
    assert await enrolment.add_keys(hub, "yongkang", same) == []
    for name, purpose in (("huiji", "sig"), ("yongkang", "auth")):
        with pytest.raises(Conflict) as caught:
            await enrolment.add_keys(hub, name, {"keys": [{**yongkang.sig.public.to_jwk(), "purpose": purpose}]})
        assert caught.value.code == "key-taken"
    with pytest.raises(NotFound):
        await enrolment.add_keys(hub, "nobody", same)


NO_KEYS: list[dict[str, Any]] = [
    {},
    {"keys": []},
    {"keys": ["x"]},
    {"keys": [SigningKey.generate().public.to_jwk()]},
    {"keys": [{**SigningKey.generate().public.to_jwk(), "purpose": "root"}]},
    {"keys": [{**SigningKey.generate().to_jwk(), "purpose": "sig"}]},
    {"keys": [{**SigningKey.generate().to_jwk(), "purpose": "auth"}]},
    {"keys": [{**DecryptionKey.generate().to_jwk(), "purpose": "enc"}]},
    {"keys": [{**SigningKey.generate().public.to_jwk(), "purpose": "enc"}]},
    {"keys": [{**DecryptionKey.generate().public.to_jwk(), "purpose": "sig"}]},
    {"keys": [{**SigningKey.generate().public.to_jwk(), "purpose": "sig", "kid": "mine"}]},
]


async def test_only_public_keys_of_a_stated_purpose_are_taken_up(hub: Hub, yongkang: Enrolled) -> None:
    for jwks in NO_KEYS:
        with pytest.raises(Invalid):
            await enrolment.add_keys(hub, "yongkang", jwks)


async def test_one_bad_key_keeps_all_of_them_out(hub: Hub, yongkang: Enrolled) -> None:
    good = SigningKey.generate()
    pair = [{**good.public.to_jwk(), "purpose": "sig"}, {**SigningKey.generate().to_jwk(), "purpose": "sig"}]
    with pytest.raises(Invalid):
        await enrolment.add_keys(hub, "yongkang", {"keys": pair})
    assert good.kid not in {key.kid for key in (await trust.publish(hub)).member("yongkang").keys}


async def test_the_list_holds_what_others_need_and_no_more(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    partner = await enrol(hub, "jinjiang", ["350582000000"], kind="partner")
    listed = await trust.current(hub)
    keys = {key.kid: key for key in listed.member("yongkang").keys}
    assert set(keys) == {yongkang.sig.kid, yongkang.enc.kid}
    assert keys[yongkang.sig.kid].types == {"birth-certificate", "contraception-report", "marriage-certificate"}
    assert listed.key(partner.sig.kid).types == frozenset()
    assert listed.encryption_key("yongkang", clock()).kid == yongkang.enc.kid
    assert listed.member_for_division("330784101000").name == "yongkang"
    assert keys[yongkang.enc.kid].naf == clock() + timedelta(days=90)


async def test_where_a_member_is_told_is_in_the_log_by_its_host_and_nothing_more(hub: Hub, yongkang: Enrolled) -> None:
    first, second = "https://hooks.example/in/token-1", "https://other.example:8443/in"
    for address, secret in ((first, SECRET), (second, SECRET + "x")):
        await enrolment.set_endpoint(hub, "yongkang", "webhook", address, secret)
    async with hub.database.read() as connection:
        (found,) = await members.endpoints(connection, hub.vault)
    assert (found.member_id, found.address, found.secret) == (yongkang.member.id, second, SECRET + "x")
    about = {"member": "yongkang", "channel": "webhook", "actor": "operator"}
    assert await acts(hub, "set-endpoint") == [{**about, "host": "hooks.example"}, {**about, "host": "other.example"}]


NO_ENDPOINTS = [
    ("webhook", "ftp://hooks.example/", SECRET),
    ("webhook", "hooks.example", SECRET),
    ("webhook", "https:///in", SECRET),
    ("webhook", "https://[hooks.example/", SECRET),
    ("webhook", "https://me:secret@hooks.example/", SECRET),
    ("webhook", "https://hooks.example/", ""),
    ("pigeon", "https://hooks.example/", SECRET),
]


async def test_what_is_no_endpoint_is_neither_set_nor_noted(hub: Hub, yongkang: Enrolled) -> None:
    for channel, address, secret in NO_ENDPOINTS:
        with pytest.raises(Invalid) as refused:
            await enrolment.set_endpoint(hub, "yongkang", channel, address, secret)
        assert refused.value.code == "bad-endpoint"
    with pytest.raises(NotFound):
        await enrolment.set_endpoint(hub, "nobody", "webhook", "https://hooks.example/", SECRET)
    async with hub.database.read() as connection:
        assert await members.endpoints(connection, hub.vault) == []
    assert await acts(hub, "set-endpoint") == []


async def test_a_stolen_key_is_in_the_next_list_at_once(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    before = await trust.current(hub)
    clock.advance(hours=3)
    since = clock() - timedelta(hours=1)
    published = await enrolment.report_stolen(hub, yongkang.sig.kid, since)
    assert published.version == before.version + 1
    assert (await trust.current(hub)).key(yongkang.sig.kid).compromised_at == since
    with pytest.raises(NotFound):
        await enrolment.report_stolen(hub, "unknown", since)
    with pytest.raises(Invalid):
        await enrolment.report_stolen(hub, yongkang.sig.kid, clock() + timedelta(minutes=1))


async def test_a_list_is_published_anew_when_half_of_its_life_is_over(hub: Hub, clock: Clock) -> None:
    assert await trust.publish_if_due(hub) is None
    clock.advance(days=3, hours=11)
    assert await trust.publish_if_due(hub) is None
    clock.advance(hours=1)
    versions = await asyncio.gather(*(trust.publish_if_due(hub) for _ in range(4)))
    assert sorted(version for version in versions if version) == [2]


async def test_two_roots_are_enough_and_one_is_not(hub: Hub) -> None:
    (hub.settings.keys_dir / "root-2.key").unlink()
    assert (await trust.publish(hub)).version == 2
    assert (await trust.current(hub)).version == 2
    (hub.settings.keys_dir / "root-1.key").unlink()
    with pytest.raises(HubError) as caught:
        await trust.publish(hub)
    assert caught.value.code == "no-roots"


async def test_without_pinned_roots_nothing_is_believed(hub: Hub) -> None:
    trust.roots_file(hub.settings).write_text("{}")
    with pytest.raises(HubError, match="not a JWKS"):
        await trust.current(hub)
    trust.roots_file(hub.settings).unlink()
    with pytest.raises(HubError, match="hub init"):
        await trust.current(hub)
