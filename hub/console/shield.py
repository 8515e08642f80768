"""What every answer of the console carries and every request must satisfy, before any page sees it.

The policy allows nothing but our own files: no inline script or style, no frame, no other origin. A form that comes
from another origin is refused here already; its token is checked by the page (Fetch Metadata, RFC 6454).
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FIXED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_foreign(method: str, headers: Headers, scheme: str, base_url: str = "") -> bool:
    """Does this request change something on behalf of another site? `base_url` is how the outside reaches us."""
    if method in SAFE:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None or (base_url and origin == origin_of(base_url)):
        return False
    parts = urlsplit(origin)
    # The scheme may differ behind a proxy that ends TLS; the host that the browser meant may not.
    return parts.netloc != headers.get("host", "") or (scheme == "https" and parts.scheme != "https")


def origin_of(url: str) -> str:
    """Scheme and host of an address, as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Shield:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        base_url = scope["app"].state.parent.state.hub.settings.base_url
        scope.setdefault("state", {})["foreign"] = is_foreign(scope["method"], headers, scope["scheme"], base_url)
        static = scope["path"].startswith(scope.get("root_path", "") + "/static/")
        fresh = static and scope["query_string"].startswith(b"v=")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in FIXED.items():
                    out[name] = value
                if scope["scheme"] == "https":
                    out["Strict-Transport-Security"] = HSTS
                out["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-store"
            await send(message)

        await self._app(scope, receive, guarded)
