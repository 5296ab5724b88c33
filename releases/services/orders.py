"""Create, close, return, comment."""

from __future__ import annotations

import secrets
import string
import zoneinfo
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

import audit
from accounts.models import User
from components.models import BranchTip, Component
from components.origins import Origin, find_origin
from components.selectors import current_settings
from components.targets import NOT_GIVEN
from environments.access import require, who_may
from foundation import patterns
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import RunState
from releases import gates
from releases.choices import ClosedReason, OrderSource, OrderState, PromotionState
from releases.events import append_event, record_act
from releases.models import Build, Comment, Deployment, Mention, Promotion, ReleaseOrder
from releases.schedules import waiting_schedules
from releases.services import builds, promotions, schedules, turns
from releases.services.mentions import said_and_named
from releases.transitions import move
from releases.turns import waiting_turns
from releases.whom_to_ask import who_stops

NUMBER_TRIES = 8


def new_number(now: datetime | None = None) -> str:
    """``K8S`` + time in the site's zone + two capitals."""
    local = (now or timezone.now()).astimezone(zoneinfo.ZoneInfo(settings.TIME_ZONE))
    return f"K8S{local:%Y%m%d%H%M%S}" + "".join(secrets.choice(string.ascii_uppercase) for _ in range(2))


def choose_origin(
    *, actor: User, component: Component, branch: str = "", git_tag: str = "", commit: str = ""
) -> Origin:
    """What a new order of this person would be made from. Asks Git: not inside a transaction.

    Raises as :func:`components.origins.find_origin` does; while Git is away, a branch that was seen before will do: the
    build checks again.
    """
    _ensure_may_create(actor, component)
    try:
        return find_origin(component, branch=branch, git_tag=git_tag, commit=commit)
    except Refused as refusal:
        url = getattr(current_settings(component), "git_url", "")
        # Branches are stored by address, for all projects: one that is not given this address learns nothing of them.
        if git_tag or commit or refusal.code == NOT_GIVEN:
            raise
        if not BranchTip.objects.filter(git_url=url, branch=branch.strip()).exists():
            raise
        return Origin(branch.strip())


def _ensure_may_create(actor: User, component: Component) -> None:
    require(actor, "create_order", project_id=component.project_id)
    if component.is_archived:
        raise Refused(_("This component is archived: no new orders."), "component-archived")


def create_order(
    *,
    actor: User,
    component: Component,
    origin: Origin,
    description: str = "",
    change_ticket: str = "",
    changes_database: bool = False,
    repeat_of: ReleaseOrder | None = None,
) -> ReleaseOrder:
    """A new order in state ``created``, from what :func:`choose_origin` found."""
    _ensure_may_create(actor, component)
    check_ticket(component, change_ticket)
    fields = {
        "component": component,
        "project": component.project,
        **_made_from(origin),
        "description": description.strip(),
        "change_ticket": change_ticket.strip(),
        "changes_database": changes_database,
        "author": actor,
        "repeat_of": repeat_of,
    }
    for _attempt in range(NUMBER_TRIES):
        try:
            with transaction.atomic():
                order = ReleaseOrder.objects.create(number=new_number(), **fields)
                data = {**_made_from(origin), "component": order.component.name}
                record_act(order, "order.created", actor, subject=order, data=data)
                return order
        except IntegrityError:
            # Two orders in one second drew the same two capitals: draw again.
            continue
    raise Stale(_("Too many orders were created in this second: try again."))


def _made_from(origin: Origin) -> dict[str, str]:
    """The columns that say it. A branch's tip is frozen by the first build, not here."""
    if not origin.is_fixed:
        return {"branch": origin.branch}
    source = OrderSource.GIT_TAG if origin.git_tag else OrderSource.COMMIT
    return {"branch": origin.branch, "source": source, "git_tag": origin.git_tag, "commit": origin.commit}


def check_ticket(component: Component, ticket: str) -> None:
    """Raises Invalid for a change ticket that does not look like one of the component's project."""
    pattern = component.project.change_ticket_pattern
    if ticket and pattern and not patterns.matches(pattern, ticket.strip()):
        raise Invalid(
            {"change_ticket": [_("A change ticket of this project looks like %(pattern)s.", pattern=pattern)]}
        )


def comment(*, actor: User, order: ReleaseOrder, text: str) -> Comment:
    """Say something on the order's page; those whom it names are told, if they may see the order."""
    text, people = said_and_named(actor, order.project_id, text)
    with transaction.atomic():
        row = Comment.objects.create(order=order, author=actor, text=text)
        Mention.objects.bulk_create(Mention(person=person, comment=row, order=order) for person in people)
        named = [person.username for person in people]
        if named:
            audit.record_act(actor, "comment.mentioned", row, after={"named": named})
        append_event(order.pk, "comment", actor=actor, data={"id": row.pk, "named": named})
    return row


def withdraw_order(*, actor: User, order: ReleaseOrder, reason: str = "") -> None:
    """Close it: it was a mistake. A running build is stopped first."""
    require(actor, "withdraw_order", project_id=order.project_id, owner_id=order.author_id)
    _close(actor, order, ClosedReason.WITHDRAWN, reason)


def finish_order(*, actor: User, order: ReleaseOrder, reason: str = "") -> None:
    require(actor, "close_order", project_id=order.project_id, owner_id=order.author_id)
    _close(actor, order, ClosedReason.DONE, reason)


def return_order(*, actor: User, order: ReleaseOrder, reason: str) -> None:
    """打回: with a reason, the order goes no further."""
    require(actor, "return", project_id=order.project_id)
    if not reason.strip():
        raise Invalid({"reason": [_("Say why it is returned: its author reads this.")]})
    _close(actor, order, ClosedReason.RETURNED, reason)


def ensure_closable(order: ReleaseOrder, verb: str = "close_order") -> None:
    """Raise Refused while it is being deployed, and once it is closed; ``verb`` of the table, that is asked for."""
    asked = gates.asked_about(verb, order, None)
    rows = Deployment.objects.filter(order=order, state__in=[RunState.QUEUED, RunState.RUNNING])
    active = rows.select_related("space__environment", "deployed_by").first()
    if active:
        message = _(
            "It is being deployed to %(name)s right now: wait for the verdict or cancel it first.",
            name=active.space.environment.label,
        )
        raise Refused(message, "being-deployed", who_stops(active.deployed_by, active.space), asked=asked)
    if ReleaseOrder.objects.filter(pk=order.pk, state=OrderState.CLOSED).exists():
        who = who_may("create_order", project_id=order.project_id)
        raise Refused(_("The order is closed already."), "closed", who, asked=asked)


_VERBS = {
    ClosedReason.WITHDRAWN: "withdraw_order", ClosedReason.DONE: "close_order", ClosedReason.RETURNED: "return",
}  # fmt: skip


def _close(actor: User, order: ReleaseOrder, why: ClosedReason, note: str) -> None:
    with transaction.atomic():
        # Under the order's lock: who builds, deploys or closes it at this moment comes before us or after us.
        waiting = turns.lock_waiting(waiting_turns().filter(order=order), order.pk)
        ensure_closable(order, _VERBS[why])
        turns.end_waiting(waiting, actor=actor, message=_("The order was closed."))
        schedules.end_each(waiting_schedules().filter(order=order), actor=actor, message=_("The order was closed."))
        running = Build.objects.filter(order=order, state__in=[RunState.QUEUED, RunState.RUNNING]).first()
        if running:
            builds.request_stop(running, actor)
        for promotion in Promotion.objects.filter(order=order, state=PromotionState.CURRENT).select_related(
            "space__environment", "order__project"
        ):
            promotions.end_promotion(promotion, PromotionState.WITHDRAWN, actor=actor, reason=note[:200])
        fresh = ReleaseOrder.objects.select_related("project").get(pk=order.pk)
        move(
            fresh,
            OrderState.CLOSED,
            actor=actor,
            reason=why,
            data={"note": note[:500]},
            closed_reason=why,
            closed_note=note[:500],
        )
    order.refresh_from_db()
