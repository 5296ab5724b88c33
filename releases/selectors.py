"""Reads of the releases app: what pages, rules and steps ask of the rows. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from environments.access import Rights, visible_to
from environments.models import Environment, Space
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Missing
from foundation.runs.choices import TERMINAL, RunState
from releases import break_glass, turns
from releases.choices import ApprovalState, DeploymentKind, PromotionState
from releases.models import (
    Approval,
    Build,
    Deployment,
    GoWord,
    OrderEvent,
    Placement,
    Promotion,
    ReleaseOrder,
    Review,
    Snapshot,
    Turn,
)
from releases.successes import good_rows

REVIEW_FRESH_SECONDS = 60
MANIFESTS = ("snapshot__manifests", "snapshot__origins")
"""Most of the bytes of a deployment's row; lists of deployments are without them."""


def orders_visible_to(user: User, *, rights: Rights | None = None) -> QuerySet[ReleaseOrder]:
    """The orders this person sees, with what a list row needs."""
    orders = ReleaseOrder.objects.filter(visible_to(user, rights=rights))
    return orders.select_related("component", "project", "author", "feed")


def order_by_number(user: User, number: str, *, rights: Rights | None = None) -> ReleaseOrder:
    """One that this person sees, by ``rights`` where they were read; raises Missing, the same without access."""
    rows = ReleaseOrder.objects.select_related(
        "component", "project", "author", "component_settings", "base_image", "dockerfile", "bootstart", "feed"
    )
    order = rows.annotate(has_words=Exists(GoWord.objects.filter(order=OuterRef("pk")))).filter(number=number).first()
    if order is None or not (rights or Rights(user)).sees(order.project_id):
        raise Missing(_("There is no such order, or it is not yours to see."))
    return order


def space_of(order: ReleaseOrder, environment: str) -> Space:
    """The space of the order's project in that environment; raises Missing."""
    rows = Space.objects.select_related("project", "environment", "environment__twin", "cluster")
    live = rows.filter(project_id=order.project_id, is_archived=False)
    space = live.filter(environment__slug=environment.lower()).order_by().first()
    if space is None:
        raise Missing(_("This project has no such environment."))
    return space


def order_and_space(user: User, number: str, environment: str) -> tuple[ReleaseOrder, Space]:
    """An order that this person may see, and its project's space in that environment; raises Missing for either."""
    order = order_by_number(user, number)
    return order, space_of(order, environment)


def spaces_of(order: ReleaseOrder) -> list[Space]:
    """The order's project's spaces in flow order, without archived ones."""
    rows = Space.objects.filter(project_id=order.project_id, is_archived=False).select_related(
        "project", "environment", "environment__twin", "cluster"
    )
    rows = rows.prefetch_related("environment__follows", "environment__followed_by")
    return list(rows.order_by("environment__position", "environment__slug"))


@dataclass(frozen=True)
class Ahead:
    """What the gates of all environments ask for one by one, read at once for a page that shows them all."""

    placements: dict[int, Placement]
    promotions: dict[int, Promotion] | None = None
    builders: set[int] | None = None
    successes: list[Deployment] | None = None
    """All of the order in its project, newest first, with their environments. None here and above: nobody read them."""


def read_ahead(order: ReleaseOrder, spaces: Sequence[Space]) -> None:
    """Read once for a page: this very object of the order answers from it. Never on an object that rules act on."""
    ids = [space.pk for space in spaces]
    promotions = Promotion.objects.filter(
        component_id=order.component_id, space__in=ids, state=PromotionState.CURRENT
    ).select_related("order", "promoted_by", "space")
    placements = list(_placements().filter(component_id=order.component_id, space__in=ids))
    turns.read_lines(placements)
    break_glass.read_ahead(order)
    there = {row.space_id: row for row in promotions}
    keep_ahead(order, Ahead({row.space_id: row for row in placements}, there, builders_of(order)))


def keep_ahead(order: ReleaseOrder, ahead: Ahead) -> None:
    """For who has read it for many orders at once."""
    order.__dict__["_ahead"] = ahead


def _ahead(order: ReleaseOrder) -> Ahead | None:
    found: Ahead | None = order.__dict__.get("_ahead")
    return found


def current_promotion(order: ReleaseOrder, space: Space) -> Promotion | None:
    """The order's right to be deployed there, if it is the current one."""
    if (ahead := _ahead(order)) and ahead.promotions is not None:
        held = ahead.promotions.get(space.pk)
        return held if held and held.order_id == order.pk else None
    return Promotion.objects.filter(order=order, space=space, state=PromotionState.CURRENT).first()


def promotion_there(order: ReleaseOrder, space: Space) -> Promotion | None:
    """The current promotion of the order's component there, whichever order holds it."""
    if (ahead := _ahead(order)) and ahead.promotions is not None:
        return ahead.promotions.get(space.pk)
    rows = Promotion.objects.filter(component_id=order.component_id, space=space, state=PromotionState.CURRENT)
    return rows.select_related("order").first()


def is_promoted_in(order: ReleaseOrder, environment: Environment) -> bool:
    """Whether it holds the promotion to that environment of its project."""
    if (ahead := _ahead(order)) and ahead.promotions is not None:
        held = [row for row in ahead.promotions.values() if row.order_id == order.pk]
        return any(row.space.environment_id == environment.pk for row in held)
    rows = Promotion.objects.filter(order=order, space__project_id=order.project_id, state=PromotionState.CURRENT)
    return rows.filter(space__environment=environment).exists()


def latest_build(order: ReleaseOrder) -> Build | None:
    """The newest attempt."""
    rows = Build.objects.filter(order=order).select_related("started_by", "server", "registry")
    return rows.order_by("-attempt").first()


def latest_review(order: ReleaseOrder, space: Space, *, is_removal: bool = False) -> Review | None:
    """The newest review of what deploying this order there would do (roll backs have their own), or removing it."""
    return _reviews_of(order, space, is_removal=is_removal).select_related("snapshot").first()


def _reviews_of(order: ReleaseOrder, space: Space, *, is_removal: bool) -> QuerySet[Review]:
    rows = Review.objects.filter(order=order, space=space, wanted_snapshot=None, is_removal=is_removal)
    return rows.order_by("-id")


def newest_result(order: ReleaseOrder, space: Space) -> Review | None:
    """The newest review that found something to deploy there; one that is under way has found nothing yet."""
    rows = _reviews_of(order, space, is_removal=False)
    return rows.filter(state=RunState.SUCCEEDED, snapshot__isnull=False).first()


def reviews() -> QuerySet[Review]:
    """With what a page or an answer about one of them names."""
    return Review.objects.select_related("order__project", "space__environment", "space__project", "snapshot")


def newest_ended(order: ReleaseOrder, space: Space) -> Review | None:
    """The newest review of deploying it there that is not under way: what an inbox goes by while another one runs."""
    rows = _reviews_of(order, space, is_removal=False)
    return rows.filter(state__in=sorted(TERMINAL)).select_related("snapshot").first()


def review_of(order: ReleaseOrder, pk: int) -> Review:
    """A review of this order; raises Missing."""
    review = reviews().filter(order=order, pk=pk).first()
    if review is None:
        raise Missing(_("This order has no such review."))
    return review


def is_fresh(review: Review) -> bool:
    """Young enough to decide on; older ones are refreshed by POST when their page opens."""
    return review.seen_at is not None and db_now() - review.seen_at < timedelta(seconds=REVIEW_FRESH_SECONDS)


def approvals_in_force(snapshot: Snapshot) -> list[Approval]:
    """Approvals given and not expired."""
    return decisions_in_force(Approval.objects.filter(snapshot=snapshot, scale_request=None))


def decisions_in_force(rows: QuerySet[Approval]) -> list[Approval]:
    """Those of them that were given and have not expired."""
    given = rows.filter(state=ApprovalState.GIVEN).select_related("by")
    return list(given.filter(Q(expires_at=None) | Q(expires_at__gt=Now())))


def rejection(snapshot: Snapshot) -> Approval | None:
    """The rejection that blocks this snapshot, until its giver withdraws it."""
    rows = Approval.objects.filter(snapshot=snapshot, scale_request=None, state=ApprovalState.REJECTED)
    return rows.select_related("by").first()


def placement_of(order: ReleaseOrder, space: Space) -> Placement | None:
    """What runs of the order's component there."""
    if ahead := _ahead(order):
        return ahead.placements.get(space.pk)
    return _placements().filter(component_id=order.component_id, space=space).first()


def place_in_use(order: ReleaseOrder, space: Space) -> Placement | None:
    """The same row for who only asks what is under way there: a tenth of the columns, as each click asks it twice."""
    if ahead := _ahead(order):
        return ahead.placements.get(space.pk)
    names = [f"in_progress__deployed_by__{name}" for name in ("username", "name", "name_en")]
    rows = Placement.objects.select_related("in_progress__deployed_by", "in_progress__order")
    names += [f"in_progress__{name}" for name in ("order__number", "created_at", "applied_at")]
    return rows.only("unknown_since", *names).filter(component_id=order.component_id, space=space).first()


def place_of_success(order: ReleaseOrder, deployment: Deployment) -> Placement | None:
    """Where this deployment of the order succeeded, with what was applied and what succeeded there last."""
    if ahead := _ahead(order):
        return ahead.placements.get(deployment.space_id)
    rows = Placement.objects.select_related("last_applied__order", "last_succeeded__space__environment")
    return rows.filter(component_id=deployment.component_id, space_id=deployment.space_id).first()


def _placements() -> QuerySet[Placement]:
    return with_contact(
        Placement.objects.select_related(
            "component",
            "in_progress__deployed_by",
            "in_progress__order",
            "last_applied__order",
            "last_succeeded__order",
        )
    )


def with_contact(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """With ``lost_since``: since when the cluster of the place does not answer."""
    return rows.annotate(lost_since=F("space__observation__contact_lost_since"))


def succeeded_in(order: ReleaseOrder, environment_ids: set[int]) -> Deployment | None:
    """The newest deployment of this order that succeeded in one of these environments of its project.

    With at least one pod: what started none has proved nothing.
    """
    if (ahead := _ahead(order)) and ahead.successes is not None:
        there = [row for row in ahead.successes if row.space.environment_id in environment_ids]
        proofs = [row for row in there if row.kind != DeploymentKind.REMOVE and row.progress.get("wanted") != 0]
        return next(iter(proofs), None)
    rows = Deployment.objects.filter(
        order=order,
        state=RunState.SUCCEEDED,
        space__project_id=order.project_id,
        space__environment_id__in=environment_ids,
    ).exclude(kind=DeploymentKind.REMOVE)
    with_pods = rows.filter(~Q(progress__wanted=0) | Q(progress__wanted__isnull=True))
    return with_pods.select_related("space__environment").order_by("-id").first()


def succeeded_without_pods(order: ReleaseOrder, environment_ids: set[int]) -> Deployment | None:
    """The newest deployment of this order there that succeeded with 0 pods."""
    if (ahead := _ahead(order)) and ahead.successes is not None:
        there = [row for row in ahead.successes if row.space.environment_id in environment_ids]
        return next((row for row in there if row.progress.get("wanted") == 0), None)
    rows = Deployment.objects.filter(
        order=order, state=RunState.SUCCEEDED, space__environment_id__in=environment_ids, progress__wanted=0
    )
    return rows.select_related("space__environment").order_by("-id").first()


def has_settled(deployment: Deployment) -> bool:
    """Whether it once settled, also when something else stands there by now."""
    rows = OrderEvent.objects.filter(order_id=deployment.order_id, kind="placement.settled")
    return rows.filter(data__id=deployment.pk).exists()


def good_deployments(component_id: int, space: Space, *, limit: int = 50) -> list[Deployment]:
    """Every deployment that succeeded there, newest first: what one can roll back to."""
    rows = good_rows(component_id, space.pk).select_related("order", "snapshot", "deployed_by").defer(*MANIFESTS)
    found = list(rows.order_by("-id")[:limit])
    for row in found:
        row.space = space
    return found


def earlier_successes(place: Placement) -> list[Deployment]:
    """Every snapshot that succeeded there once, newest first, except the one that stands there now."""
    standing = place.last_applied.snapshot_id if place.last_applied else None
    found: dict[int, Deployment] = {}
    for row in good_deployments(place.component_id, place.space):
        if row.snapshot_id is not None and row.snapshot_id != standing:
            found.setdefault(row.snapshot_id, row)
    return list(found.values())


def last_good_snapshots(component_id: int, space: Space, *, limit: int) -> list[Snapshot]:
    """The snapshots of the last successes there, newest first, each once: what a roll back brings back."""
    newest = (
        good_rows(component_id, space.pk)
        .order_by()
        .values("snapshot_id")
        .annotate(top=Max("pk"))
        .order_by("-top")[:limit]
    )
    ids = [row["snapshot_id"] for row in newest]
    found = Snapshot.objects.only("manifests").in_bulk(ids)
    return [found[pk] for pk in ids]


def removal_there(place: Placement) -> Deployment | None:
    """The removal after which nothing of the component runs there; None while anything does."""
    return removals_there([place]).get(place.pk)


def removals_there(places: Iterable[Placement]) -> dict[int, Deployment]:
    """The same of several, by placement: one query, and none where everything runs."""
    bare = {
        (place.component_id, place.space_id): place.pk
        for place in places
        if place.last_applied_id is None and place.last_succeeded_id is None
    }
    if not bare:
        return {}
    rows = Deployment.objects.filter(
        component__in={component for component, _space in bare},
        space__in={space for _component, space in bare},
        kind=DeploymentKind.REMOVE,
        state=RunState.SUCCEEDED,
    )
    rows = rows.select_related("deployed_by").defer("applied", "diagnosis", "message", "progress").order_by("pk")
    found = {(row.component_id, row.space_id): row for row in rows}
    return {bare[key]: row for key, row in found.items() if key in bare}


def has_earlier_success(place: Placement) -> bool:
    """Whether there is a snapshot that succeeded there, other than the one that stands there now."""
    rows = good_rows(place.component_id, place.space_id)
    standing = place.last_applied.snapshot_id if place.last_applied else None
    return rows.exclude(snapshot=standing).exists() if standing else rows.exists()


def deployments_of(order: ReleaseOrder) -> QuerySet[Deployment]:
    """The order's deployments, newest first."""
    rows = Deployment.objects.filter(order=order)
    rows = rows.select_related("space__environment", "space__project", "deployed_by", "snapshot", "prune")
    return rows.defer(*MANIFESTS).order_by("-id")


def deployment_by_id(user: User, pk: int) -> Deployment:
    """The deployment, if this person may see its project; raises Missing."""
    rows = Deployment.objects.select_related(
        "order__project", "order__component", "order__author", "order__feed", "component", "deployed_by",
        "cancel_requested_by", "space__environment", "space__project", "space__cluster", "review", "cause",
        "snapshot__entry_check", "prune",
    )  # fmt: skip
    deployment = rows.filter(pk=pk).first()
    if deployment is None or not Rights(user).sees(deployment.space.project_id):
        raise Missing(_("There is no such deployment, or it is not yours to see."))
    return deployment


def turn_by_id(user: User, pk: int) -> Turn:
    """A deployment that waits or waited, if this person may see its project; raises Missing."""
    rows = Turn.objects.select_related("order__project", "snapshot", "asked_by", "placement__space__environment")
    turn = turns.with_position(rows).filter(pk=pk).first()
    if turn is None or not Rights(user).sees(turn.order.project_id):
        raise Missing(_("There is no such deployment, or it is not yours to see."))
    return turn


def placement_by_names(user: User, project: str, component: str, environment: str) -> Placement:
    """What runs of the component there; raises Missing without access and where nothing was ever deployed."""
    rows = Placement.objects.select_related(
        "component__project", "space__environment", "space__project", "space__cluster", "last_succeeded__order",
        "last_succeeded__snapshot", "last_succeeded__deployed_by", "last_applied__order", "last_applied__snapshot",
        "in_progress__order", "in_progress__deployed_by",
    )  # fmt: skip
    place = (
        with_contact(rows)
        .filter(
            component__project__slug=project, component__slug=component, space__environment__slug=environment.lower()
        )
        .first()
    )
    if place is None or not Rights(user).sees(place.space.project_id):
        raise Missing(_("Nothing of this component was ever deployed there."))
    return place


def builders_of(order: ReleaseOrder) -> set[int]:
    """Everybody who started a build of it."""
    if (ahead := _ahead(order)) and ahead.builders is not None:
        return ahead.builders
    return set(Build.objects.filter(order=order).values_list("started_by_id", flat=True))
