"""Which lines of a build's log tell of an error or a warning. The one list of patterns; everything else asks here.

A wrong mark costs more than a missed one: "first error" must be the line that a person looks for. So counts of
nothing ("0 errors"), echoes of commands (``+ grep ERROR``) and lines that a tool marks as information are no errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from releases.logs.plain import strip_escapes

ERROR, WARNING = "error", "warning"
LEVELS = (ERROR, WARNING)
HEAD = 2000
"""Characters of a line that are judged: a line is what its beginning says."""

_WORDS = (
    "error", "fail", "exception", "traceback", "fatal", "panic", "err!", "exit", "non-zero", "not found",
    "no such file", "denied", "unauthorized", "segmentation", "core dumped", "out of memory", "not ok", "*** ", "warn",
    "错误", "警告",
)  # fmt: skip
"""Most lines of a log have none of these, and are not examined further."""
_BYTES = tuple(word.encode() for word in _WORDS)

_ECHO = re.compile(r"\+{1,4} |\[Pipeline\]|(?:Step|STEP) \d+/\d+ ?:|#\d+ \[")
"""A command that is said before it runs: shell, Jenkins, Docker, buildah, BuildKit."""
_LABEL = re.compile(
    r"(?:[\dT:.,/+Z -]{8,32} ?)?(?:\[[\w.-]{1,40}\] +)?"  # time, thread
    r"(?:(?P<info>\[(?i:info|debug|trace|notice)\]|(?:INFO|DEBUG|TRACE|NOTICE)\b|(?i:info|debug|trace|note):"
    r"|npm notice\b)"
    r"|(?P<warning>\[(?i:warn(?:ing)?)\]|WARN(?:ING)?\b|(?i:warn(?:ing)?):|npm (?:WARN|warn)\b))"
)
_NOTHING = re.compile(
    r"\b(?:0|no|without) (?:\w+ )?(?:errors?|failures?|failed|fatal|warnings?)\b"
    r"|\b(?:errors?|failures?|failed|warnings?)(?:\(s\))?\s*[=:]\s*0\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(r"\bBUILD (?:FAILURE|FAILED)\b|\bFinished: FAILURE\b|^FAILURE:")
_ERRORS = re.compile(
    "|".join(
        (
            r"(?:^|[\s\])>:(])(?:(?i:fatal )?[Ee]rror|ERROR)(?:\[\w+\])?:(?:\s|$)",  # gcc, javac, rustc, git
            r"(?:^|\s)error (?:TS|CS|MSB|LNK|NU|AL|BC|FS|C)\d{2,6}:",  # tsc, msbuild, cl
            r"\bERROR\b(?!\s*[=:]\s*0\b)",
            r"^error\s",  # yarn
            r"\bFAILED\b",
            r"^\s*FAIL(?::|\s+\S)",  # jest, go test
            r"^--- FAIL:",
            r"^not ok \d",  # TAP
            r"\b(?:Failures|Errors): [1-9]",  # surefire
            r"(?:^|[\s(:])(?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Error|Exception):(?:\s|$)",  # Python, Java, JavaScript
            r"^\s*(?:Caused by: )?(?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Error|Exception)\s*$",
            r"\bException in thread\b|\b[Uu]nhandled [Ee]xception\b",
            r"^Traceback \(most recent call last\)",
            r"(?:^|[\s\]:])(?:fatal|FATAL):\s|\bFATAL\b|\bfatal error\b",
            r"^panic: ",
            r"\bnpm (?:ERR!|error\b)",
            r"\bmake(?:\[\d+\])?: \*\*\* ",
            r"(?i:\bexit(?:ed)?(?: with)?(?: an?)? (?:code|status|value)[:=]? ?)[1-9]|\b[Ee]xited with [1-9]",
            r"(?i:\bnon-zero (?:exit )?(?:code|status)[:=]? )[1-9]",
            r": command not found$|: not found$",
            r"^\S+: .*: (?:No such file or directory|Permission denied)$",
            r"^(?:denied|unauthorized): ",
            r"\b(?:Segmentation fault|core dumped|[Oo]ut of memory)\b",
            r"(?:^|[\s\]])(?:致命)?错误[:：]",
        )
    )
)
_WARNINGS = re.compile(
    r"(?:^|[\s\])>:(])(?i:warning)(?:\[[\w-]+\])?:(?:\s|$)"
    r"|(?:^|\s)warning (?:TS|CS|MSB|LNK|NU|C)\d{2,6}:"
    r"|\bWARN(?:ING)?\b|^warning\s|\bnpm (?:WARN|warn)\b|\b[A-Z]\w*Warning:(?:\s|$)|(?:^|[\s\]])警告[:：]"
)


def level_of(line: str) -> str:
    """``error``, ``warning`` or nothing, for one line without its line break."""
    head = line[:HEAD]
    low = head.lower()
    return _judge(strip_escapes(head)) if any(word in low for word in _WORDS) else ""


def _judge(line: str) -> str:
    if _ECHO.match(line):
        return ""
    if _VERDICT.search(line):
        return ERROR
    label = _LABEL.match(line)
    if label and label["info"]:
        return ""
    # "3 errors, 0 warnings": only the part that counts nothing is left out.
    counted = _NOTHING.sub("", line)
    if not (label and label["warning"]) and _ERRORS.search(counted):
        return ERROR
    return WARNING if _WARNINGS.search(counted) else ""


def marked_lines(text: str) -> Iterator[tuple[int, str]]:
    """(how manieth line of the text, from 0; level) of the lines that have one, in order.

    A build may write megabytes a second: words are looked for in all lines at once, and in bytes, whose lower case has
    their length.
    """
    data = text.encode("utf-8", "surrogatepass")
    low = data.lower()
    place, seen = 0, 0
    for start in sorted({start for word in _BYTES for start in _lines_with(low, word)}):
        place, seen = place + data.count(b"\n", seen, start), start
        end = data.find(b"\n", start)
        line = data[start : min(start + 4 * HEAD, len(data) if end < 0 else end)].decode("utf-8", "replace")
        if level := level_of(line):
            yield place, level


def _lines_with(data: bytes, word: bytes) -> Iterator[int]:
    """Where the lines begin that contain the word."""
    at = data.find(word)
    while at >= 0:
        yield data.rfind(b"\n", 0, at) + 1
        end = data.find(b"\n", at)
        at = data.find(word, end) if end >= 0 else -1
