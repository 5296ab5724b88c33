"""How templates are written."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

LONGEST_LINE = 200


def too_long(path: Path) -> list[str]:
    """``path:line`` of each line that is too long to be read beside another one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [f"{path.relative_to(settings.BASE_DIR)}:{n}" for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]


def test_no_line_of_a_template_is_too_long() -> None:
    folders = [settings.BASE_DIR / "templates", *settings.BASE_DIR.glob("*/templates")]
    paths = sorted(path for folder in folders for path in folder.rglob("*.html"))
    assert len(paths) > 100
    assert [place for path in paths for place in too_long(path)] == []
