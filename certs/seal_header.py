"""The header of a sealed message: who to whom, of what kind, about whom, for what purpose, until when.

It travels in the open, therefore it names the person only by the sender's own record id. Strict: every member must be
there and of its form, nothing else may be.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from certs.encoding import dump_json, load_object
from certs.errors import MalformedEnvelope
from certs.instants import instant, seconds, utc

VERSION: Final = 1
MAX_BYTES: Final = 8192
MAX_LIFETIME: Final = timedelta(days=90)
"""A decryption key lives no longer."""

_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TEXT: Final = 256

_FORMS: Final = {
    "from": _SLUG,
    "to": _SLUG,
    "typ": _SLUG,
    "suite": _SLUG,
    "to_kid": _KID,
    "sig_kid": _KID,
}
_TEXTS: Final = ("subject", "purpose")
_OPTIONAL_TEXTS: Final = ("legal_basis", "consent_ref")
_NAMES: Final = frozenset({"v", "id", "iat", "exp", *_FORMS, *_TEXTS, *_OPTIONAL_TEXTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`id` is the message's UUID; `subject` the sender's own record id of the person; times are cut to the second."""

    v: int = VERSION
    id: str
    from_: str
    to: str
    to_kid: str
    sig_kid: str
    suite: str
    typ: str
    subject: str
    purpose: str
    legal_basis: str | None = None
    consent_ref: str | None = None
    iat: datetime
    exp: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "iat", utc(self.iat))
        object.__setattr__(self, "exp", utc(self.exp))
        problem = _problem(_members(self))
        if problem:
            raise MalformedEnvelope(f"header: {problem}")


def write_header(header: Header) -> bytes:
    """The bytes that are signed and bound."""
    return dump_json(_members(header))


def read_header_bytes(data: bytes) -> Header:
    """The header in these bytes; MalformedEnvelope."""
    try:
        members = load_object(data, max_bytes=MAX_BYTES, max_depth=1)
        if set(members) != _NAMES:
            raise MalformedEnvelope("header: a member is missing or unknown")
        if type(members["v"]) is not int:
            raise MalformedEnvelope("header: v")
        members["from_"] = members.pop("from")
        members["iat"], members["exp"] = instant(members["iat"]), instant(members["exp"])
    except ValueError as error:
        raise MalformedEnvelope(str(error)) from None
    return Header(**members)


def _members(header: Header) -> dict[str, Any]:
    return {
        "v": header.v,
        "id": header.id,
        "from": header.from_,
        "to": header.to,
        "to_kid": header.to_kid,
        "sig_kid": header.sig_kid,
        "suite": header.suite,
        "typ": header.typ,
        "subject": header.subject,
        "purpose": header.purpose,
        "legal_basis": header.legal_basis,
        "consent_ref": header.consent_ref,
        "iat": seconds(header.iat),
        "exp": seconds(header.exp),
    }


def _problem(members: dict[str, Any]) -> str:
    if members["v"] != VERSION:
        return f"version {VERSION} is understood"
    if not _is_uuid(members["id"]):
        return "id is a UUID"
    for name, form in _FORMS.items():
        if not isinstance(members[name], str) or not form.fullmatch(members[name]):
            return name
    for name in _TEXTS:
        if not _is_text(members[name]):
            return name
    for name in _OPTIONAL_TEXTS:
        if members[name] is not None and not _is_text(members[name]):
            return name
    if not members["iat"] < members["exp"] <= members["iat"] + int(MAX_LIFETIME.total_seconds()):
        return f"exp is after iat and at most {MAX_LIFETIME.days} days later"
    return ""


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _TEXT and _CONTROL.search(value) is None
