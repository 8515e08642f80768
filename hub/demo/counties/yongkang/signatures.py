"""Signed requests: X-App-Id, X-Timestamp (epoch seconds) and X-Sign, the hex HMAC-SHA256 over five lines' worth of request.

What is signed: method, path with query as sent, timestamp, hex SHA-256 of the body, joined by newlines.
"""

import hashlib
import hmac

TOLERANCE_SECONDS = 300


def sign(secret: bytes, method: str, target: str, timestamp: str, body: bytes) -> str:
    """The value of X-Sign. `target` is path and query exactly as they stand in the request line."""
    text = "\n".join((method.upper(), target, timestamp, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def refusal(
    secrets: dict[str, bytes],
    app_id: str,
    timestamp: str,
    given: str,
    method: str,
    target: str,
    body: bytes,
    now: float,
) -> str:
    """Why the request is not accepted, or the empty string when it is."""
    secret = secrets.get(app_id)
    if secret is None:
        return "unknown X-App-Id"
    if not timestamp.isdigit() or abs(int(timestamp) - now) > TOLERANCE_SECONDS:
        return "X-Timestamp is missing or too far from this clock"
    if not hmac.compare_digest(sign(secret, method, target, timestamp, body), given.lower()):
        return "X-Sign does not fit"
    return ""
