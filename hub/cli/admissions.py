"""`hub member applications`, `admit`, `decline`, `conformance` at a sandbox; `promote`, `approve`; `webhook` and `mtls` at both."""

from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.table import Column

from hub.cli.frame import fail, filing, out, table, with_hub
from hub.errors import NotFound
from hub.runtime import Hub
from hub.services import applications, client_certificates, enrolment, promotion, rehearsals
from hub.services.rehearsals import Line
from hub.storage import members
from hub.storage.members import Member, MemberKey

_ZONE = ZoneInfo("Asia/Shanghai")
_MOST_BYTES = 100_000

Name = Annotated[str, typer.Argument(help="The member's name.")]
Application = Annotated[UUID, typer.Argument(help="As `hub member applications` shows it.")]
By = Annotated[str, typer.Option("--by", help="The administrator who does it, by her name at the console.")]


def list_applications() -> None:
    """Show who applies to this sandbox, and who was admitted."""
    shown = table(Column("application", no_wrap=True), "who applies")
    for found in with_hub(applications.listed):
        keys = ", ".join(f"{key['purpose']} {key['kid'][:8]}" for key in found.keys["keys"])
        state = f"{found.state} until {found.expires_at.astimezone(_ZONE):%Y-%m-%d}"
        who = f"{found.name}: {found.display} {found.display_zh} ({found.kind})"
        shown.add_row(str(found.id), f"{who}\n{state}\n{found.contact}\n{keys}", end_section=True)
    out.print(shown)


def admit(application: Application) -> None:
    """Admit an applicant to this sandbox."""
    name = with_hub(lambda hub: applications.admit(hub, application))
    out.print(f"{name} is in the sandbox; what it has shown: hub member conformance {name}")


def decline(
    application: Application,
    reason: Annotated[str, typer.Option(help="Why; the applicant reads it.")],
) -> None:
    """Decline an application; it is erased a week later."""
    out.print(f"{with_hub(lambda hub: applications.decline(hub, application, reason))} is declined")


def conformance(
    name: Name,
    file: Annotated[
        Path | None, typer.Option("--out", help="Write the signed check-list here, once all is shown.")
    ] = None,
) -> None:
    """Show what the hub has seen of a member's rehearsal; with --out, sign it for the live hub."""

    async def act(hub: Hub) -> tuple[list[Line], str]:
        async with hub.database.read() as connection:
            member = await members.by_name(connection, name)
        if member is None:
            raise NotFound(f"There is no active member named {name}.")
        return await rehearsals.lines(hub, member), await promotion.report(hub, name) if file else ""

    lines, signed = with_hub(act)
    shown = table("item", "first seen")
    for line in lines:
        at = (
            f"{line.seen_at.astimezone(_ZONE):%Y-%m-%d %H:%M}" if line.seen_at else "–" if line.needed else "not needed"
        )
        shown.add_row(line.item, at)
    out.print(shown)
    if file is not None:
        with filing(file, "the check-list was not written"):
            file.write_text(signed + "\n", encoding="ascii")
        out.print(f"{file} is signed; at the live hub: hub member promote {file}", markup=False)


def promote(
    file: Annotated[Path, typer.Argument(help="The check-list, as the sandbox's `hub member conformance` wrote it.")],
    division: Annotated[list[str], typer.Option(help="12-digit division code; may be given several times.")],
    by: By,
) -> None:
    """Propose that a member that passed in the sandbox becomes a live one; a second administrator approves it."""
    with filing(file, "nothing was changed"):
        content = file.read_bytes()[:_MOST_BYTES]
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        fail(f"{file} is no check-list; nothing was changed")
    made = with_hub(lambda hub: promotion.propose(hub, text, division, by))
    out.print(f"{made.name} is proposed; another administrator: hub member approve {made.id} --by …")


def list_promotions() -> None:
    """Show what waits for a second administrator."""
    shown = table(Column("promotion", no_wrap=True), "what is proposed")
    for found in with_hub(promotion.listed):
        until = f"{found.expires_at.astimezone(_ZONE):%Y-%m-%d}"
        shown.add_row(
            str(found.id),
            f"{found.name} for {', '.join(found.divisions)}\nby {found.proposed_by}, until {until}",
            end_section=True,
        )
    out.print(shown)


def approve(
    promotion_id: Annotated[UUID, typer.Argument(help="As `hub member promotions` shows it.")],
    by: By,
) -> None:
    """Enrol a member that was proposed, as a second administrator, and publish the trust list."""
    done = with_hub(lambda hub: promotion.approve(hub, promotion_id, by))
    out.print(f"{done.name} is a member; where it is told is set anew, with a secret of this hub's: hub member webhook")


def webhook(
    name: Name,
    address: Annotated[str, typer.Argument(help="Address that is told when something waits.")],
    secret_file: Annotated[Path, typer.Option(help="File with its Standard Webhooks secret.")],
) -> None:
    """Set where a member is told, in the place of what was set before."""
    with filing(secret_file, "nothing was changed"):
        secret = secret_file.read_text(encoding="utf-8").strip()
    with_hub(lambda hub: enrolment.set_endpoint(hub, name, "webhook", address, secret))
    out.print(f"{name} is told at {address}", markup=False)


def mtls(
    name: Name,
    certificate: Annotated[
        Path | None, typer.Option(help="A certificate (PEM) that its systems connect with, to be taken up.")
    ] = None,
    require: Annotated[
        bool | None, typer.Option("--require/--no-require", help="Its tokens count with its certificates only.")
    ] = None,
) -> None:
    """Take up a member's client certificate, require one, or show what it has; `hub key retire` and `stolen` end one."""
    with filing(certificate, "nothing was changed"):
        pem = certificate.read_bytes()[:_MOST_BYTES] if certificate else b""

    async def act(hub: Hub) -> tuple[Member, list[MemberKey]]:
        if pem:
            await client_certificates.register(hub, name, pem)
        if require is not None:
            await client_certificates.require(hub, name, required=require)
        return await client_certificates.listed(hub, name)

    member, found = with_hub(act)
    out.print(f"{name}: a certificate is {'required' if member.mtls else 'not required'}")
    for key in found:
        state = "stolen" if key.compromised_at else f"until {key.not_after.astimezone(_ZONE):%Y-%m-%d}"
        out.print(f"  {key.kid} {key.jwk['subject']} ({state})", markup=False)


def add_to(member: typer.Typer) -> None:
    """Put the commands beside the others of `hub member`."""
    member.command("applications")(list_applications)
    member.command("promotions")(list_promotions)
    for command in (admit, decline, conformance, promote, approve, webhook, mtls):
        member.command(command.__name__)(command)
