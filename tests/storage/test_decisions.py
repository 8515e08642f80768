"""What is in force about a pair after any events of it: a steward's word and a source's stand beside each other."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from hub.errors import Conflict
from hub.runtime import Hub
from hub.storage import people
from hub.storage.decisions import Decision, append, held_after

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _events(*kinds: str) -> list[Decision]:
    return [Decision(kind, 1, 2, "somebody", None, "because", {}, None, AT, seq) for seq, kind in enumerate(kinds, 1)]


@pytest.mark.parametrize(
    ("kinds", "seq"),
    [
        ((), None),
        (("MUST_LINK",), 1),
        (("MUST_LINK", "RETRACT"), None),
        (("MUST_LINK", "RETRACT", "CANNOT_LINK"), 3),
        (("MUST_LINK", "DEFER"), 1),
        (("SOURCE_MERGE",), 1),
        (("SOURCE_MERGE", "SOURCE_UNMERGE"), None),
        (("MUST_LINK", "SOURCE_MERGE", "SOURCE_UNMERGE"), 1),
        (("SOURCE_MERGE", "MUST_LINK", "RETRACT"), 1),
        (("CANNOT_LINK", "RETRACT", "SOURCE_MERGE"), 3),
    ],
)
def test_neither_takes_back_what_the_other_said(kinds: tuple[str, ...], seq: int | None) -> None:
    held = held_after(_events(*kinds))
    assert (held.seq if held else None) == seq


@pytest.mark.parametrize("kinds", [("CANNOT_LINK", "SOURCE_MERGE"), ("SOURCE_MERGE", "CANNOT_LINK")])
def test_a_contradiction_is_refused_from_either_side(kinds: tuple[str, ...]) -> None:
    with pytest.raises(Conflict, match="contradiction"):
        held_after(_events(*kinds))


@pytest.mark.parametrize("kind", ["DEFER", "PROPOSE", "DECLINE", "LAPSE"])
async def test_what_decides_nothing_does_not_bring_back_what_is_just_taken_back(hub: Hub, kind: str) -> None:
    """A proposal lapses while the source of the two records takes its own word back: nobody locks both."""
    (merged,) = _events("SOURCE_MERGE")
    async with hub.database.begin() as connection:
        seq = await append(connection, merged)
    async with hub.database.begin() as ending:
        await append(ending, Decision("SOURCE_UNMERGE", 1, 2, "somebody", None, "because", {}, seq, AT))
        async with hub.database.begin() as meanwhile:
            await meanwhile.execute(text("SET LOCAL lock_timeout = '3s'"))
            await append(meanwhile, Decision(kind, 1, 2, "somebody", None, "because", {}, seq, AT))
    async with hub.database.read() as connection:
        assert await people.constraints_touching(connection, [1, 2]) == []
