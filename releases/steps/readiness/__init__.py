"""Could a twin take over? What its space would need is asked for, component by component, and nothing is changed.

One check takes as many passes as it needs; what is shown is the last complete one. A side that does not answer leaves
its facts unknown, and the check goes on: so nothing here waits for the sibling's cluster, for Jenkins or for Git.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from components.selectors import toolchain_of
from components.targets import registry_target
from deployer.adapters import kubernetes, registry
from deployer.messages import Message
from environments.models import Space
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.runs.lease import Again, Lease, Outcome
from releases.models import Placement, Readiness
from releases.steps.readiness.asking import Side, opened
from releases.steps.readiness.questions import Sides, items_of

EVERY = timedelta(days=1)
NOTICE_SECONDS = 300.0
"""So often a pass compares what serves with what served at the last check: a deployment is seen that soon."""
RESERVE_SECONDS = 20.0
"""Of a pass's time kept for a component whose sides are slow."""


def step(lease: Lease) -> Outcome:
    """One pass: nothing due, some components of the check under way, or its end."""
    rows = Readiness.objects.select_related("space__project", "space__cluster", "space__environment")
    row = rows.get(pk=lease.pk)
    places = _places(row.space)
    now, serves = db_now(), _digest(row.space, places)
    if not row.draft and not _is_due(row, now, serves):
        return Again(NOTICE_SECONDS)
    draft = row.draft
    if draft.get("serves") != serves:
        left = [place.pk for place in places]
        draft = {"serves": serves, "since": now.isoformat(), "left": left, "found": [], "used": {}}
    _go_on(lease, row.space, draft, {place.pk: place for place in places})
    if draft["left"]:
        lease.save(draft=draft)
        return Again()
    # As it began: who asked meanwhile is asked for again.
    checked_at = datetime.fromisoformat(draft["since"])
    lease.save(found=draft["found"], serves=serves, checked_at=checked_at, draft={})
    return Again(NOTICE_SECONDS)


def _places(space: Space) -> list[Placement]:
    """What serves in the sibling, in the order in which it would be started here."""
    if space.is_archived or space.project.is_archived:
        return []
    rows = Placement.objects.filter(
        space__project=space.project_id, space__environment=space.environment.twin_id, space__is_archived=False,
        component__is_archived=False, last_succeeded__snapshot__isnull=False,
    )  # fmt: skip
    rows = rows.select_related(
        "component__project", "last_succeeded__order__project", "last_succeeded__order__component__project",
        "last_succeeded__order__component_settings__base_image", "last_succeeded__snapshot",
    )  # fmt: skip
    return list(rows.order_by("component__start_wave", "component__slug"))


def _digest(space: Space, places: list[Placement]) -> str:
    """Of what serves on both sides."""
    here = Placement.objects.filter(space=space, component__is_archived=False).order_by("component_id")
    sides = [
        [(place.component_id, place.component.start_wave, place.last_succeeded_id) for place in places],
        list(here.values_list("component_id", "last_succeeded_id")),
    ]
    return hashlib.sha256(repr(sides).encode()).hexdigest()


def _is_due(row: Readiness, now: datetime, serves: str) -> bool:
    is_old = row.checked_at is None or now - row.checked_at >= EVERY
    return is_old or row.is_asked or row.serves != serves


def _go_on(lease: Lease, space: Space, draft: dict[str, Any], places: dict[int, Placement]) -> None:
    """As many components as this pass has time for; at least one."""
    if not draft["left"]:
        return
    with ExitStack() as stack:
        sides = _sides(lease, stack, space, draft["used"])
        while draft["left"]:
            place = places[draft["left"].pop(0)]
            items = [item.as_data() for item in items_of(sides, place)]
            order, component = place.last_succeeded.order, place.component  # type: ignore[union-attr]
            draft["found"].append(
                {
                    "component": component.slug, "name": component.name, "order": order.number,
                    "wave": component.start_wave, "items": items,
                }
            )  # fmt: skip
            if lease.remaining() <= RESERVE_SECONDS:
                return


def _sides(lease: Lease, stack: ExitStack, space: Space, used: dict[str, int]) -> Sides:
    """Both count for no breaker: a side that is away is an answer here."""
    cluster = opened(lease, stack, kubernetes.connect, lambda: cluster_target(space.cluster))
    toolchain = toolchain_of(space.project)
    if toolchain is None:
        images: Side = Side(None, _no_registry(space))
        return Sides(space, cluster, images, "", used)
    images = opened(lease, stack, registry.connect, lambda: registry_target(toolchain.registry))
    return Sides(space, cluster, images, toolchain.registry.name, used)


def _no_registry(space: Space) -> Message:
    return _("Project %(name)s has no image registry.", name=space.project.slug.upper())
