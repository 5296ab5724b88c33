"""Organisations and projects: made, changed, archived and taken out of the archive by a platform administrator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

import audit
from accounts.models import Organisation, Project, User
from accounts.validation import changed, clean_row, save_clean
from environments import loosening
from environments.access import require
from environments.choices import Role
from environments.holding import holders, in_force, of_person
from environments.loosening import loosened
from environments.models import Membership
from environments.services.edits import save_changes
from environments.services.people import refuse_own_role, rights_changed
from environments.services.rule_changes import propose
from foundation import patterns
from foundation.messages import message as _
from foundation.problems import Invalid


def create_organisation(*, actor: User, slug: str, name: str, name_en: str = "") -> Organisation:
    """A new organisation. Raises Denied, Invalid, Stale."""
    require(actor, "manage_projects")
    with transaction.atomic():
        row = save_clean(Organisation(slug=slug, name=name, name_en=name_en))
        audit.record_act(actor, "organisation.created", row, after={"name": name, "name_en": name_en})
    return row


def edit_organisation(*, actor: User, organisation: Organisation, **values: str) -> Organisation:
    """Changes ``name`` and ``name_en``; the short name stays. Raises Denied, Invalid."""
    require(actor, "manage_projects")
    return save_changes(actor, organisation, "organisation.changed", values)


def create_project(
    *, actor: User, organisation: str, slug: str, administrators: Sequence[str] = (), **values: str
) -> Project:
    """A new project in the organisation (by slug). ``values``: name, name_en, description, change_ticket_pattern.

    ``administrators`` are user names who become project administrators at once: without one nobody could add
    members. Raises Denied, Invalid, Stale.
    """
    require(actor, "manage_projects")
    above = Organisation.objects.filter(slug=organisation).first()
    if above is None:
        raise Invalid({"organisation": [_("There is no such organisation.")]})
    project = Project(organisation=above, slug=slug, **values)
    _check_pattern(project)
    with transaction.atomic():
        save_clean(project)
        for username in administrators:
            _appoint(actor, project, username)
        audit.record_act(actor, "project.created", project, after={"organisation": above.slug, **values})
    return project


def edit_project(
    *,
    actor: User,
    project: Project,
    organisation: str | None = None,
    administrators: Sequence[str] = (),
    reason: str = "",
    **values: str,
) -> Project:
    """Changes the organisation and ``values``, and names further administrators; the short name stays.

    Another pattern of change tickets becomes a rule change with the ``reason`` where the project has a space in
    production (:data:`environments.loosening.PROJECT`); the rest holds at once. Raises Denied (also for
    who names himself), Invalid, and Refused as ``propose`` does.
    """
    require(actor, "manage_projects")
    with transaction.atomic():
        rows = Project.objects.select_for_update(of=("self",), no_key=True).select_related("organisation")
        row = rows.get(pk=project.pk)
        wanted: dict[str, Any] = dict(values)
        if organisation is not None and organisation != row.organisation.slug:
            wanted["organisation"] = Organisation.objects.filter(slug=organisation).first()
            if wanted["organisation"] is None:
                raise Invalid({"organisation": [_("There is no such organisation.")]})
        old = {name: getattr(row, name) for name in loosening.PROJECT}
        before, after = changed(row, wanted)
        _check_pattern(row)
        loose = loosened(loosening.PROJECT, old, after) if before and _is_in_production(row) else []
        if loose:
            kept, changes = {name: old[name] for name in loose}, {name: after[name] for name in loose}
            changed(row, kept)
            propose(actor=actor, subject=row, before=kept, after=changes, reason=reason)
            before, after = ({name: one[name] for name in one if name not in loose} for one in (before, after))
        if before:
            clean_row(row)
            row.save()
            audit.record_act(actor, "project.changed", row, before=before, after=after, reason=reason)
        for username in administrators:
            _appoint(actor, row, username)
    return row


def put_rules(project: Project, values: Mapping[str, Any]) -> None:
    """The values of a confirmed rule change, inside the transaction that locked the project. Raises Invalid."""
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    changed(row, values)
    _check_pattern(row)
    row.save()


def _is_in_production(project: Project) -> bool:
    """Also by a space in the archive: one person alone takes it out, and its rules are those of before."""
    return project.spaces.filter(environment__is_production=True).exists()


def archive_project(*, actor: User, project: Project, reason: str = "") -> Project:
    """Nothing in it changes from now on; everybody who saw it still does. Raises Denied."""
    return _set_archived(actor, project, True, reason)


def restore_project(*, actor: User, project: Project, reason: str = "") -> Project:
    """Takes the project out of the archive. Raises Denied."""
    return _set_archived(actor, project, False, reason)


def _set_archived(actor: User, project: Project, is_archived: bool, reason: str) -> Project:
    require(actor, "manage_projects")
    with transaction.atomic():
        row = Project.objects.select_for_update().get(pk=project.pk)
        if row.is_archived != is_archived:
            row.is_archived = is_archived
            row.save(update_fields=["is_archived"])
            rights_changed(holders(Membership.objects.filter(project=row)))
            audit.record_act(actor, "project.archived" if is_archived else "project.restored", row, reason=reason)
    return row


def _check_pattern(project: Project) -> None:
    if problem := patterns.problem_of(project.change_ticket_pattern):
        raise Invalid({"change_ticket_pattern": [problem]})


def _appoint(actor: User, project: Project, username: str) -> None:
    """Makes somebody project administrator, unless they are already."""
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise Invalid({"administrators": [_("Nobody who may sign in has the name %(name)s.", name=username)]})
    held = Membership.objects.filter(in_force(), of_person(person), project=project, role=Role.PROJECT_ADMIN)
    if held.exists():
        return
    refuse_own_role(actor, person, None)
    Membership.objects.create(user=person, project=project, role=Role.PROJECT_ADMIN, granted_by=actor)
    rights_changed(User.objects.filter(pk=person.pk))
    audit.record_act(actor, "member.added", project, after={"person": username, "role": Role.PROJECT_ADMIN})
