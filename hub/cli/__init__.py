"""The `hub` command: `main` is its entry point; one file for each group of commands."""

from hub.cli.root import app, main

__all__ = ["app", "main"]
