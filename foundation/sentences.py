"""Sentences that are stored: a worker does not know the reader's language, so the row keeps what a sentence is made of.

What is stored is the English source text with ``%(name)s`` and the values for it; :class:`Spoken` says it in the
active language whenever it is shown. Text columns hold it through :class:`SaidField`, JSON columns through
:class:`SaidJSONField`. Rows that were written before hold plain English, which is said in the reader's language where
a catalogue has it. Words of other systems stand in a sentence as they are (:func:`verbatim`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models
from django.db.models.expressions import BaseExpression
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, override

from deployer.errors import DeployerError
from deployer.sentences import Said, as_data, fill, is_data, verbatim
from foundation.redaction import redact

__all__ = [
    "Named",
    "SaidField",
    "SaidJSONField",
    "Spoken",
    "in_english",
    "listed",
    "redacted",
    "revived",
    "say",
    "spoken",
    "storable",
    "together",
    "verbatim",
]

_MARK = '{"said":'
"""What the text of a sentence with values begins with in a text column."""


class Named(Promise):
    """A person or thing with a name in each language, as a value of a sentence."""

    def __init__(self, chinese: str, english: str) -> None:
        self.chinese = chinese or english
        self.english = english or chinese

    def __str__(self) -> str:
        return self.chinese if _is_chinese() else self.english

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Promise) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.chinese, self.english))


class Spoken(Promise):
    """A sentence that is put into the active language when it is shown; to Django it is one more lazy translation."""

    def __init__(self, text: str, values: Mapping[str, Any] | None = None) -> None:
        self.text = text
        self.values: dict[str, Any] = dict(values or {})

    def __str__(self) -> str:
        # gettext("") is the catalogue's head.
        template = gettext(self.text) if self.text else ""
        values = _shown(self.values)
        said = fill(template, values)
        # English is better than a translation with a hole in it. Without any place a template is whole as it stands.
        has_hole = bool(values) and said == template and "%(" in template
        return fill(self.text, values) if has_hole else said

    def __bool__(self) -> bool:
        return bool(self.text)

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Promise) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __contains__(self, words: str) -> bool:
        return words in str(self)

    def __repr__(self) -> str:
        return f"Spoken({self.text!r}, {self.values!r})"

    def __mod__(self, values: Mapping[str, Any]) -> Spoken:
        """The sentence with values for its places, still to be said."""
        return say(self.text, **{**self.values, **values})

    def _proxy____cast(self) -> str:
        # By this name Django's other fields and its JSON encoder ask a lazy text for its words.
        return str(self)

    @property
    def in_english(self) -> str:
        """The source text, filled in."""
        with override(None):
            return str(self)


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: listed(value) if isinstance(value, list) else value for name, value in values.items()}


def listed(items: Iterable[object]) -> str:
    """Names one after the other, with the sign that the reader's language puts between them."""
    return ("、" if _is_chinese() else ", ").join(str(item) for item in items)


def _is_chinese() -> bool:
    return (get_language() or "en").startswith("zh")


def say(text: str, /, **values: object) -> Spoken:
    """A sentence of ours with its values. Imported as ``_``, by which the extraction of messages finds ``text``."""
    return Spoken(text, {name: _value(value) for name, value in values.items()})


def spoken(sentence: object) -> Spoken:
    """Any sentence in a form that can be stored and said: of an engine's error, a lazy translation, plain text."""
    if isinstance(sentence, Spoken):
        return sentence
    if isinstance(sentence, DeployerError):
        sentence = sentence.said
    if isinstance(sentence, Said):
        return Spoken(sentence.text, {name: _value(value) for name, value in sentence.values.items()})
    if isinstance(sentence, Promise):
        # Without a language a lazy translation gives its source text.
        with override(None):
            return Spoken(str(sentence))
    return Spoken(str(sentence))


def _value(value: Any) -> Any:
    if isinstance(value, Spoken | Named):
        return value
    if isinstance(value, Said | Promise):
        return spoken(value)
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value if isinstance(value, str | int | float) else str(value)


def together(*sentences: object, between: str = " ") -> Spoken:
    """Sentences one after the other, those that say nothing left out."""
    parts = {f"part{number}": _value(spoken(one)) for number, one in enumerate(sentences) if one}
    if len(parts) < 2:
        return Spoken("") if not parts else next(iter(parts.values()))
    return Spoken(between.join(f"%({name})s" for name in parts), parts)


def redacted(sentence: object) -> Spoken:
    """The sentence without what looks like a secret, in its own words and in any value."""
    said = spoken(sentence)
    return Spoken(redact(said.text), {name: _redacted(value) for name, value in said.values.items()})


def _redacted(value: Any) -> Any:
    if isinstance(value, Spoken):
        return redacted(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return redact(value) if isinstance(value, str) else value


# ---------------------------------------------------------------- as data
def storable(value: Any) -> Any:
    """The same JSON data with every sentence in it taken apart."""
    if isinstance(value, Named):
        return {"zh": value.chinese, "en": value.english}
    if isinstance(value, Spoken):
        return {"said": value.text, "values": storable(value.values)}
    if isinstance(value, Said):
        return as_data(value)
    if isinstance(value, Promise):
        return storable(spoken(value))
    if isinstance(value, dict):
        return {name: storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    # PostgreSQL stores no NUL, and other systems' words may hold one.
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def in_english(value: Any) -> Any:
    """The same JSON data with every sentence in it said in English: for logs and for proof, which have one language."""
    if isinstance(value, Promise):
        return spoken(value).in_english if not isinstance(value, Named) else value.english
    if isinstance(value, dict):
        return {name: in_english(inner) for name, inner in value.items()}
    return [in_english(inner) for inner in value] if isinstance(value, list | tuple) else value


def revived(data: Any) -> Any:
    """The same JSON data with every sentence in it ready to be said."""
    if isinstance(data, list):
        return [revived(inner) for inner in data]
    if not isinstance(data, dict):
        return data
    if is_data(data):
        return Spoken(str(data["said"]), {name: _revived_value(inner) for name, inner in data["values"].items()})
    return {name: revived(inner) for name, inner in data.items()}


def _revived_value(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"zh", "en"}:
        return Named(str(value["zh"]), str(value["en"]))
    return [_revived_value(item) for item in value] if isinstance(value, list) else revived(value)


def _as_text(sentence: Spoken) -> str:
    """For a text column: the source text alone, or JSON where there are values."""
    if not sentence.values and not sentence.text.startswith(_MARK):
        return str(storable(sentence.text))
    kept = sentence if sentence.values else spoken(verbatim(sentence.text))
    return json.dumps(storable(kept), ensure_ascii=False, separators=(",", ":"))


def _of_text(text: str) -> Spoken:
    if text.startswith(_MARK):
        try:
            found = revived(json.loads(text))
        except ValueError:
            found = None
        if isinstance(found, Spoken):
            return found
    return Spoken(text)


class SaidField(models.TextField):  # type: ignore[type-arg]  # generic for the checker alone
    """A text column for one sentence; give it any sentence, it gives back a :class:`Spoken`."""

    def from_db_value(self, value: str | None, *_: Any) -> Spoken:
        return _of_text(value or "")

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, BaseExpression):
            return value
        return _as_text(spoken(value))


class SaidJSONField(models.JSONField):
    """A JSON column whose data may hold sentences anywhere."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return revived(super().from_db_value(value, expression, connection))

    def get_prep_value(self, value: Any) -> Any:
        return value if isinstance(value, BaseExpression) else storable(value)
