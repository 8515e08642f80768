"""Gives up documents that the hub will not take, so that newer ones of their source go on: `python -m adapters.gateway.forget`.

Only a held document can be given up. The spool's timeline keeps that it was, and why it had been held (`gateway show`); the county is
told in its issues file. Works beside a running gateway. Exit codes as those of `gateway`.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from adapters.client.clock import utc_now
from adapters.errors import ConfigError, GatewayError
from adapters.gateway.config import load
from adapters.gateway.reports import issue
from adapters.gateway.spool import Spool


def forget(config: Path, message_ids: Sequence[str], *, now: datetime) -> list[str]:
    """Give up these held documents. Raises GatewayError, naming the others, if one of them is none; ConfigError."""
    file = load(config).spool.file
    if not file.exists():
        raise ConfigError(f"there is no spool yet at {file}")
    told = issue(
        "error", "given-up", "Given up by the gateway's operator; not sent.", "网关管理员已放弃此文件，未发送。"
    )
    spool = Spool(file, exclusive=False)
    try:
        given_up = spool.outgoing.give_up(message_ids, now=now, issue=told)
    finally:
        spool.close()
    others = [message for message in message_ids if message not in given_up]
    if others:
        raise GatewayError(f"not a held document, left as it is: {', '.join(others)}", code="not-held")
    return given_up


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.gateway.forget", description=(__doc__ or "").split(":")[0]
    )
    parser.add_argument("config", type=Path, metavar="CONFIG")
    parser.add_argument("messages", nargs="+", metavar="MESSAGE", help="ids, as `gateway status` shows them")
    given = parser.parse_args(words)
    try:
        done = forget(given.config, given.messages, now=utc_now())
    except GatewayError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2 if isinstance(error, ConfigError) else 1
    sys.stdout.write(f"{len(done)} documents given up\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
