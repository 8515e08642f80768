"""Runs a simulated system's application as a process: loopback only, a ready line on stdout, orderly end on SIGTERM."""

import json
import os
import socket
from pathlib import Path

import typer
import uvicorn
from starlette.applications import Starlette

LOOPBACK = "127.0.0.1"


def serve(app: Starlette, port: int) -> None:
    """Serve on `port` (0: any free one) until told to end. Prints `{"url": …, "pid": …}` once it listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        typer.echo(json.dumps({"url": url, "pid": os.getpid()}))
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none")
        uvicorn.Server(config).run(sockets=[listener])


def secret_of(file: Path) -> str:
    """The secret written in a file, without the line end. Raises OSError."""
    return file.read_text(encoding="utf-8").strip()
