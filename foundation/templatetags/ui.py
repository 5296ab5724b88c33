"""The smallest parts: an icon of the sprite, the badge of a state (the same everywhere), an age."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django import template
from django.template.base import NodeList
from django.template.context import Context
from django.template.loader_tags import BlockNode
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from foundation import durations
from foundation.messages import localized_list
from foundation.problems import Asked

register = template.Library()
register.filter("clock", durations.clock)
register.filter("in_words", durations.in_words)
register.filter("roughly", durations.roughly)
register.filter("took", durations.took)
register.filter("listed", localized_list)

TONES = {
    "running": ("running", "building", "deploying", "started", "starting", "settling"),
    "succeeded": (
        "succeeded",
        "built",
        "given",
        "approved",
        "current",
        "passed",
        "open",
        "ready",
        "ok",
        "done",
        "serving",
    ),
    "failed": ("failed", "build_failed", "rejected", "returned", "failing"),
    "errored": ("errored",),
    "cancelled": (
        "cancelled",
        "closed",
        "void",
        "withdrawn",
        "skipped",
        "superseded",
        "aborted",
        "leaving",
        "ended",
        "removed",
        "replaced",
        "stopped",
    ),
    "blocked": ("blocked", "unstable", "drift", "expired", "stale", "warning", "short", "mixed", "unknown"),
}
"""What colour and icon a state has; every other state waits."""
_SIGNS = {"unknown": "no-contact"}
"""States with another icon than their tone's."""
_TONE_OF = {state: tone for tone, states in TONES.items() for state in states}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """One icon of ``static/dist/icons.svg`` (names in ``frontend/icons.json``); it says nothing to a screen reader."""
    css = f"icon {extra}".strip()
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', css, _sprite(), name
    )


@register.filter
def tone(state: object) -> str:
    """The class that colours a state: ``tone-succeeded`` …"""
    return f"tone-{_TONE_OF.get(str(state), 'waiting')}"


@register.simple_tag
def state_icon(state: object) -> SafeString:
    """The sign of a state; what runs turns, and nothing else moves on a page."""
    name = _TONE_OF.get(str(state), "waiting")
    if name == "running":
        return SafeString('<span class="spin" aria-hidden="true"></span>')
    return icon(_SIGNS.get(str(state), name))


@register.simple_tag
def badge(state: object, label: object = "", *, sign: str = "", more: str = "", title: object = "") -> SafeString:
    """A state by icon, word and colour. ``sign`` is another icon than the state's; ``more`` are classes: pill, wrap."""
    css = f"state {tone(state)} {more}".rstrip()
    hint = format_html(' title="{}"', title) if title else ""
    drawn = icon(sign) if sign else state_icon(state)
    return format_html('<span class="{}"{}>{}{}</span>', css, hint, drawn, label or state)


@register.simple_tag(takes_context=True)
def block_text(context: Context, name: str) -> SafeString:
    """What a page wrote into this block: to draw it in a second place, or nothing around it where it is empty."""
    # Django keeps the blocks of the templates that extend this one in the context of rendering.
    return SafeString(BlockNode(name, NodeList()).render(context).strip())


@register.inclusion_tag("ui/why_link.html")
def why(verb: str, project: str = "", environment: str = "", order: str = "") -> dict[str, str]:
    """The link to the permission explainer, with an act that this page refuses filled in."""
    return {"url": Asked(verb, project, environment, order).address()}


def _sprite() -> str:
    return static("dist/icons.svg")


_UNITS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (31_536_000, lambda n: ngettext("%(n)d year ago", "%(n)d years ago", n)),
    (2_592_000, lambda n: ngettext("%(n)d month ago", "%(n)d months ago", n)),
    (86_400, lambda n: ngettext("%(n)d day ago", "%(n)d days ago", n)),
    (3_600, lambda n: ngettext("%(n)d hour ago", "%(n)d hours ago", n)),
    (60, lambda n: ngettext("%(n)d minute ago", "%(n)d minutes ago", n)),
    (1, lambda n: ngettext("%(n)d second ago", "%(n)d seconds ago", n)),
)


_SHORT: dict[str, tuple[int, Callable[[], str]]] = {
    "year": (31_536_000, lambda: gettext("%(n)s y")),
    "day": (86_400, lambda: gettext("%(n)s d")),
    "hour": (3_600, lambda: gettext("%(n)s h")),
    "minute": (60, lambda: gettext("%(n)s min")),
    "second": (0, lambda: gettext("%(n)s s")),
}


@register.simple_tag
def short_unit(name: str) -> str:
    """``{n} min``: what the page writes a short age with."""
    return _SHORT[name][1]() % {"n": "{n}"}


@register.filter
def short_age(moment: datetime | None) -> str:
    """``3 min``: the same where there is little space; the page counts it on with the same words."""
    if moment is None:
        return ""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    size, pattern = next((size, say()) for size, say in _SHORT.values() if seconds >= size)
    return pattern % {"n": seconds // (size or 1)}


@register.simple_tag
def elapsed(seconds: int | None, began: datetime | None) -> SafeString:
    """``1:21``, and counted on by the page where what ``began`` then goes on; a dash where nothing has begun."""
    text = durations.clock(seconds) or "–"
    if not began or seconds is None:
        return SafeString(text)
    return format_html('<time data-elapsed datetime="{}">{}</time>', began.astimezone(UTC).isoformat(), text)


@register.filter
def day_time(moment: datetime) -> str:
    """``16:30``, and of another day than today ``12-02 16:30``, in the reader's zone: where there is little space."""
    local = timezone.localtime(moment)
    return local.strftime("%H:%M" if local.date() == timezone.localdate() else "%m-%d %H:%M")


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago, in one unit, rounded down; ``frontend/js/ages.js`` says the same and goes on counting."""
    if moment is None:
        return ""
    seconds = int((timezone.now() - moment).total_seconds())
    for size, say in _UNITS:
        if seconds >= size:
            return say(seconds // size) % {"n": seconds // size}
    return gettext("just now")
