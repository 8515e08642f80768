"""The id that a sender gives a message, so that it may send it again."""

from uuid import UUID

from starlette.requests import Request

from hub.errors import Invalid
from hub.storage.ids import new_id


def message_id_of(request: Request) -> UUID:
    """The sender's id of the message; a fresh one where it gives none. Raises Invalid."""
    stated = request.headers.get("message-id")
    if stated is None:
        return new_id()
    try:
        return UUID(stated)
    except ValueError as error:  # an empty one too: whoever means to send again would not be known again
        raise Invalid("bad-request", "Message-Id is a UUID. Nothing was stored.") from error
