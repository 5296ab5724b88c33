"""The second person's word on a rule change: confirmed, it is judged again and holds at once; else nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

import audit
from accounts.models import Project, User
from environments import loosening
from environments.access import asked_for, require, who_may
from environments.choices import RuleChangeState
from environments.models import Environment, RuleChange, Space
from environments.second_person import (
    confirming_verb,
    is_second,
    may_still_propose,
    proposing_verb,
    rules_project,
    seconds,
    who_confirms,
)
from environments.services import archive, places, projects, spaces
from environments.services.rule_changes import end, refuse_under_way
from foundation.clock import db_now
from foundation.messages import localized_names
from foundation.messages import message as _
from foundation.problems import Denied, Invalid, Refused, Stale


def confirm_rule_change(*, actor: User, change: RuleChange, reason: str = "") -> RuleChange:
    """The second person says yes: the change holds from now on.

    Raises Missing, Denied for who is no second person, Refused when it is over, its proposer has lost the right to it
    or a deployment runs there, Stale when what it changes is no longer as its "before" says, Invalid when its "after"
    does not fit any more.
    """
    with transaction.atomic():
        row = _lock(change)
        _ensure_second(actor, row)
        _put_in_force(row)
        end(row, RuleChangeState.IN_FORCE, by=actor, person=actor, reason=reason)
    return row


def refuse_rule_change(*, actor: User, change: RuleChange, reason: str) -> RuleChange:
    """The second person says no, and why: nothing changes. Raises Missing, Denied, Refused when it is over, Invalid."""
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: who proposed it reads this.")]})
    with transaction.atomic():
        row = _lock(change)
        _ensure_second(actor, row)
        end(row, RuleChangeState.REFUSED, by=actor, person=actor, reason=reason)
    return row


def withdraw_rule_change(*, actor: User, change: RuleChange, reason: str = "") -> RuleChange:
    """Who proposed it takes it back. Raises Missing, Denied, Refused when it is over."""
    with transaction.atomic():
        row = _lock(change)
        _ensure_sees(actor, row)
        if actor.pk != row.proposed_by_id:
            raise Denied(_("Only who proposed it withdraws it."), who_can_help=row.proposed_by.shown_name)
        end(row, RuleChangeState.WITHDRAWN, by=actor, person=actor, reason=reason)
    return row


def confirm_by_shell(*, change: RuleChange, reason: str) -> RuleChange:
    """The shell of a machine is the second person, only where no other is left.

    Raises Refused while one exists, or as :func:`confirm_rule_change` does; Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid({"reason": [_("Say why: the audit keeps it.")]})
    with transaction.atomic():
        row = _lock(change)
        if found := seconds(row):
            names = localized_names(person.shown_name for person in found)
            message = _("A second person exists and has to confirm it: %(names)s.", names=names)
            raise Refused(message, "second-person-exists", names)
        _put_in_force(row)
        end(row, RuleChangeState.IN_FORCE, by=audit.platform, person=None, reason=reason, by_shell=True)
    return row


def _lock(change: RuleChange) -> RuleChange:
    """The subject, then the row, locked; raises Refused when it does not wait any more."""
    subject = change.subject
    if isinstance(subject, Space):
        spaces.lock_grants()
        spaces.lock_space(subject, "")
    elif isinstance(subject, Environment):
        places.lock_all()
    else:
        Project.objects.select_for_update(no_key=True).get(pk=subject.pk)
    rows = RuleChange.objects.select_related(
        "space__project", "space__environment", "space__cluster", "environment", "project", "proposed_by"
    )
    row = rows.select_for_update(of=("self",)).get(pk=change.pk)
    if row.state != RuleChangeState.PROPOSED:
        raise Refused(_("This rule change was decided already."), "rule-change-over")
    if row.expires_at <= db_now():
        raise Refused(_("This rule change has lapsed: nobody confirmed it within 24 hours."), "rule-change-over")
    return row


def _ensure_sees(actor: User, row: RuleChange) -> None:
    project_id = rules_project(row)
    require(actor, "see_site") if project_id is None else require(actor, "see", project_id=project_id)


def _ensure_second(actor: User, row: RuleChange) -> None:
    _ensure_sees(actor, row)
    # Asked of everybody: a repeated request asks again what was required here.
    require(actor, confirming_verb(row), project_id=rules_project(row))
    if is_second(actor, row):
        return
    if actor.pk == row.proposed_by_id:
        message = _("You proposed it: a second person confirms or refuses it.")
    else:
        message = _(
            "Role or password of you or %(name)s is less than a day from one hand: somebody else has to decide it.",
            name=row.proposed_by.localized_name,
        )
    asked = asked_for(confirming_verb(row), rules_project(row), None)
    raise Denied(message, "not-the-second", who_confirms(row), asked=asked)


def _put_in_force(row: RuleChange) -> None:
    subject = row.subject
    _ensure_still_proposed(row)
    refuse_under_way(subject)
    now = values_now(row)
    if any(now[name] != value for name, value in row.before.items()):
        raise Stale(_("What it changes is no longer as it was when it was proposed: propose it again."))
    if isinstance(subject, Space):
        _put_in_space(subject, row.after)
    elif isinstance(subject, Environment):
        places.put_rules(subject, row.after)
    else:
        projects.put_rules(subject, row.after)


def _ensure_still_proposed(row: RuleChange) -> None:
    """Raises Refused where the first of the two persons is gone: one person alone would change the rule."""
    if may_still_propose(row):
        return
    message = _(
        "%(name)s, who proposed it, may not change this rule any more: refuse it. Who may can propose it anew.",
        name=row.proposed_by.localized_name,
    )
    raise Refused(message, "proposer-lost-right", who_may(proposing_verb(row), project_id=rules_project(row)))


def _put_in_space(space: Space, after: Mapping[str, Any]) -> None:
    """A proposal is of the policy, of the place, or of the archive: each has a form of its own."""
    if "is_archived" in after:
        archive.put_archived(space)
    elif after.keys() & loosening.PLACE.keys():
        spaces.put_place(space, after)
    else:
        spaces.put_policy(space, after)


def values_now(row: RuleChange) -> dict[str, Any]:
    """The fields that it changes, as they are in force; the subject was read after it was locked."""
    subject = row.subject
    if isinstance(subject, Environment):
        return places.facts_of(subject)
    if isinstance(subject, Space) and row.before.keys() & loosening.PLACE.keys():
        return spaces.place_of(subject)
    return {name: getattr(subject, name) for name in row.before}
