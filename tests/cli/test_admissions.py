"""`hub member applications …`: who applies to a sandbox, and how a member that passed comes to a live hub."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.domain import rehearsal
from hub.errors import Invalid
from hub.runtime import Hub, open_hub
from hub.services import accounts, applications, promotion
from hub.services.applications import Wanted
from hub.services.client_certificates import thumbprint
from hub.settings import get_settings
from hub.storage import members, rehearsals
from tests.certificates import Authority
from tests.cli.conftest import Say
from tests.hubs import Clock, Enrolled, acts
from tests.processes import environment
from tests.sandboxes import Newcomer, open_sandbox


@pytest.fixture
async def sandbox(tmp_path: Path, empty_database_url: str, clock: Clock) -> AsyncIterator[Hub]:
    async with open_sandbox(tmp_path / "sandbox", empty_database_url, clock) as opened:
        yield opened


@pytest.fixture
async def check_list(sandbox: Hub, clock: Clock, tmp_path: Path) -> Path:
    """Of a member that has shown everything; how it does is the portal's test."""
    applied = await applications.apply(sandbox, Wanted(**Newcomer("qingshan", clock).application()), "here")
    await applications.admit(sandbox, applied.id)
    async with sandbox.database.begin() as connection:
        member = await members.by_name(connection, "qingshan")
        assert member is not None
        seen = {item: clock().isoformat() for item in rehearsal.ITEMS if item != rehearsal.WEBHOOK}
        await rehearsals.put(connection, member.id, {**rehearsal.new(), "seen": seen})
    file = tmp_path / "qingshan.txt"
    file.write_text(await promotion.report(sandbox, "qingshan") + "\n")
    return file


@pytest.fixture
def trusting(sandbox: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SANDBOX_KEY_FILE", str(sandbox.settings.data_dir / promotion.KEY_FILE))


@pytest.mark.usefixtures("trusting")
async def test_two_administrators_make_a_live_member(say: Say, hub: Hub, check_list: Path) -> None:
    for name, role in (("first", "administrator"), ("second", "administrator"), ("third", "steward")):
        await accounts.create_user(hub, name=name, display=name, roles=[role])
    asked = ("member", "promote", check_list, "--division", "330702000000", "--by")
    assert "(role-missing)" in (await say(*asked, "third")).output
    assert "(role-missing)" in (await say(*asked, "nobody")).output
    proposed = await say(*asked, "first")
    assert proposed.exit_code == 0, proposed.output
    id_ = proposed.output.split("approve ")[1].split()[0]
    assert "qingshan" in (await say("member", "promotions")).output
    assert "qingshan" not in (await say("member", "list")).output
    assert "(second-person)" in (await say("member", "approve", id_, "--by", "first")).output
    done = await say("member", "approve", id_, "--by", "second")
    assert done.exit_code == 0, done.output
    assert "330702000000" in (await say("member", "list")).output
    assert (await say("member", "approve", id_, "--by", "second")).exit_code == 1
    assert [one["proposed_by"] for one in await acts(hub, "promote")] == ["first"]
    assert [one["code"] for one in await acts(hub, "refuse-promote")] == ["second-person", "not-found"]
    assert "(name-taken)" in (await say(*asked, "first")).output


@pytest.mark.usefixtures("trusting")
async def test_what_the_sandbox_did_not_sign_is_nothing(say: Say, hub: Hub, check_list: Path, tmp_path: Path) -> None:
    await accounts.create_user(hub, name="first", display="first", roles=["administrator"])
    header, payload, signature = check_list.read_text().strip().split(".")
    forged = tmp_path / "forged.txt"
    for text in ("", "x.y.z", f"{header}.{payload[:-4]}AAAA.{signature}", f"{header}.{payload}.{signature[:-4]}AAAA"):
        forged.write_text(text)
        said = await say("member", "promote", forged, "--division", "330702000000", "--by", "first")
        assert "(bad-check-list)" in said.output, said.output
    invented = await say("member", "promote", check_list, "--division", "990001000000", "--by", "first")
    assert "(bad-division)" in invented.output


async def test_no_sandbox_is_believed_unless_one_is_named(say: Say, hub: Hub, check_list: Path) -> None:
    await accounts.create_user(hub, name="first", display="first", roles=["administrator"])
    said = await say("member", "promote", check_list, "--division", "330702000000", "--by", "first")
    assert "(no-sandbox-key)" in said.output


async def test_an_old_check_list_counts_no_more(hub: Hub, check_list: Path, sandbox: Hub, clock: Clock) -> None:
    settings = hub.settings.model_copy(update={"sandbox_key_file": sandbox.settings.data_dir / promotion.KEY_FILE})
    async with open_hub(settings, now=clock) as live:
        assert promotion.read(live, check_list.read_text()).member.name == "qingshan"
        clock.advance(days=30)
        with pytest.raises(Invalid):
            promotion.read(live, check_list.read_text())


async def test_the_operator_answers_at_the_command_line(
    say: Say, sandbox: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environment(sandbox.settings, HUB_SANDBOX="true").items():
        if name.startswith("HUB_"):
            monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    for name in ("qingshan", "another"):
        await applications.apply(sandbox, Wanted(**Newcomer(name, clock).application()), "here")
    listed = (await say("member", "applications")).output
    assert all(word in listed for word in ("qingshan: Qingshan", "WAITING", "陈工 0579-0000"))
    first, second = (str(one.id) for one in await applications.listed(sandbox))
    assert "qingshan is in the sandbox" in (await say("member", "admit", first)).output
    assert "another is declined" in (await say("member", "decline", second, "--reason", "not known")).output
    assert "(answered)" in (await say("member", "decline", first, "--reason", "not known")).output
    shown = (await say("member", "conformance", "qingshan")).output
    assert all(item in shown for item in rehearsal.ITEMS)
    early = await say("member", "conformance", "qingshan", "--out", tmp_path / "early.txt")
    assert "(not-passed)" in early.output
    assert not (tmp_path / "early.txt").exists()
    assert [one["member"] for one in await acts(sandbox, "admit")] == ["qingshan"]
    assert [one["name"] for one in await acts(sandbox, "decline")] == ["another"]


async def test_a_webhook_is_set_anew_at_the_live_hub(say: Say, hub: Hub, huiji: Enrolled, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_c29tZXRoaW5nIGxvbmcgZW5vdWdo\n")
    said = await say("member", "webhook", "huiji", "https://huiji.example/told", "--secret-file", secret)
    assert said.exit_code == 0, said.output
    async with hub.database.read() as connection:
        (endpoint,) = await members.endpoints(connection, hub.vault, [huiji.member.id])
    assert (endpoint.address, endpoint.secret) == ("https://huiji.example/told", secret.read_text().strip())


async def test_a_members_certificate_is_taken_up_required_and_shown(say: Say, huiji: Enrolled, tmp_path: Path) -> None:
    made = Authority(tmp_path, "ours").issue("huiji")
    assert (await say("member", "mtls", "huiji")).output == "huiji: a certificate is not required\n"
    said = await say("member", "mtls", "huiji", "--certificate", made.cert, "--require")
    assert said.exit_code == 0, said.output
    assert said.output.startswith(f"huiji: a certificate is required\n  {thumbprint(made.der)} CN=huiji (until 20")
    assert "(private-key)" in (await say("member", "mtls", "huiji", "--certificate", made.key)).output
    assert "(certificate-needed)" in (await say("member", "token", "huiji")).output
    assert "not required" in (await say("member", "mtls", "huiji", "--no-require")).output
