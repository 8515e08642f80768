"""Subscriptions for tests, as members write them."""

from typing import Any

from hub.fhir.subscriptions import OWN_RECORDS

EXTENSION = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"


def asked(
    url: str,
    *filters: str,
    topic: str = OWN_RECORDS,
    content: str = "id-only",
    status: str = "requested",
    **channel: Any,
) -> dict[str, Any]:
    """A Subscription as a member writes it; `channel` are numbers of its extensions by name."""
    extensions = [
        {
            "url": EXTENSION + name.replace("_", "-"),
            "valuePositiveInt" if name == "max_count" else "valueUnsignedInt": value,
        }
        for name, value in channel.items()
    ]
    made: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": status,
        "reason": "A test",
        "criteria": topic,
        "channel": {
            "type": "rest-hook",
            "endpoint": url,
            "header": ["Authorization: Bearer of-the-receiver"],
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{EXTENSION}payload-content", "valueCode": content}]},
        },
    }
    if extensions:
        made["channel"]["extension"] = extensions
    if filters:
        made["_criteria"] = {
            "extension": [{"url": f"{EXTENSION}filter-criteria", "valueString": one} for one in filters]
        }
    return made
