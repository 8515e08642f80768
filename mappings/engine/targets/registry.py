"""The record kinds that mappings can give, each with its target."""

from mappings.engine.targets import Target, certificates, consent, person, report

TARGETS: dict[str, Target] = {
    target.kind: target
    for target in (person.TARGET, consent.TARGET, report.TARGET, certificates.MARRIAGE, certificates.BIRTH)
}
