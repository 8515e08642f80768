"""Documents of FHIR resources, one a line (NDJSON): each line is judged as a write would judge it, and kept as it was sent.

What a line is the record of says its number at the sender, else its id. In its references stand-ins are put for what they name,
ids that are made here: so what is told for searches is known here too, beside the process that stores. Which ids are meant is
known there (`import_names`), where stand-ins that turn out otherwise are replaced. A document in which anything may only travel
sealed is refused whole.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final
from uuid import UUID

import orjson

import mappings
from hub.errors import Invalid, Refused
from hub.fhir import fed, patients, search, strict_json, validate
from hub.linkage import features
from hub.services import content, keeping, preparing
from hub.services.fed_patients import own_of
from hub.services.preparing import FORBIDDEN, PERSON_TYPE, Name, Prepared, Ready
from hub.storage.ids import new_ids, read_id
from mappings import Issue, ReadBatch, Row, divisions
from mappings.vocabulary import record_system

NAME: Final = "fhir/ndjson.v1"
KIND: Final = "fhir"
DIGEST: Final = "fhir-4.0.1"
"""What the lines are: they are read by no rules that could change."""
MUST_BE_SEALED: Final = "must-be-sealed"
LONGEST: Final = 2**20
"""Bytes of one line."""
MOST_BYTES: Final = 8 * 2**20
"""Of one batch; its last line may go beyond."""
_STOCK: Final = 256
"""Ids that are made at once."""
_OVERLAP: Final = 1_000
_SET_ASIDE: Final = "The line was set aside, the others were taken. Correct it and send it again."
_SET_ASIDE_ZH: Final = "本行已搁置，其余各行已采用。请更正后重新报送。"
_BLANK: Final = b" \t\r\n"
_SEARCHED: Final = frozenset(search.types())
_REFERENCE: Final = re.compile(rb'"reference":"([A-Z][A-Za-z]{2,63})/([A-Za-z0-9\-.]{1,64})"')
"""A relative one without a version. In a text its quotes would be escaped: nothing else reads like it."""
STAND_IN: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What may be one: an id as `storage.ids` makes them. Whoever sends lines cannot know which ones will be."""
_ESCAPE: Final = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


def read(document: BinaryIO, batch_rows: int) -> Iterator[ReadBatch]:
    """The lines that are not blank, by their numbers. One that is too long comes with that said, and without its text."""
    rows: list[Row] = []
    issues: list[Issue] = []
    size, number = 0, 0
    while line := document.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST and not line.endswith(b"\n"):
            if _skip(document, line):
                issues.append(_sealed(number))
            said = f"A line has at most {LONGEST} bytes."
            rows.append(Row(number, {}, "", (_issue(number, "too-large", said, f"每行不得超过 {LONGEST} 字节。"),)))
            continue
        if not line.strip(_BLANK):
            continue
        if _is_sealed(line):
            issues.append(_sealed(number))
        rows.append(Row(number, {}, line.strip(_BLANK).decode("utf-8", "backslashreplace")))
        size += len(line)
        if len(rows) >= batch_rows or size >= MOST_BYTES:
            yield ReadBatch(rows, issues)
            rows, issues, size = [], [], 0
    if rows:
        yield ReadBatch(rows, issues)
    elif not number:
        raise mappings.UnreadableFile(_issue(None, "empty-file", "The document has no lines.", "文件中没有任何内容。"))


def _skip(document: BinaryIO, begun: bytes) -> bool:
    """Read on behind the end of the line; does any of it show what may only travel sealed?"""
    shows = content.holds_sealed(_unescaped(begun))
    while not begun.endswith(b"\n") and (rest := document.readline(LONGEST)):
        shows = shows or content.holds_sealed(_unescaped(begun[-_OVERLAP:] + rest))
        begun = rest
    return shows


def _is_sealed(line: bytes) -> bool:
    """Does the line hold what may only travel sealed, however it is written?"""
    try:
        # Escapes and references to characters may hide it; without them the bytes say what they say.
        body = strict_json.canonical(line) if b"\\" in line else line
    except Invalid:  # it is held as it is, for people to look at
        body = _unescaped(line)
    return content.holds_sealed(body)


def _unescaped(text: bytes) -> bytes:
    """What may be no whole JSON with its escapes read; some write every '/' as one."""
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda one: chr(int(one[1], 16)).encode(errors="replace") if one[1] else one[2], text)


class _Names:
    """What the lines of a batch are called and refer to, each with its stand-in, made as it is met."""

    def __init__(self) -> None:
        self.stand_ins: dict[Name, str] = {}
        self._unused = _new_ids()

    def add(self, name: Name) -> str:
        """The stand-in of `name`."""
        found = self.stand_ins.get(name)
        if found is None:
            found = self.stand_ins[name] = str(next(self._unused))
        return found


def _new_ids() -> Iterator[UUID]:
    while True:
        yield from new_ids(_STOCK)


def prepare(source: str, rows: Sequence[Row], found: Sequence[Issue]) -> Prepared:
    """What is stored of the lines of the member `source`, and what is set aside with the place and the reason."""
    ready: list[Ready] = []
    refused: list[preparing.Refused] = []
    issues = [preparing.told(issue) for issue in found]
    originals: dict[int, bytes] = {}
    names = _Names()
    for row in rows:
        problems = list(row.issues)
        if not problems:
            try:
                made = _ready(source, row, names)
            except Refused as refusal:
                problems = [refused_for(row.number, refusal)]
            except Exception as error:  # noqa: BLE001 - told with its type only: its text may quote the line
                problems = [_failed(row.number, error)]
            else:
                problems, one = made
                if one is not None:
                    ready.append(one)
                if one is not None and _may_be_refused(one):
                    originals[row.number] = orjson.dumps(row.to_json())
        if problems:
            issues += [preparing.told(issue) for issue in problems]
            refused.append(_held(row, tuple(dict.fromkeys(issue.code for issue in problems))))
    return Prepared(len(rows), ready, refused, issues, originals, names.stand_ins)


def _may_be_refused(one: Ready) -> bool:
    """Is it known only where the line is stored whether it can be? Whatever `import_names` refuses is among these."""
    if one.replaced_by is not None or may_say_too_much(one):
        return True
    if read_id(one.key) or read_id(one.source_id):
        return True
    return any(read_id(id_) for _, id_ in one.refers)


def may_say_too_much(one: Ready) -> bool:
    """Are its texts more than one resource may have, unless some turn out to be the same?"""
    # A look at the length spares nearly every line the counting.
    return one.texts is not None and len(one.texts) > search.MOST and one.texts.count("\0") >= search.MOST


def _failed(row: int, error: Exception) -> Issue:
    """Whatever broke over a line is its error."""
    said = f"The line could not be read ({type(error).__name__})."
    return _issue(row, "row-failed", said, f"该行无法读取（{type(error).__name__}）。")


def _ready(source: str, row: Row, names: _Names) -> tuple[list[Issue], Ready | None]:
    """Every fault of the resource in a line, or the resource as it is stored; what it names is added to `names`.

    Raises Refused.
    """
    found = strict_json.read(row.original.encode())
    resource, type_ = found.value, _type(found.value)
    problems = validate.check(resource, found.canonical)
    if problems:
        return [_fault(row.number, problem) for problem in problems], None
    kept = keeping.keep(source, type_, resource, found.canonical)
    # Without an id it is known by what it says: '#' stands in no id.
    id_ = resource.get("id") or f"#{hashlib.sha256(kept).hexdigest()}"
    key = patients.number(resource, record_system(source)) or ""
    is_person = type_ == PERSON_TYPE
    extracted = features.extract(resource, history=divisions.canonical) if is_person else None
    replaced_by = _replaced_by(source, key, resource) if is_person else None
    names.add((type_, id_))
    body, refers = _with_stand_ins(kept, names)
    texts = _texts(body) if type_ in _SEARCHED else None
    made = preparing.ready(row.number, key, resource, body, extracted, replaced_by)
    return [], made._replace(source_id=id_, refers=refers, texts=texts)


def _texts(body: bytes) -> str:
    """What is told of a resource with stand-ins. Raises TooLarge where it is too much whatever they stand for.

    Several may stand for one resource: whether what is stored is too much is known where they are led.
    """
    found = search.all_tokens(orjson.loads(body))
    if len(found) > search.MOST:
        search.bound({STAND_IN.sub("", text) for text in found})
    return "\0".join(found)


def _with_stand_ins(kept: bytes, names: _Names) -> tuple[bytes, tuple[Name, ...]]:
    """The resource with stand-ins in its references, and what these name, each once. Nothing else in it reads like one."""
    refers: set[Name] = set()

    def there(found: re.Match[bytes]) -> bytes:
        name = (found[1].decode(), found[2].decode())
        refers.add(name)
        return b'"reference":"%b/%b"' % (found[1], names.add(name).encode())

    body = _REFERENCE.sub(there, kept)
    return body, tuple(sorted(refers))


def _type(value: Any) -> str:
    type_ = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(type_, str) or type_ not in keeping.RECORDS:
        raise Invalid(
            "unsupported-type", "The line is no record of a type that is kept here; /fhir/metadata says which are."
        )
    return type_


def _replaced_by(source: str, key: str, patient: dict[str, Any]) -> tuple[str, str] | None:
    """The record that is said to replace a Patient. Raises Invalid `bad-link`."""
    other = keeping.replacement(patient)
    if other is None:
        return None
    told = other.get("identifier", {})
    if not (told.get("system") and told.get("value")):
        raise Invalid("bad-link", "In an import the record that replaces another is named by its identifier.")
    found = own_of(source, fed.Identifier(told["system"], told["value"]))
    if found.value == key:
        raise Invalid("bad-link", "A record cannot be replaced by itself.")
    return found


def _held(row: Row, codes: tuple[str, ...]) -> preparing.Refused:
    """The line as it is held; of one that nobody may exchange, or not openly, only the number is kept."""
    kept = Row(row.number, {}, "") if {FORBIDDEN, MUST_BE_SEALED} & set(codes) else row
    return preparing.Refused(row.number, orjson.dumps(kept.to_json()), codes)


def _fault(row: int, problem: validate.Problem) -> Issue:
    text = f"The resource is not valid FHIR R4: {problem.path} {problem.reason}. {_SET_ASIDE}"
    text_zh = f"该资源不符合 FHIR R4：{problem.path}（{problem.code}）。{_SET_ASIDE_ZH}"
    return _issue(row, problem.code, text, text_zh, problem.path)


def refused_for(row: int, refusal: Refused, text_zh: str = "", column: str | None = None) -> Issue:
    """What is told of a line that is refused; in Chinese with its code only, where no `text_zh` says more."""
    text = (
        refusal.detail.replace(" Nothing was stored.", "")
        .replace("The body", "The line")
        .replace("see line 1, column", "see column")
    )
    said_zh = text_zh or f"该行有误（{refusal.code}）。"
    return _issue(row, refusal.code, f"{text} {_SET_ASIDE}", said_zh + _SET_ASIDE_ZH, column)


def _sealed(row: int) -> Issue:
    said = "The line says something of contraception: that is sealed at the sending gateway. The document was not kept."
    return _issue(row, MUST_BE_SEALED, said, "该行含有避孕节育信息，应由发送方网关加密报送。文件未保存。")


def _issue(row: int | None, code: str, text: str, text_zh: str, column: str | None = None) -> Issue:
    return Issue("error", code, text, text_zh, row=row, column=column)
