"""Each screen in each state once: it answers, makes no mistake, fits its window, and axe-core finds nothing.

Themes, languages and widths take turns; ``FULL=1`` looks at all of them.
"""

from __future__ import annotations

import os
from itertools import cycle, product

import pytest

from tests.ux.browser_view import CHINESE, DARK, ENGLISH, LANGUAGES, LIGHT, NARROW, THEMES, WIDE, WIDTHS, Viewer
from tests.ux.screens import DELAYED, VIEWS, View

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
Appearance = tuple[str, str, int]
_TURNS: tuple[Appearance, ...] = (
    (LIGHT, ENGLISH, WIDE),
    (DARK, CHINESE, NARROW),
    (LIGHT, CHINESE, NARROW),
    (DARK, ENGLISH, WIDE),
)
IS_FULL = bool(os.environ.get("FULL"))


def appearances() -> list[tuple[View, Appearance]]:
    """What is looked at, and how."""
    if IS_FULL:
        return [(view, appearance) for view in VIEWS for appearance in product(THEMES, LANGUAGES, WIDTHS)]
    return list(zip(VIEWS, cycle(_TURNS)))


@pytest.mark.parametrize(
    ("view", "appearance"),
    appearances(),
    ids=lambda value: value.name if isinstance(value, View) else "-".join(map(str, value)),
)
def test_a_screen(viewer: Viewer, view: View, appearance: Appearance) -> None:
    theme, language, width = appearance
    seen = viewer.open(view, theme=theme, language=language, width=width)
    try:
        troubles = seen.troubles + seen.overflow()
        if view.state != DELAYED:
            troubles += seen.axe()
    finally:
        seen.page.close()
    assert not troubles, "\n".join(["", *troubles])
