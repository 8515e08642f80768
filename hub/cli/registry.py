"""`hub member`, `hub agreement`, `hub key`: who takes part and on what terms."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.table import Column

import certs.trust
from certs.keys import SigningKey
from hub.cli.frame import explained, fail, filing, out, table, with_hub
from hub.domain.policy import KNOWN_KINDS, PURPOSES, Agreement
from hub.domain.quotas import Quota
from hub.domain.scopes import EVERYTHING
from hub.runtime import Hub
from hub.services import allowances, enrolment, terms, tokens, trust
from hub.storage import keyring, members
from hub.storage.ids import new_id

member = typer.Typer(no_args_is_help=True, help="Members of the exchange.")
agreement = typer.Typer(no_args_is_help=True, help="What two regions settled about their exchange.")
key = typer.Typer(no_args_is_help=True, help="Members' public keys and the trust list.")

_ZONE = ZoneInfo("Asia/Shanghai")


def _keys_in(file: Path) -> dict[str, Any]:
    """The public keys in a file, or the end with a sentence."""
    try:
        with filing(file, "nothing was changed"):
            found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        fail(f"{file} cannot be read as JSON; nothing was changed. `gateway keygen` prints what belongs into it.")
    if not isinstance(found, dict):
        fail(f"{file} holds no set of keys (JWKS); nothing was changed. `gateway keygen` prints what belongs into it.")
    return found


@member.command("add")
def add_member(
    name: Annotated[str, typer.Argument(help="Short name: small letters, digits, hyphens.")],
    division: Annotated[list[str], typer.Option(help="12-digit division code; may be given several times.")],
    display: Annotated[str, typer.Option(help="Name in English.")],
    display_zh: Annotated[str, typer.Option(help="Name in Chinese.")],
    kind: Annotated[str, typer.Option(help="county or partner")] = "county",
    jwks: Annotated[Path | None, typer.Option(help="Public keys, as `gateway keygen` prints them.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Address that is told when something waits.")] = None,
    webhook_secret_file: Annotated[Path | None, typer.Option(help="File with its Standard Webhooks secret.")] = None,
    unique_records: Annotated[bool, typer.Option(help="It holds one live record a person.")] = False,
) -> None:
    """Enrol a member, take up its keys, and publish the trust list."""
    document = _keys_in(jwks) if jwks else None
    if bool(webhook) != bool(webhook_secret_file):
        fail("--webhook and --webhook-secret-file go together")
    with filing(webhook_secret_file, "nothing was changed"):
        secret = webhook_secret_file.read_text().strip() if webhook_secret_file else ""

    async def act(hub: Hub) -> int:
        await enrolment.add_member(
            hub, name=name, kind=kind, display=display, display_zh=display_zh, divisions=division
        )
        if document is not None:
            await enrolment.add_keys(hub, name, document)
        if webhook:
            await enrolment.set_endpoint(hub, name, "webhook", webhook, secret)
        if unique_records:
            await enrolment.promise_unique(hub, name, unique=True)
        return (await trust.publish(hub)).version

    out.print(f"{name} is enrolled; trust list version {with_hub(act)}")


@member.command("set")
def set_member(
    name: Annotated[str, typer.Argument(help="The member's name.")],
    unique_records: Annotated[bool, typer.Option(help="It holds one live record a person.")],
) -> None:
    """Note what a member promises of its records. Counts for arriving records at once, for stored ones overnight."""
    with_hub(lambda hub: enrolment.promise_unique(hub, name, unique=unique_records))
    out.print(f"{name}: {'one live record a person' if unique_records else 'several records of one person'}")


@member.command("list")
def list_members() -> None:
    """Show the members."""

    async def act(hub: Hub) -> tuple[list[members.Member], dict[int, Quota]]:
        async with hub.database.read() as connection:
            return await members.all_members(connection), await allowances.listed(hub)

    shown = table("name", "kind", "display", "divisions", "records", "quota")
    listed, quotas = with_hub(act)
    for found in listed:
        records = "one a person" if found.unique_records else ""
        shown.add_row(
            found.name,
            found.kind,
            f"{found.display} {found.display_zh}",
            ", ".join(found.divisions),
            records,
            "" if found.kind == "hub" else _quota(quotas[found.id]),
        )
    out.print(shown)


@member.command("quota")
def quota(
    name: Annotated[str, typer.Argument(help="The member's name.")],
    per_second: Annotated[float | None, typer.Option(min=0.001, help="Requests a second, over all processes.")] = None,
    burst: Annotated[int | None, typer.Option(min=1, help="Requests at one go before the rate counts.")] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="Requests that one process works on at once.")] = None,
    bytes_a_day: Annotated[int | None, typer.Option(min=2**20, help="Bytes of bodies in a day.")] = None,
    common: Annotated[bool, typer.Option("--common", help="Begin from what all members have.")] = False,
) -> None:
    """Set how much a member may ask; what is not given stays. It counts everywhere within ten seconds."""
    changed = with_hub(
        lambda hub: allowances.change(
            hub, name, per_second=per_second, burst=burst, at_once=at_once, bytes_a_day=bytes_a_day, common=common
        )
    )
    out.print(f"{name}: {_quota(changed)}")


@member.command("scopes")
def set_scopes(
    name: Annotated[str, typer.Argument(help="The member's name.")],
    scope: Annotated[list[str] | None, typer.Argument(help=f"{EVERYTHING}, or such as system/Patient.rs.")] = None,
) -> None:
    """Set what a member's tokens may open at most, or show it. It counts for those that it has within ten seconds."""
    out.print(f"{name}: {with_hub(lambda hub: enrolment.set_scopes(hub, name, scope or ()))}")


def _quota(quota: Quota) -> str:
    return (
        f"{quota.per_second:g} requests a second, {quota.burst} at one go, {quota.at_once} at once, "
        f"{quota.bytes_a_day / 2**20:,.0f} MiB a day"
    )


@member.command("token")
def token(
    name: Annotated[str, typer.Argument(help="The member's name.")],
    ttl: Annotated[int | None, typer.Option(min=1, max=86400, help="Seconds the token lives.")] = None,
    scope: Annotated[
        str, typer.Option(help="Scopes with spaces between; all that the member may when not given.")
    ] = "",
) -> None:
    """Print an access token, for trying the interface by hand."""
    print(with_hub(lambda hub: tokens.issue_token_for(hub, name, ttl, scope)))  # noqa: T201 - for use in a shell


@key.command("add")
def add_keys(
    name: Annotated[str, typer.Argument(help="The member's name.")],
    jwks: Annotated[Path, typer.Argument(help="Public keys, as `gateway keygen` prints them.")],
) -> None:
    """Take up a member's public keys and publish the trust list."""
    document = _keys_in(jwks)

    async def act(hub: Hub) -> tuple[int, int]:
        added = await enrolment.add_keys(hub, name, document)
        return len(added), (await trust.publish(hub)).version

    number, version = with_hub(act)
    out.print(f"{number} new keys; trust list version {version}")


@key.command("stolen")
def stolen(
    kid: Annotated[str, typer.Argument(help="The key's name.")],
    since: Annotated[datetime, typer.Option(help="Local time of the theft.")],
) -> None:
    """Report a key as stolen: of what it signed only what the log held before counts."""
    moment = since.replace(tzinfo=since.tzinfo or _ZONE)
    version = with_hub(lambda hub: enrolment.report_stolen(hub, kid, moment)).version
    out.print(f"published in trust list version {version}")


@key.command("retire")
def retire(kid: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """End a key whose place another has taken: what it signed stays good."""
    out.print(f"published in trust list version {with_hub(lambda hub: enrolment.retire_key(hub, kid)).version}")


@key.command("publish")
def publish() -> None:
    """Sign and publish the trust list anew."""
    out.print(f"trust list version {with_hub(trust.publish).version}")


@key.command("draft")
def draft(file: Annotated[Path, typer.Argument(help="Where the list is written.")]) -> None:
    """Write the next trust list for officers to sign, where the root keys are kept apart from the hub."""
    drafted = with_hub(trust.draft)
    with filing(file, "nothing was published; draft it again to another place"):
        file.write_bytes(drafted)
    out.print(f"{file} is signed by the roots that are here; have it countersigned, then: hub key accept", markup=False)


@key.command("take-root")
def take_root(
    name: Annotated[str, typer.Argument(help="root-1, root-2 or root-3.")],
    file: Annotated[Path, typer.Argument(help="Where its officer keeps it, on a medium of her own.")],
) -> None:
    """Move a root key off the hub into a file that its officer's passphrase closes."""
    if name not in keyring.ROOTS:
        fail(f"only {', '.join(keyring.ROOTS)} may be taken away; {name} is none of them, and nothing was changed")
    passphrase = typer.prompt("Passphrase of the officer", hide_input=True, confirmation_prompt=True)

    async def act(hub: Hub) -> None:
        await asyncio.to_thread(keyring.move, hub.settings.keys_dir, hub.vault, name, file, passphrase)

    with filing(file, f"{name} is still at the hub"):
        with_hub(act)
    out.print(f"{name} is in {file} only; without it and its passphrase it cannot sign any more", markup=False)


@key.command("countersign")
def countersign(
    file: Annotated[Path, typer.Argument(exists=True, help="The drafted list.")],
    root: Annotated[Path, typer.Argument(exists=True, help="The officer's root key, as `hub key take-root` wrote it.")],
) -> None:
    """Add a root's signature to a drafted list; needs no hub, and is done on the officer's own machine."""
    with explained():
        signer = SigningKey.unlock(root.read_bytes(), typer.prompt("Passphrase", hide_input=True))
        file.write_bytes(certs.trust.countersign(file.read_bytes(), signer))
    out.print(f"{file} is countersigned", markup=False)


@key.command("accept")
def accept(file: Annotated[Path, typer.Argument(exists=True, help="The drafted list, signed by two roots.")]) -> None:
    """Publish a list that enough roots have signed."""
    out.print(f"trust list version {with_hub(lambda hub: trust.accept(hub, file.read_bytes())).version}")


@agreement.command("add")
def add_agreement(
    title: Annotated[str, typer.Argument(help="What the agreement is called.")],
    from_member: Annotated[str, typer.Option("--from", help="The member that sends.")],
    to_member: Annotated[str, typer.Option("--to", help="The member that receives.")],
    kind: Annotated[list[str], typer.Option(help=f"Record kind: {', '.join(sorted(KNOWN_KINDS))}")],
    purpose: Annotated[list[str], typer.Option(help=f"Purpose: {', '.join(sorted(PURPOSES))}")],
    years: Annotated[float, typer.Option(min=0.01, max=50, help="How long it is in force.")] = 3,
    answer_days: Annotated[int, typer.Option(min=1, max=250, help="Working days in which a message is answered.")] = 15,
    case_required: Annotated[bool, typer.Option(help="Only with an open case (`hub case`).")] = False,
    bulk: Annotated[bool, typer.Option(help="Records of people may be exported together ($export).")] = False,
) -> None:
    """Enter an agreement: one direction, named kinds and purposes."""

    async def act(hub: Hub) -> UUID:
        now = hub.now()
        sender, recipient = await terms.parties(hub, from_member, to_member)
        made = Agreement(
            id=new_id(),
            from_member=sender.id,
            to_member=recipient.id,
            kinds=frozenset(kind),
            purposes=frozenset(purpose),
            case_required=case_required,
            answer_days=answer_days,
            valid_from=now,
            valid_to=now + timedelta(days=365.25 * years),
            bulk=bulk,
        )
        await terms.enter(hub, title, made)
        return made.id

    out.print(f"agreement {with_hub(act)}")


@agreement.command("end")
def end_agreement(agreement_id: Annotated[UUID, typer.Argument(help="As `hub agreement list` shows it.")]) -> None:
    """End an agreement now: nothing that rests on it is handed over any more."""
    with_hub(lambda hub: terms.end(hub, agreement_id))
    out.print("ended")


@agreement.command("list")
def list_agreements() -> None:
    """Show the agreements."""
    shown = table(Column("agreement", no_wrap=True), "what it lets through")
    for title, found, sender, recipient in with_hub(terms.listed):
        shown.add_row(
            str(found.id),
            f"{title}\n{sender} → {recipient}: {', '.join(sorted(found.kinds))}\n"
            f"for {', '.join(sorted(found.purposes))}, until {found.valid_to.astimezone(_ZONE):%Y-%m-%d}"
            f"{', with an open case only' if found.case_required else ''}{', exports too' if found.bulk else ''}",
            end_section=True,
        )
    out.print(shown)
