"""启动顺序: in which wave each component is started where a whole project is brought up at once."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet

import audit
from accounts.models import Project, User
from components.models import Component
from environments.access import require
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid

MOST_WAVES = 20


@transaction.atomic
def save_start_order(*, actor: User, project: Project, waves: Mapping[str, int]) -> list[Component]:
    """``waves`` by the short name of a component; those left out stay where they are. All components, as they then are.

    Raises Denied, and Invalid for a component that the project has not and for a wave outside of 1 to 20.
    """
    require(actor, "edit_component", project_id=project.pk)
    rows = components_in_order(project).select_for_update(of=("self",))
    found = {row.slug: row for row in rows}
    if problems := _problems(found, waves):
        raise Invalid(problems)
    changed = [found[slug] for slug, wave in waves.items() if found[slug].start_wave != wave]
    before = {row.slug: row.start_wave for row in changed}
    for row in changed:
        row.start_wave = waves[row.slug]
    if changed:
        Component.objects.bulk_update(changed, ["start_wave"])
        after = {row.slug: row.start_wave for row in changed}
        audit.record_act(actor, "save_start_order", project, before=before, after=after)
    return sorted(found.values(), key=lambda row: (row.start_wave, row.slug))


def components_in_order(project: Project) -> QuerySet[Component]:
    """The first wave first."""
    return Component.objects.filter(project=project, is_archived=False).order_by("start_wave", "slug")


def _problems(found: Mapping[str, Component], waves: Mapping[str, int]) -> dict[str, list[MessageLike]]:
    if missing := sorted(set(waves) - set(found)):
        return {"waves": [_("There is no such component: %(names)s.", names=missing)]}
    if not all(1 <= wave <= MOST_WAVES for wave in waves.values()):
        return {"waves": [_("A wave is a number between 1 and %(most)s.", most=MOST_WAVES)]}
    return {}
