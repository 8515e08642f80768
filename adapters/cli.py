"""The `gateway` command: run, once, check, keygen, apply, status, show, retry. Each says in words what is wrong and exits non-zero then.

Exit codes: 0 well, 1 something is stuck or wrong, 2 the configuration cannot be used.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.table import Column, Table

from adapters.errors import ConfigError, GatewayError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The gateway's configuration file (YAML or TOML).")]


@app.command()
def run(config: ConfigFile) -> None:
    """Work until told to stop (SIGTERM): read the county, submit, read the mailbox, write back."""
    from adapters.gateway import runner

    with _explained():
        _go(_with_gateway(config, runner.run))


@app.command()
def once(config: ConfigFile, timeout: Annotated[float, typer.Option(help="Seconds at most.")] = 300) -> None:
    """Do everything that can be done now, then end; exit code 1 if something is stuck."""
    from adapters.gateway import runner

    async def work(gateway: Any) -> runner.Drained:
        return await runner.drain_once(gateway, timeout=timeout)

    with _explained():
        drained: Any = _go(_with_gateway(config, work))
        out.print(f"{drained.moved} steps taken")
        for entry in drained.stuck:
            out.print(
                f"stuck: {entry['message_id']} {entry['kind']} {entry['state']}: {entry['error_text']}", markup=False
            )
        for text in drained.errors:
            out.print(f"error: {text}", markup=False)
        if not drained.clean:
            raise typer.Exit(1)


@app.command()
def check(config: ConfigFile) -> None:
    """Say what is wrong and what to do; changes nothing. Exit code 1 if anything is wrong."""
    from adapters.gateway import checks

    with _explained():
        findings: Any = _go(_with_gateway(config, checks.check, exclusive=False))
        table = _table("", "what", "finding", "what to do")
        for finding in findings:
            table.add_row(
                "ok" if finding.ok else "WRONG", finding.subject, finding.text, "" if finding.ok else finding.remedy
            )
        out.print(table)
        if not all(finding.ok for finding in findings):
            raise typer.Exit(1)


@app.command()
def keygen(
    config: ConfigFile,
    renew: Annotated[list[str] | None, typer.Option(help="Make a further key of this use: auth, sig or enc.")] = None,
) -> None:
    """Make the keys that are missing and print the public ones as JWKS, for the hub's operator."""
    from adapters.client.clock import utc_now
    from adapters.gateway import keys
    from adapters.gateway.config import load

    with _explained():
        wanted = frozenset(renew or ())
        if wanted - set(keys.USES):
            raise ConfigError(f"--renew takes one of {', '.join(keys.USES)}")
        settings = load(config).keys
        for path in keys.generate(settings, now=utc_now(), renew=wanted):
            err.print(f"written: {path}", markup=False)
        typer.echo(json.dumps(keys.load(settings).jwks(), indent=2))


@app.command()
def apply(config: ConfigFile) -> None:
    """Print the public keys with the proofs that they are ours, for applying at the hub's portal within an hour."""
    from adapters.client.clock import utc_now
    from adapters.gateway import keys, possession
    from adapters.gateway.config import load

    with _explained():
        settings = load(config)
        proved = possession.proved(keys.load(settings.keys), settings.member, settings.hub.url, utc_now())
        typer.echo(json.dumps(proved, indent=2))


@app.command()
def status(config: ConfigFile, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what is in the spool: how many messages of which kind are where, and what is stuck and why."""
    from adapters.gateway.config import load
    from adapters.gateway.spool import Spool

    with _explained():
        settings = load(config)
        if not settings.spool.file.exists():
            raise ConfigError(f"there is no spool yet at {settings.spool.file}")
        spool = Spool(settings.spool.file, exclusive=False)
        try:
            document = {
                "outgoing": spool.counts(),
                "mailbox": spool.inbox.counts(),
                "stuck": spool.stuck(),
                "mailbox_troubles": [list(pair) for pair in spool.inbox.troubles()],
            }
        finally:
            spool.close()
        if as_json:
            typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            _print_status(document)


@app.command()
def show(config: ConfigFile, message: Annotated[str, typer.Argument(help="A message id.")]) -> None:
    """Tell the way of one message of ours, step by step, with the hub's signed receipt."""
    from adapters.gateway.config import load
    from adapters.gateway.spool import Spool

    with _explained():
        spool = Spool(load(config).spool.file, exclusive=False)
        try:
            item, steps = spool.outgoing.get(message), spool.outgoing.timeline(message)
        finally:
            spool.close()
        if item is None:
            raise GatewayError(f"no message {message} was sent from here", code="not-found")
        out.print(f"{item.kind} from {item.source}, {item.file_name} row {item.row_number}", markup=False)
        for state, at, detail in steps:
            out.print(f"{at} {state} {detail}", markup=False)
        if item.error_text:
            out.print(f"last error: {item.error_text} [{item.error_code}]", markup=False)
        if item.receipt:
            out.print(f"receipt: {item.receipt}", markup=False)
        if item.issue_receipt:
            out.print(f"receipt of the issue: {item.issue_receipt}", markup=False)


@app.command()
def retry(
    config: ConfigFile,
    message: Annotated[
        list[str] | None, typer.Argument(help="Message ids; none means all that is held or quarantined.")
    ] = None,
) -> None:
    """Look again at messages that were set aside, after the cause was mended. Works beside a running gateway."""
    from adapters.client.clock import utc_now
    from adapters.gateway.config import load
    from adapters.gateway.spool import Spool

    with _explained():
        spool = Spool(load(config).spool.file, exclusive=False)
        try:
            released = spool.outgoing.release(now=utc_now(), message_ids=message or None)
        finally:
            spool.close()
        out.print(f"{released} messages will be looked at again")


def main() -> None:
    """Entry point of the `gateway` command."""
    app()


async def _with_gateway(config: Path, work: Any, *, exclusive: bool = True) -> Any:
    from adapters import transports
    from adapters.gateway.assembly import open_gateway
    from adapters.gateway.config import load

    async with open_gateway(load(config), transports.build, exclusive=exclusive) as gateway:
        return await work(gateway)


def _go(coroutine: Coroutine[Any, Any, Any]) -> Any:
    _log_to_stderr()
    return asyncio.run(coroutine)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        err.print(f"gateway: {error}", markup=False)
        raise typer.Exit(2) from None
    except GatewayError as error:
        err.print(f"gateway: {error}", markup=False)
        raise typer.Exit(1) from None


def _log_to_stderr() -> None:
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def _table(*columns: str) -> Table:
    """A table that keeps every word: on a narrow screen a long one goes on in the next line and is not cut off."""
    return Table(*(Column(one, overflow="fold") for one in columns))


def _print_status(document: dict[str, Any]) -> None:
    table = _table("direction", "kind", "state", "messages")
    for kind, states in sorted(document["outgoing"].items()):
        for state, number in sorted(states.items()):
            table.add_row("out", kind, state, str(number))
    for state, number in sorted(document["mailbox"].items()):
        table.add_row("in", "", state, str(number))
    out.print(table)
    for entry in document["stuck"]:
        reason = f"{entry['error_text']} [{entry['error_code']}]"
        out.print(f"{entry['message_id']} {entry['kind']} {entry['state']}: {reason}", markup=False)
    for message_id, why in document["mailbox_troubles"]:
        out.print(f"{message_id} from the mailbox: {why}", markup=False)


if __name__ == "__main__":
    main()
