"""Messages in Django: translated into the reader's language, stored in columns, written as JSON.

A worker does not know the reader's language, so a row keeps the English source text and the parameters of a message.
Text columns hold them through :class:`MessageField`, JSON columns through :class:`MessageJSONField`; a loaded message
is translated whenever it is shown. Words of other systems are parameters and stay as they are (:func:`verbatim`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models.expressions import BaseExpression
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, override

from deployer.errors import DeployerError
from deployer.messages import Language, Message, is_data, message, use_language, verbatim
from foundation.redaction import redact

__all__ = [
    "LocalizedName",
    "Message",
    "MessageField",
    "MessageJSONField",
    "MessageLike",
    "as_message",
    "from_json_data",
    "in_english",
    "join_messages",
    "localized_list",
    "localized_time",
    "message",
    "redacted_message",
    "to_json_data",
    "verbatim",
]

MessageLike = Message | str | Promise
"""Text for a person; a message or a lazy translation is translated when it is shown."""

_MARK = '{"text":'
"""What a message with parameters begins with in a text column."""


class LocalizedName:
    """A person or thing with a name in each language, as a parameter of a message."""

    def __init__(self, chinese: str, english: str) -> None:
        self.chinese = chinese or english
        self.english = english or chinese

    def __str__(self) -> str:
        return self.chinese if _is_chinese() else self.english

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LocalizedName):
            return (self.chinese, self.english) == (other.chinese, other.english)
        return str(self) == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.chinese, self.english))


def localized_list(items: Iterable[object]) -> str:
    """Names one after the other, with the sign that the reader's language puts between them."""
    return ("、" if _is_chinese() else ", ").join(str(item) for item in items)


NAMED = 3
"""So many names stand in a line; the rest is a number."""


def localized_names(names: Iterable[object]) -> str:
    """The first three, and how many more there are: ``Olli, Oskar, Petra +2``."""
    rows = list(names)
    more = f" +{len(rows) - NAMED}" if len(rows) > NAMED else ""
    return localized_list(rows[:NAMED]) + more


def localized_time(at: datetime | None) -> str:
    """A time to the minute as messages tell it, in the reader's zone, which it names; empty for none."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M %Z") if at else ""


def _is_chinese() -> bool:
    return (get_language() or "en").startswith("zh")


def _translated(text: str) -> str:
    return gettext(text)


def _english() -> AbstractContextManager[object]:
    # Without a language a lazy translation gives its source text.
    return override(None)


# At import, so that messages in constants of other modules keep their lazy parameters.
use_language(
    Language(translate=_translated, join=localized_list, english=_english, lazy_types=(Promise, LocalizedName))
)


def as_message(value: object) -> Message:
    """Any text for a person as a message that can be stored: an engine's error, a lazy translation, plain text."""
    if isinstance(value, Message):
        return value
    if isinstance(value, DeployerError):
        return value.message
    if isinstance(value, Promise):
        with override(None):
            return Message(str(value))
    return Message(str(value))


def join_messages(*messages: object, between: str = " ") -> Message:
    """Messages one after the other, empty ones left out."""
    parts = {f"part{number}": as_message(one) for number, one in enumerate(messages) if one}
    if len(parts) < 2:
        return Message("") if not parts else next(iter(parts.values()))
    return Message(between.join(f"%({name})s" for name in parts), parts)


def redacted_message(value: object) -> Message:
    """The message without what looks like a secret, in its own text and in any parameter."""
    found = as_message(value)
    return Message(redact(found.text), {name: _redacted(param) for name, param in found.params.items()})


def _redacted(value: Any) -> Any:
    if isinstance(value, Message):
        return redacted_message(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return redact(value) if isinstance(value, str) else value


# ---------------------------------------------------------------- as data
def to_json_data(value: Any) -> Any:
    """The same JSON data with every message in it taken apart."""
    if isinstance(value, LocalizedName):
        return {"zh": value.chinese, "en": value.english}
    if isinstance(value, Message):
        return {"text": to_json_data(value.text), "params": to_json_data(value.params)}
    if isinstance(value, Promise):
        return to_json_data(as_message(value))
    if isinstance(value, dict):
        return {name: to_json_data(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_data(inner) for inner in value]
    # PostgreSQL stores no NUL, and other systems' words may hold one.
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def in_english(value: Any) -> Any:
    """The same JSON data with every message in it as English text: for logs and for proof, which have one language."""
    if isinstance(value, Message | Promise | LocalizedName):
        with override(None):
            return str(value)
    if isinstance(value, dict):
        return {name: in_english(inner) for name, inner in value.items()}
    return [in_english(inner) for inner in value] if isinstance(value, list | tuple) else value


def from_json_data(data: Any) -> Any:
    """The same JSON data with every message in it put together again."""
    if isinstance(data, list):
        return [from_json_data(inner) for inner in data]
    if not isinstance(data, dict):
        return data
    if is_data(data):
        return Message(str(data["text"]), {name: _param_of(inner) for name, inner in data["params"].items()})
    return {name: from_json_data(inner) for name, inner in data.items()}


def _param_of(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"zh", "en"}:
        return LocalizedName(str(value["zh"]), str(value["en"]))
    return [_param_of(item) for item in value] if isinstance(value, list) else from_json_data(value)


def _as_text(stored: Message) -> str:
    """For a text column: the source text alone, or JSON where there are parameters."""
    if not stored.params and not stored.text.startswith(_MARK):
        return str(to_json_data(stored.text))
    kept = stored if stored.params else verbatim(stored.text)
    return json.dumps(to_json_data(kept), ensure_ascii=False, separators=(",", ":"))


def _of_text(text: str) -> Message:
    if text.startswith(_MARK):
        try:
            found = from_json_data(json.loads(text))
        except ValueError:
            found = None
        if isinstance(found, Message):
            return found
    return Message(text)


class MessageField(models.TextField):  # type: ignore[type-arg]  # generic for the checker alone
    """A text column for one message: takes any text for a person, gives back a :class:`Message`."""

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As Django's own field: the column is one, and migrations must import nothing of the product."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", list(args), kwargs

    def from_db_value(self, value: str | None, *_: Any) -> Message:
        return _of_text(value or "")

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, BaseExpression):
            return value
        return _as_text(as_message(value))


class MessageJSONField(models.JSONField):
    """A JSON column whose data may hold messages anywhere."""

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As Django's own field: the column is one, and migrations must import nothing of the product."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", list(args), kwargs

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return from_json_data(super().from_db_value(value, expression, connection))

    def get_prep_value(self, value: Any) -> Any:
        return value if isinstance(value, BaseExpression) else to_json_data(value)
