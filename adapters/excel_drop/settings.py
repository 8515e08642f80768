"""What a configuration says about a drop folder."""

from typing import Literal

from pydantic import Field

from adapters.gateway.config import FilePath, Strict


class ExcelDropSettings(Strict):
    """`transport:` of the configuration. Done, failed and inbox folders lie below `folder`."""

    type: Literal["excel_drop"]
    folder: FilePath
    settle_seconds: float = Field(3, ge=0, le=600)
    max_document_bytes: int = Field(64 * 1024**2, gt=0)
    max_sealed_bytes: int = Field(256 * 1024**2, gt=0)


class DropSource(Strict):
    """The extra field of a source: file names it takes, as shell patterns (`避孕*.xlsx`)."""

    pattern: str = Field(min_length=1, pattern=r"^[^/\\]+$")
