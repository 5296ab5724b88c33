"""Contrast of the tokens, computed from the file that the sheet is made of: WCAG 2.2, 1.4.3 and 1.4.11."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "frontend" / "scss" / "_tokens.scss"
THEMES = ("light", "dark")
TONES = ("succeeded", "failed", "errored", "running", "waiting", "blocked")
GROUNDS = ("bg", "surface", "raised")
TEXT, CONTROL = 4.5, 3.0


def tokens(theme: str) -> dict[str, str]:
    """Name → #rgb or #rrggbb."""
    text = TOKENS.read_text(encoding="utf-8")
    block = re.search(rf"\$({theme})-tokens: \((.*?)\n\);", text, re.DOTALL)
    assert block, f"no tokens of the {theme} theme in {TOKENS}"
    return dict(re.findall(r"([a-z-]+): (#[0-9a-f]{3,6})\b", block[2]))


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def pairs() -> list[tuple[str, str, float]]:
    """What stands on what, and how far apart they must be."""
    writing = ("text", "muted", "accent", *TONES)
    found = [(ink, ground, TEXT) for ink, ground in product(writing, GROUNDS)]
    found += [(tone, f"{tone}-soft", TEXT) for tone in TONES]
    found += [("text", f"{tone}-soft", TEXT) for tone in TONES]
    found += [("accent", "accent-soft", TEXT), ("text", "accent-soft", TEXT), ("on-accent", "accent", TEXT)]
    found += [(ink, ground, TEXT) for ink, ground in product(("log-text", "log-muted"), ("log", "log-raised"))]
    found += [("line-strong", ground, CONTROL) for ground in GROUNDS]
    found += [("accent", ground, CONTROL) for ground in GROUNDS]
    return found


@pytest.mark.parametrize("theme", THEMES)
def test_everything_can_be_read(theme: str) -> None:
    colours = tokens(theme)
    too_close = {
        f"{ink} on {ground}": round(found, 2)
        for ink, ground, least in pairs()
        if (found := contrast(colours[ink], colours[ground])) < least
    }
    assert not too_close


def test_both_themes_have_the_same_tokens() -> None:
    assert set(tokens("light")) == set(tokens("dark"))


def test_the_arithmetic() -> None:
    """The values that WCAG's own examples have."""
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
