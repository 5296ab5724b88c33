"""How a component is called: the short code where space is short, and pinyin initials of its Chinese name."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product

from django.utils.module_loading import import_string


def short_code(name: str, project_slug: str) -> str:
    """``SIS-OMM-JTC-APP-PROXY-GW`` in project ``sis-omm`` → ``JTC-APP-PROXY-GW``: the project stands beside it."""
    prefix = f"{project_slug}-"
    is_inside = name.lower().startswith(prefix.lower()) and len(name) > len(prefix)
    return name[len(prefix) :] if is_inside else name


MOST_SPELLINGS = 16
"""A name with many signs of several readings would multiply; the readings that come first are the usual ones."""


def initials(text: str) -> str:
    """The spellings of the text by first letters, with spaces between; digits and Latin letters stand as they are.

    ``银行`` gives ``"yx yh"``: every reading of a sign counts, for which one is meant only a dictionary of phrases
    could tell. Empty for a text without Chinese signs: it is found as it is.
    """
    if text.isascii():
        return ""
    choices = [_letters(sign) for sign in text]
    spellings: list[str] = []
    for chosen in product(*(choice for choice in choices if choice)):
        spelling = "".join(chosen)
        if spelling and spelling not in spellings:
            spellings.append(spelling)
        if len(spellings) == MOST_SPELLINGS:
            break
    return " ".join(spellings)


def _letters(sign: str) -> list[str]:
    """What somebody may type for one sign; nothing for punctuation."""
    if sign.isascii():
        return [sign.lower()] if sign.isalnum() else []
    # Loaded at the first name that is saved, and without its phrases: 14 MB instead of 58 in every process.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    find: Callable[..., list[list[str]]] = import_string("pypinyin.pinyin")
    readings = find(sign, heteronym=True, style=import_string("pypinyin.Style").FIRST_LETTER, errors="ignore")
    letters = [letter for reading in readings for letter in reading if letter.isascii()]
    return list(dict.fromkeys(letters))
