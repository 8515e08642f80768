"""The `hub` command: `main` is its entry point; one file for each group of commands."""

from hub.cli.root import main

__all__ = ["main"]
