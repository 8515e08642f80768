"""The examples of docs/feeding.md, run in their order: what an integrator reads there is what the hub answers."""

import json
import re
from pathlib import Path
from typing import Any

from hub.api import fhir
from hub.runtime import Hub
from hub.services import accounts, steward_tokens, tokens
from tests.hubs import Enrolled, serve
from tests.messages import CARE, agree

PAGE = Path(__file__).parents[3] / "docs" / "feeding.md"
_BLOCK = re.compile(r"^```http\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"<(\w+)>")


def examples(text: str) -> list[tuple[str, str]]:
    """(request, answer) as they stand on the page."""
    blocks = _BLOCK.findall(text)
    return list(zip(blocks[::2], blocks[1::2], strict=True))


def parts(block: str) -> tuple[str, dict[str, str], str]:
    """(first line, headers, body)."""
    head, _, body = block.partition("\n\n")
    first, *lines = head.strip().splitlines()
    return first, dict(line.split(": ", 1) for line in lines), body.strip()


def filled(text: str, known: dict[str, str]) -> str:
    """`text` with the places whose values are known."""
    return _PLACE.sub(lambda place: known[place[1]], text)


def compare(said: Any, found: Any, known: dict[str, str], where: str = "answer") -> None:
    """Everything `said` is in `found`; places that are not known yet take what stands there."""
    if isinstance(said, dict):
        assert isinstance(found, dict), where
        for name, value in said.items():
            assert name in found, f"{where} has no {name}"
            compare(value, found[name], known, f"{where}.{name}")
    elif isinstance(said, list):
        assert len(said) == len(found), where
        for at, (one, other) in enumerate(zip(said, found, strict=True)):
            compare(one, other, known, f"{where}[{at}]")
    elif isinstance(said, str):
        _compare_text(said, found, known, where)
    else:
        assert said == found, where


def _compare_text(said: str, found: Any, known: dict[str, str], where: str) -> None:
    names = _PLACE.findall(said)
    pattern = re.escape(said).replace("…", ".*")
    for name in names:
        new = f"(?P<{name}>.+)" if name not in known else re.escape(known[name])
        pattern = pattern.replace(f"<{name}>", new, 1)
    match = re.fullmatch(pattern, str(found), re.DOTALL)
    assert match, f"{where} is {found!r}, not {said!r}"
    known |= {name: value for name, value in match.groupdict().items() if value is not None}


async def test_the_examples_are_answered_as_the_page_says(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    await accounts.create_user(hub, name="lin", display="林", roles=["steward"])
    known = {"lin": await steward_tokens.issue(hub, "lin")}
    await agree(hub, yongkang, huiji, kinds=["person"], purposes=[CARE])
    for member in (yongkang, huiji):
        known[member.member.name] = await tokens.issue_token(hub, member.member)
    found = examples(PAGE.read_text(encoding="utf-8"))
    assert len(found) >= 7
    async with serve(hub, fhir.router) as client:
        for asked, said in found:
            first, headers, body = parts(filled(asked, known))
            method, address = first.split(" ", 1)
            answer = await client.request(method, address, headers=headers, content=body.encode() or None)
            status, wanted, expected = parts(said)
            assert status == f"HTTP/1.1 {answer.status_code}", f"{first}: {answer.text}"
            for name, value in wanted.items():
                _compare_text(value, answer.headers[name], known, f"{first}: {name}")
            compare(json.loads(expected), answer.json(), known, first)
