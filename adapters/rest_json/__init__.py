"""County system with a JSON interface over HTTP: pulled page by page with signed requests, written back by POST."""

from adapters.rest_json.settings import RestJsonSettings
from adapters.rest_json.transport import RestJson

__all__ = ["RestJson", "RestJsonSettings"]
