"""A policy in words, for the page of a space and the table of spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from environments.choices import Role
from environments.models import Space
from environments.policy import POLICY_FIELDS
from foundation.sentences import listed


@dataclass(frozen=True)
class PolicyLine:
    """One field of the policy: its label and its value as people read it."""

    name: str
    label: str
    value: str
    is_on: bool = False
    is_off: bool = False
    """Both false: not a yes or no."""


def policy_lines(space: Space) -> list[PolicyLine]:
    """Every field, in the order of the form."""
    lines = []
    for name in POLICY_FIELDS:
        label = Space._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        value = getattr(space, name)
        words = _words(name, value)
        lines.append(PolicyLine(name, capfirst(str(label)), words, is_on=value is True, is_off=value is False))
    return lines


def _words(name: str, value: Any) -> str:
    if name == "approval_hours" and not value:
        return _("never")
    if name == "branch_pattern" and not value:
        return _("any branch")
    if value is True:
        return _("yes")
    if value is False:
        return _("no")
    if isinstance(value, list):
        return listed(Role(role).label for role in value) or _("all who may")
    return str(value) or "–"


def policy_in_short(space: Space) -> list[str]:
    """What is not the default, in a few words each, for a cell of the table."""
    said = []
    if space.operations_only:
        said.append(_("operations only"))
    if not space.asks_review:
        said.append(_("no review"))
    if space.approvals:
        said.append(ngettext("%(count)s approval", "%(count)s approvals", space.approvals) % {"count": space.approvals})
    if space.four_eyes:
        said.append(_("four eyes"))
    if space.creators_may_promote:
        said.append(_("creators promote"))
    return said
