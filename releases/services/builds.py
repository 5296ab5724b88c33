"""Start, stop and look at builds."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

import audit
from accounts.models import User
from components import looks
from components.completeness import missing_elements
from components.models import Toolchain
from components.selectors import current_settings, latest_versions, toolchain_of
from environments.access import require
from foundation.problems import Refused
from foundation.runs.choices import ACTIVE
from foundation.runs.wake import wake
from foundation.sentences import say as _
from releases import launch, progress
from releases.choices import OrderState
from releases.looks import look_at_build
from releases.models import Build, ReleaseOrder
from releases.transitions import move


def start_build(*, actor: User, order: ReleaseOrder, commit: str = "") -> Build:
    """Start an attempt. The first freezes the commit that the person saw (``commit``, or the branch's tip now),
    settings, templates and base image; later attempts build the same.

    Raises Refused (has an image, closed, incomplete component, no such commit), Stale when somebody was faster.
    """
    require(actor, "build", project_id=order.project_id, owner_id=order.author_id)
    _insist_on_state(order)
    commit = commit or commit_to_build(actor=actor, order=order)
    toolchain = _insist_on_completeness(order)
    with transaction.atomic():
        locked = ReleaseOrder.objects.select_for_update().get(pk=order.pk)
        _insist_on_state(locked)
        if not locked.commit:
            _freeze(locked, commit.lower())
        move(locked, OrderState.BUILDING, actor=actor)
        build = launch.launch_build(locked, toolchain, actor=actor)
    order.refresh_from_db()
    return build


def commit_to_build(*, actor: User, order: ReleaseOrder) -> str:
    """The commit that a build would take: the frozen one, or the branch's tip now. Asks Git: not in a transaction."""
    require(actor, "build", project_id=order.project_id, owner_id=order.author_id)
    _insist_on_state(order)
    return order.commit or looks.resolve(order.component, order.branch).commit


def _insist_on_state(order: ReleaseOrder) -> None:
    sentences = {
        OrderState.BUILT: _("The order has an image and is never built again: repeat it as a new order."),
        OrderState.BUILDING: _("A build of this order is under way."),
        OrderState.CLOSED: _("The order is closed: repeat it as a new order."),
    }
    if order.state in sentences:
        raise Refused(sentences[OrderState(order.state)], f"order-{order.state}")


def _insist_on_completeness(order: ReleaseOrder) -> Toolchain:
    missing = missing_elements(order.component)
    if missing:
        names = [element.label for element in missing]
        raise Refused(
            _("The component is not complete, it lacks: %(names)s.") % {"names": names}, "component-incomplete"
        )
    toolchain = toolchain_of(order.project)
    assert toolchain is not None
    return toolchain


def _freeze(order: ReleaseOrder, commit: str) -> None:
    settings = current_settings(order.component)
    assert settings is not None
    versions = latest_versions([settings.dockerfile, settings.bootstart])
    order.commit = commit
    order.settings = settings
    order.dockerfile = versions[settings.dockerfile_id or 0]
    order.bootstart = versions[settings.bootstart_id or 0]
    order.base_image = settings.base_image
    order.save(update_fields=["commit", "settings", "dockerfile", "bootstart", "base_image"])


def stop_build(*, actor: User, build: Build) -> None:
    """Ask for a running attempt to be stopped; the page says "stopping" until Jenkins shows that it did."""
    require(actor, "stop_build", project_id=build.order.project_id, owner_id=build.order.author_id)
    if build.state not in ACTIVE:
        raise Refused(_("This build has ended already."), "build-ended")
    with transaction.atomic():
        request_stop(build, actor)


def request_stop(build: Build, actor: User) -> None:
    """Write the wish and make the run due; the step does the rest. In the caller's transaction."""
    progress.lock_orders(build.order_id)
    changed = Build.objects.filter(pk=build.pk, state__in=sorted(ACTIVE), stop_requested_at=None)
    if changed.update(stop_requested_at=Now(), stop_requested_by=actor) == 1:
        progress.append(build.order_id, "build.stopping", actor=actor, data={"id": build.pk})
        audit.record(
            actor,
            "build.stop",
            object_type="build",
            object_id=str(build.pk),
            object_name=build.order.number,
            project=build.order.project.slug,
        )
    wake(Build, build.pk)


def look_at_order(*, actor: User, order: ReleaseOrder) -> dict[str, object]:
    """What Jenkins and the registry say of the order now. Asks outside: not in a transaction."""
    require(actor, "check", project_id=order.project_id)
    return look_at_build(order)


def check_order(*, actor: User, order: ReleaseOrder, facts: dict[str, object] | None = None) -> dict[str, object]:
    """检测: look at Jenkins and the registry now and say what is there; repairs nothing."""
    facts = look_at_order(actor=actor, order=order) if facts is None else facts
    with transaction.atomic():
        progress.append(order.pk, "order.checked", actor=actor, data=dict(facts))
    return facts
