"""The id that a sender gives a message, so that it may send it again."""

from uuid import UUID

from starlette.requests import Request

from hub.errors import Invalid
from hub.storage.ids import new_id


def message_id_of(request: Request) -> UUID:
    """The sender's id of the message; a fresh one where it gives none. Raises Invalid."""
    stated = request.headers.get("message-id", "")
    try:
        return UUID(stated) if stated else new_id()
    except ValueError as error:
        raise Invalid("bad-request", "Message-Id is a UUID.") from error
