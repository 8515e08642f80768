"""The pages for people: sign-in, what waits today, conflicts and deliveries.

Made on the server; every page works without JavaScript. Tells services what to do and decides nothing itself.
"""

from fastapi import FastAPI

from hub.console.site import make_site

PATH = "/console"


def install(app: FastAPI) -> None:
    """Put the console under /console of `app`, whose state holds the hub."""
    app.mount(PATH, make_site(app), name="console")
