"""The `hub` command: `main` is its entry point; one file for each group of commands.

The commands are loaded when they are run: a process that is started to read documents begins here too and needs none.
"""


def main() -> None:
    """Run the command line."""
    from hub.cli.root import app

    app()
