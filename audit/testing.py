"""For tests only: lift the append-only triggers, because test databases are emptied between cases.

In a ``conftest.py``: ``from audit.testing import audit_triggers_lifted``, then ask for the fixture.
"""

from __future__ import annotations

from audit.triggers import install, lifted, remove

__all__ = ["install", "lifted", "remove"]
