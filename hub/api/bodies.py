"""What every JSON body of the interface has in common; and bodies that nobody needs."""

from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel, model_validator
from starlette.requests import Request

from hub.domain.texts import MOST_LAYERS, all_can_be_kept, is_too_deep


class Body(BaseModel):
    """A body of few layers whose texts can all be kept: neither NUL nor half a surrogate pair in any of them."""

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if is_too_deep(value):
            raise ValueError(f"there are more than {MOST_LAYERS} layers of lists and objects")
        if not all_can_be_kept(value):
            raise ValueError("a text holds NUL or half a surrogate pair")
        return value


async def read_on(request: Request, body: AsyncIterator[bytes]) -> None:
    """Throw the rest of a body away, within the limits of any body, where it is answered from what was stored.

    Whoever sends a large document again reads no answer before its end, and would be cut off each time in front of the
    receipt that is waiting for it. Only who asks before it sends (RFC 9110, 10.1.1) is spared it.
    """
    if request.headers.get("expect", "").lower() != "100-continue":
        async for _ in body:
            pass
