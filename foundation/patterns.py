"""Patterns that people write (tickets, branches), matched in time linear in the text: RE2 never goes back.

Python's own engine tries ``(a+)+`` on a text that does not match for longer than the process lives.
"""

from __future__ import annotations

import functools
from typing import Any

import re2

from foundation.messages import MessageLike
from foundation.messages import message as _

LONGEST = 200
_MOST_MEMORY = 1 << 20
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = _MOST_MEMORY


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def problem_of(pattern: str) -> MessageLike:
    """Why the text cannot be a pattern here; empty when it can."""
    if len(pattern) > LONGEST:
        return _("A pattern has at most %(most)s characters.", most=LONGEST)
    try:
        _compiled(pattern)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return _(
            "This is no pattern that can be used here (%(reason)s): look-around and back-references are not known. "
            "Write for example release/.* or main.",
            reason=reason[:100],
        )
    return ""


def matches(pattern: str, text: str) -> bool:
    """Does the whole text have this form? A pattern that cannot be used has no text."""
    return not problem_of(pattern) and _compiled(pattern).fullmatch(text) is not None
