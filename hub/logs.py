"""Structured logs: one JSON object a line on standard error, without personal data.

Code logs codes, ids and counts. Exceptions are logged by type and place, never with their message or values: a database
error would quote the row.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog


def _place(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the frames it came through."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)][-6:]
    return event


class _TypeAndPlace(logging.Formatter):
    """What libraries log of an exception: its type and the frames it came through, never its message."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the standard library's name
        frames = traceback.extract_tb(ei[2])[-6:]
        return "\n".join([ei[0].__name__, *(f"  {frame.filename}:{frame.lineno}" for frame in frames)])


def configure(level: str) -> None:
    """Set up logging for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_TypeAndPlace("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # Libraries that put values into messages stay silent below errors.
    for name in ("sqlalchemy", "asyncpg", "httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
