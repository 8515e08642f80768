"""What every JSON body of the interface has in common."""

from typing import Any

from pydantic import BaseModel, model_validator

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
