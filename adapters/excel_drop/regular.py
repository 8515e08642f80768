"""Opens a file that somebody else put there: never through a link, never anything but an ordinary file, never a large surprise.

Looking at a name first says nothing about what is opened afterwards; here the open file itself is looked at. A named pipe does not make
the gateway wait, a link in place of the file or of its folder is not followed.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from adapters.errors import Retry, TransportError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not taken, for its clerk."""

    code: str
    text: str
    text_zh: str


class Unfit(TransportError):
    """The file as it is will never be taken; the others go on."""

    retry = Retry.FIX_FIRST

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.text, code=why.code)
        self.why = why


_LINK: Final = Refusal(
    "refused-file",
    "The file was not read: it is a link or not an ordinary file.",
    "该文件是链接或非普通文件，未读取。",
)
_LINKED: Final = Refusal(
    "refused-file",
    "The file was not read: it is linked from elsewhere.",
    "该文件另有硬链接，未读取。请复制后再提交。",
)
_CLOSED: Final = Refusal(
    "refused-file",
    "The file was not read: the gateway has no permission to read it.",
    "网关无权读取该文件，请调整权限后再提交。",
)
# What opening something other than a readable file gives: a link, a socket, a device without a driver, another's file.
_REFUSALS: Final = {
    errno.ELOOP: _LINK,
    errno.EISDIR: _LINK,
    errno.ENXIO: _LINK,
    errno.ENODEV: _LINK,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}


def too_large(limit: int) -> Refusal:
    return Refusal(
        "too-large",
        f"The file is larger than {limit} bytes; split it.",
        f"文件超过 {limit} 字节，请拆分后再提交。",
    )


def refusal(status: os.stat_result) -> Refusal | None:
    """Why something of this kind is not taken; None if it may be."""
    if not stat.S_ISREG(status.st_mode):
        return _LINK
    return _LINKED if status.st_nlink > 1 else None


@contextmanager
def opened(path: Path, limit: int) -> Iterator[BinaryIO]:
    """The ordinary file at `path`, of `limit` bytes at most. Raises Unfit, FileNotFoundError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        why = _REFUSALS.get(error.errno or 0)
        if why is None:
            raise
        raise Unfit(why) from None
    finally:
        os.close(folder)
    why = refusal(os.fstat(handle))
    if why is not None:
        os.close(handle)
        raise Unfit(why)
    with os.fdopen(handle, "rb") as stream:
        check_size(stream, limit)
        yield stream


def check_size(stream: BinaryIO, limit: int) -> None:
    """Raises Unfit once the open file is larger than `limit`: somebody may still be writing to it."""
    if os.fstat(stream.fileno()).st_size > limit:
        raise Unfit(too_large(limit))


def content_of(path: Path, limit: int) -> bytes:
    """All of it. Raises Unfit, FileNotFoundError."""
    with opened(path, limit) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise Unfit(too_large(limit))
    return content
