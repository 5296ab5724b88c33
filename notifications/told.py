"""Who is told of what: by the same rights and gates by which people act, asked when it is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from django.urls import reverse

from accounts.models import User
from environments import freezes
from environments.access import approvers_in, know_groups, people_who_may, read_rights
from environments.choices import RuleChangeState
from environments.models import RuleChange, Space
from environments.needed import needed_in
from environments.second_person import seconds
from foundation.messages import message as _
from foundation.messages import verbatim
from notifications import telling_drp, telling_notes
from notifications.choices import NoticeKind
from notifications.heard import Heard
from notifications.telling_words import (
    MOST_QUOTED,
    Told,
    about_of,
    once,
    order_page,
    removal_page,
    review_page,
    roll_back_page,
    with_watchers,
)
from releases import break_glass, holds
from releases.approval_gates import Consent, in_order
from releases.choices import ClosedReason, DeploymentKind, Reason, ScaleRequestState
from releases.gates import makers_of
from releases.mentions import people_in
from releases.models import (
    Approval,
    BreakGlass,
    Build,
    Comment,
    Deployment,
    Promotion,
    ReleaseOrder,
    Review,
    ScaleRequest,
    Schedule,
    Snapshot,
)
from releases.roll_back_asks import ask_of, newest_asks
from releases.selectors import current_promotion, spaces_of
from releases.waiting.decisions import Decision, decisions_of
from releases.waiting.whom import open_there


def told_by(heard: Heard) -> list[Told]:
    """What this event is to be told as: nothing that concerns nobody, or of what is there no more."""
    return [told for told in with_watchers(heard.order, [*_TELLERS[heard.verb](heard)]) if told.people]


# ---------------------------------------------------------------- builds
def _build_ended(heard: Heard) -> Iterator[Told]:
    build = Build.objects.filter(pk=heard.subject).select_related("started_by").first()
    order = heard.order
    if build is None or order is None:
        return
    people, page = once(order.author, build.started_by), order_page(order)
    if heard.verb != "build.succeeded":
        why = build.message or Reason(build.reason).label
        message = _("The build of %(what)s failed", **about_of(order))
        yield Told(NoticeKind.BUILD_FAILED, people, message, page, why, is_of_order=True, is_own=True)
        return
    message = _("%(what)s was built", **about_of(order))
    yield Told(NoticeKind.BUILT, people, message, page, is_of_order=True, is_own=True)
    yield from _first_test(order, page)


def _first_test(order: ReleaseOrder, page: str) -> Iterator[Told]:
    """Where its author may not send it on alone, somebody who promotes is told."""
    for space in spaces_of(order):
        environment = space.environment
        is_first = not environment.twin_id and not environment.follows.all()
        if is_first and not space.creators_may_promote and current_promotion(order, space) is None:
            message = _("%(what)s was built and can be promoted to %(place)s", **about_of(order, space))
            people = people_who_may("promote", space=space)
            yield Told(NoticeKind.TO_TEST, people, message, page, key=f"built:{order.pk}:{space.pk}")


# ---------------------------------------------------------------- the flow
def _promoted(heard: Heard) -> Iterator[Told]:
    order, space = heard.order, heard.space
    promotion = Promotion.objects.filter(pk=heard.subject).select_related("promoted_by").first()
    if order is None or space is None or promotion is None:
        return
    message = _("%(who)s promoted %(what)s to %(place)s", **about_of(order, space, who=_name(promotion.promoted_by)))
    yield Told(
        NoticeKind.PROMOTED, _deployers(order, space), message, review_page(order, space), promotion.note
    )  # fmt: skip


def _deployers(order: ReleaseOrder, space: Space) -> list[User]:
    """Those whom four eyes let deploy this order there."""
    barred = makers_of(order) if space.four_eyes else set()
    return [person for person in people_who_may("deploy", space=space) if person.pk not in barred]


def _closed(heard: Heard) -> Iterator[Told]:
    order = heard.order
    if order is None or order.closed_reason != ClosedReason.RETURNED:
        return
    who = User.objects.filter(pk=heard.actor or 0).first()
    message = _("%(who)s returned %(what)s", **about_of(order, who=_name(who)))
    page = order_page(order)
    yield Told(NoticeKind.RETURNED, [order.author], message, page, order.closed_note, is_of_order=True)


def _name(person: User | None) -> object:
    return person.localized_name if person else "Prism4k"


# ---------------------------------------------------------------- approvals
def _review_ended(heard: Heard) -> Iterator[Told]:
    """What was reviewed may wait for approvals; the same snapshot, reviewed again, waits no second time."""
    review = Review.objects.filter(pk=heard.subject).select_related("snapshot").first()
    order, space = heard.order, heard.space
    if order is None or space is None or review is None or review.snapshot is None or not space.approvals:
        return
    about, key = about_of(order, space), f"snapshot:{review.snapshot_id}"
    if review.is_removal:
        page = removal_page(order, space)
        message = _("The removal of %(what)s from %(place)s waits for approval", **about)
    elif review.wanted_snapshot_id is not None:
        # Asked of a snapshot that people were told of when it was new: this is another question.
        asked, key = newest_asks().filter(pk=review.pk).first(), f"review:{review.pk}"
        page = roll_back_page(order, space, asked) if asked else ""
        message = _("The roll back to %(what)s in %(place)s waits for approval", **about)
    else:
        page = review_page(order, space) if current_promotion(order, space) else ""
        message = _("%(what)s waits for approval for %(place)s", **about)
    if page:
        people = _who_may_say_yes(order, space, review.snapshot)
        yield Told(NoticeKind.APPROVAL, people, message, page, review.asked_why, key)


def _who_may_say_yes(order: ReleaseOrder, space: Space, snapshot: Snapshot) -> list[User]:
    """Those whose yes would count now and was not said yet, as an inbox finds them."""
    decision, needed = _decision(order, space, snapshot), needed_in(space)
    rights = [found for found, _ends in read_rights(approvers_in(space))]
    know_groups(rights)
    return [one.user for one in rights if decision.lacks(one, needed)]


def _decision(order: ReleaseOrder, space: Space, snapshot: Snapshot) -> Decision:
    return decisions_of({snapshot.pk: makers_of(order)}, {snapshot.pk: space})[snapshot.pk]


def _approved(heard: Heard) -> Iterator[Told]:
    """Once it is enough: those who may do it now; of a removal who asked for it too."""
    approval = Approval.objects.filter(pk=heard.subject).select_related("snapshot").first()
    order, space = heard.order, heard.space
    if order is None or space is None or approval is None:
        return
    is_removal = approval.snapshot.removes is not None
    asked = None if is_removal else ask_of(approval.snapshot)
    if not is_removal and asked is None and current_promotion(order, space) is None:
        return
    consent = _decision(order, space, approval.snapshot).consent
    verb = "remove" if is_removal else "deploy"
    people = [person for person in people_who_may(verb, space=space) if consent.is_enough(space, person)]
    key = f"approval:{_last_it_took(consent, space)}"
    if is_removal:
        asker = _asker_of(approval.snapshot) if consent.is_enough(space, None) else None
        message = _("The removal of %(what)s from %(place)s is approved", **about_of(order, space))
        page, people = removal_page(order, space), once(*people, asker)
    elif asked is not None:
        asker = asked.requested_by if consent.is_enough(space, None) else None
        message = _("The roll back to %(what)s in %(place)s is approved", **about_of(order, space))
        page, people = roll_back_page(order, space, asked), once(*people, asker)
    else:
        message = _("%(what)s is approved for %(place)s: it may be deployed", **about_of(order, space))
        page = review_page(order, space)
    yield Told(NoticeKind.APPROVED, people, message, page, approval.comment, key)


def _last_it_took(consent: Consent, space: Space) -> int:
    """The approval that made it enough: one more tells nobody again, and one after a withdrawal is another."""
    needed, so_far = needed_in(space), dict[int, Collection[str]]()
    for word in in_order(consent.given):
        so_far[word.by_id] = consent.people[word.by_id]
        if needed.is_reached(so_far):
            return word.pk
    return 0


def _asker_of(snapshot: Snapshot) -> User | None:
    """Who asked last for the removal that this is of."""
    rows = Review.objects.filter(snapshot=snapshot, is_removal=True).select_related("requested_by").order_by("-pk")
    review = rows.first()
    return review.requested_by if review else None


def _rejected(heard: Heard) -> Iterator[Told]:
    rows = Approval.objects.select_related("by", "snapshot", "scale_request__asked_by")
    approval, order, space = rows.filter(pk=heard.subject).first(), heard.order, heard.space
    if order is None or space is None or approval is None:
        return
    about = about_of(order, space, who=_name(approval.by))
    if scale := approval.scale_request:
        page = reverse("releases:scale-request", args=[scale.pk])
        message = _("%(who)s rejected %(count)s pods of %(what)s in %(place)s", **about, count=scale.replicas)
        yield Told(NoticeKind.REJECTED, [scale.asked_by], message, page, approval.comment)
        return
    if approval.snapshot.removes is not None:
        message = _("%(who)s rejected the removal of %(what)s from %(place)s", **about)
        people, page = once(_asker_of(approval.snapshot)), removal_page(order, space)
        yield Told(NoticeKind.REJECTED, people, message, page, approval.comment)
        return
    if asked := ask_of(approval.snapshot):
        message = _("%(who)s rejected the roll back to %(what)s in %(place)s", **about)
        page = roll_back_page(order, space, asked)
        yield Told(NoticeKind.REJECTED, once(asked.requested_by), message, page, approval.comment)
        return
    promotion = current_promotion(order, space)
    promoter = User.objects.filter(pk=promotion.promoted_by_id).first() if promotion else None
    message = _("%(who)s rejected %(what)s for %(place)s", **about)
    page, people = review_page(order, space), once(order.author, promoter)
    yield Told(NoticeKind.REJECTED, people, message, page, approval.comment, is_of_order=True)


def _scale_asked(heard: Heard) -> Iterator[Told]:
    row = ScaleRequest.objects.filter(pk=heard.subject, state=ScaleRequestState.WAITING).first()
    order, space = heard.order, heard.space
    if order is None or space is None or row is None:
        return
    barred = makers_of(order) | {row.asked_by_id}
    people = [person for person in approvers_in(space) if person.pk not in barred]
    about = about_of(order, space, count=row.replicas)
    message = _("%(count)s pods of %(what)s in %(place)s wait for approval", **about)
    yield Told(NoticeKind.APPROVAL, people, message, reverse("releases:scale-request", args=[row.pk]), row.reason)


# ---------------------------------------------------------------- deployments
def _deployment_ended(heard: Heard) -> Iterator[Told]:
    row = Deployment.objects.filter(pk=heard.subject).select_related("deployed_by").first()
    order, space = heard.order, heard.space
    if order is None or space is None or row is None:
        return
    people, page = once(row.deployed_by, order.author), reverse("releases:rollout", args=[row.pk])
    about = about_of(order, space, act=DeploymentKind(row.kind).label)
    if heard.verb != "deployment.succeeded":
        message, why = _("%(place)s: %(act)s of %(what)s failed", **about), row.message or Reason(row.reason).label
        yield Told(NoticeKind.DEPLOYMENT_FAILED, people, message, page, why, is_of_order=True, is_own=True)
        return
    message = _("%(place)s: %(act)s of %(what)s succeeded", **about)
    yield Told(NoticeKind.DEPLOYED, people, message, page, is_of_order=True, is_own=True)
    if row.kind == DeploymentKind.DEPLOY:
        yield from _to_test(order, space, row)


def _schedule_missed(heard: Heard) -> Iterator[Told]:
    row = Schedule.objects.filter(pk=heard.subject).select_related("asked_by").first()
    order, space = heard.order, heard.space
    if order is None or space is None or row is None:
        return
    message = _("%(place)s: the scheduled deployment of %(what)s was missed", **about_of(order, space))
    page, people = f"{order_page(order)}?panel={space.environment.slug}", once(row.asked_by, order.author)
    why = row.message or Reason(row.reason).label
    yield Told(NoticeKind.SCHEDULE_MISSED, people, message, page, why, is_own=True)


def _to_test(order: ReleaseOrder, space: Space, row: Deployment) -> Iterator[Told]:
    """Those who may send it on from there, once for all environments that follow."""
    people: list[User] = []
    for after in spaces_of(order):
        if space.environment in after.environment.follows.all() and current_promotion(order, after) is None:
            people += people_who_may("promote", space=after)
            people += [order.author] if after.creators_may_promote else []
    message = _("%(what)s runs in %(place)s and can be tested", **about_of(order, space))
    page = f"{order_page(order)}?panel={space.environment.slug}"
    yield Told(NoticeKind.TO_TEST, once(*people), message, page, key=f"deployment:{row.pk}")


# ---------------------------------------------------------------- second persons
def _break_glass_opened(heard: Heard) -> Iterator[Told]:
    rows = BreakGlass.objects.select_related("opened_by", "space__project", "space__environment")
    row, order = rows.filter(pk=heard.subject).first(), heard.order
    if order is None or row is None:
        return
    about = about_of(order, row.space, who=_name(row.opened_by))
    message = _("%(who)s opened %(place)s for %(what)s by break-glass: it needs a review", **about)
    page = reverse("releases:break-glass", args=[row.pk])
    yield Told(NoticeKind.BREAK_GLASS, break_glass.reviewers(row), message, page, row.reason)


def _rule_change(heard: Heard) -> Iterator[Told]:
    related = ("space__environment", "space__project", "environment", "project", "proposed_by", "decided_by")
    row = RuleChange.objects.filter(pk=heard.subject).select_related(*related).first()
    if row is None:
        return
    page = reverse("environments:rule-change", args=[row.pk])
    about = {"where": str(row.subject), "who": _name(row.proposed_by)}
    if heard.verb == "rule_change.proposed":
        message = _("%(who)s proposed a rule change that needs a second person: %(where)s", **about)
        yield Told(NoticeKind.RULE_CHANGE, seconds(row), message, page, row.reason)
        return
    words = {
        RuleChangeState.IN_FORCE: _("The rule change is in force: %(where)s", **about),
        RuleChangeState.REFUSED: _("The rule change was refused: %(where)s", **about),
        RuleChangeState.EXPIRED: _("Nobody confirmed the rule change within a day: %(where)s", **about),
    }
    message = words[RuleChangeState(heard.verb.partition(".")[2])]
    yield Told(NoticeKind.RULE_DECIDED, [row.proposed_by], message, page, row.decision_reason)


# ---------------------------------------------------------------- holds
def _hold_over(heard: Heard) -> Iterator[Told]:
    """Its holder, and those whose order may go on there now: other holds and every other gate are asked."""
    row, space = holds.rows().filter(pk=heard.subject).first(), heard.space
    if row is None or space is None:
        return
    page = reverse("environments:space", args=[space.project.slug, space.environment.slug])
    message = _("Your hold of %(what)s in %(place)s has ended", what=row.name, place=space.environment.label)
    yield Told(NoticeKind.HOLD_OVER, [row.held_by], message, page, row.message)
    waiting = open_there(space, row.component_id)
    if not waiting:
        return
    people = [person for one in waiting for person in (*one.people, one.wait.order.author, one.wait.by)]
    orders = {one.wait.order.pk: one.wait.order for one in waiting}
    if len(orders) == 1:
        (order,) = orders.values()
        page = f"{order_page(order)}?panel={space.environment.slug}"
        message = _("%(place)s is held no more: %(what)s may go on", **about_of(order, space))
    else:
        place = space.environment.label
        message = _("%(place)s is held no more: %(count)s orders may go on", place=place, count=len(orders))
    yield Told(NoticeKind.HOLD_OVER, once(*people), message, page, row.message, key=f"free:{row.pk}")


def _freeze_end_asked(heard: Heard) -> Iterator[Told]:
    row = freezes.rows().filter(pk=heard.subject).first()
    if row is None or row.end_asked_by is None:
        return
    message = _(
        "%(who)s asks for the end of the freeze “%(name)s”: it needs a second person",
        who=_name(row.end_asked_by), name=row.name,
    )  # fmt: skip
    page = reverse("releases:freeze", args=[row.pk])
    yield Told(NoticeKind.RULE_CHANGE, freezes.seconds(row), message, page, row.end_reason)


# ---------------------------------------------------------------- words
def _mentioned(heard: Heard) -> Iterator[Told]:
    """Those whom it named when it was written."""
    row, order = Comment.objects.filter(pk=heard.subject).select_related("author").first(), heard.order
    if row is None or order is None:
        return
    people = people_in(row.text, order.project_id)
    names = [person.localized_name for person in people]
    about = about_of(order, who=_name(row.author), names=names)
    message = _("%(who)s commented on %(what)s and named %(names)s", **about)
    yield Told(NoticeKind.MENTIONED, people, message, order_page(order), verbatim(row.text[:MOST_QUOTED]))


_TELLERS: dict[str, Callable[[Heard], Iterator[Told]]] = {
    "comment.mentioned": _mentioned,
    "day_note.mentioned": telling_notes.told_of_note,
    "space_comment.mentioned": telling_notes.told_of_space_comment,
    "train_comment.mentioned": telling_notes.told_of_train_comment,
    "build.succeeded": _build_ended,
    "build.failed": _build_ended,
    "build.errored": _build_ended,
    "promotion.current": _promoted,
    "order.closed": _closed,
    "review.succeeded": _review_ended,
    "approval.given": _approved,
    "approval.rejected": _rejected,
    "scale_request.waiting": _scale_asked,
    "scale_approval.rejected": _rejected,
    "deployment.succeeded": _deployment_ended,
    "deployment.failed": _deployment_ended,
    "deployment.errored": _deployment_ended,
    "schedule.failed": _schedule_missed,
    "schedule.errored": _schedule_missed,
    "break_glass.opened": _break_glass_opened,
    "freeze.end_asked": _freeze_end_asked,
    "hold.lifted": _hold_over,
    "hold.expired": _hold_over,
    "rule_change.proposed": _rule_change,
    "rule_change.in_force": _rule_change,
    "rule_change.refused": _rule_change,
    "rule_change.expired": _rule_change,
    **dict.fromkeys(telling_drp.VERBS, telling_drp.told_of_drp),
}
VERBS = frozenset(_TELLERS)
"""What is worth telling."""
