"""The flow graph of environments: its checks and where each box is drawn. Pure: slugs and numbers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 176, 56, 64, 24, 8


def find_cycle(follows: Mapping[str, Sequence[str]]) -> list[str]:
    """Slugs along one circle (the first repeated at the end), or [] when following always comes to an end."""
    done: set[str] = set()
    for start in follows:
        path: list[str] = []
        if found := _circle_before(start, follows, path, done):
            return found
    return []


def _circle_before(slug: str, follows: Mapping[str, Sequence[str]], path: list[str], done: set[str]) -> list[str]:
    if slug in path:
        return [*path[path.index(slug) :], slug]
    if slug in done:
        return []
    path.append(slug)
    for before in follows.get(slug, ()):
        if found := _circle_before(before, follows, path, done):
            return found
    path.pop()
    done.add(slug)
    return []


@dataclass(frozen=True)
class Box:
    """One environment as drawn: pixels of its top left corner."""

    slug: str
    x: int
    y: int

    @property
    def middle_y(self) -> int:
        """Where arrows arrive and leave."""
        return self.y + BOX_HEIGHT // 2

    @property
    def middle_x(self) -> int:
        """Where the text stands."""
        return self.x + BOX_WIDTH // 2

    @property
    def label_y(self) -> int:
        """The baseline of the short name."""
        return self.y + 25

    @property
    def name_y(self) -> int:
        """The baseline of the long name."""
        return self.y + 43

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """The second line of a double frame: x, y, width, height."""
        return self.x + 3, self.y + 3, BOX_WIDTH - 6, BOX_HEIGHT - 6


@dataclass(frozen=True)
class Arrow:
    """From one box to the next: ``path`` is the ``d`` of an SVG path; ``is_twin`` for a twin's dashed line."""

    start: str
    end: str
    path: str
    is_twin: bool = False


@dataclass(frozen=True)
class Drawing:
    """Everything the SVG needs."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT


def draw(follows: Mapping[str, Sequence[str]], twins: Mapping[str, str]) -> Drawing:
    """Boxes in columns by how many environments come before, top to bottom in the order given.

    ``follows``: slug → slugs it follows, without circles; ``twins``: slug → slug of its twin.
    """
    depth: dict[str, int] = {}
    for slug in follows:
        _depth(slug, follows, depth)
    rows: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for slug in follows:
        column = depth[slug]
        row = rows.get(column, 0)
        rows[column] = row + 1
        boxes[slug] = Box(slug, MARGIN + column * (BOX_WIDTH + GAP_X), MARGIN + row * (BOX_HEIGHT + GAP_Y))
    arrows = [_arrow(boxes[before], boxes[slug]) for slug, befores in follows.items() for before in befores]
    arrows += [_twin_line(boxes[twin], boxes[slug]) for slug, twin in twins.items() if slug in boxes and twin in boxes]
    return Drawing(
        boxes=tuple(boxes.values()),
        arrows=tuple(arrows),
        width=max((box.x + BOX_WIDTH for box in boxes.values()), default=0) + MARGIN,
        height=max((box.y + BOX_HEIGHT for box in boxes.values()), default=0) + MARGIN,
    )


def _depth(slug: str, follows: Mapping[str, Sequence[str]], found: dict[str, int]) -> int:
    if slug not in found:
        befores = follows.get(slug, ())
        found[slug] = 1 + max((_depth(before, follows, found) for before in befores), default=-1)
    return found[slug]


def _arrow(start: Box, end: Box) -> Arrow:
    x1, y1, x2, y2 = start.x + BOX_WIDTH, start.middle_y, end.x - 4, end.middle_y
    bend = x1 + (x2 - x1) // 2
    return Arrow(start.slug, end.slug, f"M{x1} {y1} C{bend} {y1} {bend} {y2} {x2} {y2}")


def _twin_line(twin: Box, slug: Box) -> Arrow:
    x1, y1, x2, y2 = twin.middle_x, twin.y + BOX_HEIGHT, slug.middle_x, slug.y
    return Arrow(twin.slug, slug.slug, f"M{x1} {y1} L{x2} {y2}", is_twin=True)
