"""A policy in words, for the page of a space and the table of spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from environments.choices import Role
from environments.models import Space
from environments.policy import POLICY_FIELDS


@dataclass(frozen=True)
class PolicyLine:
    """One field of the policy: its label and its value as people read it."""

    name: str
    label: str
    value: str


def policy_lines(space: Space) -> list[PolicyLine]:
    """Every field, in the order of the form."""
    lines = []
    for name in POLICY_FIELDS:
        label = Space._meta.get_field(name).verbose_name  # type: ignore[union-attr]
        lines.append(PolicyLine(name, str(label), _words(getattr(space, name))))
    return lines


def _words(value: Any) -> str:
    if value is True:
        return _("yes")
    if value is False:
        return _("no")
    if isinstance(value, list):
        return ", ".join(str(Role(role).label) for role in value) or _("all who may")
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
