"""`hub member`, `hub agreement`, `hub key`: lists that keep every word, and files that cannot be read or written."""

from pathlib import Path

import pytest

from tests.cli.conftest import WIDTH, Say
from tests.hubs import Enrolled

TERMS = ("--kind", "contraception-report", "--kind", "marriage-certificate", "--purpose", "continuity-of-care")


async def test_an_agreement_is_shown_whole_on_a_narrow_screen(say: Say, huiji: Enrolled, yongkang: Enrolled) -> None:
    made = await say("agreement", "add", "Care [for] all", "--from", "huiji", "--to", "yongkang", *TERMS)
    assert made.exit_code == 0, made.output
    lines = (await say("agreement", "list")).output.splitlines()
    assert max(map(len, lines)) <= WIDTH
    said = " ".join(" ".join(lines).replace("│", " ").split())
    assert made.output.split()[1] in said
    for words in ("Care [for] all", "huiji → yongkang:", *TERMS[1::2]):
        assert words in said
    assert "…" not in said


@pytest.mark.parametrize(
    "command",
    [
        ("member", "add", "here", "--division", "330784000000", "--display", "H", "--display-zh", "这", "--jwks", "{}"),
        ("key", "add", "huiji", "{}"),
        ("key", "draft", "{}"),
        ("key", "take-root", "root-1", "{}"),
        ("review", "labels", "{}"),
    ],
    ids=" ".join,
)
async def test_a_file_that_cannot_be_used_is_named_and_nothing_happens(
    say: Say, huiji: Enrolled, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "nowhere" / "file"
    said = await say(*(word.format(file) for word in command), typed="a passphrase of hers\n" * 2)
    assert said.exit_code == 1
    assert f"hub: {file}: No such file or directory; " in said.output
    assert "here" not in (await say("member", "list")).output


async def test_a_quota_is_set_in_part_and_shown(say: Say, huiji: Enrolled, yongkang: Enrolled) -> None:
    set_ = await say("member", "quota", "huiji", "--per-second", "50", "--burst", 200)
    assert set_.output == "huiji: 50 requests a second, 200 at one go, 8 at once, 20,480 MiB a day\n"
    again = await say("member", "quota", "huiji", "--bytes-a-day", 2**30)
    assert again.output == "huiji: 50 requests a second, 200 at one go, 8 at once, 1,024 MiB a day\n"
    assert (await say("member", "quota", "huiji")).output == again.output
    listed = " ".join((await say("member", "list")).output.replace("│", " ").split())
    assert listed.count("MiB") == 2
    common = await say("member", "quota", "huiji", "--common")
    assert common.output == "huiji: 500 requests a second, 1000 at one go, 8 at once, 20,480 MiB a day\n"
    assert "no active member named nobody" in (await say("member", "quota", "nobody", "--burst", 5)).output


async def test_scopes_bound_what_tokens_open(say: Say, huiji: Enrolled) -> None:
    assert (await say("member", "scopes", "huiji", "system/*.read", "lianqiao/mailbox.ru")).output == (
        "huiji: lianqiao/mailbox.ru system/*.rs\n"
    )
    assert (await say("member", "scopes", "huiji")).output == "huiji: lianqiao/mailbox.ru system/*.rs\n"
    assert "no active member named nobody" in (await say("member", "scopes", "nobody")).output
    refused = await say("member", "scopes", "huiji", "system/*.sr")
    assert (refused.exit_code, refused.output) == (1, "hub: Not a scope of the hub: system/*.sr. (bad-scope)\n")
    assert (await say("member", "token", "huiji", "--scope", "system/Patient.r")).exit_code == 0
    beyond = await say("member", "token", "huiji", "--scope", "system/Patient.c")
    assert beyond.output == "hub: No token was given: none of these may be had by this member. (invalid-scope)\n"


async def test_no_passphrase_is_asked_for_what_is_no_root(say: Say, tmp_path: Path) -> None:
    said = await say("key", "take-root", "sign", tmp_path / "taken.key")
    assert said.exit_code == 1
    assert (
        said.output
        == "hub: only root-1, root-2, root-3 may be taken away; sign is none of them, and nothing was changed\n"
    )


async def test_the_secret_of_a_webhook_is_read_before_anybody_is_enrolled(say: Say, tmp_path: Path) -> None:
    words = ("--division", "330784000000", "--display", "H", "--display-zh", "这", "--webhook", "https://here.example/")
    said = await say("member", "add", "here", *words, "--webhook-secret-file", tmp_path / "none")
    assert said.output == f"hub: {tmp_path / 'none'}: No such file or directory; nothing was changed\n"
    assert "here" not in (await say("member", "list")).output
