"""Answers what accounts asks about memberships; loaded when the app is ready."""

from __future__ import annotations

from accounts.role_lookup import Lookup, register
from environments.access import visible_projects
from environments.selectors.people import roles_in_force

register(Lookup(visible_projects, roles_in_force))
