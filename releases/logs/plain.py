"""Log text made safe to read: terminal escapes go, characters that hide or turn text around are shown as marks.

The browser's own reading (``frontend/js/log_text.js``) keeps colours and is otherwise the same.
"""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erasing
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # OSC (titles, links, clipboard), DCS, SOS, PM, APC: ended ones only
    r"|\x1b[ -/]+[0-~]|\x1b[0-Z\\`-~]"  # two-character ones
)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters but tab and line feed; bidirectional marks, embeddings, overrides and isolates; invisible ones.

The joiners U+200C and U+200D are left: scripts and emoji need them, and they hide nothing.
"""


def strip_escapes(text: str) -> str:
    """Without terminal escape sequences. One that does not end on its line stays, so that it hides nothing."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def visible(text: str) -> str:
    """What a page may show as it is: no escapes, and a mark for every character that is not seen or turns text."""
    return _HIDDEN.sub(_mark, strip_escapes(text))


def _mark(found: re.Match[str]) -> str:
    code = ord(found[0])
    # As on a terminal: ^M, ^[, ^?. Fonts for logs often lack the pictures that Unicode has for these.
    return f"^{chr(code ^ 0x40)}" if code < 0x20 or code == 0x7F else f"⟨U+{code:04X}⟩"
