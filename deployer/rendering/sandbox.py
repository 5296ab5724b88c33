"""Jinja2 shut in: what a template may say, and how what it prints stays a value.

Every text that a template prints is replaced by a random token; after the YAML was read, the tokens are replaced by
the texts. So quotes, line ends, ``: `` or ``{{`` in a value are inert, and a text stays a text, even one like a number.
Marks at the beginning of each piece of template text tell, line by line, where the output came from.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from deployer.messages import Message
from deployer.messages import message as _

MARK = re.compile("\x02([0-9]+)\\.([0-9]+)\x03")
MAX_OUTPUT_BYTES = 1024 * 1024

_WORDS_OF_CHARTS = frozenset({"if", "with", "range", "else", "not", "and", "or", "eq", "ne"})
_NEVER = ("\x00#", "#\x00")
"""Signs that no source may hold."""
_GLOBALS = ("range",)
# ``random`` would make two renderings differ; the others print HTML or reach for attributes by name.
_WITHOUT_FILTERS = ("attr", "random", "pprint", "tojson", "urlize", "xmlattr", "safe", "escape", "e", "forceescape")
_REFUSED_TAGS: dict[type[nodes.Node], str] = {
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set … endset",
    nodes.Block: "block",
    nodes.Extends: "extends",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from … import",
}
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class Raw(str):
    """Output that is already safe; only our own filters make one."""

    __slots__ = ()


class RefusedTag(Exception):
    """A tag that captures output, or reaches for other templates; ``line`` counts from 1."""

    def __init__(self, line: int, message: Message | str) -> None:
        super().__init__(message)
        self.line = line


class _LineMarks(Extension):
    """Puts a mark before every piece of template text and every print, at the beginning of each of its lines."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        sandbox = self.environment
        assert isinstance(sandbox, Sandbox)
        return self._marked(stream, sandbox.template_index(stream.name))

    def _marked(self, stream: TokenStream, index: int) -> Iterator[Token]:
        for token in stream:
            if token.type == "data":
                lines = token.value.split("\n")
                marked = (f"\x02{index}.{token.lineno + offset}\x03{line}" for offset, line in enumerate(lines))
                yield Token(token.lineno, "data", "\n".join(marked))
                continue
            if token.type == "variable_begin":
                yield Token(token.lineno, "data", f"\x02{index}.{token.lineno}\x03")
            yield token


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for one rendering. ``names``: the templates in order.

    ``has_comments``: a script may say ``${#}`` and ``${#names[@]}``, so texts have no comments of the template's.
    """

    def __init__(self, names: tuple[str, ...], finalize: Any, *, has_comments: bool = True) -> None:
        begin, end = ("{#", "#}") if has_comments else _NEVER
        super().__init__(
            comment_start_string=begin,
            comment_end_string=end,
            undefined=StrictUndefined,
            autoescape=False,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            cache_size=0,
            extensions=[_LineMarks],
        )
        self._indexes = {name: index for index, name in enumerate(names)}
        self.globals = {name: self.globals[name] for name in _GLOBALS}
        for name in _WITHOUT_FILTERS:
            del self.filters[name]

    def template_index(self, name: str | None) -> int:
        """Position of the template in the set."""
        return self._indexes[name or ""]

    def check_words(self, source: str) -> None:
        """Raises RefusedTag where a script inside of YAML or a chart would be read as something of the template's.

        ``${#…}`` would begin a comment; ``{{ if .Values.x }}`` is, to Jinja, the attribute of a name.
        """
        before = ""
        for line, kind, text in self.lexer.tokeniter(source, None):
            if kind == "comment_begin" and before.endswith("$"):
                raise RefusedTag(
                    line, _("Here {# begins a comment of the template: write {{ '${#' }} where a script is meant.")
                )
            if text == "." and kind == "operator" and before in _WORDS_OF_CHARTS:
                raise TemplateSyntaxError("unexpected '.'", line)
            if kind != "whitespace":
                before = text

    def check_tags(self, tree: nodes.Template) -> None:
        """Raises RefusedTag for a tag that is not ``if``, ``for``, ``set``, ``with`` or ``raw``."""
        for kind, tag in _REFUSED_TAGS.items():
            if found := next(tree.find_all(kind), None):
                raise RefusedTag(
                    found.lineno, _("The tag “%(tag)s” is not allowed: use if, for, set, with and raw.", tag=tag)
                )
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise RefusedTag(loop.lineno, _("Recursive loops are not allowed."))


class _Printer:
    """Counts what is printed, so that no template prints more than the limit."""

    def __init__(self) -> None:
        self._printed = 0

    def _count(self, text: str) -> None:
        self._printed += len(text)
        if self._printed > MAX_OUTPUT_BYTES:
            raise OverflowError(
                _("The template prints more than %(kibibytes)s KiB.", kibibytes=MAX_OUTPUT_BYTES // 1024)
            )

    def _number(self, value: object) -> str:
        """What a boolean or a whole number is in YAML and in text alike; raises TypeError for all else."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        self._refuse(value)

    @staticmethod
    def _refuse(value: object) -> NoReturn:
        if isinstance(value, Undefined):
            str(value)  # raises UndefinedError with the name that is missing
        if isinstance(value, float):
            raise TypeError(_("Print a number with a fraction as text: put it in quotes where it is set."))
        raise TypeError(
            _(
                "A %(kind)s cannot be printed as it is: use the filter toyaml for lists and dicts.",
                kind=type(value).__name__,
            )
        )


class Tokens(_Printer):
    """Printing into YAML: texts become tokens, numbers and truth values are written as YAML has them."""

    def __init__(self) -> None:
        super().__init__()
        self._prefix = f"zq{secrets.token_hex(8)}n"
        self._token = re.compile(self._prefix + "([0-9]+)z")
        self._texts: list[str] = []

    @pass_context  # also keeps Jinja from folding constants, which would print them without asking us
    def finalize(self, _context: Context, value: object) -> str:
        """What is written for a printed value. Raises TypeError for one that has no single meaning in YAML."""
        if isinstance(value, Raw):
            return value
        if isinstance(value, str):
            return self._token_for(str(value))
        if value is None:
            return "null"
        return self._number(value)

    def toyaml(self, value: object) -> Raw:
        """Filter: any plain data as one-line YAML."""
        if isinstance(value, dict):
            return Raw("{" + ", ".join(f"{self.toyaml(str(k))}: {self.toyaml(v)}" for k, v in value.items()) + "}")
        if isinstance(value, list | tuple):
            return Raw("[" + ", ".join(self.toyaml(item) for item in value) + "]")
        if isinstance(value, str):
            return Raw(f'"{self._token_for(str(value))}"')
        if value is None:
            return Raw("null")
        return Raw(self._number(value))

    def restore(self, scalar: str) -> tuple[str, bool]:
        """The scalar with its texts put back, and whether it held any."""
        restored, count = self._token.subn(lambda found: self._texts[int(found[1])], scalar)
        return restored, count > 0

    def display(self, line: str) -> str:
        """A line of YAML as a person may read it: texts put back, line ends in them shown as ``\\n``."""
        return self._token.sub(lambda found: _visible(self._texts[int(found[1])]), line)

    def _token_for(self, text: str) -> str:
        self._count(text)
        self._texts.append(text)
        return f"{self._prefix}{len(self._texts) - 1}z"


class PlainText(_Printer):
    """Printing into a Dockerfile or script: texts as they are, one line each."""

    @pass_context
    def finalize(self, _context: Context, value: object) -> str:
        """What is written for a printed value. Raises ValueError for a text that would break out of its line."""
        if isinstance(value, Raw):
            return value
        if isinstance(value, str):
            text = str(value)
            self._count(text)
            if found := _CONTROL.search(text):
                raise ValueError(
                    _(
                        "A printed value holds a line end or control character (U+%(code)s): use the filter shell.",
                        code=f"{ord(found[0]):04X}",
                    )
                )
            return text
        return self._number(value)

    def shell(self, value: object) -> Raw:
        """Filter: a text quoted as one word for a POSIX shell, line ends included."""
        if not isinstance(value, str):
            self._refuse(value)
        if "\x00" in value or "\x02" in value or "\x03" in value:
            raise ValueError(_("A value for a script may not hold control characters."))
        self._count(value)
        return Raw(shlex.quote(value))


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: {"\n": "\\n", "\r": "\\r"}.get(found[0], f"\\x{ord(found[0]):02x}"), text)
