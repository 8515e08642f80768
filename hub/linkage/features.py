"""What linkage knows of one record: read from the Patient profile, packed for storage and for scoring in batches.

`Features` is a value: equal records have equal features. A part that is missing or a placeholder is absent (0 or ''),
and absent never equals absent. Storage keeps `to_bytes()` encrypted.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from hub.linkage import addresses, dates, divisions, documents, latin, layout, names, phones, resident_id
from hub.linkage.layout import PLACE, ROW, digest, hashed
from mappings import vocabulary
from mappings.divisions import canonical

_SEXES = {"male": 1, "female": 2}
_STATED, _FROM_ID = 1, 2
TEXTS = ("name", "former", "resident_id", "origin_address", "residence_address", "spouse", "father", "mother", "children",
         "phones", "source", "record")  # fmt: skip
TEXT_PLACE = {name: place for place, name in enumerate(TEXTS)}
_UNIT, _LIST = "\x1f", "\x1e"
_ROLES = {role: (f"{role}_low", f"{role}_high", f"{role}_address") for role in ("origin", "residence")}
_GIVEN = tuple((f"g{at}", f"g{at}_sound", f"g{at}_near") for at in (1, 2))
_NOTHING = dict.fromkeys(PLACE, 0)
_SILENCE = dict.fromkeys(TEXTS, "")
_KIN = {"SPS": "spouse", "FTH": "father", "NFTH": "father", "MTH": "mother", "NMTH": "mother"}


class Features(NamedTuple):
    """`row` holds the numbers of `layout.FIELDS`, `words` the texts of `TEXTS` for exact comparison and for people."""

    row: bytes
    words: str

    def number(self, field: str) -> int:
        """One number of `layout.FIELDS`."""
        return int(ROW.unpack(self.row)[PLACE[field]])

    def text(self, field: str) -> str:
        """One text of `TEXTS`; lists are joined by '、'."""
        return self.texts()[TEXT_PLACE[field]].replace(_LIST, "、")

    def texts(self) -> list[str]:
        """All of `TEXTS` at their `TEXT_PLACE`; lists as they are kept."""
        return self.words.split(_UNIT)

    @property
    def resident_id(self) -> resident_id.ResidentId | None:
        text = self.text("resident_id")
        return resident_id.parse(text) if text else None

    @property
    def birth(self) -> int:
        """YYYYMMDD with 00 for unknown parts; taken from the resident ID where the record states none."""
        return self.number("birth")

    @property
    def sex(self) -> int:
        """0 unknown, 1 male, 2 female."""
        return self.number("sex")

    def gone(self) -> "Features":
        """The same of a record that is no longer live."""
        numbers = list(ROW.unpack(self.row))
        numbers[PLACE["live"]] = 0
        return Features(ROW.pack(*numbers), self.words)

    def to_bytes(self) -> bytes:
        return bytes((layout.VERSION,)) + self.row + self.words.encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Features":
        """Raises ValueError for bytes of another layout: such features must be extracted again."""
        if not cls.is_readable(data):
            raise ValueError("features of another layout")
        end = 1 + ROW.size
        return cls(data[1:end], data[end:].decode())

    @staticmethod
    def is_readable(data: bytes) -> bool:
        """Are these bytes of the present layout?"""
        return len(data) > ROW.size and data[0] == layout.VERSION


def extract(patient: Mapping[str, Any], *, history: divisions.History = canonical) -> Features:
    """Features of a Patient of the `person` profile."""
    fields, words = _NOTHING.copy(), _SILENCE.copy()
    _identifiers(patient.get("identifier") or (), fields, words)
    _names(patient.get("name") or (), fields, words)
    _births(patient, fields, words)
    _telecom(patient.get("telecom") or (), fields, words)
    _addresses(patient.get("address") or (), fields, words, history)
    _contacts(patient.get("contact") or (), fields, words)
    _extensions(patient.get("extension") or (), fields, words)
    _own_name(fields, words)
    fields["live"] = int(patient.get("active") is not False)
    joined = _UNIT.join(words.values())
    if joined.count(_UNIT) >= len(TEXTS):
        joined = _UNIT.join(word.replace(_UNIT, " ") for word in words.values())
    return Features(ROW.pack(*fields.values()), joined)


def _identifiers(identifiers: Sequence[Mapping[str, Any]], fields: dict[str, int], words: dict[str, str]) -> None:
    for identifier in identifiers:
        system, value = identifier.get("system", ""), identifier.get("value", "")
        if not value:
            continue
        if system == vocabulary.RESIDENT_ID:
            number = resident_id.parse(value)
            if number is not None and not fields["id_body"]:
                fields["id_body"], fields["id_form"] = number.body, number.form
                fields["id_check"] = 10 if number.text[17] == "X" else int(number.text[17])
                words["resident_id"] = (
                    number.text if number.form != resident_id.Form.OLD else number.text[:6] + number.text[8:17]
                )
        elif system.endswith(":record") and not fields["record"]:
            words["source"], words["record"] = system.removeprefix("urn:lianqiao:").removesuffix(":record"), value
            fields["source"], fields["record"] = hashed(system), digest(system + _UNIT + value)
        elif system.startswith("urn:lianqiao:id-document:"):
            _document(system, value, fields)


def _document(system: str, value: str, fields: dict[str, int]) -> None:
    number = documents.number(value)
    if number and not fields["document"]:
        fields["document"], fields["document_kind"] = number, documents.kind(system.rpartition(":")[2])


def _names(found: Sequence[Mapping[str, Any]], fields: dict[str, int], words: dict[str, str]) -> None:
    parsed: list[tuple[bool, names.Name]] = []
    for entry in found:
        parsed += [(entry.get("use") == "old", name) for name in names.parse(written(entry))]
    if not parsed:
        return
    if len(parsed) > 1:
        parsed.sort(key=itemgetter(0))
        _former(parsed[0][1], [name for _, name in parsed[1:]], fields, words)
    name = parsed[0][1]
    words["name"] = name.written
    surname, given = name.surname, name.given
    if names.LOST in name.text:
        surname, given = names.told(surname), names.told(given)
    fields["surname"], fields["given"], fields["full"] = hashed(surname), hashed(given), hashed(name.text)
    fields["given_length"] = min(len(name.given), 255)
    sound_columns(name, fields)


def written(entry: Mapping[str, Any]) -> str:
    """A name as one text. Of a name in Latin letters the parts tell more than the text."""
    text, family = entry.get("text") or "", entry.get("family") or ""
    if text and not family:
        return text
    given = [part for part in entry.get("given") or () if part]  # null where only `_given` says something
    if family and given and latin.plain(family) is not None:
        return f"{family}, {' '.join(given)}"
    return text or family + "".join(given)


def _former(name: names.Name, others: Sequence[names.Name], fields: dict[str, int], words: dict[str, str]) -> None:
    for other in others:
        if other.text != name.text:
            words["former"], fields["former"] = other.written, hashed(other.text)
            return


def sound_columns(name: names.Name, fields: dict[str, int]) -> None:
    """Put the characters and sounds of a name into the fields sound, c1, g1, g2, …; of a Latin one the codes of its words."""
    spelt, split, given = name.spelt, len(name.surname), name.given
    fields["sound"] = hashed("".join([sound.plain for sound in spelt]))
    if given.isascii() and name.latin:
        fields["c1_near"], fields["g1_near"] = (_word_code(word) for word in (name.surname, given))
        return
    if split:
        fields["c1"] = ord(name.surname[0])
        _, fields["c1_sound"], fields["c1_near"] = spelt[0]
        if split > 1:
            fields["c1_sound"] ^= spelt[1].code << 1 & 0xFFFFFFFF
            fields["c1_near"] ^= spelt[1].near << 1 & 0xFFFFFFFF
    if given and not given.isascii():
        for (place, place_sound, place_near), char, sound in zip(_GIVEN, given, spelt[split:], strict=False):
            fields[place] = ord(char)
            _, fields[place_sound], fields[place_near] = sound


def _word_code(word: str) -> int:
    return hashed(latin.sound(word)) & 0xFFFFFFFF


def _births(patient: Mapping[str, Any], fields: dict[str, int], words: dict[str, str]) -> None:
    fields["sex"] = _SEXES.get(patient.get("gender", ""), 0)
    born = dates.parse(patient.get("birthDate") or "")
    lunar = _lunar(patient.get("_birthDate"))
    if lunar and not born:
        born = dates.from_lunar(lunar) or lunar // 10000 * 10000
    fields["birth_from"] = _STATED if born else 0
    if not (born and fields["sex"]) and fields["id_form"] in (resident_id.Form.OLD, resident_id.Form.CHECKED):
        number = resident_id.parse(words["resident_id"])
        if number is not None:
            if not born:
                born, fields["birth_from"] = int(number.text[6:14]), _FROM_ID
            if not fields["sex"]:
                fields["sex"] = 1 if number.male else 2
    fields["birth"], fields["birth_lunar"] = born, dates.from_lunar(born)
    fields["death"] = dates.parse(patient.get("deceasedDateTime") or "")


def _lunar(element: Mapping[str, Any] | None) -> int:
    for extension in (element or {}).get("extension") or ():
        if extension.get("url") == vocabulary.LUNAR_DATE:
            return next((dates.parse(str(value)) for key, value in extension.items() if key.startswith("value")), 0)
    return 0


def _telecom(found: Sequence[Mapping[str, Any]], fields: dict[str, int], words: dict[str, str]) -> None:
    numbers = [phones.parse(t.get("value", "")) for t in found if t.get("system") in ("phone", "sms")]
    known = list(dict.fromkeys(filter(None, numbers)))[:2]
    words["phones"] = _LIST.join(known)
    for field, number in zip(("phone", "phone2"), known, strict=False):
        fields[field] = phones.packed(number)


def _addresses(
    found: Sequence[Mapping[str, Any]], fields: dict[str, int], words: dict[str, str], history: divisions.History
) -> None:
    for address in found:
        role = code = ""
        for extension in address.get("extension") or ():
            url = extension.get("url")
            if url == vocabulary.ADDRESS_ROLE:
                role = extension.get("valueCode") or ""
            elif url == vocabulary.DIVISION:
                code = extension.get("valueCode") or ""
        if role not in _ROLES:
            continue
        low, high, words_place = _ROLES[role]
        text = address.get("text") or ""
        words[words_place] = text
        fields[role] = divisions.parse(code, history)
        fields[low], fields[high] = addresses.signature(text)
        if role == "residence" and "postalCode" in address:
            fields["postal"] = documents.postal(address["postalCode"])
        if "period" in address:
            fields["active"] = max(fields["active"], dates.parse(address["period"].get("start") or ""))


def _contacts(found: Sequence[Mapping[str, Any]], fields: dict[str, int], words: dict[str, str]) -> None:
    for contact in found:
        role = _role(contact.get("relationship") or ())
        if role is None:
            continue
        parsed = names.parse((contact.get("name") or {}).get("text") or "")
        if parsed:
            words[role], fields[role] = parsed[0].written, hashed(parsed[0].text)
        for extension in contact.get("extension") or ():
            if extension.get("url") == vocabulary.CONTACT_IDENTIFIER:
                value = (extension.get("valueIdentifier") or {}).get("value") or ""
                number = resident_id.parse(value)
                if number is not None and number.form != resident_id.Form.CUT:
                    fields[f"{role}_id"] = number.body


def _role(relationship: Sequence[Mapping[str, Any]]) -> str | None:
    for concept in relationship:
        for coding in concept.get("coding") or ():
            if (role := _KIN.get(coding.get("code"))) is not None:
                return role
    return None


def _own_name(fields: dict[str, int], words: dict[str, str]) -> None:
    """A wife recorded with her husband's surname in front also goes by her own name, as by a former one."""
    if fields["sex"] != 2 or not words["spouse"] or not words["name"] or words["former"]:
        return
    hers, his = names.parse(words["name"]), names.parse(words["spouse"])
    own = names.without_husband(hers[0], his[0]) if hers and his else None  # a long text may be none when read again
    if own is not None:
        words["former"], fields["former"] = own.written, hashed(own.text)


def _extensions(found: Sequence[Mapping[str, Any]], fields: dict[str, int], words: dict[str, str]) -> None:
    children: set[str] = set()
    for extension in found:
        url = extension.get("url")
        if url == vocabulary.CHILD:
            children.update([name.text for name in names.parse(extension.get("valueString") or "")[:1]])
        elif url == vocabulary.ETHNICITY:
            codings = (extension.get("valueCodeableConcept") or {}).get("coding") or ()
            code = next((c.get("code", "") for c in codings if c.get("system") == vocabulary.ETHNICITY_CODES), "")
            fields["ethnicity"] = _small(code)
    if not children:
        return
    known = sorted(children)
    words["children"] = _LIST.join(known)
    for field, child in zip(("child1", "child2", "child3"), known, strict=False):
        fields[field] = hashed(child)


@lru_cache(maxsize=256)
def _small(code: str) -> int:
    """A code of figures as a number that fits a byte; 0 for any other."""
    return int(code) if code.isascii() and code.isdigit() and 0 < int(code) < 256 else 0
