"""Reading catalogues, and the msgids that sources and templates hold, without gettext's own tools."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

BASE: Path = settings.BASE_DIR
OUTSIDE = frozenset({"var", "tests", "sandbox", "static", "docs", "locale"})
"""Folders whose words no page shows."""
LANGUAGES = ("zh_Hans", "en")

Key = tuple[str, str]
"""(context, msgid); the context is empty for most."""

_CALLS = {
    "_": 0,
    "gettext": 0,
    "gettext_lazy": 0,
    "gettext_noop": 0,
    "ngettext": 0,
    "ngettext_lazy": 0,
    "pgettext": 1,
    "pgettext_lazy": 1,
    "npgettext": 1,
    "npgettext_lazy": 1,
}
"""Which argument is the msgid; the one before it is the context."""
_LITERAL = r"u?(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
_TEMPLATE_CALL = re.compile(rf"\b(_|n?p?gettext)\(((?:\s*(?:{_LITERAL})\s*,?)+)")


@dataclass
class Entry:
    """One message of a catalogue; ``texts`` by plural form."""

    context: str = ""
    msgid: str = ""
    plural: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    is_fuzzy: bool = False

    @property
    def key(self) -> Key:
        """What the program looks it up by."""
        return (self.context, self.msgid)


def path_of(language: str, ending: str) -> Path:
    """The catalogue's source (``po``) or what the program reads (``mo``)."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / f"django.{ending}"


def read_po(language: str) -> list[Entry]:
    """All messages of a catalogue but its head."""
    blocks = path_of(language, "po").read_text(encoding="utf-8").split("\n\n")
    entries = [_entry(block) for block in blocks if re.search(r"^msgid ", block, re.MULTILINE)]
    return [entry for entry in entries if entry.msgid]


def _entry(block: str) -> Entry:
    entry, target = Entry(), ""
    for line in block.splitlines():
        if line.startswith("#"):
            entry.is_fuzzy = entry.is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        keyword, _, rest = line.partition(" ")
        text = line
        if keyword.startswith("msg"):
            target, text = keyword, rest
        _put(entry, target, str(ast.literal_eval(text)))
    return entry


def _put(entry: Entry, target: str, text: str) -> None:
    if target == "msgctxt":
        entry.context += text
    elif target == "msgid":
        entry.msgid += text
    elif target == "msgid_plural":
        entry.plural += text
    else:
        form = int(target[7:-1]) if target.startswith("msgstr[") else 0
        entry.texts[form] = entry.texts.get(form, "") + text


def used_keys() -> dict[Key, str]:
    """Every msgid that a source or a template of the product holds, and a file that holds it."""
    found: dict[Key, str] = {}
    for path in _files():
        read = _keys_of_template if path.suffix == ".html" else _keys_of_source
        for key in read(path.read_text(encoding="utf-8")):
            found.setdefault(key, str(path.relative_to(BASE)))
    return found


def templates() -> list[Path]:
    """All templates."""
    return sorted([*(BASE / "templates").rglob("*.html"), *(BASE / "demo" / "templates").rglob("*.html")])


def _files() -> Iterator[Path]:
    for folder in sorted(BASE.iterdir()):
        if folder.is_dir() and folder.name not in OUTSIDE and not folder.name.startswith("."):
            yield from folder.rglob("*.py")
    yield from templates()


def _keys_of_source(text: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        place = _CALLS.get(name)
        if place is None or len(node.args) <= place:
            continue
        words = [part.value for part in node.args[: place + 1] if isinstance(part, ast.Constant)]
        if len(words) == place + 1:
            yield (str(words[0]) if place else "", str(words[-1]))


def _keys_of_template(text: str) -> Iterator[Key]:
    for name, arguments in _TEMPLATE_CALL.findall(templatize(text)):
        words = [str(ast.literal_eval(literal)) for literal in re.findall(_LITERAL, arguments)]
        place = _CALLS[name]
        yield (words[0] if place else "", words[place])
