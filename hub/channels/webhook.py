"""Standard Webhooks: a signed, content-free POST to a registered address.

Guards against server-side request forgery: https (or http where private addresses are allowed), the name is resolved
once, every resolved address must be public, the connection goes to that very address, redirects are not followed.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

Outcome = Literal["delivered", "retry", "gone", "refused"]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TIMEOUT = httpx2.Timeout(10.0, read=None)
"""Whoever sends bounds the whole, the receiver's time to answer with it."""
_LONGEST_WAIT = 24 * 3600
_UNICAST = ipaddress.ip_network("2000::/3")
_REFUSED = tuple(ipaddress.ip_network(text) for text in ("3fff::/20", "2001:db8::/32", "192.88.99.0/24"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt came to; `retry_after` in seconds where the receiver asked for it, `status` 0 where none answered."""

    outcome: Outcome
    detail: str
    retry_after: int | None = None
    status: int = 0


class ForbiddenAddress(ValueError):
    """The address may not be called; a retry does not help until it is changed."""


def check_address(text: str, *, allow_private: bool) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IP address, if it may be called. Raises ForbiddenAddress.

    What is refused is not named: members are told why, and a name that leads into the hub's network must not give it away.
    """
    address = ipaddress.ip_address(text.split("%", 1)[0])
    if isinstance(address, ipaddress.IPv6Address) and (
        address in _NAT64
        or address.ipv4_mapped is not None
        or address.sixtofour is not None
        or address.teredo is not None
    ):
        raise ForbiddenAddress("the address hides an IPv4 address")
    unusual = isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST
    unusual = unusual or any(address.version == net.version and address in net for net in _REFUSED)
    if not allow_private and (not address.is_global or address.is_multicast or unusual):
        raise ForbiddenAddress("the address is not a public one")
    return address


class Webhooks:
    """Sends notices. One client for the process; close it."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        # No connection is kept: two names behind one address must not share what was verified for one of them.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False, limits=limits)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self,
        url: str,
        secret: str,
        *,
        message_id: str,
        at: datetime,
        body: bytes,
        media_type: str = "application/json",
        more: Sequence[tuple[str, str]] = (),
    ) -> Attempt:
        """POST `body`, signed under `message_id` at the attempt's moment. Never raises for what the receiver does.

        `more` headers are the receiver's own wish; none of them takes the place of one that is said here.
        """
        try:
            target, host, name = await self._pin(url)
        except (ForbiddenAddress, ValueError) as error:
            return Attempt("refused", str(error))
        except OSError as error:
            return Attempt("retry", f"the name does not resolve: {error}")
        try:
            signature = Webhook(secret).sign(message_id, at, body.decode())
        except (ValueError, EmptyWebhookSecretError):
            return Attempt("refused", "the endpoint's secret is not one of Standard Webhooks")
        headers = {name.lower(): value for name, value in more} | {
            "host": host,
            "accept-encoding": "identity",
            "content-type": media_type,
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        return await self._post(target, name, headers, body)

    async def _post(self, target: str, name: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        try:
            # Only status and headers are looked at; what the receiver writes below them is never read.
            async with self._client.stream(
                "POST", target, content=body, headers=headers, extensions={"sni_hostname": name}
            ) as answer:
                return _judge(answer)
        except httpx2.InvalidURL:
            return Attempt("refused", "the address is not one that can be called")
        except httpx2.HTTPError as error:
            return Attempt("retry", f"{type(error).__name__}: the receiver cannot be reached")

    async def _pin(self, url: str) -> tuple[str, str, str]:
        """(URL with the resolved address, Host header, name for TLS)."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._allow_private and parts.scheme == "http"):
            raise ForbiddenAddress("a webhook address must begin with https://")
        if not parts.hostname or parts.username or parts.password:
            raise ForbiddenAddress("a webhook address needs a host name and no password")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        addresses = [check_address(str(entry[4][0]), allow_private=self._allow_private) for entry in found]
        pinned = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{pinned}:{port}{parts.path or '/'}{query}", parts.netloc, parts.hostname


def _judge(answer: httpx2.Response) -> Attempt:
    status = answer.status_code
    if 200 <= status < 300:
        return Attempt("delivered", str(status), status=status)
    if status == 410:
        return Attempt("gone", "410: the receiver wants no more", status=status)
    after = answer.headers.get("retry-after", "")
    plain = after.isascii() and after.isdigit() and len(after) < 7
    wait = min(int(after), _LONGEST_WAIT) if plain else None
    return Attempt("retry", f"the receiver answered {status}", wait, status)
