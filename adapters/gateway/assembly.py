"""Puts one gateway together from its configuration: the only file that knows every part.

The transport is built by the caller's factory, so that this package knows no transport by name.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from adapters.client.calls import HubClient
from adapters.client.clock import Clock, utc_now
from adapters.client.connection import Connection
from adapters.client.receipts import Receipts
from adapters.client.signing_in import assertion
from adapters.gateway import keys as key_files
from adapters.gateway import sources as configured_sources
from adapters.gateway.config import GatewayConfig, read_secret
from adapters.gateway.failures import Failures
from adapters.gateway.intake import Intake
from adapters.gateway.intaking import Intaking
from adapters.gateway.issuer import Issuer
from adapters.gateway.keys import KeyRing
from adapters.gateway.mailbox import Mailbox
from adapters.gateway.opening import Opener
from adapters.gateway.preparing import Preparing
from adapters.gateway.records import Source
from adapters.gateway.sealer import Sealer
from adapters.gateway.spool import Spool
from adapters.gateway.statuses import Statuses
from adapters.gateway.statuslists import StatusLists
from adapters.gateway.submitting import Submitting
from adapters.gateway.transport import Transport
from adapters.gateway.trust import TrustStore, load_roots

TransportFactory = Callable[[GatewayConfig, Sequence[Source]], Transport]


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of a running gateway."""

    config: GatewayConfig
    keys: KeyRing
    sources: tuple[Source, ...]
    spool: Spool
    connection: Connection
    client: HubClient
    trust: TrustStore
    transport: Transport
    intaking: Intaking
    preparing: Preparing
    submitting: Submitting
    statuses: Statuses
    mailbox: Mailbox
    clock: Clock


@asynccontextmanager
async def open_gateway(
    config: GatewayConfig,
    build_transport: TransportFactory,
    *,
    clock: Clock = utc_now,
    exclusive: bool = True,
    ring: KeyRing | None = None,
) -> AsyncIterator[Gateway]:
    """All parts, connected; closed on leaving. Raises ConfigError before anything was done.

    `ring` spares reading the key files (a quarter of a second each) when they were read already.
    """
    held = ring if ring is not None else await asyncio.to_thread(key_files.load, config.keys)
    if config.hub.key_file is not None:
        read_secret(config.hub.key_file)  # no passphrase guards it: it has to belong to its owner alone
    roots = load_roots(config.trust)
    sources = tuple(configured_sources.resolve(config))
    spool = Spool(
        config.spool.file,
        max_items=config.spool.max_messages,
        max_bytes=config.spool.max_bytes,
        exclusive=exclusive,
    )
    try:
        transport = build_transport(config, sources)
        try:
            async with Connection(
                config.hub, config.member, [assertion(key) for key in held.auth], clock=clock
            ) as connection:
                trust_file = config.spool.file.with_name(config.spool.file.name + ".trust-list")
                trust = TrustStore(
                    roots, config.trust.threshold, spool, trust_file, clock, member=config.member, kids=held.kids
                )
                yield _connect(config, held, sources, spool, connection, trust, transport, clock)
        finally:
            await transport.aclose()
    finally:
        spool.close()


def _connect(
    config: GatewayConfig,
    ring: KeyRing,
    sources: tuple[Source, ...],
    spool: Spool,
    connection: Connection,
    trust: TrustStore,
    transport: Transport,
    clock: Clock,
) -> Gateway:
    client = HubClient(connection)
    failures = Failures(spool, config.run, clock)
    sealer = Sealer(config.member, ring, config.sealing)
    receipts = Receipts(trust, clock, hub=config.hub.member, member=config.member)
    issued = config.county.folder / "certificates"
    issuer = Issuer(config.member, sealer, client, receipts, config.sealing, issued, clock)
    lists = StatusLists(client, config.hub.member, clock)
    opener = Opener(config.member, ring, trust, lists, client, clock)
    parallel = config.hub.parallel
    return Gateway(
        config=config,
        keys=ring,
        sources=sources,
        spool=spool,
        connection=connection,
        client=client,
        trust=trust,
        transport=transport,
        intaking=Intaking(transport, sources, Intake(spool, clock)),
        preparing=Preparing(spool, config.member, trust, sealer, issuer, failures, clock, parallel),
        submitting=Submitting(
            spool,
            client,
            receipts,
            failures,
            sources,
            clock,
            parallel=parallel,
            person_wait=timedelta(seconds=config.run.person_wait_seconds),
        ),
        statuses=Statuses(spool, client, clock),
        mailbox=Mailbox(spool, client, receipts, opener, transport, config.run, clock, parallel=parallel),
        clock=clock,
    )
