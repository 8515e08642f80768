"""The web application of one hub process: routes put together, the hub opened and closed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import hub.api.auth
import hub.api.certificates
import hub.api.health
import hub.api.live_portal
import hub.api.log
import hub.api.mailbox
import hub.api.portal
import hub.api.submissions
import hub.console
from hub.api import admission, client_certificates, fhir, limits, observing, openapi, problems
from hub.api.application import Application
from hub.jobs.leash import follow_parent
from hub.logs import configure
from hub.runtime import open_hub
from hub.services import allowances
from hub.services.collecting import collect_seldom
from hub.settings import Settings, get_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application that opens its hub when it starts."""
    chosen = settings or get_settings()
    if settings is None:
        # Made by the web server in a process of its own, to which nothing that `hub serve` set up has come.
        configure(chosen.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_hub(chosen) as opened:
            app.state.hub = opened
            if settings is None:
                # Looking through all that is loaded takes tens of milliseconds, for which every request would wait.
                collect_seldom()
                follow_parent()
            yield
            await allowances.settle_all(opened)

    app = Application(
        fhir.DIRECTORY,
        title="Lianqiao hub",
        description="Exchange of records between regions for people who live away from their registered home.",
        version="0.1.0",
        lifespan=lifespan,
        redirect_slashes=False,  # it would lead to whatever name the caller gave this host
        docs_url=None,
        redoc_url=None,
        # Spans carry addresses, and these carry ids: whoever sets a variable of the environment is not to have them sent away.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _install(app, chosen)
    return app


def _install(app: FastAPI, chosen: Settings) -> None:
    """What every request passes, the last of them first, and the routes."""
    problems.install(app)
    limits.install(app, chosen)
    admission.install(app)
    if chosen.mutual_tls:
        client_certificates.install(app, chosen)
    if chosen.sandbox:
        observing.install(app)
    problems.install_in_front(app)
    app.include_router(hub.api.portal.router if chosen.sandbox else hub.api.live_portal.router)
    for part in (
        hub.api.health,
        hub.api.auth,
        hub.api.submissions,
        hub.api.mailbox,
        hub.api.certificates,
        hub.api.log,
    ):
        app.include_router(part.router)
    hub.console.install(app)
    fhir.install(app)
    openapi.install(app)
