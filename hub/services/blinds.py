"""What the hub's blind indexes stand for: one purpose each, so that none says anything about another."""

from typing import Final

from hub.runtime import Hub

RECORD_KEY: Final = "record-key"
IDENTIFIER: Final = "identifier"
SUBJECT: Final = "subject"
ALIAS: Final = "alias"
CONSENT_REFERENCE: Final = "consent-reference"


def subject_of(hub: Hub, member_name: str, record_id: str) -> bytes:
    """Blind index of a member's own record id of a person: how consents, cases and messages find each other."""
    return hub.vault.blind(SUBJECT, member_name, record_id)


def reference_of(hub: Hub, member_name: str, number: str) -> bytes:
    """Blind index of a member's consent number."""
    return hub.vault.blind(CONSENT_REFERENCE, member_name, number)
