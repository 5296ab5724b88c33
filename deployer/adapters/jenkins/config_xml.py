"""A job's ``config.xml`` as lines that can be compared. Pure functions.

Jenkins keeps the text that it was sent, until somebody saves the job on its page: then it writes the same job in its
own way. What only differs by that (versions of plugins, order, blanks, empty elements, values that are its defaults)
is no difference here.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MOST_DEPTH = 60
_ADDED = frozenset(
    {
        ("keepDependencies", "false"),
        ("disabled", "false"),
        ("trim", "false"),
        ("removeLastBuild", "false"),
        ("artifactDaysToKeep", "-1"),
        ("artifactNumToKeep", "-1"),
    }
)
"""Elements that Jenkins writes by itself with these values, and takes where they are missing."""
_BY_JENKINS = frozenset({"actions"})
"""What plugins remember on the job; nobody configures it."""
_SECRET_TAGS = frozenset({"authToken", "token", "password", "secret", "passphrase", "privateKey"})
_ENCRYPTED = re.compile(r"\{[A-Za-z0-9+/]{16,}={0,2}\}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
HIDDEN = "(a secret, not shown)"


class Unreadable(ValueError):
    """The text is no XML that we read: broken, nested too deep, or with a document type."""


@dataclass
class _Element:
    tag: str
    attributes: dict[str, str]
    parts: list[str] = field(default_factory=list)
    children: list[_Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text without the blanks around it; line breaks as LF. Empty where it has children."""
        joined = "" if self.children else "".join(self.parts)
        return joined.replace("\r\n", "\n").replace("\r", "\n").strip()


class _Builder:
    """Builds elements from expat's events and refuses what could make a small text large: any document type."""

    def __init__(self) -> None:
        self.top = _Element("", {})
        self._open = [self.top]
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> None:
        raise Unreadable("it declares a document type")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) > MOST_DEPTH:
            raise Unreadable("it is nested too deep")
        element = _Element(tag, {name: value for name, value in attributes.items() if name != "plugin"})
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].parts.append(text)


def _parse(xml: str) -> _Element:
    """The root. Raises Unreadable."""
    # Jenkins declares XML 1.1, which expat does not take; apart from that its files are XML 1.0.
    body = re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", xml)
    builder = _Builder()
    try:
        builder.parser.Parse(body, True)
    except expat.ExpatError as exc:
        raise Unreadable(str(exc)) from exc
    return builder.top.children[0]


def _counts(element: _Element) -> bool:
    """Whether it says anything: an empty element without a class says nothing, nor does a default."""
    if element.tag in _BY_JENKINS or (element.tag, element.text) in _ADDED:
        return False
    return bool(element.text or element.attributes or any(_counts(child) for child in element.children))


def _shown(element: _Element) -> str:
    text = element.text
    return HIDDEN if text and (element.tag in _SECRET_TAGS or _ENCRYPTED.fullmatch(text)) else text


def _lines(element: _Element, indent: str = "") -> Iterator[str]:
    """A line of text begins with a bar, so that no text can pass for an element."""
    children = [child for child in element.children if _counts(child)]
    if len({child.tag for child in children}) == len(children):
        children.sort(key=lambda child: child.tag)  # fields of one object; of a list the order is kept
    attributes = "".join(
        f" {name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(element.attributes.items())
    )
    text = _shown(element)
    if text and "\n" not in text and "<" not in text:
        yield f"{indent}<{element.tag}{attributes}>{text}</{element.tag}>"
        return
    yield f"{indent}<{element.tag}{attributes}>"
    yield from (f"{indent}  | {line}".rstrip() for line in text.split("\n") if text)
    for child in children:
        yield from _lines(child, f"{indent}  ")


def readable(xml: str) -> list[str]:
    """What counts of it, one line for each element and each line of the script. Raises Unreadable."""
    return list(_lines(_parse(xml)))


def differences(installed: str, wanted: str) -> tuple[str, ...]:
    """A unified diff from the installed config to the wanted one; empty where they are the same job.

    ``installed`` empty: there is none. One that cannot be read differs as a whole. Raises Unreadable for ``wanted``.
    """
    try:
        before = readable(installed) if installed else []
    except Unreadable as exc:
        before = [f"(what Jenkins has cannot be read: {exc})"]
    lines = difflib.unified_diff(before, readable(wanted), "installed", "wanted", lineterm="")
    return tuple(plain(line) for line in lines)


def plain(text: str) -> str:
    """Control characters as their numbers: what Jenkins says must not steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def script_of(xml: str) -> str:
    """The Pipeline script in it; empty where it has none. Raises Unreadable."""
    todo = [_parse(xml)]
    while todo:
        element = todo.pop()
        if element.tag == "script":
            return "".join(element.parts)
        todo += element.children
    return ""
