"""All that was found of one telling, for judging it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.demo.story.conflicts import Outcome
from hub.demo.story.exchange import GatewayState
from hub.demo.story.lookups import Arrived
from hub.demo.story.notifications import Received
from hub.demo.story.proofs import Audited
from hub.demo.story.showing import Shown


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found, as the look-ups and the parts of the walk give it."""

    records: Mapping[str, UUID]
    held: Mapping[str, list[str]]
    consents: Mapping[str, int]
    gateways: Mapping[str, GatewayState]
    refused: Mapping[str, Mapping[str, str]]
    told: Mapping[str, Mapping[str, str]]
    arrived: Mapping[str, Arrived]
    reviews: Mapping[str, int]
    review_pairs: int
    conflicts: Outcome
    registered: Mapping[tuple[str, str], int]
    at_counter: int
    shown: Shown
    cases: Mapping[str, str]
    duplicates: int
    run: str
    slot: datetime
    clocks: int
    received: Received
    mailbox_digests: int
    audited: Audited
