"""FastAPI's application, with the endpoints that are asked thousands of times a second in front of what it does for others.

A request meets our own guards first, which are installed with `add_middleware` (the last of them first), then the directory
of FHIR's interactions, and then, where that does not know it, the framework: eight layers, a router, and the pages. Those
layers answer errors and close files; the directory needs the errors' answers only, and takes the same ones.
"""

from typing import Any, cast

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.fhir.directory import Directory, Front, Handlers


class Application(FastAPI):
    """Answers `directory` itself; for the rest FastAPI's."""

    def __init__(self, directory: Directory, **options: Any) -> None:
        super().__init__(**options)
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # of which FastAPI does more
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """The guards, the directory, and FastAPI's own stack without any guard."""
        guards: list[Middleware] = self.user_middleware
        self.user_middleware = []
        try:
            # Without the outermost of it, which answers what nobody foresaw: that is the last resort's, in front of all.
            behind = cast("ServerErrorMiddleware", super().build_middleware_stack()).app
        finally:
            self.user_middleware = guards
        handlers: Handlers = self.exception_handlers
        app: ASGIApp = Front(self._directory, handlers, behind)
        for guard, given, named in reversed(guards):
            app = guard(app, *given, **named)
        return app
