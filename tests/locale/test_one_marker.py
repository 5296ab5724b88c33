"""Texts of the product have one marker: ``foundation.messages.message``. Django's own translates when a line runs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
APPS = (
    "accounts", "audit", "components", "desk", "environments", "foundation", "notifications", "prism4k", "releases",
    "trains",
)  # fmt: skip
AT_ONCE = re.compile(r"^from django\.utils\.translation import .*\bgettext as _", re.M)


def test_no_module_marks_texts_by_gettext() -> None:
    modules = [module for app in APPS for module in (ROOT / app).rglob("*.py")]
    assert len(modules) > 200
    assert [str(module) for module in modules if AT_ONCE.search(module.read_text(encoding="utf-8"))] == []
