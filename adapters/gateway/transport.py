"""What a transport is to the gateway: it reads what the county has for us and writes back what arrived for the county.

Promises a transport makes: `read` puts into the spool before it forgets anything; `stage` and `publish` may both be called again after
a crash and change nothing the second time; no method logs a record's content. Two exist: rest_json and excel_drop.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.gateway.intake import Intake
from adapters.gateway.records import Finding, Source, WriteBack
from adapters.gateway.spool import Delivery


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a source gave. `complete`: all the county had at the moment of looking is in the spool."""

    stored: int
    complete: bool = True


class Transport(Protocol):
    """One county system."""

    async def read(self, source: Source, intake: Intake) -> Reading:
        """Take over what is new. Raises TransportError, SpoolFull; whatever was taken over before stays taken over."""
        ...

    async def stage(self, message: WriteBack) -> None:
        """Make ready what will be handed over, where a crash leaves it; may be empty."""
        ...

    async def publish(self, message: WriteBack) -> None:
        """Hand over what was staged under this message id, unless it was handed over before."""
        ...

    async def holds(self, message_id: str) -> bool:
        """Is what was staged still here, not with the county? A transport that cannot tell says yes: its sender then sends it again."""
        ...

    async def withdraw(self, message_id: str) -> None:
        """Forget what was staged and not published, if anything; a second time changes nothing."""
        ...

    def issues_path(self, delivery: Delivery) -> Path:
        """Where the county's clerks look for what is wrong with a delivery."""
        ...

    async def check(self, sources: list[Source]) -> list[Finding]:
        """Whether the county's side is as it must be, in words."""
        ...

    async def aclose(self) -> None: ...
