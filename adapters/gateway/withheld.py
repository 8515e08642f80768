"""What an open document must not carry: columns that belong in a sealed report stay at the county.

A county's person rows may hold what only a sealed report may say (a contraception method). JSON pages go on without those
fields; a spreadsheet is not ours to rewrite, so it comes back to its clerk with the columns named.
"""

import json
from typing import Any, BinaryIO

import mappings

CODE = "withheld-column"


def without(mapping: str, content: bytes) -> bytes:
    """The JSON document without the fields that `mapping` withholds; the very same bytes when it has none of them."""
    names = mappings.load(mapping).withheld
    # A name may be written with escapes; then only parsing tells.
    if b"\\u" not in content and not any(name.encode() in content for name in names):
        return content
    found = False

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found = found or any(name in names for name, _ in pairs)
        return {name: value for name, value in pairs if name not in names}

    document = json.loads(content, object_pairs_hook=keep)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() if found else content


def check(mapping: str, stream: BinaryIO, name: str) -> None:
    """Raises UnreadableFile when a spreadsheet's header names a withheld column. Reads the header's batch only."""
    loaded = mappings.load(mapping)
    if not loaded.withheld:
        return
    for batch in loaded.read(stream, file_name=name, batch_size=1):
        for issue in batch.issues:
            if issue.code == CODE:
                raise mappings.UnreadableFile(issue)
        return
