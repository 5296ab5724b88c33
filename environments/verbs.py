"""The one table of rights: who may do what. ``docs/permissions.csv`` is the same by hand; a test compares them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from environments.choices import Role

D, T, O, P = Role.DEVELOPER, Role.TESTER, Role.OPERATIONS, Role.PROJECT_ADMIN  # noqa: E741 - the brief's letters
A, U, G = Role.PLATFORM_ADMIN, Role.AUDITOR, Role.GRANT
B = Role.BREAK_GLASS


class Where(Enum):
    """Where the role must be held."""

    SITE = "site"
    PROJECT = "project"
    """In the project, or in any of its spaces."""
    SPACE = "space"
    """In that space, or in the whole project; without a space, in the whole project."""


@dataclass(frozen=True)
class Rule:
    """Roles that may; ``own`` adds the one whose thing it is (author, deployer, giver)."""

    where: Where
    roles: frozenset[str]
    own: bool = False
    unless_operations_only: frozenset[str] = field(default_factory=frozenset)
    """Roles that may besides, unless the space is for operations only."""
    where_creators_may: bool = False
    """The order's author may besides, where the space lets creators promote."""


def _rule(where: Where, *roles: str, own: bool = False, loose: tuple[str, ...] = (), creators: bool = False) -> Rule:
    return Rule(where, frozenset(roles), own, frozenset(loose), creators)


VERBS: dict[str, Rule] = {
    # project and order
    "see": _rule(Where.PROJECT, D, T, O, P, A, U, B),
    "create_order": _rule(Where.PROJECT, D, O, P),
    "list_branches": _rule(Where.PROJECT, D, O, P),
    "build": _rule(Where.PROJECT, D, O, P, own=True),
    "stop_build": _rule(Where.PROJECT, D, O, P, own=True),
    "close_order": _rule(Where.PROJECT, O, P, own=True),
    "withdraw_order": _rule(Where.PROJECT, O, P, own=True),
    "check": _rule(Where.PROJECT, D, T, O, P),
    "return": _rule(Where.PROJECT, T, P),
    "comment": _rule(Where.PROJECT, D, T, O, P),
    # space
    "promote": _rule(Where.SPACE, T, P, creators=True),
    "review": _rule(Where.SPACE, O, P, loose=(G,)),
    "approve": _rule(Where.SPACE, O, P),
    "withdraw_approval": _rule(Where.SPACE, own=True),
    "deploy": _rule(Where.SPACE, O, loose=(G,)),
    "take_over": _rule(Where.SPACE, O),
    "remove": _rule(Where.SPACE, O),
    "cancel_deployment": _rule(Where.SPACE, O, own=True),
    "force_release": _rule(Where.PROJECT, P, A),
    "break_glass": _rule(Where.SPACE, B),
    "review_break_glass": _rule(Where.SPACE, P, A, B),
    "drp": _rule(Where.SPACE, O),
    "confirm_drp": _rule(Where.SPACE, O, P),
    "hold": _rule(Where.SPACE, T, O, P),
    "lift_hold": _rule(Where.SPACE, O, P, own=True),
    # components
    "edit_component": _rule(Where.PROJECT, D, O, P),
    "edit_project_template": _rule(Where.PROJECT, D, O, P),
    "preview_template": _rule(Where.PROJECT, D, O, P, A),
    "edit_config": _rule(Where.SPACE, D, O, P),
    "edit_production_config": _rule(Where.SPACE, O, P),
    "edit_allocation": _rule(Where.SPACE, O, P),
    "archive_component": _rule(Where.PROJECT, O, P),
    # project administration
    "manage_members": _rule(Where.PROJECT, P),
    "edit_policy": _rule(Where.PROJECT, P),
    "freeze": _rule(Where.PROJECT, P),
    "confirm_rule_change": _rule(Where.PROJECT, P, A),
    "read_project_audit": _rule(Where.PROJECT, P),
    "read_report": _rule(Where.PROJECT, P, A, U),
    "manage_webhooks": _rule(Where.PROJECT, P),
    "redeliver": _rule(Where.PROJECT, O, P),
    # site
    "see_site": _rule(Where.SITE, A, U),
    "manage_projects": _rule(Where.SITE, A),
    "manage_people": _rule(Where.SITE, A),
    "manage_site_roles": _rule(Where.SITE, A),
    "manage_places": _rule(Where.SITE, A),
    "freeze_site": _rule(Where.SITE, A),
    "confirm_site_rule": _rule(Where.SITE, A),
    "edit_grants": _rule(Where.SITE, A),
    "manage_servers": _rule(Where.SITE, A),
    "edit_global_template": _rule(Where.SITE, A),
    "read_audit": _rule(Where.SITE, U, A),
    "see_health": _rule(Where.SITE, A),
}

STILL_IN_ARCHIVE = frozenset({"see", "read_project_audit", "read_report"})
"""What is left to do in an archived project: reading. A platform administrator may take it out of the archive."""
