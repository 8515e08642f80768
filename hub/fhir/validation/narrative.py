"""Is the XHTML of a narrative the plain text R4 allows: formatting, links, pictures, and nothing that acts?

https://hl7.org/fhir/R4/narrative.html: chapters 7-11 and 15 of HTML 4.0 without 9.4; no scripts, forms, frames, objects,
events, style sheets. What is on neither list is refused (txt-1); so is a narrative that says nothing (txt-2).
"""

import re
from html.entities import html5
from typing import Final

from lxml import etree

from hub.fhir.validation.problems import Fault

LONGEST: Final = 1_048_576
"""Characters of a narrative, as of any text in R4."""

_NAMESPACE: Final = "{http://www.w3.org/1999/xhtml}"
_ELEMENTS: Final = frozenset([
    "a", "abbr", "acronym", "address", "b", "bdo", "big", "blockquote", "br", "caption", "cite", "code", "col",
    "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
    "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
])  # fmt: skip
_EVERYWHERE: Final = frozenset(
    ["title", "style", "class", "id", "lang", "dir", "{http://www.w3.org/XML/1998/namespace}lang"]
)
_CELL: Final = frozenset(
    [
        "align",
        "valign",
        "char",
        "charoff",
        "width",
        "height",
        "abbr",
        "axis",
        "headers",
        "scope",
        "rowspan",
        "colspan",
        "nowrap",
    ]
)
_OWN: Final = {
    "a": frozenset(["href", "name", "hreflang", "rel", "rev", "type", "charset"]),
    "blockquote": frozenset({"cite"}),
    "q": frozenset({"cite"}),
    "img": frozenset(["src", "alt", "width", "height", "longdesc", "border", "align"]),
    "table": frozenset(["summary", "width", "border", "frame", "rules", "cellspacing", "cellpadding", "align"]),
    "col": _CELL | {"span"},
    "colgroup": _CELL | {"span"},
    "ol": frozenset(["type", "start"]),
    "ul": frozenset({"type"}),
    "li": frozenset(["type", "value"]),
    "pre": frozenset({"width", "{http://www.w3.org/XML/1998/namespace}space"}),
    **dict.fromkeys(("tbody", "td", "tfoot", "th", "thead", "tr"), _CELL),
    **dict.fromkeys(("div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p"), frozenset({"align"})),
}
_LINKS: Final = frozenset({"href", "src", "cite", "longdesc"})
_SCHEME: Final = re.compile("([a-z][a-z0-9+.-]*):")
_SCHEMES: Final = frozenset({"ftp", "http", "https", "mailto", "tel", "urn"})
_PICTURE: Final = re.compile("data:image/(png|gif|jpeg);base64,")
_INVISIBLE: Final = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")  # what browsers skip within a scheme
_STYLE_PICTURE: Final = re.compile(r"url\(\s*data:\s*image/(png|gif|jpeg);base64,[A-Za-z0-9+/=\s]*\)")
_STYLE_ACTS: Final = re.compile(
    r"url\s*\(|expression\s*\(|@import|behaviou?r\s*:|-moz-binding|javascript|\\|/\*", re.IGNORECASE
)
_ENTITY: Final = re.compile("&([A-Za-z][A-Za-z0-9]*);")
_XML_ENTITIES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})


def fault(div: str) -> Fault | None:
    """What is wrong with the XHTML of a `div`; None when it may be shown as it is."""
    if len(div) > LONGEST:
        return Fault("txt-1", f"is longer than {LONGEST} characters")
    if "<!DOCTYPE" in div or "<!ENTITY" in div or "<?" in div:
        return Fault("txt-1", "has a DOCTYPE, an entity of its own or a processing instruction; allowed is one <div>")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(_ENTITY.sub(_character, div).encode(), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError):
        return Fault("txt-1", "is not well-formed XML; allowed is one <div> in which every element is closed")
    if root.tag != f"{_NAMESPACE}div":
        return Fault("txt-1", 'is not one <div xmlns="http://www.w3.org/1999/xhtml">')
    said = False
    for element in root.iter():
        if element.tag is not etree.Comment:
            found = _element(element)
            if found is not None:
                return found
            said = said or bool(element.text and element.text.strip()) or element.tag == f"{_NAMESPACE}img"
        said = said or bool(element.tail and element.tail.strip())
    return None if said else Fault("txt-2", "says nothing: a narrative needs some text or a picture")


def _character(entity: re.Match[str]) -> str:
    """The character of one of HTML's names, which XML does not know."""
    name = entity[1]
    return entity[0] if name in _XML_ENTITIES else html5.get(f"{name};", entity[0])


def _element(element: etree._Element) -> Fault | None:
    tag = str(element.tag)
    name = tag.removeprefix(_NAMESPACE)
    if not tag.startswith(_NAMESPACE) or name not in _ELEMENTS:
        return Fault(
            "txt-1", f"has an element {_shown(name)}that no narrative has; allowed is HTML that only formats text"
        )
    own = _OWN.get(name, frozenset())
    for key, value in element.attrib.items():
        attribute = str(key)
        if attribute not in _EVERYWHERE and attribute not in own:
            return Fault("txt-1", f"has an attribute {_shown(attribute)}of <{name}> that no narrative has")
        if attribute in _LINKS and not _leads_well(name, str(value)):
            return Fault(
                "txt-1", f"has a {attribute} of <{name}> that is not allowed; allowed is {', '.join(sorted(_SCHEMES))}"
            )
        if attribute == "style" and _STYLE_ACTS.search(_STYLE_PICTURE.sub("", str(value))):
            return Fault("txt-1", f"has a style of <{name}> that loads or does something; allowed is formatting")
    return None


def _shown(name: str) -> str:
    """The name with a space behind it where it is one that HTML might have; whatever else is not repeated."""
    return f"{name} " if re.fullmatch("[A-Za-z][A-Za-z0-9:-]{0,30}", name) else ""


def _leads_well(element: str, link: str) -> bool:
    """Does the link lead to a place, in itself or elsewhere, rather than do something?"""
    text = _INVISIBLE.sub("", link).lower()
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1] in _SCHEMES:
        return True
    return element == "img" and _PICTURE.match(text) is not None
