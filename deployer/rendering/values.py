"""What a template may be given: plain data of bounded size, nothing with behaviour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deployer.errors import Problem, Rejected
from deployer.sentences import say as _

MAX_TEMPLATES = 20
MAX_TEMPLATE_CHARS = 256 * 1024
MAX_VALUE_CHARS = 1024 * 1024
MAX_DEPTH = 20

# Line ends of YAML other than LF, and characters that no editor shows: origins of lines count LF only.
_FORBIDDEN_IN_SOURCE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def check_templates(templates: Mapping[str, str]) -> dict[str, str]:
    """The sources with LF line ends. Raises Rejected with a Problem per line that holds something invisible."""
    if not templates or len(templates) > MAX_TEMPLATES:
        raise Rejected(
            _(
                "A set has 1 to %(most)s templates, not %(count)s.",
                most=MAX_TEMPLATES,
                count=len(templates),
            )
        )
    checked: dict[str, str] = {}
    for name, source in templates.items():
        if not isinstance(source, str) or len(source) > MAX_TEMPLATE_CHARS:
            raise Rejected(
                _(
                    "Template %(name)s is longer than %(kibibytes)s KiB.",
                    name=name,
                    kibibytes=MAX_TEMPLATE_CHARS // 1024,
                )
            )
        clean = source.replace("\r\n", "\n").replace("\r", "\n")
        for number, line in enumerate(clean.split("\n"), start=1):
            if found := _FORBIDDEN_IN_SOURCE.search(line):
                message = _(
                    "The invisible character U+%(character)s is not allowed in a template.",
                    character=f"{ord(found[0]):04X}",
                )
                raise Rejected(message, problems=(Problem(f"{name}:{number}", message),))
        checked[name] = clean
    return checked


def check_values(values: Mapping[str, Any]) -> None:
    """Raises Rejected unless all values are text, whole numbers, truth values, None, lists and dicts of these."""
    budget = _Budget(MAX_VALUE_CHARS)
    for name, value in values.items():
        _check(value, str(name), 1, budget)


class _Budget:
    def __init__(self, chars: int) -> None:
        self.left = chars

    def take(self, chars: int) -> None:
        self.left -= chars
        if self.left < 0:
            raise Rejected(
                _(
                    "The values for the template are larger than %(kibibytes)s KiB together.",
                    kibibytes=MAX_VALUE_CHARS // 1024,
                )
            )


def _check(value: Any, path: str, depth: int, budget: _Budget) -> None:
    budget.take(8)
    if depth > MAX_DEPTH:
        raise _refused(path, _("it is nested too deeply"))
    if value is None or isinstance(value, bool | int):
        return
    if type(value) is str:
        _check_text(value, path, budget)
    elif type(value) is list:
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1, budget)
    elif type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise _refused(path, _("its keys must be text"))
            _check_text(key, path, budget)
            _check(item, f"{path}.{key}", depth + 1, budget)
    else:
        raise _refused(path, _("a template may not see a %(kind)s", kind=type(value).__name__))


def _check_text(value: str, path: str, budget: _Budget) -> None:
    budget.take(len(value))
    if "\x00" in value:
        raise _refused(path, _("it holds a NUL character"))
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise _refused(path, _("it holds half a character (a lone surrogate)"))


def _refused(path: str, why: str) -> Rejected:
    message = _("The value %(path)s cannot be used in a template: %(why)s.", path=path, why=why)
    return Rejected(message, problems=(Problem(path, message),))
