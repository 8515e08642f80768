"""The `hub` command: `main` is its entry point; one file for each group of commands.

The commands are loaded when they are run: a process that is started to read documents begins here too and needs none.
`hub dedupe` needs nothing of a hub and is not made to wait until one is loaded.
"""

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["dedupe"]:
        from hub.cli.dedupe import alone

        alone()
    else:
        from hub.cli.root import app

        app()
