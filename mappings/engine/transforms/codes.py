"""Translation of codes and words through one table or a chain of tables; what the sender wrote stays beside it."""

from collections.abc import Callable, Sequence
from typing import Literal

from mappings.engine.codes import Table, table
from mappings.engine.model import Coded, Coding, Noted, note
from mappings.engine.transforms.text import squeeze

_OWN = "urn:lianqiao:"
_SHARED = "urn:lianqiao:cs:"


def standard(system: str) -> bool:
    """Whether `system` is a shared one and not a county's own."""
    return not system.startswith(_OWN) or system.startswith(_SHARED)


def code(
    tables: Sequence[str], original: str, unmapped: Literal["error", "warning"] = "warning", pad: int = 0
) -> Callable[[str], object]:
    """A Coded from the first table, carried on through the following ones while their source system fits.

    `original` is the code system URI of what the sender wrote. `pad` puts zeros before short numeric codes (`1` → `01`).
    A code that is not in the table keeps its original only, with an issue.
    """
    chain = [table(name) for name in tables]

    def transform(text: str) -> object:
        word = squeeze(text)
        found = chain[0].entries.get(word) or chain[0].entries.get(word.removesuffix(".0").upper().zfill(pad))
        if found is None:
            coded = Coded((), Coding(original, word, word))
            return Noted(coded, (note("unmapped-code", unmapped, found=word[:40], table=chain[0].name),))
        return Coded(_codings(chain, found.source), Coding(original, word, found.source.display))

    return transform


def _codings(chain: Sequence[Table], first: Coding) -> tuple[Coding, ...]:
    codings = [first] if standard(first.system) else []
    current = first
    for step in chain:
        if step.source != current.system:
            continue
        entry = step.entries.get(current.code)
        if entry is None or entry.target is None:
            break
        current = entry.target
        if current not in codings:
            codings.append(current)
    return tuple(codings)
