"""What a Subscription asks for, as topic-based subscriptions are said in R4. Pure.

Subscriptions R5 Backport 1.1, its R4 part: http://hl7.org/fhir/uv/subscriptions-backport/STU1.1. What is not understood is
refused: a subscriber must not wait for what never comes, nor be told more than it meant to ask for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from hub.errors import Invalid

TYPE: Final = "Subscription"
OWN_RECORDS: Final = "urn:lianqiao:topic:own-records"
"""A resource of the member's own was created, changed or deleted, whichever way."""
MAILBOX: Final = "urn:lianqiao:topic:mailbox"
"""A sealed message waits for the member in the mailbox."""
TOPICS: Final = (OWN_RECORDS, MAILBOX)

GUIDE: Final = "http://hl7.org/fhir/uv/subscriptions-backport"
PROFILE: Final = f"{GUIDE}/StructureDefinition/backport-subscription"
_EXTENSION: Final = f"{GUIDE}/StructureDefinition/backport-"
JSON: Final = "application/fhir+json"

HEARTBEAT: Final = (60, 86_400)
"""Seconds between two signs of life, from and to."""
TIMEOUT: Final = (1, 20)
"""Seconds that a receiver is given to answer; the most where none are stated."""
COUNT: Final = (1, 100)
"""Events of one notification."""
_COUNT: Final = 20
MOST_FILTERS: Final = 10
_LONGEST: Final = 2_000
"""Characters of all filters together."""
_MOST_HEADERS: Final = 5
_HEADER: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9-]{0,60}):[ ]*([\x21-\x7e](?:[\x20-\x7e]{0,998}[\x21-\x7e])?)", re.ASCII
)
_OURS: Final = re.compile(
    r"host|connection|te|trailer|upgrade|expect|keep-alive|cookie|transfer-.*|content-.*|accept.*|webhook-.*|proxy-.*|forwarded|via|x-forwarded-.*|x-real-ip"
)
"""Headers that the hub says itself, or that would change what is sent or to whom."""
_FILTER: Final = re.compile(r"([A-Z][A-Za-z]{2,63})(?:\?(.*))?", re.ASCII | re.DOTALL)

Content = Literal["empty", "id-only", "full-resource"]
CONTENTS: Final[tuple[Content, ...]] = ("empty", "id-only", "full-resource")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One subscription. `filters` are (type, parameters of a search), `seconds` of heartbeats None where none are wanted."""

    status: str
    topic: str
    filters: tuple[tuple[str, str], ...]
    endpoint: str
    headers: tuple[tuple[str, str], ...]
    content: Content
    heartbeat: int | None
    timeout: int
    most: int
    end: datetime | None

    @property
    def types(self) -> tuple[str, ...]:
        """The types that it is about; none of them means every type."""
        return tuple(sorted({type_ for type_, _ in self.filters}))

    @property
    def needs(self) -> tuple[str, ...]:
        """The rights of whoever is told."""
        if self.topic == MAILBOX:
            return ("lianqiao/mailbox.r",)
        return tuple(f"system/{type_}.r" for type_ in self.types or ("*",))


def read(resource: Mapping[str, Any]) -> Wanted:
    """What a valid Subscription asks for. Raises Invalid `bad-subscription`, naming the element."""
    # R4 lets an extension stand where a value should.
    topic, channel = resource.get("criteria"), resource.get("channel", {})
    if topic not in TOPICS:
        raise _bad("criteria", f"is the canonical URL of a topic: {', '.join(TOPICS)}")
    if channel.get("type") != "rest-hook" or _extensions(channel.get("_type"), "channel-type"):
        raise _bad("channel.type", "is rest-hook")
    if channel.get("payload") != JSON:
        raise _bad("channel.payload", f"is {JSON}")
    content = _one(_extensions(channel.get("_payload"), "payload-content"), "valueCode")
    if content not in CONTENTS:
        raise _bad("channel.payload", f"has the extension {_EXTENSION}payload-content: {', '.join(CONTENTS)}")
    if content == "full-resource" and topic == MAILBOX:
        raise _bad("channel.payload", "is empty or id-only of this topic: what is sealed is fetched from the mailbox")
    return Wanted(
        status=resource.get("status", ""),
        topic=topic,
        filters=_filters(resource),
        endpoint=channel.get("endpoint", ""),
        headers=tuple(_header(line) for line in _headers(channel)),
        content=content,
        heartbeat=_number(channel, "heartbeat-period", "valueUnsignedInt", HEARTBEAT),
        timeout=_number(channel, "timeout", "valueUnsignedInt", TIMEOUT) or TIMEOUT[1],
        most=_number(channel, "max-count", "valuePositiveInt", COUNT) or _COUNT,
        end=_moment(resource.get("end")),
    )


def _filters(resource: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = _extensions(resource.get("_criteria"), "filter-criteria")
    if found and resource.get("criteria") == MAILBOX:
        raise _bad("criteria", "has no filters with this topic")
    if len(found) > MOST_FILTERS:
        raise _bad("criteria", f"has at most {MOST_FILTERS} filters")
    texts = [str(one.get("valueString", "")) for one in found]
    matches = [match for text in texts if (match := _FILTER.fullmatch(text)) is not None]
    if len(matches) < len(texts) or sum(map(len, texts)) > _LONGEST:
        raise _bad("criteria", f"has filters of the form Type?parameters, of {_LONGEST} characters together at most")
    return tuple((match[1], match[2] or "") for match in matches)


def _headers(channel: Mapping[str, Any]) -> list[str]:
    lines = list(channel.get("header", ()))
    if len(lines) > _MOST_HEADERS:
        raise _bad("channel.header", f"has at most {_MOST_HEADERS} lines")
    return lines


def _header(line: Any) -> tuple[str, str]:
    found = _HEADER.fullmatch(line) if isinstance(line, str) else None
    if found is None or _OURS.fullmatch(found[1].lower()):
        raise _bad(
            "channel.header", "is Name: value in ASCII, such as Authorization, and none that the hub says itself"
        )
    return found[1], found[2]


def _extensions(element: Any, name: str) -> list[Mapping[str, Any]]:
    extensions = element.get("extension", ()) if isinstance(element, Mapping) else ()
    return [one for one in extensions if one.get("url") == _EXTENSION + name]


def _one(found: list[Mapping[str, Any]], value: str) -> Any:
    return found[0].get(value) if len(found) == 1 else None


def _number(channel: Mapping[str, Any], name: str, value: str, bounds: tuple[int, int]) -> int | None:
    found = _extensions(channel, name)
    if not found:
        return None
    number = _one(found, value)
    if type(number) is not int or not bounds[0] <= number <= bounds[1]:
        raise _bad("channel", f"has at most one {_EXTENSION}{name}: {value} from {bounds[0]} to {bounds[1]}")
    return number


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, TypeError) as error:
        raise _bad("end", "is an instant that the calendar has") from error


def _bad(place: str, said: str) -> Invalid:
    return Invalid("bad-subscription", f"Subscription.{place} {said}. Nothing was stored.")
