"""In which spaces an entry check asks a Service: components are known above this app, so that app names a function.

As with runs, a dotted path is kept and loaded at the first question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils.module_loading import import_string

Lookup = Callable[[Iterable[int]], set[int]]

_paths: list[str] = []


def register(path: str) -> None:
    """``path`` leads to a function from ids of spaces to those of them where a Service is asked."""
    if path not in _paths:
        _paths.append(path)


def spaces_asking(space_ids: Iterable[int]) -> set[int]:
    """Those of the spaces whose account needs the right to ask Services; none where no app registered."""
    ids = list(space_ids)
    found: set[int] = set()
    for path in _paths:
        lookup: Lookup = import_string(path)
        found |= lookup(ids)
    return found
