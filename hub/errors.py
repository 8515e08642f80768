"""Everything the hub can refuse or fail with, one class for each thing a caller can do about it.

    HubError
    ├── Refused            the request is understood and not allowed or not valid
    │   ├── Unauthenticated   no token, or one that does not verify
    │   ├── NotAllowed        policy says no (no-consent, no-agreement, no-case, not-allowed)
    │   │   └── MissingScope  the token does not open it (missing-scope)
    │   ├── NotFound          nothing there, or nothing the caller may see: the two look the same
    │   ├── Invalid           the content is wrong (invalid-row, unmapped-code, unknown-mapping …)
    │   ├── Conflict          it contradicts what is stored (digest-conflict, already-issued, stale)
    │   └── TooLarge          above a stated limit
    └── Unavailable        nothing is wrong with the request; send it again (unavailable, too-many)
        └── TooMany           one caller asks too often (too-many)

Each carries a stable code and a retry class (WIRE.md); `hub.api.problems` alone turns them into answers.
"""

from typing import ClassVar, Literal

Retry = Literal["NORMAL", "CHECK_STATUS", "FIX_FIRST", "CONTACT"]


class HubError(Exception):
    """Base of all. `code` is stable and kebab-case; `detail` is a sentence for a person, without personal data."""

    status: ClassVar[int] = 500
    default_retry: ClassVar[Retry] = "CONTACT"

    def __init__(self, code: str, detail: str, *, retry: Retry | None = None, retry_after: int | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry: Retry = retry or self.default_retry
        self.retry_after = retry_after


class Refused(HubError):
    """The request will not be carried out as it is."""

    status = 400
    default_retry: ClassVar[Retry] = "FIX_FIRST"


class Unauthenticated(Refused):
    """No token, or one that does not verify."""

    status = 401


class NotAllowed(Refused):
    """Policy refuses; the code says which rule. `noted` when a leaf was left of it already."""

    status = 403
    noted = False
    default_retry: ClassVar[Retry] = "CONTACT"


class MissingScope(NotAllowed):
    """The token does not open it, whatever the member may."""

    default_retry: ClassVar[Retry] = "FIX_FIRST"

    def __init__(self, scope: str) -> None:
        super().__init__(
            "missing-scope",
            f"The access token does not open this: it lacks the scope {scope}. Nothing was stored; ask for a token with it.",
        )
        self.scope = scope


class NotFound(Refused):
    """Missing, or invisible to this caller; deliberately indistinguishable."""

    status = 404

    def __init__(self, detail: str = "Nothing by that id is visible to you.") -> None:
        super().__init__("not-found", detail)


class Invalid(Refused):
    """The content is wrong; the detail says where."""

    status = 400


class Conflict(Refused):
    """It contradicts what is already stored."""

    status = 409


class TooLarge(Refused):
    """Above a stated limit."""

    status = 413

    def __init__(self, detail: str) -> None:
        super().__init__("too-large", detail)


class Unavailable(HubError):
    """Nothing is wrong with the request; the same bytes may be sent again."""

    status = 503
    default_retry: ClassVar[Retry] = "NORMAL"


class TooMany(Unavailable):
    """One caller asks too often; after a while the same is answered."""

    status = 429

    def __init__(self, detail: str, *, retry_after: int, code: str = "too-many", policy: str = "") -> None:
        """`policy` is the one of the header RateLimit-Policy that was violated, where there is one."""
        super().__init__(code, detail, retry_after=max(1, retry_after))
        self.policy = policy
