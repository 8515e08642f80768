"""Which transports there are, by the `type` of the configuration: the only file that names them all.

A new transport is a folder here and a line in `_BUILDERS`.
"""

from collections.abc import Callable, Sequence

from adapters.errors import ConfigError
from adapters.excel_drop import ExcelDrop, ExcelDropSettings
from adapters.excel_drop.settings import DropSource
from adapters.gateway.config import GatewayConfig, Model, validate
from adapters.gateway.records import Source
from adapters.gateway.transport import Transport
from adapters.rest_json import RestJson, RestJsonSettings
from adapters.rest_json.settings import RestSource

Builder = Callable[[GatewayConfig, Sequence[Source]], Transport]


def build(config: GatewayConfig, sources: Sequence[Source]) -> Transport:
    """The configured transport. Raises ConfigError for an unknown type or wrong settings."""
    kind = config.transport.get("type")
    builder = _BUILDERS.get(kind) if isinstance(kind, str) else None
    if builder is None:
        raise ConfigError(f"transport.type {kind!r} is not known; known: {', '.join(sorted(_BUILDERS))}")
    return builder(config, sources)


def _rest_json(config: GatewayConfig, sources: Sequence[Source]) -> Transport:
    settings = validate(RestJsonSettings, config.transport, folder=config.folder, where="transport")
    own = [(source, _extras(RestSource, source, config)) for source in sources]
    return RestJson(settings, config.county, own)


def _excel_drop(config: GatewayConfig, sources: Sequence[Source]) -> Transport:
    settings = validate(ExcelDropSettings, config.transport, folder=config.folder, where="transport")
    return ExcelDrop(settings, [(source, _extras(DropSource, source, config)) for source in sources])


def _extras(model: type[Model], source: Source, config: GatewayConfig) -> Model:
    return validate(model, dict(source.settings), folder=config.folder, where=f"source {source.name}")


_BUILDERS: dict[str, Builder] = {"rest_json": _rest_json, "excel_drop": _excel_drop}
