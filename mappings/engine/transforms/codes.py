"""Translation of codes and words through one table or a chain of tables; what the sender wrote stays beside it."""

from collections.abc import Callable, Sequence
from typing import Literal

from mappings.engine.codes import Table
from mappings.engine.codes import table as _table
from mappings.engine.model import Coded, Coding, Noted, Severity, note
from mappings.engine.transforms.text import squeeze

_OWN = "urn:lianqiao:"
_SHARED = "urn:lianqiao:cs:"


def standard(system: str) -> bool:
    """Whether `system` is a shared one and not a county's own."""
    return not system.startswith(_OWN) or system.startswith(_SHARED)


def code(
    tables: Sequence[str], original: str, unmapped: Severity | Literal["accept"] = "warning", pad: int = 0
) -> Callable[[str], object]:
    """A Coded from the first table, carried on through the following ones while their source system fits.

    `original` is the code system URI of what the sender wrote. `pad` puts zeros before short numeric codes (`1` → `01`).
    A code that is not in the table keeps its original only, with an issue of the severity `unmapped` (none with `accept`).
    """
    chain = [_table(name) for name in tables]

    def transform(text: str) -> object:
        word = squeeze(text)
        found = chain[0].entries.get(word) or chain[0].entries.get(word.removesuffix(".0").upper().zfill(pad))
        if found is None:
            coded = Coded((), Coding(original, word, word))
            if unmapped == "accept":
                return coded
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


def words(table: str) -> Callable[[tuple[str, ...]], object]:  # the option's name in mapping.yaml
    """Each of several words as the code that a table gives it; a word that it does not know stays as it is."""
    known = _table(table)

    def transform(items: tuple[str, ...]) -> object:
        found = []
        for item in items:
            entry = known.entries.get(item)
            found.append(entry.target.code if entry is not None and entry.target is not None else item)
        return tuple(dict.fromkeys(found))

    return transform
