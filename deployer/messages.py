"""Messages for people that keep their source text and parameters, so that they can be translated when they are shown.

Modules import :func:`message` as ``_``: that is the name by which the extraction of messages finds the source texts.
A process shows messages in English until it calls :func:`use_language`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

WORDS = "%(words)s"
"""The source text of a message that is another system's from end to end; no catalogue has it."""
LONGEST_WORDS = 2000
"""More characters of one parameter are cut off."""


@dataclass(frozen=True)
class Language:
    """How a process shows messages; by default in English."""

    translate: Callable[[str], str] = str
    """From a source text to the text in the active language."""
    join: Callable[[Iterable[str]], str] = ", ".join
    """Items one after the other, as the active language lists them."""
    english: Callable[[], AbstractContextManager[object]] = nullcontext
    """In this context messages are shown in English."""
    lazy_types: tuple[type, ...] = ()
    """Parameters of these types are turned into text when the message is shown, others when it is made."""


_language = Language()


def use_language(language: Language) -> None:
    """Show all messages of this process in this way from now on."""
    global _language  # one process has one way; a parameter would go through every str()
    _language = language


class Message:
    """A source text in English with ``%(name)s`` for each parameter; ``str()`` gives it in the active language.

    Without parameters the text is taken literally. Parameters are texts, numbers, other messages, or lists of these.
    A message is equal to one of the same text and parameters, and to a text that it would be shown as.
    """

    def __init__(self, text: str, params: Mapping[str, object] | None = None) -> None:
        self.text = text
        self.params: dict[str, Any] = {name: _param(value) for name, value in (params or {}).items()}

    def __str__(self) -> str:
        # An empty source text is the name of a catalogue's header.
        template = _language.translate(self.text) if self.text else ""
        shown = _fill(template, self.params)
        # English is better than a translation that cannot be filled in. A template without places is whole as it is.
        is_unfilled = bool(self.params) and shown == template and "%(" in template
        return _fill(self.text, self.params) if is_unfilled else shown

    @property
    def in_english(self) -> str:
        """The source text, filled in."""
        with _language.english():
            return str(self)

    def __bool__(self) -> bool:
        return bool(self.text)

    def __contains__(self, words: str) -> bool:
        return words in str(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Message):
            return (self.text, self.params) == (other.text, other.params)
        return str(self) == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Message({self.text!r}, {self.params!r})"


def _param(value: Any) -> Any:
    """Only what can be stored, and no long text: a value may come from a manifest that is wrong in any way."""
    if isinstance(value, (Message, int, float, *_language.lazy_types)):
        return value
    if isinstance(value, list | tuple):
        return [_param(item) for item in value]
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS]}…"


def _fill(text: str, params: Mapping[str, Any]) -> str:
    """``text`` with the parameters in their places; unchanged where it names one that is not there."""
    if not params:
        return text
    try:
        return text % {name: _shown(value) for name, value in params.items()}
    except (KeyError, TypeError, ValueError):
        return text


def _shown(value: Any) -> Any:
    return _language.join(str(item) for item in value) if isinstance(value, list) else value


def message(text: str, /, **params: object) -> Message:
    """A message of the product. Imported as ``_``, by which the extraction of messages finds ``text``."""
    return Message(text, params)


def verbatim(words: str) -> Message:
    """Words of another system or person: shown unchanged in every language."""
    return Message(WORDS, {"words": words})


def message_of(error: BaseException) -> Message:
    """The message that an error was raised with; verbatim the words of an error that has none."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Message) else verbatim(str(error))


def as_data(value: Any) -> Any:
    """JSON data for a message, ``{"text": text, "params": {…}}``, and for the messages in its parameters."""
    if isinstance(value, Message):
        return {"text": value.text, "params": {name: as_data(param) for name, param in value.params.items()}}
    return [as_data(item) for item in value] if isinstance(value, list) else value


def is_data(data: object) -> bool:
    """True for what :func:`as_data` makes of a message, and nothing that merely has more."""
    return isinstance(data, dict) and data.keys() == {"text", "params"} and isinstance(data["params"], dict)


def from_data(data: Any) -> Any:
    """The message that :func:`as_data` took apart; anything else comes back unchanged."""
    if is_data(data):
        return Message(str(data["text"]), {name: from_data(value) for name, value in data["params"].items()})
    return [from_data(item) for item in data] if isinstance(data, list) else data
