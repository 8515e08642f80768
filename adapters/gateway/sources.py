"""The sources of the configuration with what their mappings say of them: kind, sealed or not, and their place in the order.

Consents come first and persons second, because what follows refers to them. Mappings are loaded once, when the gateway starts.
"""

import mappings
from adapters.errors import ConfigError
from adapters.gateway.config import GatewayConfig, SourceSettings
from adapters.gateway.records import Route, Source
from mappings import vocabulary

_STAGES = {vocabulary.CONSENT: 0, vocabulary.PERSON: 1}
_CERTIFICATES = frozenset({vocabulary.MARRIAGE_CERTIFICATE, vocabulary.BIRTH_CERTIFICATE})


def resolve(config: GatewayConfig) -> list[Source]:
    """The configured sources in the order in which they are read. Raises ConfigError for an unknown mapping."""
    return sorted((_source(settings) for settings in config.sources), key=lambda source: source.stage)


def _source(settings: SourceSettings) -> Source:
    try:
        mapping = mappings.load(settings.mapping)
    except mappings.UnknownMapping as error:
        raise ConfigError(
            f"source {settings.name}: there is no mapping {settings.mapping}", code="unknown-mapping"
        ) from error
    route = Route.RAW
    if mapping.sealed:
        route = Route.CERTIFICATE if mapping.kind in _CERTIFICATES else Route.SEALED
    return Source(settings.name, settings.mapping, mapping.kind, route, _STAGES.get(mapping.kind, 2), settings.extras())
