"""What the GET entries of a Bundle show: resources, and pages of searches, when all that the Bundle writes is written.

Each is answered for itself. Short entries may ask for long answers, so the searches of a Bundle and the bytes of all that it
shows have a bound; what is beyond says so, and is asked for by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from traceback import extract_tb
from typing import Final
from uuid import UUID

import structlog

from hub.errors import HubError, Invalid, TooLarge
from hub.fhir import requests, search
from hub.fhir.requests import Request
from hub.fhir.search import Query
from hub.runtime import Hub
from hub.services.exchange import checking, reading, searching, stated
from hub.services.exchange.searching import Page
from hub.storage.members import Member
from hub.storage.versions import Version

log = structlog.get_logger(__name__)

MOST_SEARCHES: Final = 50
MOST_BYTES: Final = 16 * 2**20
"""Of all resources that one Bundle shows."""
AFTER: Final = "_after"
"""The parameter of a link `next`: behind which resource the page begins."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search, and behind which resource it begins."""

    query: Query
    page: Page
    after: UUID | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one entry: `status` as of a request of its own, and where it is, or what it shows; or why not."""

    status: int
    location: str = ""
    etag: str = ""
    at: str = ""
    resource: Version | None = None
    found: Found | None = None
    refusal: HubError | None = None


async def look(hub: Hub, member: Member, purpose: str, asked: Sequence[Request]) -> dict[int, Answer]:
    """The answers by their places."""
    answers, searches, size = dict[int, Answer](), 0, 0
    for one in asked:
        searches += not one.id
        try:
            if size > MOST_BYTES or searches > MOST_SEARCHES:
                raise TooLarge(
                    f"A Bundle shows at most {MOST_BYTES} bytes and makes at most {MOST_SEARCHES} searches. What it writes is "
                    "written; ask for this by itself."
                )
            found = await (_one(hub, member, purpose, one) if one.id else _page(hub, member, purpose, one))
            size += _size(found)
        except HubError as refusal:  # what the Bundle writes is written: no answer as a whole may say otherwise
            found = Answer(refusal.status, refusal=refusal)
        except Exception as error:  # noqa: BLE001 - as above
            found = broken(one, error)
        answers[one.at] = found
    return answers


def broken(one: Request, error: Exception) -> Answer:
    """The answer to an entry over which the hub itself stumbled. Where, is logged; the error's text may quote a resource."""
    place = "; ".join(f"{frame.name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-5:])
    log.error("entry failed", entry=one.at, method=one.method, type=one.type, error=type(error).__name__, place=place)
    return Answer(500, refusal=HubError("internal-error", "Something went wrong inside the hub with this entry; look "
                                        "whether it is there before you send it again.", retry="CHECK_STATUS"))  # fmt: skip


def paged(pairs: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], UUID | None]:
    """The parameters of a search, and behind which resource its page begins. Raises Invalid."""
    asked = [pair for pair in pairs if pair[0] != AFTER]
    behind = [value for name, value in pairs if name == AFTER]
    try:
        return asked, UUID(behind[-1]) if behind else None
    except ValueError as error:
        raise Invalid("bad-request", f"{AFTER} is what a link of an earlier page says.") from error


def _size(found: Answer) -> int:
    shown = [found.resource] if found.resource is not None else []
    if found.found is not None:
        shown += [*found.found.page.matches, *found.found.page.included]
    return sum(len(one.body) for one in shown)


async def _one(hub: Hub, member: Member, purpose: str, one: Request) -> Answer:
    """A resource by its id. Raises NotFound, Gone, Invalid."""
    if one.query:
        raise Invalid("not-supported", "A resource is asked for by its id alone, or searched for by its type.")
    found = await reading.read(hub, member, purpose, checking.known_type(one.type), stated.uuid(one.id))
    return Answer(200, "", f'W/"{found.version}"', found.at.isoformat(timespec="milliseconds"), found)


async def _page(hub: Hub, member: Member, purpose: str, one: Request) -> Answer:
    """A page of the member's own resources. Raises NotFound, Invalid, PageExpired."""
    type_ = checking.known_type(one.type)
    asked, after = paged(requests.parameters(one.query))
    query = search.parse(type_, asked, now=hub.now(), base=f"{hub.settings.base_url}/fhir")
    return Answer(200, found=Found(query, await searching.search_for(hub, member, purpose, query, after), after))
