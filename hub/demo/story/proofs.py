"""The log is held to its word: whole from end to end, a continuation of what it was, and every receipt asked for is in it."""

import re
from dataclasses import dataclass

from certs import checkpoint, merkle
from certs.checkpoint import Checkpoint
from certs.errors import CertsError
from certs.keys import VerifyKey
from hub.demo.story import lookups
from hub.demo.story.children import Children, ProcessFailed
from hub.demo.story.member import Public
from hub.runtime import Hub

ASKED = 60
"""Receipts that are proved, where there are so many."""
_WHOLE = re.compile(r"the log is whole: (\d+) entries")


@dataclass(frozen=True, slots=True)
class Audited:
    """Entries that `hub audit verify` found in order (0: it found a fault); receipts proved of those asked for."""

    size: int
    proved: int
    asked: int
    continued: bool


async def head(public: Public, hub: Hub) -> Checkpoint:
    """The log's newest signed head, verified."""
    answer = await public.text("/log/checkpoint")
    return checkpoint.verify(answer, hub.signer.public, hub.settings.origin)


async def audit_all(children: Children, public: Public, hub: Hub, earlier: Checkpoint) -> Audited:
    """Verify the log, prove receipts from all over the story, and that today's log continues the `earlier` head."""
    leaves = [leaf.hash async for leaf in lookups.leaves(hub, "receive")]
    asked = [leaves[place * len(leaves) // ASKED] for place in range(ASKED)] if len(leaves) > ASKED else leaves
    proved = sum([await _is_proved(public, leaf, hub.signer.public, hub.settings.origin) for leaf in asked])
    now = await head(public, hub)
    try:
        said = await children.run("audit", "hub", "audit", "verify")
    except ProcessFailed:
        said = ""
    whole = _WHOLE.search(said)
    return Audited(int(whole[1]) if whole else 0, proved, len(asked), await _continues(public, earlier, now))


async def _is_proved(public: Public, leaf: bytes, key: VerifyKey, origin: str) -> bool:
    given = (await public.ask("GET", f"/log/inclusion?leaf={leaf.hex()}")).body
    try:
        signed = checkpoint.verify(given["checkpoint"].encode(), key, origin)
        merkle.verify_inclusion(
            leaf, given["index"], signed.size, [bytes.fromhex(step) for step in given["proof"]], signed.root
        )
    except (CertsError, KeyError):
        return False
    return True


async def _continues(public: Public, earlier: Checkpoint, now: Checkpoint) -> bool:
    given = (await public.ask("GET", f"/log/consistency?from={earlier.size}&to={now.size}")).body
    try:
        merkle.verify_consistency(
            earlier.size, now.size, [bytes.fromhex(step) for step in given["proof"]], earlier.root, now.root
        )
    except (CertsError, KeyError):
        return False
    return True
