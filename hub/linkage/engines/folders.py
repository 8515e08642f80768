"""A folder of results that appears whole or not at all, whatever happens to the process that fills it.

Work is done in a hidden folder beside it, locked as long as its process lives; what a killed one left is removed.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from hub.errors import Invalid


def refuse_existing(out: Path) -> None:
    """Raises Invalid where `out` is there already, results are never mixed with others, or where it cannot be made."""
    if out.exists() or out.is_symlink():
        raise Invalid("folder-exists", f"{out} exists already; name a new folder for the results.")
    if not out.absolute().parent.is_dir():
        raise Invalid("folder-missing", f"There is no folder {out.absolute().parent} to put the results in.")


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A folder to write to, which becomes `out` at the end and is removed if there is none. Raises Invalid."""
    out = out.absolute()
    refuse_existing(out)
    _clear(out)
    making = out.with_name(f".{out.name}.{token_hex(4)}.part")
    try:
        making.mkdir()
    except OSError as error:
        raise Invalid("folder-unwritable", f"{out} cannot be made: {error.strerror}.") from error
    held = os.open(making, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield making
        refuse_existing(out)
        making.rename(out)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    finally:
        os.close(held)


def _clear(out: Path) -> None:
    """Remove what killed runs left: work folders that no process holds."""
    for left in out.parent.glob(f".{_literal(out.name)}.{'[0-9a-f]' * 8}.part"):
        try:
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(held)


def _literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
