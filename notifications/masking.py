"""What a receiver answers, without what its address and its secret hold: everybody who may send once more reads it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus, urlsplit

from foundation.redaction import MASK

_SHORTEST_VALUE = 4
_LONG = 16
_WORD = re.compile(r"[A-Z]?[a-z]+(?:[-_][a-z]+)*")


def quoted(answer: str, most: int, url: str, *secrets: str) -> str:
    """The first ``most`` characters of an answer; where a part of ``url`` or a secret begins among them, asterisks
    stand for the whole of it.

    ``url``: as it was sent. Hidden are its path and query, the query's values, and the path's parts but for plain
    words: a chat's own "no" says ``webhook`` too.
    """
    hidden = {form for part in (*_parts(url), *secrets) if part for form in _written(part)}
    if not hidden:
        return answer[:most]
    longest_first = "|".join(re.escape(part) for part in sorted(hidden, key=len, reverse=True))
    said, at = "", 0
    for found in re.finditer(longest_first, answer, re.IGNORECASE):
        if found.start() >= most:
            break
        said, at = f"{said}{answer[at : found.start()]}{MASK}", found.end()
    return said + answer[at:most]


def _parts(url: str) -> Iterator[str]:
    split = urlsplit(url)
    path = split.path.rstrip("/")
    if path:
        yield path
        yield f"{path}?{split.query}"
    yield split.query
    yield split.fragment
    for pair in split.query.split("&"):
        _name, is_pair, value = pair.partition("=")
        value = value if is_pair else pair
        if len(value) >= _SHORTEST_VALUE:
            yield value
    for piece in path.split("/"):
        if len(piece) >= _LONG or (len(piece) >= _SHORTEST_VALUE and not _WORD.fullmatch(piece)):
            yield piece


def _written(part: str) -> Iterator[str]:
    """As servers write it: as it was sent, decoded, in HTML and in JSON."""
    for text in {part, unquote(part), unquote_plus(part)}:
        yield text
        yield html.escape(text)
        yield text.replace("/", "\\/")
