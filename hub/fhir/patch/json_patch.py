"""JSON Patch: add, remove, replace, move, copy, test (RFC 6902), at places named by JSON Pointers (RFC 6901). Pure.

Each operation is done to what the ones before it have made; when one cannot be done, none is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.domain.texts import MOST_LAYERS
from hub.fhir import exact
from hub.fhir.patch.values import MOST, Effort, bad, conflict, copied, same, written

Pointer = tuple[str, ...]
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_ESCAPE: Final = re.compile(r"~(?![01])")
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `path` is where, `source` from where (move, copy), `value` what (add, replace, test)."""

    at: int
    op: str
    path: Pointer
    source: Pointer = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class JSONPatch:
    """The operations, in order."""

    operations: tuple[Operation, ...]

    def patched(self, body: bytes, effort: Effort | None = None) -> bytes:
        """The document in `body` with all of them done. Raises Conflict, Invalid, TooLarge."""
        document, effort = exact.read(body), effort or Effort()
        for operation in self.operations:
            document = _DO[operation.op](document, operation, effort)
        return written(document)


def read(patch: Any) -> JSONPatch:
    """The patch that a JSON value is. Raises Invalid `bad-patch`."""
    if not isinstance(patch, list):
        raise bad("A JSON Patch is a list of operations.")
    if len(patch) > MOST:
        raise bad(f"A patch has at most {MOST} operations.")
    return JSONPatch(tuple(_operation(at, one) for at, one in enumerate(patch)))


def _operation(at: int, one: Any) -> Operation:
    op = one.get("op") if isinstance(one, dict) else None
    if not isinstance(op, str) or op not in _DO:
        raise bad(f"Operation {at}: op is one of {', '.join(_DO)}.")
    if op in ("add", "replace", "test") and "value" not in one:
        raise bad(f"Operation {at}: {op} has a value.")
    path = _pointer(at, "path", one.get("path"))
    if op not in ("move", "copy"):
        if op == "remove" and not path:
            raise bad(f"Operation {at}: a whole resource is not removed by a patch.")
        return Operation(at, op, path, value=one.get("value"))
    source = _pointer(at, "from", one.get("from"))
    if op == "move" and path[: len(source)] == source and path != source:
        raise bad(f"Operation {at}: nothing can be moved into itself.")
    return Operation(at, op, path, source)


def _pointer(at: int, name: str, text: Any) -> Pointer:
    if not isinstance(text, str) or (text and text[0] != "/") or _ESCAPE.search(text):
        raise bad(f"Operation {at}: {name} is a JSON Pointer, such as /name/0/family.")
    tokens = tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:])
    if len(tokens) > MOST_LAYERS:
        raise bad(f"Operation {at}: {name} has more than {MOST_LAYERS} steps.")
    return tokens


def _add(document: Any, operation: Operation, _: Effort) -> Any:
    return _put(document, operation, copied(operation.value))


def _remove(document: Any, operation: Operation, _: Effort) -> Any:
    owner, name = _owner(document, operation, operation.path)
    _existing(owner, name, operation, operation.path)
    owner.pop(int(name) if isinstance(owner, list) else name)
    return document


def _replace(document: Any, operation: Operation, _: Effort) -> Any:
    if not operation.path:
        return copied(operation.value)
    owner, name = _owner(document, operation, operation.path)
    _existing(owner, name, operation, operation.path)
    owner[int(name) if isinstance(owner, list) else name] = copied(operation.value)
    return document


def _move(document: Any, operation: Operation, effort: Effort) -> Any:
    value = _value(document, operation, operation.source)
    if operation.path == operation.source:
        return document
    if len(operation.path) > len(operation.source):
        effort.copy(value)
    _remove(document, Operation(operation.at, operation.op, operation.source), effort)
    return _put(document, operation, value)


def _copy(document: Any, operation: Operation, effort: Effort) -> Any:
    value = _value(document, operation, operation.source)
    effort.copy(value)
    return _put(document, operation, copied(value))


def _test(document: Any, operation: Operation, _: Effort) -> Any:
    if not same(_value(document, operation, operation.path), operation.value):
        raise conflict(f"Operation {operation.at}: what is at {_said(operation.path)} is not what the patch tests for.")
    return document


_DO: Final[Mapping[str, Callable[[Any, Operation, Effort], Any]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _put(document: Any, operation: Operation, value: Any) -> Any:
    """The document with a value at the operation's path, in front of what is there in a list."""
    if not operation.path:
        return value
    owner, name = _owner(document, operation, operation.path)
    if isinstance(owner, dict):
        owner[name] = value
    elif name == "-":
        owner.append(value)
    elif isinstance(owner, list) and _INDEX.fullmatch(name) and int(name) <= len(owner):
        owner.insert(int(name), value)
    else:
        raise _missing(operation, operation.path)
    return document


def _owner(document: Any, operation: Operation, path: Pointer) -> tuple[Any, str]:
    """The object or list in which the path ends, and the name of its last step."""
    owner = _value(document, operation, path[:-1])
    if not isinstance(owner, dict | list):
        raise _missing(operation, path)
    return owner, path[-1]


def _value(document: Any, operation: Operation, path: Pointer) -> Any:
    for name in path:
        _existing(document, name, operation, path)
        document = document[int(name) if isinstance(document, list) else name]
    return document


def _existing(owner: Any, name: str, operation: Operation, path: Pointer) -> None:
    if isinstance(owner, dict):
        there = name in owner
    else:
        there = isinstance(owner, list) and _INDEX.fullmatch(name) is not None and int(name) < len(owner)
    if not there:
        raise _missing(operation, path)


def _missing(operation: Operation, path: Pointer) -> Exception:
    return conflict(f"Operation {operation.at}: the resource has no {_said(path)}.")


def _said(path: Pointer) -> str:
    """The pointer as it was written."""
    text = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in path) or '""'
    return text[:_SHOWN]
