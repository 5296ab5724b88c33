"""JSON as the API reads it: bounded in depth, because each level of it costs a level of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import parsers

from foundation.messages import message as _
from foundation.problems import Invalid

MOST_LEVELS = 32
"""Objects and lists inside each other; the deepest body of the API has five."""


class JSONParser(parsers.JSONParser):
    """DRF's, which refuses what is too deep."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The value of the body; raises Invalid (400) beyond :data:`MOST_LEVELS`, DRF's ParseError for no JSON."""
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise too_deep() from None
        if is_deeper(value, MOST_LEVELS):
            raise too_deep()
        return value


def is_deeper(value: Any, levels: int) -> bool:
    """True when more than so many objects and lists lie inside each other. Asks level by level, without recursion."""
    level = [value]
    for _level in range(levels + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values()) or [None]
    if isinstance(value, list):
        return value or [None]
    return []


def too_deep() -> Invalid:
    """The refusal: 400."""
    return Invalid(
        {"": [_("Lists and objects lie at most %(most)s levels deep in each other here.", most=MOST_LEVELS)]},
        code="too-deep",
    )
