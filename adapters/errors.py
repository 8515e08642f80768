"""The error tree of the gateway and of the client. Every error says whether sending again helps, in the wire's retry classes.

GatewayError
├── ConfigError        a setting, key file or folder is wrong: the operator must act
├── SpoolFull          back-pressure: stop reading, later again
├── TransportError     the county's own system did not answer properly
├── TrustError         the trust list or a status list does not verify
│   └── ReceiptRefused a receipt is not the hub's or speaks of something else
└── HubError           the hub refused or did not answer
    ├── HubUnreachable no answer at all (not charged to a message)
    ├── SignInRefused  no token is given: unknown member or key, a wrong clock
    ├── NotAllowed     401, 403: policy, or the scopes of the token
    ├── NotFound       404, 410: not there, or nothing one may see
    ├── Conflict       409, 412: it contradicts what is stored, or is of an older version
    ├── Invalid        any other 4xx: the request has to be mended
    ├── TooMany        429: later; `retry_after` says when
    └── Unavailable    5xx
"""

from enum import StrEnum


class Retry(StrEnum):
    """What a sender should do next (wire contract)."""

    NORMAL = "NORMAL"
    CHECK_STATUS = "CHECK_STATUS"
    FIX_FIRST = "FIX_FIRST"
    CONTACT = "CONTACT"


class GatewayError(Exception):
    """Base: a stable kebab-case `code`, a retry class and a sentence without any record's content."""

    code = "gateway-error"
    retry = Retry.NORMAL

    def __init__(self, text: str, *, code: str | None = None, retry: Retry | None = None) -> None:
        super().__init__(text)
        self.text = text
        if code is not None:
            self.code = code
        if retry is not None:
            self.retry = retry

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]"


class ConfigError(GatewayError):
    """The configuration, a secret file or a key file cannot be used as it is."""

    code = "bad-configuration"
    retry = Retry.FIX_FIRST


class SpoolFull(GatewayError):
    """The spool has reached its bound; nothing was stored, the source must be read again later."""

    code = "spool-full"


class TransportError(GatewayError):
    """The county's system or folder failed; its records are still where they were."""

    code = "county-unavailable"


class TrustError(GatewayError):
    """Something signed did not verify; the data it vouched for is not used."""

    code = "not-trusted"
    retry = Retry.CONTACT


class ReceiptRefused(TrustError):
    """What the receipt was given for counts as not acknowledged and is sent again; the hub answers the same bytes the same."""

    code = "wrong-receipt"
    retry = Retry.NORMAL


class HubError(GatewayError):
    """An answer of the hub other than success.

    `status` is the HTTP status, `retry_after` in seconds, `trace_id` what the hub's operator finds it by. `asked` is the
    request, such as `POST /fhir/Patient`; `path` the element that is wrong, where the hub names one. `told` is whether the
    hub itself said the retry class: then nothing of the request was carried out.
    """

    code = "hub-error"

    def __init__(
        self,
        text: str,
        *,
        code: str,
        retry: Retry,
        status: int,
        retry_after: float | None = None,
        trace_id: str = "",
        path: str = "",
        told: bool = False,
    ) -> None:
        super().__init__(text, code=code, retry=retry)
        self.status = status
        self.retry_after = retry_after
        self.trace_id = trace_id
        self.path = path
        self.told = told
        self.asked = ""


class HubUnreachable(HubError):
    """No usable answer: refused connection, broken connection, timeout. `sent` tells whether the request left."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text, code="unavailable", retry=Retry.CHECK_STATUS if sent else Retry.NORMAL, status=0)
        self.sent = sent


class SignInRefused(HubError):
    """The hub does not accept our client assertion: unknown member or key, or a clock that is wrong."""

    def __init__(self, cause: HubError) -> None:
        super().__init__(
            f"signing in at the hub failed: {cause.text}",
            code=cause.code,
            retry=cause.retry,
            status=cause.status,
            retry_after=cause.retry_after,
            trace_id=cause.trace_id,
            told=cause.told,
        )


class NotAllowed(HubError):
    """Policy says no, or the token does not open it."""


class NotFound(HubError):
    """Missing, deleted, or invisible to this member."""


class Conflict(HubError):
    """It contradicts what is stored, or names a version that is not the newest."""


class Invalid(HubError):
    """The request is wrong; sent again unchanged it is refused again."""


class TooMany(HubError):
    """The member asks too often."""


class Unavailable(HubError):
    """The hub cannot answer now, or failed."""


def of_status(status: int) -> type[HubError]:
    """The class of an answer with this HTTP status."""
    named: dict[int, type[HubError]] = {
        401: NotAllowed, 403: NotAllowed, 404: NotFound, 410: NotFound, 409: Conflict, 412: Conflict, 429: TooMany
    }  # fmt: skip
    if status in named:
        return named[status]
    return Unavailable if status >= 500 else Invalid if status >= 400 else HubError
