"""With which certificate a request came: by its own TLS connection, or by a proxy's word for it (RFC 9440).

Installed only where client certificates can reach the hub. What a request says itself of a certificate is taken away
before anything reads it; it counts only where the connection comes from one of HUB_CLIENT_CERT_PROXIES, and then alone.
"""

import base64
import binascii
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.connections import PEER
from hub.api.context import CERTIFICATE
from hub.services.client_certificates import thumbprint
from hub.settings import Settings

_HEADER: Final = b"client-cert"
_SAID: Final = frozenset({_HEADER, b"client-cert-chain"})
_LONGEST: Final = 16_384


class _Certificates:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, proxies: str) -> None:
        self._app = app
        self._proxies = tuple(ip_network(one) for one in proxies.split(",") if one)
        self._is_proxy = lru_cache(maxsize=1024)(self._is_among)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            said = [value for name, value in scope["headers"] if name == _HEADER]
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in _SAID]
            address, shown = scope.setdefault("state", {}).pop(PEER, ("", b""))
            # A proxy may have a certificate of its own, which is nobody's who is behind it.
            der = _handed_over(said) if self._proxies and self._is_proxy(address) else shown
            if der:
                scope["state"][CERTIFICATE] = thumbprint(der)
        await self._app(scope, receive, send)

    def _is_among(self, address: str) -> bool:
        try:
            known = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(known.version == network.version and known in network for network in self._proxies)


def _handed_over(said: list[bytes]) -> bytes:
    """The certificate in a proxy's header, in DER; nothing where there is not exactly one, well formed."""
    if len(said) != 1 or len(said[0]) > _LONGEST:
        return b""
    value = said[0].strip()
    if len(value) < 3 or value[:1] != b":" or value[-1:] != b":":
        return b""
    try:
        return base64.b64decode(value[1:-1], validate=True)
    except binascii.Error:
        return b""


def install(app: FastAPI, settings: Settings) -> None:
    """Put it in front of everything that asks who calls."""
    app.add_middleware(_Certificates, proxies=settings.client_cert_proxies)
