"""What every JSON body of the interface has in common."""

from typing import Any

from pydantic import BaseModel, model_validator

from hub.domain.texts import all_can_be_kept


class Body(BaseModel):
    """A body whose texts can all be kept: neither NUL nor half a surrogate pair in any of them, however deep."""

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if not all_can_be_kept(value):
            raise ValueError("a text holds NUL or half a surrogate pair")
        return value
