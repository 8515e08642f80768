"""The common kind of CSV file: read as it is written, and nothing else taken for it."""

import sys
import unicodedata
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hub.linkage.engines import plain_csv

BLANKS = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Zs"]
ENDS = ("\n", "\r\n")
inside = st.text(st.sampled_from("a王·‧é〇𠮷힣\u0800"), max_size=20)
texts = st.builds(lambda *parts: " ".join(filter(None, parts)), inside, inside)
patched = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that cells lie across blocks."""
    monkeypatch.setattr(plain_csv, "_SCANNED", 16)
    monkeypatch.setattr(plain_csv, "_READ", 64)


def read(content: bytes, columns: int) -> list[tuple[str, ...]] | None:
    with NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        found = plain_csv.read(Path(file.name), columns, 2)
    return None if found is None else list(zip(*(column.strings() for column in found), strict=True))


@patched
@given(st.lists(st.tuples(texts, texts, texts), max_size=9), st.sampled_from(ENDS), st.booleans())
def test_a_plain_file_is_read_as_it_is_written(rows: list[tuple[str, ...]], end: str, ended: bool) -> None:
    content = "".join(f"{','.join(row)}{end}" for row in [("a", "b", "c"), *rows])
    if not ended and end == "\n":
        content = content[:-1]
    assert read(content.encode(), 3) == rows


@pytest.mark.parametrize("line", ["{}", "{},z", "y,{}", "y,{},z"])
@patched
@given(st.sampled_from(BLANKS), inside, inside, st.sampled_from(ENDS))
def test_a_blank_around_a_cell_is_seen_wherever_it_stands(
    line: str, blank: str, text: str, before: str, end: str
) -> None:
    for cell in (blank + text, text + blank):
        content = f"{line.format(before)}{end}{line.format(cell)}{end}"
        assert read(content.encode(), line.count(",") + 1) is None


@pytest.mark.parametrize(
    "content",
    [b'a,b\n"1",2\n', b"a,b\n1\n", b"a,b\n1,2,3\n4\n", b"a,b\n\n1,2\n", b"a,b\r\n1,2\n", b"a,b\n1,2\r\n", b"a,b\n1\r,2\n",
     b"a,b\r1,2\r", b"a,b\n1,\xe4\xb8\n", b"a,b\n1,\xff\n", b"a,b\n1,\xc0\xaf\n", b"a,b\n1,\xe0\x80\x80\n",
     b"a,b\n1,\xed\xa0\x80\n", b"a,b\n1,\xf0\x8f\xbf\xbf\n", b"a,b\n1,\xf4\x90\x80\x80\n", b"a,b\n1,\xf5\x80\x80\x80\n"],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_others(content: bytes) -> None:
    assert read(content, 2) is None


@patched
@given(st.binary(max_size=40), inside)
def test_only_utf_8_is_plain(strange: bytes, text: str) -> None:
    content = b"a\n" + text.encode() + strange + text.encode()
    found = read(content, 1)
    try:
        said = content.decode()
    except UnicodeDecodeError:
        assert found is None
    else:
        assume(not set(said) & {'"', ",", "\r", *BLANKS})
        assert found == [(line,) for line in said.removesuffix("\n").split("\n")[1:]]
