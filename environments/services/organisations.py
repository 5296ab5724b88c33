"""Organisations above projects."""

from __future__ import annotations

from django.db import transaction

import audit
from accounts.cleaning import changed, clean_row, save_clean
from accounts.models import Organisation, User
from environments.access import require


def create_organisation(*, actor: User, slug: str, name: str, name_en: str = "") -> Organisation:
    """A new organisation. Raises Denied, Invalid, Stale."""
    require(actor, "manage_projects")
    with transaction.atomic():
        row = save_clean(Organisation(slug=slug, name=name, name_en=name_en))
        audit.record(
            actor, "organisation.created", object_type="organisation", object_id=row.pk, object_name=row.slug,
            after={"name": name, "name_en": name_en},
        )  # fmt: skip
    return row


def edit_organisation(*, actor: User, organisation: Organisation, **values: str) -> Organisation:
    """Changes ``name`` and ``name_en``; the short name stays. Raises Denied, Invalid."""
    require(actor, "manage_projects")
    with transaction.atomic():
        row = Organisation.objects.select_for_update().get(pk=organisation.pk)
        before, after = changed(row, values)
        if before:
            clean_row(row)
            row.save()
            audit.record(
                actor, "organisation.changed", object_type="organisation", object_id=row.pk, object_name=row.slug,
                before=before, after=after,
            )  # fmt: skip
    return row
