"""`hub case`: the need that ties an exchange to one person, where an agreement asks for one."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.table import Column

from hub.cli.frame import out, table, with_hub
from hub.services import matters
from hub.storage.agreements import ExchangeCase

case = typer.Typer(no_args_is_help=True, help="Open cases, for agreements under which nothing moves without one.")

_ZONE = ZoneInfo("Asia/Shanghai")


@case.command("open")
def open_case(
    agreement_id: Annotated[UUID, typer.Argument(help="As `hub agreement list` shows it.")],
    region: Annotated[str, typer.Option(help="The member by whose record the person is named; either of the two.")],
    record: Annotated[str, typer.Option(help="That member's record id of the person.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=f"Its last day; default: {matters.DEFAULT.days} days from now."),
    ] = None,
) -> None:
    """Open a case about one person, one for each kind of the agreement; again changes no more than its last day."""
    end = until.replace(tzinfo=_ZONE) + timedelta(days=1) if until else None
    opened = with_hub(
        lambda hub: matters.begin(hub, agreement_id, region=region, record_id=record, reason=reason, until=end)
    )
    for one in opened:
        out.print(f"case {one.id} {one.kind} until {_last_day(one)}", markup=False)


@case.command("close")
def close_case(case_id: Annotated[UUID, typer.Argument(help="As `hub case list` shows it.")]) -> None:
    """Close a case now: nothing that rests on it is taken in or handed over any more."""
    out.print("closed" if with_hub(lambda hub: matters.close(hub, case_id)) else "was closed before")


@case.command("list")
def list_cases() -> None:
    """Show the cases, the newest first."""
    shown = table(Column("case", no_wrap=True), "about", "state")
    for found in with_hub(matters.listed):
        one = found.case
        state = "open" if found.open else "closed" if one.closed else "over"
        end = f" to {_last_day(one)}" if one.ends_at else ""
        shown.add_row(
            str(one.id),
            f"{found.sender} → {found.recipient}: {one.kind}",
            f"{state}, {one.opened_at.astimezone(_ZONE):%Y-%m-%d}{end}",
        )
    out.print(shown)


def _last_day(one: ExchangeCase) -> str:
    """The last day on which it stands, at least in part."""
    if one.ends_at is None:
        return ""
    return f"{one.ends_at.astimezone(_ZONE) - timedelta(microseconds=1):%Y-%m-%d}"
