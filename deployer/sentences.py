"""Sentences for people that keep what they are made of, so that whoever shows one can say it in the reader's language.

A :class:`Said` is the English text, filled in, and carries its source text and values along. Modules import
:func:`say` as ``_``: that is the name by which the extraction of messages finds the source texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = "%(words)s"
"""The source text of a sentence that is somebody else's from end to end; no catalogue has it."""
LONGEST_WORDS = 2000
"""More characters of one value are cut off."""


def _kept(value: Any) -> Any:
    """Only what JSON knows, and no novel: a value may come from a manifest that is wrong in any way."""
    if isinstance(value, Said | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_kept(item) for item in value]
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS]}…"


def fill(text: str, values: Mapping[str, Any]) -> str:
    """``text`` with its values in place; as it stands where it names one that is not there."""
    if not values:
        return text
    try:
        return text % {name: _shown(value) for name, value in values.items()}
    except (KeyError, TypeError, ValueError):
        return text


def _shown(value: Any) -> Any:
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else value


class Said(str):
    """A sentence in English. ``text`` has ``%(name)s`` for each of ``values``; without values it is taken literally."""

    text: str
    values: dict[str, Any]

    def __new__(cls, text: str, values: Mapping[str, Any] | None = None) -> Said:
        kept = {name: _kept(value) for name, value in (values or {}).items()}
        made = super().__new__(cls, fill(text, kept))
        made.text, made.values = text, kept
        return made

    def __getnewargs__(self) -> tuple[str, dict[str, Any]]:  # type: ignore[override]  # str's own has the text alone
        return (self.text, self.values)


def say(text: str, /, **values: object) -> Said:
    """A sentence of ours. Imported as ``_``. Values are words, numbers, other sentences, or lists of these."""
    return Said(text, values)


def verbatim(words: str) -> Said:
    """Words of another system or person: shown as they are in every language."""
    return Said(WORDS, {"words": words})


def said_by(error: BaseException) -> Said:
    """The sentence that an error was raised with; the words of one that is not ours."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Said) else verbatim(str(error))


def as_data(sentence: str) -> dict[str, Any]:
    """The sentence as plain JSON data: ``{"said": text, "values": {…}}``, values in the same way."""
    said = sentence if isinstance(sentence, Said) else Said(sentence)
    return {"said": said.text, "values": {name: _as_value(value) for name, value in said.values.items()}}


def _as_value(value: Any) -> Any:
    if isinstance(value, Said):
        return as_data(value)
    return [_as_value(item) for item in value] if isinstance(value, list | tuple) else value


def is_data(data: object) -> bool:
    """True for what :func:`as_data` makes, and nothing that merely has more."""
    return isinstance(data, dict) and data.keys() == {"said", "values"} and isinstance(data["values"], dict)


def from_data(data: Any) -> Any:
    """The sentence that :func:`as_data` took apart; anything else comes back as it is."""
    if is_data(data):
        return Said(str(data["said"]), {name: from_data(value) for name, value in data["values"].items()})
    return [from_data(item) for item in data] if isinstance(data, list) else data
