"""What a configuration says about a county's JSON interface."""

from typing import Literal

from pydantic import Field

from adapters.gateway.config import WEB_ADDRESS, FilePath, Strict


class RestJsonSettings(Strict):
    """`transport:` of the configuration. `attempts`: how often one request is sent before the county counts as down."""

    type: Literal["rest_json"]
    url: str = Field(pattern=WEB_ADDRESS)
    app_id: str
    secret_file: FilePath
    ca_file: FilePath | None = None
    timeout_seconds: float = Field(20, gt=0, le=600)
    attempts: int = Field(4, ge=1, le=20)
    pause_seconds: float = Field(0.5, ge=0, le=60)
    max_page_bytes: int = Field(32 * 1024**2, gt=0)
    write_back_path: str = "/api/v2/tbfk"


class RestSource(Strict):
    """The extra field of a source: the path its table is read at."""

    path: str = Field(pattern=r"^/[^?#]*$")
