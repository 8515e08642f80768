"""Where a request comes from, and the one warning when a proxy says so and is not believed.

The web server has replaced the address by then if the proxy is one of HUB_TRUSTED_PROXIES. If not, everybody behind it
has its address, and who is limited by address is limited together.
"""

import structlog

log = structlog.get_logger(__name__)
_warned: set[str] = set()


def sender_of(address: str, forwarded: str) -> str:
    """`address`, as the web server gives it; `forwarded` is what the request's X-Forwarded-For says."""
    if forwarded.strip() and address not in forwarded and not _warned:
        _warned.add(address)
        log.warning(
            "proxy-not-trusted",
            peer=address,
            detail="A forwarding header came from an address that HUB_TRUSTED_PROXIES does not name; it is not believed.",
        )
    return address
