"""What a server offers to which project: lines of ``<project or *> <pattern>`` that a platform administrator keeps.

In a pattern ``*`` stands for letters inside one part of a path, ``**`` for one part or more. Capitals make a
difference everywhere: most servers are less strict, and a list of what is allowed must not be wider than it looks.
Matching takes time in proportion to the number of parts.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from foundation.messages import MessageLike
from foundation.messages import message as _

MOST_LINES = 200
LONGEST_LINE = 300
LONGEST_LIST = MOST_LINES * (LONGEST_LINE + 2)
_MOST_PARTS = 24
_NOTES: dict[str, tuple[MessageLike, MessageLike]] = {
    "repositories": (
        _("Every project may read every repository of this server as long as the line “* **” stands."),
        _("No project may read any repository of this server: the list is empty."),
    ),
    "jobs": (
        _("Every project may start every job of this server as long as the line “* **” stands."),
        _("No project may start any job of this server: the list is empty."),
    ),
    "nodes": (
        _("Every project may build on every node of this server as long as the line “* *” stands."),
        _("No project may build on any node of this server: the list is empty."),
    ),
}
EVERYBODY = "*"
ANY_PATH = "**"
_PART = re.compile(r"[A-Za-z0-9._~+* -]+", re.ASCII)


def read_offers(text: str) -> list[tuple[str, str]]:
    """Project slug (or ``*``) and pattern of each line that is not empty."""
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return [(words[0], words[1].strip().strip("/")) for words in lines if len(words) == 2]


def check_offers(text: str, projects: Collection[str]) -> list[MessageLike]:
    """A message for each wrong line; ``projects`` are the slugs that there are."""
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        return [_("There are more than %(most)s lines: join some by a pattern.", most=MOST_LINES)]
    found = [(number, _complaint(line.strip(), projects)) for number, line in enumerate(lines, start=1) if line.strip()]
    return [_("Line %(number)s: %(why)s", number=number, why=why) for number, why in found if why]


def _complaint(line: str, projects: Collection[str]) -> MessageLike:
    if len(line) > LONGEST_LINE:
        return _("it has more than %(most)s letters.", most=LONGEST_LINE)
    words = line.split(maxsplit=1)
    if len(words) < 2:
        return _("write a project's short name or *, a space, and a name or pattern.")
    if words[0] != EVERYBODY and words[0] not in projects:
        return _("there is no project %(slug)s: write its short name, or * for every project.", slug=words[0])
    parts = words[1].strip("/").split("/")
    if len(parts) > _MOST_PARTS or not all(map(_is_readable, parts)):
        return _("this is no pattern: letters, digits and . _ ~ + - with / between; * in a part, ** for whole parts.")
    return ""


def tidy_offers(text: str, ending: str = "") -> str:
    """The lines as they are kept: one space between, and without the ending that names do without."""
    lines = (" ".join(line.split(maxsplit=1)).strip() for line in text.splitlines())
    return "\n".join(line.removesuffix(ending) for line in lines)


def is_offered(text: str, project: str, name: str) -> bool:
    """Whether a line gives the project (its slug) the name, a plain path such as ``group/name``."""
    parts = name.split("/")
    return any(who in (EVERYBODY, project) and _fits(pattern.split("/"), parts) for who, pattern in read_offers(text))


def names_offered(text: str, project: str) -> list[str]:
    """The names that the project may choose from, where a line says one and no pattern; each once."""
    mine = (name for who, name in read_offers(text) if who in (EVERYBODY, project) and "*" not in name)
    return list(dict.fromkeys(mine))


def open_notes(server: object) -> list[MessageLike]:
    """Says of each list of the server whether it gives every project everything, or nobody anything."""
    found: list[MessageLike] = []
    for name, (to_all, to_nobody) in _NOTES.items():
        text = getattr(server, name, None)
        if text is None:
            continue
        offers = read_offers(text)
        everything = (ANY_PATH, "*") if name == "nodes" else (ANY_PATH,)
        if any(who == EVERYBODY and pattern in everything for who, pattern in offers):
            found.append(to_all)
        elif not offers:
            found.append(to_nobody)
    return found


def _is_readable(part: str) -> bool:
    is_whole = part == ANY_PATH or ANY_PATH not in part
    return is_whole and part not in (".", "..") and bool(_PART.fullmatch(part))


def _fits(pattern: list[str], parts: list[str]) -> bool:
    """All parts at once: the places in the pattern where one can stand after each part."""
    if parts[0].startswith("~") and not (pattern[0].startswith("~") or pattern == [ANY_PATH]):
        return False  # a home directory is another place than a group, wherever it leads to
    places = {0}
    for part in parts:
        after: set[int] = set()
        for place in places:
            if place == len(pattern):
                continue
            if pattern[place] == ANY_PATH:
                after |= {place, place + 1}
            elif _fits_part(pattern[place], part):
                after.add(place + 1)
        places = after
    return len(pattern) in places


def _fits_part(pattern: str, part: str) -> bool:
    first, *more = pattern.split("*")
    if not more:
        return part == pattern
    if not part.startswith(first):
        return False
    *between, last = more
    at = len(first)
    for piece in between:
        at = part.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(part) - len(last) >= at and part.endswith(last)
