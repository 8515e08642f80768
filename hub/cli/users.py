"""`hub user`: the people who sign in to the console, what they may do, and until when."""

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Column

from hub.cli.frame import out, table, with_hub
from hub.runtime import Hub
from hub.services import accounts, passwords, steward_tokens
from hub.services.sessions import HUB_REGION
from hub.storage import members
from hub.storage.accounts import Account

user = typer.Typer(no_args_is_help=True, help="People who sign in to the console.")

_ZONE = ZoneInfo("Asia/Shanghai")
Name = Annotated[str, typer.Argument(help="The account's name, as `hub user list` shows it.")]


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    display: Annotated[str, typer.Option(help="Name that others see.")],
    role: Annotated[list[str], typer.Option(help="steward, supervisor, administrator or auditor.")],
    region: Annotated[
        str | None, typer.Option(help="The member whose records she may see; none for the hub's staff.")
    ] = None,
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the appointment; default: without end.")
    ] = None,
) -> None:
    """Make an account and print a link to sign in with once."""
    end = _end(until) if until else None

    async def act(hub: Hub) -> str:
        await accounts.create_user(
            hub, name=name, display=display, roles=role, member=region, language=language, expires_at=end
        )
        return await accounts.make_sign_in_link(hub, name)

    out.print(with_hub(act), markup=False)


@user.command("list")
def list_users() -> None:
    """Show the accounts: whose they are, what they may do, how they sign in, and until when."""

    async def act(hub: Hub) -> tuple[list[Account], dict[int, str], datetime]:
        async with hub.database.read() as connection:
            regions = {member.id: member.name for member in await members.all_members(connection)}
        return await accounts.list_users(hub), regions, hub.now()

    found, regions, now = with_hub(act)
    shown = table("name", "display", "region", "roles", "signs in by", Column("state", no_wrap=True))
    for one in found:
        region = HUB_REGION if one.member_id is None else regions[one.member_id]
        shown.add_row(one.name, one.display, region, ", ".join(one.roles), _signs_in(one), _state(one, now))
    out.print(shown)


@user.command("token")
def steward_token(
    name: Name,
    ttl: Annotated[int | None, typer.Option(min=1, max=86400, help="Seconds the token lives.")] = None,
) -> None:
    """Print an access token for the operations at /fhir that only stewards and supervisors may use."""
    print(with_hub(lambda hub: steward_tokens.issue(hub, name, ttl)))  # noqa: T201 - for use in a shell


@user.command("link")
def sign_in_link(name: Name) -> None:
    """Print a link to sign in with once."""
    out.print(with_hub(lambda hub: accounts.make_sign_in_link(hub, name)), markup=False)


@user.command("password")
def password(name: Name) -> None:
    """Set a password to sign in with; asks for it. Whoever is signed in with the account is signed out."""
    chosen = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    with_hub(lambda hub: accounts.set_password(hub, name, chosen))
    out.print(f"{name} signs in with this password from now on", markup=False)


@user.command("code")
def code(name: Name) -> None:
    """Ask for a one-time code beside the password from now on; prints the address for an authenticator, this once."""
    out.print(with_hub(lambda hub: accounts.require_code(hub, name)), markup=False)


@user.command("until")
def until(
    name: Name, last_day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Last day of the appointment.")]
) -> None:
    """Set the last day of an appointment; after it nobody signs in with the account and no session goes on."""
    with_hub(lambda hub: accounts.set_expiry(hub, name, _end(last_day)))
    out.print(f"{name}: until {last_day:%Y-%m-%d}", markup=False)


@user.command("close")
def close(name: Name) -> None:
    """Close an account: its sessions end, and nobody signs in with it. What it decided stays."""
    with_hub(lambda hub: accounts.set_disabled(hub, name, True))
    out.print(f"{name} is closed", markup=False)


@user.command("reopen")
def reopen(name: Name) -> None:
    """Open a closed account again."""
    with_hub(lambda hub: accounts.set_disabled(hub, name, False))
    out.print(f"{name} is open again", markup=False)


def _end(last_day: datetime) -> datetime:
    """The moment after that day, which is one of China's."""
    return last_day.replace(tzinfo=_ZONE) + timedelta(days=1)


def _signs_in(account: Account) -> str:
    if account.password_hash == passwords.UNUSABLE:
        return "link"
    return "password and code" if account.totp_secret else "password"


def _state(account: Account, now: datetime) -> str:
    if account.disabled:
        return "closed"
    if account.expires_at is None:
        return ""
    word = "ended" if accounts.is_closed(account, now) else "until"
    return f"{word} {account.expires_at.astimezone(_ZONE) - timedelta(microseconds=1):%Y-%m-%d}"
