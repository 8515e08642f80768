"""`hub user`: whoever keeps the accounts sees them, closes one, ends an appointment, sets a password and asks for a code."""

from hub.runtime import Hub
from hub.services import accounts, sessions
from tests.cli.conftest import WIDTH, Say


async def test_accounts_are_shown_with_their_state(say: Say) -> None:
    said = await say("user", "add", "anna", "--display", "Anna", "--role", "supervisor", "--until", "2031-05-31")
    assert (said.exit_code, "/console/enter?token=" in said.output) == (0, True)
    assert (await say("user", "add", "bo", "--display", "Bo", "--role", "administrator")).exit_code == 0
    assert (await say("user", "close", "bo")).output == "bo is closed\n"
    lines = (await say("user", "list")).output.splitlines()
    assert max(map(len, lines)) <= WIDTH
    anna, bo = (next(line.split() for line in lines if f"│ {name} " in line) for name in ("anna", "bo"))
    assert anna[anna.index("supervisor") :] == ["supervisor", "│", "link", "│", "until", "2031-05-31", "│"]
    assert bo[-2:] == ["closed", "│"]


async def test_a_closed_account_signs_nobody_in_until_it_is_opened_again(say: Say) -> None:
    await say("user", "add", "anna", "--display", "Anna", "--role", "steward")
    await say("user", "close", "anna")
    refused = await say("user", "link", "anna")
    assert (refused.exit_code, "account-closed" in refused.output) == (1, True)
    assert (await say("user", "reopen", "anna")).exit_code == 0
    assert (await say("user", "link", "anna")).exit_code == 0
    assert (await say("user", "until", "anna", "2020-01-01")).output == "anna: until 2020-01-01\n"
    assert (await say("user", "link", "anna")).exit_code == 1
    assert "ended 2020-01-01" in (await say("user", "list")).output


async def test_a_password_is_asked_for_twice_and_signs_in(say: Say, hub: Hub) -> None:
    await say("user", "add", "anna", "--display", "Anna", "--role", "steward")
    chosen = "seven tall poplars"
    assert (await say("user", "password", "anna", typed=f"{chosen}\nanother\n")).exit_code == 1
    assert (await say("user", "password", "anna", typed="short\nshort\n")).exit_code == 1
    said = await say("user", "password", "anna", typed=f"{chosen}\n{chosen}\n")
    assert (said.exit_code, chosen in said.output) == (0, False)
    await sessions.sign_in(hub, "anna", chosen)
    address = (await say("user", "code", "anna")).output.strip()
    assert address.startswith("otpauth://totp/")
    (anna,) = await accounts.list_users(hub)
    assert anna.totp_secret
    assert anna.totp_secret in address


async def test_an_unknown_account_is_named(say: Say) -> None:
    for command in (("close", "eve"), ("reopen", "eve"), ("code", "eve"), ("until", "eve", "2030-01-01")):
        said = await say("user", *command)
        assert (said.exit_code, "'eve'" in said.output) == (1, True)
