"""The drop folder's rules: which files are taken, when they are complete, and where they go afterwards.

Only regular files directly in the folder are looked at: no links, no sub-folders, no programs' temporary files. Inside, files carry the
id of their delivery; a name the county chose is used again only after every unusual character was replaced.
"""

import fnmatch
import re
import stat
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from adapters.gateway.durable import move_file

SUFFIXES = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_TEMPORARY = ("~$", ".", "._")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file seen in the folder; `why_not` says why it is refused, None if it may be taken."""

    path: Path
    size: int
    why_not: str | None


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
        for folder in (self.base, self.processing, self.staging, self.done, self.failed, self.inbox):
            folder.mkdir(parents=True, exist_ok=True)

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
            why_not = _refusal(status.st_mode, status.st_nlink)
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
    return f"{kept or 'file'}.{delivery_id[:8]}{suffix}"


def matches(name: str, pattern: str) -> bool:
    """Shell pattern against the whole name, the same on every system."""
    return fnmatch.fnmatchcase(
        unicodedata.normalize("NFC", name).lower(), unicodedata.normalize("NFC", pattern).lower()
    )


def _refusal(mode: int, links: int) -> str | None:
    if not stat.S_ISREG(mode):
        return "it is a link or not an ordinary file"
    if links > 1:
        return "it is linked from elsewhere"
    return None
