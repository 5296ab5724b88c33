"""What each field of an allowed object holds: text, a number, one of some words, and what it needs beside it.

A server refuses another shape only when it is asked, in words of its own; a preview asks none. Which fields there may
be at all is for the allow-lists of ``policy``: a shape lists its fields where it is ``closed``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.manifests.policy import DNS_LABEL, DNS_NAME, LABEL_NAME, Findings, check_label_value, is_count
from deployer.manifests.tidy import quantity_text
from deployer.messages import Message, message_of
from deployer.messages import message as _
from deployer.quantities import QuantityError, parse_memory

Check = Callable[[Any, str, Findings], None]


def text(value: Any, path: str, findings: Findings) -> None:
    """YAML makes numbers and truth values of words without quotes; the server takes none for text."""
    if isinstance(value, bool | int | float):
        findings.add(path, _("This must be text: put it in quotes."))
    elif not isinstance(value, str):
        findings.add(path, _("This must be text."))


def filled(value: Any, path: str, findings: Findings) -> None:
    """Text that is not empty."""
    text(value, path, findings)
    if value == "":
        findings.add(path, _("This must not be empty."))


def label(value: Any, path: str, findings: Findings) -> None:
    """The value of a label."""
    check_label_value(value, path, findings)


def label_key(value: Any, path: str, findings: Findings) -> None:
    """The name of a label, of a taint or of a protocol."""
    if not isinstance(value, str) or not LABEL_NAME.fullmatch(value):
        findings.add(path, _("This is a name such as tier or example.com/tier."))


def object_name(value: Any, path: str, findings: Findings) -> None:
    """The name of an object in the cluster."""
    if not isinstance(value, str) or not DNS_NAME.fullmatch(value):
        findings.add(path, _("A name is lower-case letters, digits and hyphens, with no hyphen at either end."))


def label_name(value: Any, path: str, findings: Findings) -> None:
    """A part of a name in DNS."""
    if not isinstance(value, str) or not DNS_LABEL.fullmatch(value):
        findings.add(path, _("A name is lower-case letters, digits and hyphens, with no hyphen at either end."))


def matching(pattern: re.Pattern[str], message: Message) -> Check:
    """Text of this form."""

    def check(value: Any, path: str, findings: Findings) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            findings.add(path, message)

    return check


def absolute(value: Any, path: str, findings: Findings) -> None:
    """A path from the root."""
    if not isinstance(value, str) or not value.startswith("/"):
        findings.add(path, _("Write a path that begins with /."))


def inner(value: Any, path: str, findings: Findings) -> None:
    """A path below another that does not lead out of it."""
    if not isinstance(value, str) or not value or value.startswith("/") or ".." in value.split("/"):
        findings.add(path, _("Write a path inside the volume, without .. and without / at its beginning."))


def positive(value: Any, path: str, findings: Findings) -> None:
    """A quantity of more than nothing."""
    amount(value, path, findings)
    if str(value) in ("0", "0.0"):
        findings.add(path, _("Write more than 0."))


def truth(value: Any, path: str, findings: Findings) -> None:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        findings.add(path, _("Write true or false, without quotes."))


def amount(value: Any, path: str, findings: Findings) -> None:
    """A quantity, as of storage."""
    try:
        parse_memory(quantity_text(value))
    except QuantityError as exc:
        findings.add(path, message_of(exc))


def anything(_value: Any, _path: str, _findings: Findings) -> None:
    """It is judged elsewhere."""


def whole(least: int, most: int) -> Check:
    """A whole number within the bounds."""

    def check(value: Any, path: str, findings: Findings) -> None:
        if not is_count(value, least, most):
            findings.add(path, _("Write a whole number from %(least)s to %(most)s.", least=least, most=most))

    return check


def one_of(*words: str) -> Check:
    """One of these words, written exactly so."""

    def check(value: Any, path: str, findings: Findings) -> None:
        if value not in words or not isinstance(value, str):
            findings.add(path, _("This is one of these words: %(words)s.", words=[word or '""' for word in words]))

    return check


def many(item: Check, least: int = 0) -> Check:
    """A list of at least so many."""

    def check(value: Any, path: str, findings: Findings) -> None:
        if not isinstance(value, list):
            findings.add(path, _("This must be a list."))
            return
        if len(value) < least:
            findings.add(path, _("This must not be empty."))
        for index, one in enumerate(value):
            item(one, f"{path}[{index}]", findings)

    return check


def labels(value: Any, path: str, findings: Findings) -> None:
    """Labels by name."""
    for name, one in findings.mapping(value, path).items():
        label_key(name, f"{path}.{name}", findings)
        label(one, f"{path}.{name}", findings)


@dataclass(frozen=True)
class Fields:
    """A mapping. ``needs``: fields that must be there; ``one``: fields of which exactly one must be there."""

    fields: Mapping[str, Check]
    needs: Sequence[str] = ()
    one: Sequence[str] = ()
    closed: bool = True

    def __call__(self, value: Any, path: str, findings: Findings) -> None:
        """Everything that is wrong with a value at this path."""
        if not isinstance(value, dict):
            findings.add(path, _("This must be a mapping of names to values."))
            return
        if self.closed:
            findings.only(value, frozenset(self.fields), path)
        for name in self.needs:
            if name not in value:
                findings.add(f"{path}.{name}", _("The field %(name)s is missing here.", name=name))
        given = [name for name in self.one if name in value]
        if self.one and len(given) != 1:
            findings.add(path, _("Exactly one of these fields must be here: %(names)s.", names=sorted(self.one)))
        for name, check in self.fields.items():
            if name in value:
                check(value[name], f"{path}.{name}", findings)


def open_fields(**fields: Check) -> Fields:
    """A mapping whose other fields are judged elsewhere."""
    return Fields(fields, closed=False)
