"""Start, stop and check builds."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import User
from components import live_reads
from components.completeness import missing_for_build
from components.models import Toolchain
from components.origins import read_tag
from components.selectors import current_settings, latest_versions, toolchain_of
from components.targets import ensure_offered, git_server_of
from environments.access import require
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused, Stale
from foundation.runs.choices import ACTIVE
from foundation.runs.wake import hinted_at, launch_hint, wake
from releases import gates
from releases.choices import OrderState
from releases.events import append_event, record_act
from releases.live_reads import read_build_status
from releases.locks import lock_order, lock_orders
from releases.models import Build, ReleaseOrder
from releases.transitions import move


def start_build(*, actor: User, order: ReleaseOrder, commit: str = "") -> Build:
    """Start an attempt. The first freezes the commit that the person saw (``commit``, or the branch's tip now),
    settings, templates and base image; later attempts build the same. A Git tag's order has its commit already.

    Raises Refused (has an image, closed, incomplete component, no such commit, moved tag), Stale when somebody was
    faster.
    """
    require(actor, "build", project_id=order.project_id, owner_id=order.author_id)
    ensure_buildable(order)
    commit = commit or commit_to_build(actor=actor, order=order)
    _ensure_own_commit(order, commit)
    toolchain = _ensure_completeness(order)
    _ensure_given(order, toolchain)
    with transaction.atomic():
        locked = lock_order(order.pk)
        ensure_buildable(locked)
        if locked.component_settings_id is None:
            _freeze(locked, commit.lower())
        move(locked, OrderState.BUILDING, actor=actor)
        build = create_build(locked, toolchain, actor=actor)
    order.refresh_from_db()
    return build


def create_build(order: ReleaseOrder, toolchain: Toolchain, *, actor: User) -> Build:
    """A new attempt, due now; raises Stale when another one is under way."""
    attempt = Build.objects.filter(order=order).count() + 1
    try:
        with transaction.atomic():
            build = Build.objects.create(
                order=order,
                attempt=attempt,
                started_by=actor,
                server=toolchain.jenkins,
                registry=toolchain.registry,
                job=order.component_settings.job_name if order.component_settings else "",
                remote=toolchain.jenkins.remote_key,
                next_at=hinted_at(),
            )
    except IntegrityError:
        raise Stale(_("Somebody else has just started a build of this order.")) from None
    record_act(order, "build.queued", actor, subject=build, data={"attempt": attempt})
    launch_hint("build", build.pk)
    return build


def commit_to_build(*, actor: User, order: ReleaseOrder) -> str:
    """The commit that a build would take: the frozen one, or the branch's tip now. Asks Git: not in a transaction.

    Raises Refused for a Git tag that is at another commit now; while Git is away the build itself finds that out.
    """
    require(actor, "build", project_id=order.project_id, owner_id=order.author_id)
    ensure_buildable(order)
    if order.git_tag:
        ensure_tag(order)
    return order.commit or live_reads.resolve(order.component, order.branch).commit


def ensure_tag(order: ReleaseOrder) -> None:
    """The order's Git tag is where it was when the order was created; raises Refused (``tag-moved``), Invalid."""
    settings = order.component_settings
    try:
        now = read_tag(order.component, order.git_tag, git_url=settings.git_url if settings else "")
    except Refused as refusal:
        if refusal.code != "git-away":
            raise
        return
    if now != order.commit:
        raise Refused(tag_moved(order, now), "tag-moved")


def tag_moved(order: ReleaseOrder, now: str) -> MessageLike:
    """Why nothing is built any more of an order whose Git tag is at commit ``now``."""
    return _(
        "Git tag %(tag)s has moved from commit %(old)s to %(new)s: repeat the order to release what it means now.",
        tag=order.git_tag,
        old=order.commit[:7],
        new=now[:7],
    )


def _ensure_own_commit(order: ReleaseOrder, commit: str) -> None:
    if order.commit and commit.lower() != order.commit:
        raise Refused(_("This order is for commit %(commit)s only.", commit=order.commit[:7]), "other-commit")


def ensure_buildable(order: ReleaseOrder) -> None:
    """Raise Refused where its state takes no build: it has an image, is being built or closed."""
    messages = {
        OrderState.BUILT: _("The order has an image and is never built again: repeat it as a new order."),
        OrderState.BUILDING: _("A build of this order is under way."),
        OrderState.CLOSED: _("The order is closed: repeat it as a new order."),
    }
    if order.state in messages:
        asked = gates.asked_about("build", order, None)
        raise Refused(messages[OrderState(order.state)], f"order-{order.state}", asked=asked)


def _ensure_completeness(order: ReleaseOrder) -> Toolchain:
    missing = missing_for_build(order.component)
    if missing:
        names = [element.label for element in missing]
        raise Refused(_("The component is not complete, it lacks: %(names)s.", names=names), "component-incomplete")
    toolchain = toolchain_of(order.project)
    assert toolchain is not None
    return toolchain


def _ensure_given(order: ReleaseOrder, toolchain: Toolchain) -> None:
    """What an earlier attempt froze may be less than what the project was given then; raises Refused."""
    frozen = order.component_settings
    if frozen is not None:
        git_server_of(frozen.git_url, order.project)
        ensure_offered(toolchain.jenkins, order.project, job=frozen.job_name, node=frozen.node_label)


def _freeze(order: ReleaseOrder, commit: str) -> None:
    settings = current_settings(order.component)
    assert settings is not None
    versions = latest_versions([settings.dockerfile_id, settings.bootstart_id])
    order.commit = commit
    order.component_settings = settings
    order.dockerfile = versions[settings.dockerfile_id or 0]
    order.bootstart = versions[settings.bootstart_id or 0]
    order.base_image = settings.base_image
    order.save(update_fields=["commit", "component_settings", "dockerfile", "bootstart", "base_image"])


def stop_build(*, actor: User, build: Build) -> None:
    """Ask for a running attempt to be stopped; the page says "stopping" until Jenkins shows that it did."""
    require(actor, "stop_build", project_id=build.order.project_id, owner_id=build.order.author_id)
    if build.state not in ACTIVE:
        raise Refused(_("This build has ended already."), "build-ended")
    with transaction.atomic():
        request_stop(build, actor)


def request_stop(build: Build, actor: User) -> None:
    """Write the wish and make the run due; the step does the rest. In the caller's transaction."""
    lock_orders(build.order_id)
    changed = Build.objects.filter(pk=build.pk, state__in=sorted(ACTIVE), stop_requested_at=None)
    if changed.update(stop_requested_at=Now(), stop_requested_by=actor) == 1:
        record_act(build.order, "build.stopping", actor, subject=build)
    wake(Build, build.pk)


def check_facts(*, actor: User, order: ReleaseOrder) -> dict[str, object]:
    """What Jenkins and the registry say of the order now. Asks outside: not in a transaction."""
    require(actor, "check", project_id=order.project_id)
    return read_build_status(order)


def check_order(*, actor: User, order: ReleaseOrder, facts: dict[str, object] | None = None) -> dict[str, object]:
    """检测: ask Jenkins and the registry now and record what is there; repairs nothing."""
    facts = check_facts(actor=actor, order=order) if facts is None else facts
    with transaction.atomic():
        append_event(order.pk, "order.checked", actor=actor, data=dict(facts))
    return facts
