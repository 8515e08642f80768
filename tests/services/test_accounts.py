"""Signing in on a real database: passwords, codes, links, locks, lapsed appointments, sessions."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from hub.errors import Conflict, HubError, Invalid, NotFound, TooMany, Unauthenticated, Unavailable
from hub.runtime import Hub
from hub.services import accounts, guesses, passwords, sessions
from hub.storage import audit
from tests.console import world
from tests.console.world import PASSWORD, Clock

REAL = passwords._HASHER


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Hub, Clock]]:
    async with world.open_world(database_url, tmp_path) as (hub, clock):
        await world.add_users(hub, ["lihua"])
        yield hub, clock


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost next to nothing: how dear they are is not what these tests are about."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._decoy.cache_clear()


def test_the_real_cost_is_no_less_than_the_library_advises() -> None:
    assert REAL.time_cost >= 3
    assert REAL.memory_cost >= 65536
    assert REAL.check_needs_rehash(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))


async def test_a_hash_from_cheaper_days_is_made_anew_at_sign_in(
    here: tuple[Hub, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, _ = here
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    await sessions.sign_in(hub, "lihua", PASSWORD)
    assert "t=2," in await rows(hub, "user_account")


async def acts(hub: Hub) -> list[str]:
    async with hub.database.read() as connection:
        leaves = [await audit.leaf_by_hash(connection, hash_) for _, hash_ in await audit.unplaced(connection, 1000)]
    return [leaf.act for leaf in leaves if leaf is not None]


async def rows(hub: Hub, table: str) -> str:
    async with hub.database.read() as connection:
        return str((await connection.execute(text(f"SELECT * FROM {table}"))).all())  # noqa: S608


def token_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


async def failed(hub: Hub, name: str, password: str, code: str = "", *, address: str = "") -> HubError:
    with pytest.raises(Unauthenticated) as caught:
        await sessions.sign_in(hub, name, password, code, address=address)
    return caught.value


async def test_the_right_password_begins_a_session(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    done = await sessions.sign_in(hub, " LiHua ", PASSWORD)
    session = await sessions.session_of(hub, done.token)
    assert session == done.session
    assert (session.user.name, session.user.region, session.user.region_display_zh) == ("lihua", "yongkang", "永康市")
    assert session.user.visible == (session.user.member_id,)
    assert session.user.may_decide
    assert not session.user.may_overrule
    assert (await acts(hub))[-1] == "sign-in"


async def test_neither_token_nor_password_is_stored(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    done = await sessions.sign_in(hub, "lihua", PASSWORD)
    link = await accounts.make_sign_in_link(hub, "lihua")
    uri = await accounts.require_code(hub, "lihua")
    stored = "".join(
        [await rows(hub, name) for name in ("user_account", "login_session", "sign_in_link", "audit_leaf")]
    )
    for secret in (done.token, token_in(link), PASSWORD, parse_qs(urlsplit(uri).query)["secret"][0]):
        assert secret not in stored


async def test_every_failure_looks_the_same(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    await accounts.create_user(hub, name="linkonly", display="L", roles=["auditor"])
    await accounts.create_user(hub, name="closed", display="C", roles=["auditor"], password=PASSWORD)
    await accounts.set_disabled(hub, "closed", True)
    tries = [("lihua", "wrong"), ("nobody", PASSWORD), ("linkonly", "!"), ("closed", PASSWORD), ("", "")]
    said = {str(await failed(hub, name, password)) for name, password in tries}
    assert len(said) == 1
    assert (await acts(hub))[-5:] == ["sign-in-failed"] * 5


async def test_what_was_typed_as_a_name_is_not_kept(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    await failed(hub, "my secret password", "x")
    async with hub.database.read() as connection:
        hashes = [hash_ for _, hash_ in await audit.unplaced(connection, 1000)]
        leaf = await audit.leaf_by_hash(connection, hashes[-1])
    assert leaf is not None
    assert leaf.content is not None
    assert b"secret" not in hub.vault.open(leaf.content)


async def test_five_wrong_tries_lock_and_the_lock_grows(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    for _ in range(5):
        await failed(hub, "lihua", "wrong")
    await failed(hub, "lihua", PASSWORD)
    clock.forward(seconds=59)
    await failed(hub, "lihua", PASSWORD)
    clock.forward(seconds=2)
    await failed(hub, "lihua", "wrong")  # the sixth: locked for two minutes
    clock.forward(seconds=61)
    await failed(hub, "lihua", PASSWORD)
    clock.forward(seconds=61)
    await sessions.sign_in(hub, "lihua", PASSWORD)
    for _ in range(4):
        await failed(hub, "lihua", "wrong")
    await sessions.sign_in(hub, "lihua", PASSWORD)


async def test_the_lock_never_lasts_more_than_an_hour(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    for _ in range(14):
        await failed(hub, "lihua", "wrong")
        clock.forward(seconds=3601)
    await failed(hub, "lihua", "wrong")
    clock.forward(seconds=3599)
    await failed(hub, "lihua", PASSWORD)
    clock.forward(seconds=2)
    await sessions.sign_in(hub, "lihua", PASSWORD)


async def test_a_stranger_at_one_address_locks_out_nobody_elsewhere(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    for _ in range(5):
        await failed(hub, "lihua", "wrong", address="2001:db8:1:2::7")
    for _ in range(40):
        await failed(hub, "lihua", PASSWORD, address="2001:db8:1:2:ffff::8")
        clock.forward(seconds=1)
    await sessions.sign_in(hub, "lihua", PASSWORD, address="192.0.2.9")


async def test_over_all_addresses_an_account_takes_a_hundred_failures_an_hour(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    for number in range(guesses.MOST):
        await failed(hub, "lihua", "wrong", address=f"192.0.2.{number}")
    await failed(hub, "lihua", PASSWORD, address="198.51.100.1")
    await failed(hub, "lihua", PASSWORD, address="198.51.100.2")
    assert (await acts(hub)).count("sign-in-locked") == 1
    clock.forward(seconds=guesses.WINDOW / guesses.MOST)
    await sessions.sign_in(hub, "lihua", PASSWORD, address="198.51.100.3")


async def guessed(hub: Hub, addresses: Iterable[str], each: int = 5) -> None:
    """Wrong tries from many addresses, counted as sign-in counts them."""
    for address in addresses:
        for _ in range(each):
            async with hub.database.begin() as connection:
                await guesses.count(hub, connection, "lihua", address)


async def test_the_many_addresses_of_one_customer_lock_out_nobody_elsewhere(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    await guessed(hub, [f"2001:db8:1:{number:x}::7" for number in range(30)])
    async with hub.database.read() as connection:
        counted = (await connection.execute(text("SELECT failures FROM user_account"))).scalar_one()
    assert counted == guesses.FREE_TRIES_OF_48
    await failed(hub, "lihua", PASSWORD, address="2001:db8:1:ffff::1")
    await sessions.sign_in(hub, "lihua", PASSWORD, address="2001:db8:2::1")


async def test_two_neighbours_do_not_lock_out_each_other(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    await guessed(hub, ["2001:db8:1:1::7"])
    await sessions.sign_in(hub, "lihua", PASSWORD, address="2001:db8:1:2::1")


async def test_where_somebody_signed_in_before_the_common_bound_does_not_hold(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    strangers = [f"2001:db8:{number:x}::7" for number in range(1, 31)]
    await sessions.sign_in(hub, "lihua", PASSWORD, address="192.0.2.9")
    clock.forward(days=29)
    await guessed(hub, strangers)
    await failed(hub, "lihua", PASSWORD, address="198.51.100.1")
    for _ in range(4):
        await failed(hub, "lihua", "wrong", address="192.0.2.9")
    await sessions.sign_in(hub, "lihua", PASSWORD, address="192.0.2.9")
    for _ in range(5):
        await failed(hub, "lihua", "wrong", address="192.0.2.9")
    await failed(hub, "lihua", PASSWORD, address="192.0.2.9")


async def test_an_address_is_known_for_thirty_days_and_to_one_account(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    await world.add_users(hub, ["zhouping"])
    await sessions.sign_in(hub, "lihua", PASSWORD, address="192.0.2.9")
    await sessions.sign_in(hub, "zhouping", PASSWORD, address="192.0.2.8")
    clock.forward(days=30)
    await sessions.sign_in(hub, "zhouping", PASSWORD, address="192.0.2.7")
    await guessed(hub, [f"198.51.100.{number}" for number in range(30)])
    for address in ("192.0.2.9", "192.0.2.7"):
        await failed(hub, "lihua", PASSWORD, address=address)


async def test_how_many_addresses_are_known_is_bounded(
    here: tuple[Hub, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, _ = here
    monkeypatch.setattr(guesses, "_MOST_KNOWN", 2)
    for number in (1, 2, 1, 3):
        await sessions.sign_in(hub, "lihua", PASSWORD, address=f"192.0.2.{number}")
    assert [place for _, place in guesses._memory(hub).known] == ["192.0.2.1", "192.0.2.3"]


async def test_a_new_password_lifts_a_lock(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    for _ in range(6):
        await failed(hub, "lihua", "wrong")
    await accounts.set_password(hub, "lihua", "another calm heron")
    await sessions.sign_in(hub, "lihua", "another calm heron")


async def test_the_log_has_the_first_failure_and_the_locks(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    before = len(await acts(hub))
    for _ in range(20):
        await failed(hub, "lihua", "wrong")
        await failed(hub, "nobody", "wrong")
        clock.forward(seconds=5)
    assert sorted((await acts(hub))[before:]) == ["sign-in-failed"] * 2 + ["sign-in-locked"] * 4


async def test_one_address_cannot_fill_the_log_with_names(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    before = len(await acts(hub))
    for number in range(60):
        await failed(hub, f"name {number}", "wrong", address="192.0.2.1")
        clock.forward(seconds=2)
    assert len(await acts(hub)) - before <= 32
    for number in range(guesses.TRIES_A_MINUTE):
        await failed(hub, f"other {number}", "wrong", address="192.0.2.3")
    with pytest.raises(TooMany) as caught:
        await sessions.sign_in(hub, "lihua", PASSWORD, address="192.0.2.3")
    assert (caught.value.status, caught.value.code, caught.value.retry) == (429, "too-many", "NORMAL")


async def test_guesses_at_once_count_like_guesses_in_a_row(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    await asyncio.gather(*(failed(hub, "lihua", f"guess {n}") for n in range(8)))
    async with hub.database.read() as connection:
        counted = (await connection.execute(text("SELECT failures FROM user_account"))).scalar_one()
    assert counted == 5  # the other three met the lock
    await failed(hub, "lihua", PASSWORD)


async def test_a_flood_waits_in_a_bounded_line(here: tuple[Hub, Clock]) -> None:
    results = await asyncio.gather(
        *(passwords.verify(passwords.UNUSABLE, "x") for _ in range(24)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 4
    assert {error.code for error in refused} == {"too-many"}
    assert [result for result in results if not isinstance(result, Unavailable)] == [False] * 20


async def test_a_code_is_asked_for_and_counts_once(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    uri = await accounts.require_code(hub, "lihua")
    totp = pyotp.parse_uri(uri)
    assert isinstance(totp, pyotp.TOTP)
    await failed(hub, "lihua", PASSWORD)
    await failed(hub, "lihua", PASSWORD, "000000" if totp.at(clock.at) != "000000" else "111111")
    code = totp.at(clock.at)
    await failed(hub, "lihua", "wrong", code)
    await sessions.sign_in(hub, "lihua", PASSWORD, f"{code[:3]} {code[3:]}")
    await failed(hub, "lihua", PASSWORD, code)
    clock.forward(seconds=30)
    await sessions.sign_in(hub, "lihua", PASSWORD, totp.at(clock.at))
    clock.forward(seconds=120)
    await failed(hub, "lihua", PASSWORD, totp.at(clock.at - timedelta(seconds=60)))


async def test_a_link_signs_in_once_and_for_a_while(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    link = await accounts.make_sign_in_link(hub, "lihua")
    assert link.startswith(f"{hub.settings.base_url}/console/enter?token=")
    done = await sessions.enter(hub, token_in(link))
    assert done.session.user.name == "lihua"
    with pytest.raises(Unauthenticated, match="link-spent"):
        await sessions.enter(hub, token_in(link))
    late = await accounts.make_sign_in_link(hub, "lihua", seconds=60)
    clock.forward(seconds=61)
    with pytest.raises(Unauthenticated, match="link-spent"):
        await sessions.enter(hub, token_in(late))
    with pytest.raises(NotFound):
        await accounts.make_sign_in_link(hub, "nobody")


async def test_a_link_used_twice_at_once_signs_in_once(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    token = token_in(await accounts.make_sign_in_link(hub, "lihua"))
    results = await asyncio.gather(*(sessions.enter(hub, token) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, sessions.SignedIn) for result in results) == 1


async def test_a_session_ends_with_its_time_its_sign_out_and_a_new_password(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    first, second, third = [await sessions.sign_in(hub, "lihua", PASSWORD) for _ in range(3)]
    await sessions.sign_out(hub, first.token, first.session.user)
    with pytest.raises(Unauthenticated, match="signed-out"):
        await sessions.session_of(hub, first.token)
    await accounts.set_password(hub, "lihua", "another calm heron")
    with pytest.raises(Unauthenticated, match="signed-out"):
        await sessions.session_of(hub, second.token)
    fourth = await sessions.sign_in(hub, "lihua", "another calm heron")
    clock.forward(seconds=hub.settings.session_seconds - 1)
    await sessions.session_of(hub, fourth.token)
    clock.forward(seconds=1)
    for token in (third.token, fourth.token, "", "never made"):
        with pytest.raises(Unauthenticated, match="signed-out"):
            await sessions.session_of(hub, token)


async def test_an_appointment_that_ends_ends_the_session(here: tuple[Hub, Clock]) -> None:
    hub, clock = here
    await accounts.set_expiry(hub, "lihua", clock.at + timedelta(hours=1))
    done = await sessions.sign_in(hub, "lihua", PASSWORD)
    assert done.session.expires_at == clock.at + timedelta(hours=1)
    await accounts.set_expiry(hub, "lihua", clock.at + timedelta(minutes=30))
    clock.forward(minutes=31)
    with pytest.raises(Unauthenticated, match="appointment-ended"):
        await sessions.session_of(hub, done.token)
    assert (await failed(hub, "lihua", PASSWORD)).code == "appointment-ended"
    assert (await failed(hub, "lihua", "wrong")).code == "sign-in-failed"


async def test_a_closed_account_has_no_session_and_gets_no_link(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    done = await sessions.sign_in(hub, "lihua", PASSWORD)
    link = await accounts.make_sign_in_link(hub, "lihua")
    await accounts.set_disabled(hub, "lihua", True)
    with pytest.raises(Unauthenticated, match="signed-out"):
        await sessions.session_of(hub, done.token)
    with pytest.raises(Unauthenticated, match="link-spent"):
        await sessions.enter(hub, token_in(link))
    with pytest.raises(Invalid, match="account-closed"):
        await accounts.make_sign_in_link(hub, "lihua")
    await accounts.set_disabled(hub, "lihua", False)
    await sessions.sign_in(hub, "lihua", PASSWORD)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"name": "lihua"}, Conflict),
        ({"name": "李华"}, Invalid),
        ({"name": "x"}, Invalid),
        ({"roles": []}, Invalid),
        ({"roles": ["king"]}, Invalid),
        ({"language": "fr"}, Invalid),
        ({"password": "short"}, Invalid),
        ({"password": "aaaaaaaaaaaa"}, Invalid),
        ({"member": "atlantis"}, NotFound),
    ],
)
async def test_an_account_that_cannot_be_is_refused(
    here: tuple[Hub, Clock], given: dict[str, object], kind: type[HubError]
) -> None:
    hub, _ = here
    before = [account.name for account in await accounts.list_users(hub)]
    wanted: dict[str, object] = {"name": "newcomer", "display": "N", "roles": ["steward"], "password": PASSWORD} | given
    with pytest.raises(kind):
        await accounts.create_user(hub, **wanted)  # type: ignore[arg-type]
    assert [account.name for account in await accounts.list_users(hub)] == before


async def test_the_language_of_the_screens_is_kept(here: tuple[Hub, Clock]) -> None:
    hub, _ = here
    done = await sessions.sign_in(hub, "lihua", PASSWORD)
    await sessions.set_language(hub, done.session.user, "en")
    assert (await sessions.session_of(hub, done.token)).user.language == "en"
    with pytest.raises(Invalid):
        await sessions.set_language(hub, done.session.user, "fr")
