"""The record kinds that mappings can give, each with its target."""

from mappings.engine.targets import Target, person

TARGETS: dict[str, Target] = {target.kind: target for target in (person.TARGET,)}
