"""`python -m hub.jobs.leash MODULE …`: runs a module as `python -m` does, and ends it when whoever started it is gone.

Standard input is the leash: a pipe whose other end the starter holds and never writes to. The kernel closes it however
the starter dies. The module is then told to end as by SIGTERM, and killed if it does not listen.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable

GRACE = 20.0
"""Seconds to end in order."""


def command(module: str, *arguments: str) -> list[str]:
    """The command line of `module` on a leash."""
    return [sys.executable, "-m", __name__, module, *arguments]


def follow_parent() -> None:
    """End this process when the one that spawned it is gone; does nothing in one that nobody spawned.

    A web process that outlives the one above it would keep the port, and go on with the code and settings of yesterday.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.join,), name="leash", daemon=True).start()


def _watch() -> None:
    while os.read(0, 4096):
        pass


def _follow(until_gone: Callable[[], object]) -> None:
    until_gone()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run what the command line names."""
    sys.argv = sys.argv[1:]
    threading.Thread(target=_follow, args=(_watch,), name="leash", daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
