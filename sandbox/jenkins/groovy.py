"""A small lexer for Groovy: brackets that do not match, and strings and comments that do not end. No compiler."""

from __future__ import annotations

from typing import Any

_OPENING = {"(": ")", "[": "]", "{": "}"}
_QUOTES = ("'''", '"""', "'", '"')
_BEFORE_SLASHY = set("(,=[!&|?:{};~") | {""}


class _Fault(Exception):
    """What is wrong at an offset."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._before = ""
        """The last character that is neither blank nor comment: a slash after an operator begins a string."""

    def code(self, closing: str = "", opened: int = 0) -> None:
        """Up to the closing bracket, or to the end."""
        while self._at < len(self._text):
            if self._skip_comment() or self._skip_string():
                continue
            char, at = self._text[self._at], self._at
            self._at += 1
            if char == closing:
                self._before = char
                return
            if char in _OPENING:
                self._before = char
                self.code(_OPENING[char], at)
            elif char in _OPENING.values():
                raise _Fault(
                    at, f"unexpected token: {char}" if not closing else f"expecting '{closing}', found '{char}'"
                )
            elif not char.isspace():
                self._before = char
        if closing:
            raise _Fault(opened, f"expecting '{closing}', found ''")

    def _skip_comment(self) -> bool:
        if self._text.startswith("//", self._at):
            end = self._text.find("\n", self._at)
            self._at = end if end >= 0 else len(self._text)
            return True
        if not self._text.startswith("/*", self._at):
            return False
        end = self._text.find("*/", self._at + 2)
        if end < 0:
            raise _Fault(self._at, "expecting '*/', found ''")
        self._at = end + 2
        return True

    def _skip_string(self) -> bool:
        quote = next((mark for mark in _QUOTES if self._text.startswith(mark, self._at)), "")
        if not quote and self._text[self._at] == "/" and self._before in _BEFORE_SLASHY:
            quote = "/"
        if not quote:
            return False
        self._string(quote, self._at)
        self._before = quote[0]
        return True

    def _string(self, quote: str, opened: int) -> None:
        self._at += len(quote)
        while self._at < len(self._text):
            if self._text.startswith(quote, self._at):
                self._at += len(quote)
                return
            char = self._text[self._at]
            if char == "\n" and len(quote) == 1 and quote != "/":
                break
            if char == "$" and quote[0] in '"/' and self._text.startswith("${", self._at):
                self._at += 2
                self.code("}", self._at - 1)
                continue
            self._at += 2 if char == "\\" else 1
        raise _Fault(opened, f"unterminated string: expecting {quote}")


def faults(script: str) -> list[dict[str, Any]]:
    """The first fault, as ``[{message, line, column}]``; empty where the lexer finds none."""
    try:
        _Lexer(script).code()
    except _Fault as fault:
        before = script[: fault.at]
        line = before.count("\n") + 1
        column = fault.at - (before.rfind("\n") + 1) + 1
        return [{"message": f"{fault} @ line {line}, column {column}.", "line": line, "column": column}]
    except RecursionError:
        return [{"message": "nested too deep", "line": 1, "column": 0}]
    return []
