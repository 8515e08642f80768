"""Model files of whoever links a register: read, checked and written whole, or refused in words."""

import json
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from typing import Any

from hub.errors import Invalid
from hub.linkage import model as models
from hub.linkage.model import Model

Content = dict[str, Any]


def content(path: Path | None) -> Content:
    """The JSON of the model in `path`, or of the one that ships. Raises Invalid."""
    source = files("hub.linkage.models").joinpath("default.json") if path is None else path
    try:
        found = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid("model-missing", f"The model {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Invalid("model-invalid", f"The model {path} is no JSON file.") from error
    if not isinstance(found, dict):
        raise Invalid("model-invalid", f"The model {path} is no linkage model.")
    return found


def parsed(content_: Content) -> Model:
    """The model of this JSON. Raises Invalid."""
    try:
        return models.parse(content_)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise Invalid("model-invalid", f"The model does not fit this version: {error}.") from error


def refuse_existing(path: Path) -> None:
    """Raises Invalid where `path` is there already or cannot be made."""
    if path.exists():
        raise Invalid("model-exists", f"{path} exists already; name a new file for the model.")
    if not path.absolute().parent.is_dir():
        raise Invalid("folder-missing", f"There is no folder {path.absolute().parent} to put the model in.")


def save(content_: Content, path: Path) -> None:
    """Write the model so that `path` is whole or not there."""
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:
        part.write_text(json.dumps(content_, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
