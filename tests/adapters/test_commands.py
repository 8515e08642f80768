"""The `gateway` command says in words what is wrong and what to do, and its exit code says whether anything is."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
import yaml
from typer.testing import CliRunner, Result

from adapters import cli
from adapters.cli import app
from adapters.gateway import forget, keys
from adapters.gateway.config import KeySettings
from tests.adapters import kit
from tests.adapters.real import real_hub


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command sends its log to standard error, which here lives no longer than one call."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console of the command takes its width when it is first imported, by whichever test."""
    monkeypatch.setattr(cli.out, "_width", 300)


@pytest.fixture(autouse=True)
def known_keys(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Opening key files is slow on purpose; only the test of `keygen` opens them."""
    if "keygen" in request.node.name:
        return

    def load(settings: KeySettings) -> keys.KeyRing:
        return kit.ring_of(settings.folder.parent.name)

    monkeypatch.setattr(keys, "load", load)


def gateway(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})


def put_person(config: Path, name: str = "李娜") -> None:
    header = "登记编号,姓名,性别,身份证号码,出生年月,户籍地,现居住地"
    row = f"HJ1,{name},女,410108199005010026,1990.5,河南省郑州市惠济区,浙江省永康市"
    (config.parent / "drop").mkdir(exist_ok=True)
    (config.parent / "drop" / "人员.csv").write_bytes(f"{header}\r\n{row}\r\n".encode("gb18030"))


def test_once_works_and_status_tells(world: kit.Exchange) -> None:
    config = kit.huiji_gateway(world)
    put_person(config)
    done = gateway("once", config)
    assert done.exit_code == 0, done.output
    assert len(world.ledger.of("huiji")) == 1
    told = json.loads(gateway("status", config, "--json").stdout)
    assert told["outgoing"] == {"person": {"SETTLED": 1}}
    assert "person" in gateway("status", config).stdout
    (submission,) = world.ledger.of("huiji")
    shown = gateway("show", config, submission.message_id).stdout
    assert "READY" in shown
    assert "receipt verified" in shown
    assert f"receipt: {json.loads(submission.answer)['receipt']}" in shown
    assert gateway("show", config, "nothing").exit_code == 1


def test_once_fails_when_something_is_stuck_and_retry_releases_it(world: kit.Exchange) -> None:
    sources = [{"name": "persons", "mapping": "huiji/person.v1", "pattern": "*人员*"}]
    config = kit.huiji_gateway(world, sources)
    put_person(config)
    world.hub.refuse_mapping = "huiji/person.v1"
    stuck = gateway("once", config, "--timeout", "5")
    assert stuck.exit_code == 1
    assert "unknown-mapping" in stuck.stdout
    checked = gateway("check", config)
    assert checked.exit_code == 1
    assert "gateway retry" in checked.stdout
    world.hub.refuse_mapping = None
    assert "1 messages" in gateway("retry", config).stdout
    assert gateway("once", config).exit_code == 0
    assert len(world.ledger.of("huiji")) == 1


def test_a_newer_document_waits_for_the_held_one_until_it_is_given_up(
    world: kit.Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [{"name": "persons", "mapping": "huiji/person.v1", "pattern": "*人员*"}]
    config = kit.huiji_gateway(world, sources)
    put_person(config)
    world.hub.refuse_mapping = "huiji/person.v1"
    assert gateway("once", config, "--timeout", "5").exit_code == 1
    world.hub.refuse_mapping = None
    put_person(config, name="王芳")
    stuck = gateway("once", config, "--timeout", "60")
    assert stuck.exit_code == 1
    assert "1 newer document of the source persons" in stuck.stdout
    assert world.ledger.of("huiji") == []
    (held,) = json.loads(gateway("status", config, "--json").stdout)["stuck"]
    assert forget.main([str(config), held["message_id"]]) == 0
    assert forget.main([str(config), held["message_id"]]) == 1
    assert "not a held document" in capsys.readouterr().err
    assert gateway("once", config).exit_code == 0
    (submission,) = world.ledger.of("huiji")
    assert submission.message_id != held["message_id"]
    assert "given up by a person, was held: unknown-mapping" in gateway("show", config, held["message_id"]).stdout
    (told,) = (config.parent / "drop" / "done").glob("*.issues.csv")
    assert "given-up" in told.read_text(encoding="utf-8-sig")


def test_check_finds_nothing_wrong_with_a_good_gateway(world: kit.Exchange) -> None:
    config = kit.huiji_gateway(world)
    checked = gateway("check", config)
    assert checked.exit_code == 0, checked.output
    assert "WRONG" not in checked.stdout
    for subject in (
        "hub",
        "clock",
        "sign-in",
        "trust list",
        "signing key for birth-certificate",
        "decryption key",
        "folder",
    ):
        assert subject in checked.stdout


def test_check_cuts_no_address_off_on_a_narrow_screen(world: kit.Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.out, "_width", 80)
    lines = gateway("check", kit.huiji_gateway(world)).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_check_says_what_to_do(world: kit.Exchange) -> None:
    config = kit.huiji_gateway(world)
    world.hub.world.auth["huiji"] = []
    world.hub.world.members = [member for member in world.hub.world.members if member.name != "huiji"]
    checked = gateway("check", config)
    assert checked.exit_code == 1
    assert "enrol the member" in checked.stdout
    assert "no key of ours may sign contraception-report" in checked.stdout


def test_check_says_that_the_hub_is_away(tmp_path: Path) -> None:
    with kit.exchange(tmp_path) as world:
        config = kit.huiji_gateway(world)
    checked = gateway("check", config)
    assert checked.exit_code == 1
    assert "does not answer" in checked.stdout
    once = gateway("once", config, "--timeout", "1")
    assert once.exit_code == 1
    assert "does not answer" in once.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sources": [{"name": "x", "mapping": "huiji/nothing.v1", "pattern": "*"}]}, "no mapping huiji/nothing.v1"),
        ({"sources": [{"name": "x", "mapping": "huiji/person.v1"}]}, "pattern"),
        ({"member": None}, "member"),
        ({"trust": {"roots_file": "nowhere.json"}}, "nowhere.json"),
    ],
)
def test_a_configuration_that_cannot_work_is_told(change: dict[str, object], words: str, world: kit.Exchange) -> None:
    config = kit.huiji_gateway(world)
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **change}, allow_unicode=True))
    for command in ("check", "once", "run"):
        told = gateway(command, config)
        assert told.exit_code == 2
        assert words in told.output


def test_keygen_prints_the_public_keys_only(world: kit.Exchange) -> None:
    config = kit.huiji_gateway(world)
    again = gateway("keygen", config)
    assert again.exit_code == 0, again.output
    printed = json.loads(again.stdout)
    assert printed == kit.ring_of("huiji").jwks()
    assert not any("d" in key for key in printed["keys"])
    assert gateway("keygen", config, "--renew", "door").exit_code == 2


def test_status_before_the_first_run_is_told(world: kit.Exchange) -> None:
    told = gateway("status", kit.huiji_gateway(world))
    assert told.exit_code == 2
    assert "no spool yet" in told.output


def test_apply_prints_what_a_sandbox_takes(world: kit.Exchange, tmp_path: Path, database_url: str) -> None:
    file = kit.huiji_gateway(world)
    with real_hub(tmp_path / "sandbox", database_url, sandbox=True) as sandbox:
        config = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump(config | {"hub": config["hub"] | {"url": sandbox.url}}, allow_unicode=True))
        printed = gateway("apply", file)
        assert printed.exit_code == 0, printed.output
        who = {
            "name": "huiji",
            "display": "Huiji",
            "display_zh": "惠济区",
            "contact": "陈工",
            **json.loads(printed.stdout),
        }
        applied = httpx2.post(f"{sandbox.url}/portal/applications", json=who, trust_env=False)
    assert applied.status_code == 201, applied.text
