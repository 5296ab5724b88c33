"""Answers what accounts and foundation ask about memberships; loaded when the app is ready."""

from __future__ import annotations

from accounts.role_lookup import Lookup, register
from environments.access import require_again, visible_projects
from environments.selectors.people import roles_in_force
from foundation import idempotency

register(Lookup(visible_projects, roles_in_force))
idempotency.register(require_again)
