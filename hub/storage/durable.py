"""Files that appear whole or not at all, and stay: written beside, synced, given their name, the folder synced.

A process that is killed at any moment leaves the old file, the new one, or none; never an empty or a half one.
"""

import os
import stat
from pathlib import Path
from uuid import uuid4

_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


def write(path: Path, content: bytes, *, replace: bool, mode: int = _OWNER_ONLY, like: Path | None = None) -> None:
    """Put `content` at `path`; with `like`, as a file of that file's owner (root writes for a server that is not root).

    Raises FileExistsError where there is one already and it is not to be replaced.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            if like is not None and os.geteuid() == 0:
                owner = like.stat()
                os.fchown(handle.fileno(), owner.st_uid, owner.st_gid)
            handle.flush()
            os.fsync(handle.fileno())
        if replace:
            beside.replace(path)
        else:
            # Unlike a rename, a link never takes the place of a file that is there.
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
