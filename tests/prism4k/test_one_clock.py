"""Rows are dated and judged by the database's clock: hosts that share one database have clocks of their own."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

OWN_CLOCK = re.compile(r"\btimezone\.now\(|\bdatetime\.now\(|\bauto_now(_add)?\b|default=timezone\.now\b")
APPS = ("accounts", "audit", "components", "desk", "environments", "foundation", "notifications", "releases", "trains")
ALLOWED = {
    "accounts/api/authentication.py": "knox dates its tokens by the host",
    "accounts/attempts.py": "django-axes dates its attempts by the host",
    "accounts/models.py": "knox dates its tokens by the host",
    "accounts/selectors.py": "knox dates its tokens by the host",
    "accounts/services.py": "knox dates its tokens by the host",
    "accounts/sessions.py": "Django dates its sessions by the host",
    "desk/selectors/audit.py": "a check is stale after days",
    "desk/selectors/moving.py": "the place in a list of what has no moment",
    "desk/sheet_views.py": "when a page was printed",
    "desk/style_guide.py": "examples",
    "environments/certificates.py": "days until a certificate ends",
    "foundation/clock.py": "SQLite has no clock of its own",
    "foundation/fields.py": "its docstring",
    "foundation/templatetags/fields.py": "days until a token ends",
    "foundation/templatetags/ui.py": "an age as it is shown",
    "releases/presenters/build.py": "a duration as it is shown",
    "releases/services/orders.py": "part of an order's number",
}


def test_no_row_is_dated_or_judged_by_the_hosts_clock() -> None:
    base: Path = settings.BASE_DIR
    files = [path for app in APPS for path in (base / app).rglob("*.py") if "migrations" not in path.parts]
    assert len(files) > 400
    found = {str(path.relative_to(base)) for path in files if OWN_CLOCK.search(path.read_text(encoding="utf-8"))}
    assert found == set(ALLOWED)
