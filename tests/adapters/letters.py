"""Letters in the mailbox of a county's gateway: a report, what became of it there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.client.bodies import digest_of
from adapters.gateway.testing.ledger import Letter, Submission
from mappings import vocabulary
from tests.adapters import kit

MESSAGE = kit.MESSAGE
NOW = kit.NOW
REPORT = {
    "kind": vocabulary.CONTRACEPTION_REPORT,
    "resources": [{"resourceType": "Bundle"}],
    "routing": {"subject": "YK1"},
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture
def receiver(world: kit.Exchange) -> Path:
    world.enrol("yongkang")
    return kit.huiji_gateway(world)


def letter(
    world: kit.Exchange,
    body: bytes,
    *,
    kind: str = vocabulary.CONTRACEPTION_REPORT,
    message: str = MESSAGE,
    sender: str = "yongkang",
    content_type: str = vocabulary.SEALED_MEDIA_TYPE,
) -> Letter:
    submission = Submission("s", sender, message, kind, None, digest_of(body), body, b"", NOW, {}, 0)
    made: Letter = world.ledger.deliver("huiji", submission, content_type, NOW, ["here-1"])
    return made


def about(world: kit.Exchange, subject: str, number: int, **said: Any) -> Letter:
    """A report about a person whom the receiver does not know yet, as message `number`."""
    made = letter(world, kit.envelope(REPORT, subject=subject, id=uuid_of(number), **said), message=uuid_of(number))
    made.subjects = []
    return made


def written(tmp_path: Path) -> list[str]:
    return [path.stem for path in (tmp_path / "huiji" / "drop" / "inbox").glob("*.csv")]


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"
