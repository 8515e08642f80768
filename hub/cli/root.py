"""The root of the command tree, and `serve`, `work`, `init`."""

import asyncio
from typing import Annotated

import typer

from hub.cli import admissions, dedupe, demo, linkage, matters, private, proof, records, registry, review, users
from hub.cli.frame import err, explained, fail, out, settings
from hub.settings import Settings

_NOT_BEGUN = 3
"""What the server ends with when it could not begin."""

app = typer.Typer(
    name="hub",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Exchange of records between regions for people who live away from their registered home.",
)
admissions.add_to(registry.member)
app.add_typer(registry.member, name="member")
app.add_typer(registry.agreement, name="agreement")
app.add_typer(matters.case, name="case")
app.add_typer(registry.key, name="key")
app.add_typer(users.user, name="user")
app.add_typer(proof.audit, name="audit")
app.add_typer(linkage.linkage, name="linkage")
app.add_typer(private.link_private, name="link-private")
app.add_typer(review.review, name="review")
app.add_typer(records.quarantine, name="quarantine")
app.command(name="load")(records.load)
app.command(name="dedupe")(dedupe.dedupe)
app.command(name="reconcile")(records.reconcile)
app.command(name="doctor")(proof.doctor)
app.command(name="demo")(demo.demo)


@app.command()
def init() -> None:
    """Make the data folder, the keys and the schema; doing it again makes only what is missing."""
    from hub.services.setup import initialise

    chosen = settings()
    with explained():
        done = asyncio.run(initialise(chosen))
        for made in done.made:
            out.print(f"made: {made}")
    if "root-2" in done.made:
        out.print(
            f"All keys lie in {chosen.keys_dir}. Before real people are in the hub, two roots belong away from it: "
            "hub key take-root"
        )
    out.print(
        f"the hub is ready; gateways pin the root keys in {done.roots_file}\nnext: hub serve, and beside it hub work"
    )


@app.command()
def serve(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests.")] = 1,
) -> None:
    """Answer HTTP: the interface for members, the public pages and the console."""
    from hub.logs import configure

    chosen = settings()
    configure(chosen.log_level)
    with explained():
        _require_initialised(chosen)
    _require_tls(chosen)
    err.print(f"beginning to answer at {chosen.base_url}, console at {chosen.base_url}/console")
    try:
        _answer(chosen, workers)
    except SystemExit as ended:
        if ended.code != _NOT_BEGUN:
            raise
        fail(
            f"the hub did not begin to answer at {chosen.host}:{chosen.port}, for the reason above. "
            "Is it running already? HUB_PORT names another port."
        )


def _require_tls(chosen: Settings) -> None:
    """End with a sentence where what TLS is to be spoken with cannot be used."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        if chosen.tls_cert_file:
            context.load_cert_chain(chosen.tls_cert_file, chosen.tls_key_file, password="")
        if chosen.tls_client_ca_file:
            context.load_verify_locations(chosen.tls_client_ca_file)
    except OSError as error:
        fail(f"HUB_TLS_CERT_FILE, HUB_TLS_KEY_FILE or HUB_TLS_CLIENT_CA_FILE cannot be used: {error}")


def _answer(chosen: Settings, workers: int) -> None:
    import ssl

    import uvicorn

    from hub.api.connections import Connection, MutualConnection, allow_files, most

    asked = {"optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}[chosen.tls_client]
    allow_files()
    uvicorn.run(
        "hub.app:create_app",
        factory=True,
        host=chosen.host,
        port=chosen.port,
        workers=workers if workers > 1 else None,
        loop="hub.api.sharing:Loop" if workers > 1 or chosen.tls_cert_file else "auto",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=chosen.trusted_proxies,
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=60,  # one that has much to do is not one that hangs
        http=MutualConnection if chosen.mutual_tls else Connection,
        ssl_certfile=chosen.tls_cert_file,
        ssl_keyfile=chosen.tls_key_file,
        ssl_ca_certs=str(chosen.tls_client_ca_file) if chosen.tls_client_ca_file else None,
        ssl_cert_reqs=asked if chosen.tls_client_ca_file else ssl.CERT_NONE,
        ws="none",
        limit_concurrency=most(),
    )


@app.command()
def work(
    processes: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
) -> None:
    """Translate, link, route, deliver and keep the schedules; run as many as you like, on any machine."""
    from hub.jobs import crews
    from hub.jobs.worker import work_until_stopped
    from hub.logs import configure
    from hub.runtime import open_hub
    from hub.services.collecting import collect_seldom

    chosen = settings()
    configure(chosen.log_level)
    with explained():
        _require_initialised(chosen)
    if processes > 1:
        raise typer.Exit(asyncio.run(crews.run(processes)))

    async def run() -> None:
        async with open_hub(chosen) as hub:
            collect_seldom()
            await work_until_stopped(hub)

    with explained():
        asyncio.run(run())


def _require_initialised(chosen: Settings) -> None:
    if not chosen.master_key_file.exists():
        fail(f"there is no hub in {chosen.data_dir}; run `hub init` first")
