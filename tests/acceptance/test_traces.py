"""The search that the canary rests on finds a planted word in every form it claims to know."""

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest

from tests.acceptance import traces

WORD = "金丝雀Kanarienvogel7391"


@pytest.mark.parametrize(
    "written",
    [
        WORD.encode(),
        WORD.encode("utf-16-le"),
        WORD.encode("utf-16-be"),
        WORD.encode("gbk"),
        WORD.encode().hex().encode(),
        quote(WORD).encode(),
        json.dumps(WORD).encode(),
        zlib.compress(WORD.encode()),
        gzip.compress(WORD.encode(), mtime=0),
        *(base64.b64encode(b"x" * before + WORD.encode() + b"y" * 5) for before in range(6)),
        *(base64.urlsafe_b64encode("检".encode() + b"x" * before + WORD.encode()) for before in range(3)),
    ],
)
def test_a_planted_word_is_found(written: bytes) -> None:
    surrounded = written if written[:2] in (b"x\x9c", b"\x1f\x8b") else b"before " + written + b" behind"
    assert traces.find(WORD, {"file": surrounded})


def test_what_is_not_there_is_not_found() -> None:
    assert traces.find(WORD, {"file": "金丝雀 Kanarienvogel 7391".encode(), "other": b""}) == []
