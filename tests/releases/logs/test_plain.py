"""Hostile lines become harmless text: escapes go, what hides or turns text is shown as a mark."""

from __future__ import annotations

import pytest

from releases.logs.plain import strip_escapes, visible

pytestmark = pytest.mark.security("hostile-logs")


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone?", "gone?"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;ZXZpbA==\x07text", "text"),
        ("\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1bP1$tx\x1b\\text", "text"),
        ("\x1b(Btext\x1bc", "textc"[:4]),
        ("tab\tstays", "tab\tstays"),
        ("10%\r100%", "10%^M100%"),
        ("a\x08b\x07\x00\x7f", "a^Hb^G^@^?"),
        ("if (admin\u202e \u2066// user", "if (admin⟨U+202E⟩ ⟨U+2066⟩// user"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("line\u2028break", "line⟨U+2028⟩break"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("family 👩\u200d👧 stays", "family 👩\u200d👧 stays"),
    ],
)
def test_what_is_seen(raw: str, seen: str) -> None:
    assert visible(raw) == seen


def test_an_escape_that_does_not_end_hides_nothing() -> None:
    assert (
        visible("\x1b]8;;https://evil.example/ the rest of the line")
        == "^[]8;;https://evil.example/ the rest of the line"
    )
    assert visible("\x1b]52;c;abc\nerror: next line\x07").endswith("\nerror: next line^G")
    assert visible("\x1b[12;") == "^[[12;"


def test_stripping_keeps_everything_else() -> None:
    assert strip_escapes("nothing\u202eto strip") == "nothing\u202eto strip"
