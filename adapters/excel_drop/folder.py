"""The drop folder's rules: which files are taken, when they are complete, and where they go afterwards.

Only regular files directly in the folder are looked at: no links, no sub-folders, no programs' temporary files. Inside, files carry the
id of their delivery; a name the county chose is used again only after every unusual character was replaced. Who may write here may swap
things at any moment, so what counts is what was found when the file was opened (`adapters.excel_drop.regular`).
"""

import contextlib
import fnmatch
import re
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from adapters.errors import Retry, TransportError
from adapters.excel_drop.regular import Refusal, refusal
from adapters.gateway.durable import move_file

SUFFIXES = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_TEMPORARY = ("~$", ".", "._")
_MOST_STEM = 180
_NOT_UTF8 = Refusal("refused-file", "Its name is not UTF-8; rename it.", "文件名不是 UTF-8 编码，请改名后再提交。")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file seen in the folder; `why_not` says why it is refused, None if it may be taken."""

    path: Path
    size: int
    why_not: Refusal | None


class DropFolder:
    """One county's folder."""

    def __init__(self, base: Path, settle_seconds: float) -> None:
        self.base = base
        self.processing = base / ".processing"
        self.staging = base / ".staging"
        self.done = base / "done"
        self.failed = base / "failed"
        self.inbox = base / "inbox"
        self._settle = settle_seconds
        self._seen: dict[str, tuple[tuple[int, int, int], float]] = {}

    def make(self) -> None:
        for folder in (self.base, *self._own()):
            folder.mkdir(parents=True, exist_ok=True)

    def _own(self) -> tuple[Path, ...]:
        return self.processing, self.staging, self.done, self.failed, self.inbox

    def check_own(self) -> None:
        """TransportError if one of our folders was replaced by a link: what is moved or written there would end elsewhere."""
        for folder in self._own():
            with contextlib.suppress(FileExistsError):
                folder.mkdir(exist_ok=True)
            if folder.is_symlink() or not folder.is_dir():
                text = f"{folder.name} in the drop folder is not an ordinary folder; nothing is read or written"
                raise TransportError(text, code="drop-folder-replaced", retry=Retry.CONTACT)

    def look(self) -> tuple[list[Dropped], bool]:
        """Files that are complete, oldest first, and whether others are still being written."""
        found: list[tuple[int, Dropped]] = []
        waiting = False
        present = set()
        for path in self.base.iterdir():
            if path.suffix.lower() not in SUFFIXES or path.name.startswith(_TEMPORARY):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            present.add(path.name)
            why_not = refusal(status) if _is_text(path.name) else _NOT_UTF8
            if why_not is None and not self._complete(path.name, (status.st_size, status.st_mtime_ns, status.st_ino)):
                waiting = True
                continue
            found.append((status.st_mtime_ns, Dropped(path, status.st_size, why_not)))
        self._seen = {name: seen for name, seen in self._seen.items() if name in present}
        return [dropped for _, dropped in sorted(found, key=lambda f: (f[0], f[1].path.name))], waiting

    def _complete(self, name: str, signature: tuple[int, int, int]) -> bool:
        """Unchanged for the settling time, by its own time stamp or, where that lies ahead of our clock, as watched by us."""
        previous = self._seen.get(name)
        if previous is None or previous[0] != signature:
            self._seen[name] = previous = (signature, time.monotonic())
        age = time.time() - signature[1] / 1e9
        return max(age, time.monotonic() - previous[1]) >= self._settle

    def claimed(self, delivery_id: str) -> Path | None:
        """The file of a delivery, if it was moved in."""
        found = list(self.processing.glob(f"{delivery_id}.*"))
        return found[0] if found else None

    def claim(self, dropped: Path, delivery_id: str) -> Path:
        target = self.processing / f"{delivery_id}{dropped.suffix.lower()}"
        move_file(dropped, target)
        return target

    def put_away(self, path: Path, folder: Path, delivery_id: str, name: str) -> Path:
        target = folder / readable_name(name, delivery_id)
        move_file(path, target)
        return target


def readable_name(name: str, delivery_id: str) -> str:
    """A file name a clerk recognises and no program stumbles over: unusual characters replaced, the delivery's id within."""
    plain = Path(unicodedata.normalize("NFC", name).replace("/", "_"))
    suffix = plain.suffix.lower() if plain.suffix.lower() in SUFFIXES else ".bin"
    stem = plain.name if suffix == ".bin" else plain.stem
    kept = re.sub(r"[^\w\-()（）]+", "_", stem).strip("_.-")[:60]
    # File systems count bytes: room is left for the id and for what is put behind the name.
    kept = kept.encode()[:_MOST_STEM].decode(errors="ignore")
    return f"{kept or 'file'}.{delivery_id[:8]}{suffix}"


def matches(name: str, pattern: str) -> bool:
    """Shell pattern against the whole name, the same on every system."""
    return fnmatch.fnmatchcase(
        unicodedata.normalize("NFC", name).lower(), unicodedata.normalize("NFC", pattern).lower()
    )


def _is_text(name: str) -> bool:
    """Names unpacked from other systems' archives can be bytes in another encoding; nothing further on could carry them."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
