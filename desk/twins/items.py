"""One component in an environment and in its twin, item by item: what differs first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.history import config_texts
from components.models import ConfigVersion
from desk.comparison import Line, Pair
from desk.comparison.details import unlike_variables
from desk.comparison.lines import Side
from desk.twins.standing import Standing, standings_of
from environments.access import Rights
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases.models import Snapshot
from releases.presenters.facts import amounts_of

MOST_NAMED = 3


@dataclass(frozen=True)
class Item:
    """One value on either side; ``code`` for programs. ``is_unlike``: the two should be alike and are not."""

    code: str
    name: MessageLike
    left: MessageLike
    right: MessageLike
    word: MessageLike
    is_unlike: bool
    title: str = ""
    """The whole of what is shown shortened, left and right."""


@dataclass(frozen=True)
class TwinLine:
    """One component: ``items`` with the unlike ones first, and how far its alignment is."""

    line: Line
    items: list[Item]
    standing: Standing

    @property
    def is_out_of_line(self) -> bool:
        """Something differs that should not."""
        return any(item.is_unlike for item in self.items)


def twin_lines(rights: Rights, pair: Pair, lines: Sequence[Line]) -> list[TwinLine]:
    """Of a page of the comparison of the pair; the queries do not grow with the lines."""
    assert pair.right is not None
    standings = standings_of(rights, pair.right, lines)
    return [TwinLine(line, _items(line), standings[line.component.pk]) for line in lines]


def _items(line: Line) -> list[Item]:
    one, other = line.snapshots
    found = [_version(line), _digest(line)]
    if one is not None and other is not None:
        found += [_configuration(line, one, other), *_templates(one, other), _allocation(one, other)]
    if line.left.serves or line.right.serves:
        found.append(_pods(line))
    return sorted(found, key=lambda item: not item.is_unlike)


def _version(line: Line) -> Item:
    left, right = (side.serves.order.short_name if side.serves else "–" for side in line.sides)
    return Item("version", _("Order"), left, right, _apart(line), not line.is_same_order, _numbers(line))


def _numbers(line: Line) -> str:
    return " · ".join(side.serves.order.number for side in line.sides if side.serves)


def _apart(line: Line) -> MessageLike:
    left, right = (side.space.environment.label for side in line.sides)
    if line.is_same_order:
        return _("same order")
    if line.right.serves is None:
        return _("nothing serves in %(name)s", name=right)
    if line.left.serves is None:
        return _("nothing serves in %(name)s", name=left)
    if line.is_behind:
        return _("orders behind: %(n)s", n=line.distance)
    return _("%(name)s has the newer order", name=right)


def _digest(line: Line) -> Item:
    left, right = (side.serves.order.image_digest if side.serves else "" for side in line.sides)
    is_same = left == right
    word = _("the same") if is_same else _("another image")
    return Item(
        "digest",
        _("Image digest"),
        _short(left),
        _short(right),
        word,
        not is_same,
        " · ".join(filter(None, (left, right))),
    )


def _short(digest: str) -> str:
    algorithm, _colon, value = digest.partition(":")
    return f"{algorithm}:{value[:6]}…{value[-4:]}" if value else "–"


def _configuration(line: Line, one: Snapshot, other: Snapshot) -> Item:
    left, right = _count(one.config), _count(other.config)
    is_unlike = "configuration" in line.kinds
    word = _unlike(one.config, other.config, line) if is_unlike else _("the same")
    return Item("configuration", _("Configuration"), left, right, word, is_unlike)


def _count(config: ConfigVersion | None) -> MessageLike:
    if config is None:
        return _("not set")
    return _("v%(version)s, variables: %(n)s", version=config.number, n=len(config.env))


def _unlike(one: ConfigVersion | None, other: ConfigVersion | None, line: Line) -> MessageLike:
    """Names alone: values are on the page of the comparison, where those of secrets are kept back."""
    left, right = config_texts(one), config_texts(other)
    missing = sorted(left.keys() - right.keys())
    if missing:
        name = line.right.space.environment.label
        return _("%(name)s lacks %(names)s", name=name, names=_few(missing))
    extra = sorted(right.keys() - left.keys())
    if extra:
        return _("%(name)s has besides %(names)s", name=line.right.space.environment.label, names=_few(extra))
    other_values = unlike_variables(one, other)
    if other_values:
        return _("other values: %(names)s", names=_few(other_values))
    return _("files or the order of variables")


def _few(names: Sequence[str]) -> list[str]:
    more = [f"+{len(names) - MOST_NAMED}"] if len(names) > MOST_NAMED else []
    return [*names[:MOST_NAMED], *more]


def _templates(one: Snapshot, other: Snapshot) -> Iterator[Item]:
    labels = {"deployment_template": _("Deployment template"), "service_template": _("Service template")}
    for field, label in labels.items():
        left, right = getattr(one, field), getattr(other, field)
        is_unlike = left.pk != right.pk
        one_text, other_text = (f"{row.template.name} v{row.number}" for row in (left, right))
        word = _("another version") if is_unlike else _("the same")
        yield Item(field, label, one_text, other_text, word, is_unlike)


def _allocation(one: Snapshot, other: Snapshot) -> Item:
    left, right = (" · ".join(amounts_of(row.allocation).values()) for row in (one, other))
    word = _("the same") if left == right else _("each its own, no difference")
    return Item("allocation", _("Replicas · CPU · memory"), left, right, word, False)


def _pods(line: Line) -> Item:
    left, right = (_ready(side) for side in line.sides)
    return Item("pods", _("Pods ready"), left, right, _("by the allocation"), False)


def _ready(side: Side) -> str:
    if side.place is None or side.serves is None:
        return "–"
    ready = "?" if side.unknown_since else side.place.ready
    return f"{ready}/{side.place.wanted}"
