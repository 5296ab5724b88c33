"""What a template's source may hold, told by its line: no sign that is unseen or only looks right.

Editors and chat programs turn straight quotes into curly ones and spaces into wide ones. A Dockerfile or a script with
them is saved, built, and fails somewhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from deployer.messages import Message
from deployer.messages import message as _

# Line ends of YAML other than LF, signs that no editor shows, and those that turn the direction of a line.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_LOOK_ALIKE = {
    **dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " "),
    **dict.fromkeys("“”„‟＂", '"'),
    **dict.fromkeys("‘’‚‛＇", "'"),
    **dict.fromkeys("–—−－", "-"),
    **dict(zip("＝：；，＃＄／＼｜＆＜＞（）", "=:;,#$/\\|&<>()", strict=True)),
}
_FOUND = re.compile(f"[{re.escape(''.join(_LOOK_ALIKE))}]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_HELM = re.compile(
    r"\{\{-?\s*(?:[.$]|/\*|(?:include|template|define|end|if|else|range|with|tpl|toYaml|quote|default|required)\b)"
)


def straightened(source: str) -> str:
    """LF line ends, and no byte order mark at the beginning."""
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def invisible_sign(source: str) -> tuple[int, Message] | None:
    """Line and message of the first sign that nobody sees; None without one."""
    for number, line in enumerate(source.split("\n"), start=1):
        if found := _FORBIDDEN.search(line):
            code = f"{ord(found[0]):04X}"
            return number, _("The invisible character U+%(character)s is not allowed in a template.", character=code)
    return None


def look_alike(source: str) -> tuple[int, Message] | None:
    """The same for a sign in a Dockerfile or script that only looks like the one that is meant.

    Text in quotes, comments and here-documents is for people and may hold any.
    """
    for number, line in _code(source):
        if found := _FOUND.search(line):
            meant = _LOOK_ALIKE[found[0]]
            message = _(
                "“%(sign)s” (U+%(code)s) only looks like %(meant)s: write the ordinary sign.",
                sign=found[0],
                code=f"{ord(found[0]):04X}",
                meant=_("a space") if meant == " " else meant,
            )
            return number, message
    return None


def _code(source: str) -> Iterator[tuple[int, str]]:
    """Lines that a program reads as commands, without texts in quotes and comments."""
    end = ""
    for number, line in enumerate(source.split("\n"), start=1):
        if end:
            end = "" if line.strip() == end else end
            continue
        plain = _COMMENT.sub("", _QUOTED.sub('""', _EXPRESSION.sub("", line)))
        if heredoc := _HEREDOC.search(_EXPRESSION.sub("", line)):
            end = heredoc[2]
        yield number, plain


def comment_of_another_kind(source: str) -> tuple[int, Message] | None:
    """A comment of templates in a Dockerfile, which would be built as an instruction."""
    for number, line in enumerate(source.split("\n"), start=1):
        if line.lstrip().startswith("{#"):
            return number, _("Here {# … #} is no comment but text like any other: begin the line with #.")
    return None


def helm_line(source: str) -> tuple[int, Message] | None:
    """The first line that only Helm understands."""
    for number, line in enumerate(source.split("\n"), start=1):
        if found := _HELM.search(line):
            message = _(
                "This is a Helm template (%(words)s …), which is not rendered here."
                " Write the platform's own variables, such as {{ component.slug }} and {{ image }}.",
                words=line[found.start() :][:40].strip(),
            )
            return number, message
    return None
