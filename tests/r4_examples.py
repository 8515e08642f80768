"""HL7's own examples of FHIR R4 (4.0.1): 5,306 resources as they were published, byte for byte."""

import tarfile
from collections.abc import Iterator

from tests.npm import Package, archive

PACKAGE = Package("hl7.fhir.r4.examples", "4.0.1", "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682")


def examples() -> Iterator[tuple[str, bytes]]:
    """(name, body) of each example; a name is that of its file, such as `Patient-example`. Raises NotFetched."""
    with tarfile.open(archive(PACKAGE)) as packed:
        for member in packed:
            name = member.name.removeprefix("package/").removesuffix(".json")
            content = packed.extractfile(member) if member.name.endswith(".json") and name != "package" else None
            if content is not None:
                yield name, content.read()
