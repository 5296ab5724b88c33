"""A language for tests: every English message as itself, but two fifths longer, with its placeholders whole.

``tests.ux.pseudo_web`` serves with it in the place of the product's catalogues.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from tests.locale.catalogues import Entry, read_po

LONGER = 1.4
_KEPT = re.compile(r"(%\([^)]*\)[sdf]|%[sd]|\{[^}]*\}|<[^>]*>|&\w+;|[A-Z0-9_]{3,})")
_VOWELS = str.maketrans("aeiouyAEIOU", "áéíóúýÁÉÍÓÚ")
_HEADER = (
    "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\nLanguage: en\n"  # as English
)


def lengthen(message: str) -> str:
    """``Deploy`` → ``Déplóóóý``: each word grows by doubled vowels, so that nothing breaks where it did not before."""
    parts = _KEPT.split(message)
    return "".join(part if _KEPT.fullmatch(part) else _lengthen_words(part) for part in parts)


def _lengthen_words(text: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: _lengthen_word(word[0]), text)


def _lengthen_word(word: str) -> str:
    missing = round(len(word) * LONGER) - len(word)
    marked = word.translate(_VOWELS)
    places = [place for place, letter in enumerate(marked) if letter in "áéíóúý"] or [len(word) - 1]
    grown = list(marked)
    for turn in range(missing):
        place = places[turn % len(places)]
        grown[place] += marked[place].lower()
    return "".join(grown)


def make_locale(folder: Path) -> Path:
    """Write ``folder/en/LC_MESSAGES/django.mo``; returns the folder."""
    entries = {"": _HEADER} | dict(_lengthened(entry) for entry in read_po("en"))
    target = folder / "en" / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_mo(entries))
    return folder


def _lengthened(entry: Entry) -> tuple[str, str]:
    """Key and value as a catalogue holds them: the context before the key, plural forms one after the other."""
    key = f"{entry.context}\x04{entry.msgid}" if entry.context else entry.msgid
    if not entry.plural:
        return key, lengthen(entry.msgid)
    return f"{key}\0{entry.plural}", f"{lengthen(entry.msgid)}\0{lengthen(entry.plural)}"


def _mo(entries: dict[str, str]) -> bytes:
    """The format of GNU gettext: a table of keys, a table of values, both sorted by key."""
    pairs = sorted((key.encode(), value.encode()) for key, value in entries.items())
    keys, values = b"", b""
    places: list[tuple[int, int, int, int]] = []
    for key, value in pairs:
        places.append((len(key), len(keys), len(value), len(values)))
        keys += key + b"\0"
        values += value + b"\0"
    count, head = len(pairs), 7 * 4
    keys_at = head + 16 * count
    values_at = keys_at + len(keys)
    table = [part for length, at, _l, _a in places for part in (length, keys_at + at)]
    table += [part for _l, _a, length, at in places for part in (length, values_at + at)]
    start = struct.pack("<7I", 0x950412DE, 0, count, head, head + 8 * count, 0, 0)
    return start + struct.pack(f"<{len(table)}I", *table) + keys + values
