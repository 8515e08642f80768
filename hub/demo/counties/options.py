"""Command-line options that the simulated counties share: which story, which part of it."""

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from mappings import vocabulary

KINDS = (
    vocabulary.PERSON,
    vocabulary.CONSENT,
    vocabulary.CONTRACEPTION_REPORT,
    vocabulary.MARRIAGE_CERTIFICATE,
    vocabulary.BIRTH_CERTIFICATE,
)

People = Annotated[int, typer.Option(help="How many people the story has.")]
Seed = Annotated[int, typer.Option(help="The same seed tells the same story.")]
AsOf = Annotated[str, typer.Option(help="The story's day, YYYY-MM-DD; today in Shanghai if left out.")]
Part = Annotated[
    str, typer.Option(help=f"Which kinds, separated by commas; all if left out. Kinds: {', '.join(KINDS)}.")
]
Updates = Annotated[
    bool, typer.Option("--updates", help="The rows changed after the first exchange, not the first ones.")
]


def parts_of(text: str) -> tuple[str, ...]:
    """The kinds named in an option. Raises typer.BadParameter for others."""
    kinds = tuple(filter(None, text.replace(" ", "").split(","))) or KINDS
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise typer.BadParameter(f"unknown kind {unknown[0]}; there are {', '.join(KINDS)}")
    return kinds


def today_or(text: str) -> date:
    """The day named, or today where the counties are."""
    return date.fromisoformat(text) if text else datetime.now(ZoneInfo("Asia/Shanghai")).date()
