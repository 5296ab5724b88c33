"""Where orders stand, environment by environment: read for a page of orders at once, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, FilteredRelation, Max, OuterRef, Q, QuerySet, Subquery

from environments.models import Space
from environments.selectors.places import spaces_by_project
from foundation.messages import MessageLike
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import DeploymentKind, OrderState, PromotionState
from releases.models import Build, Deployment, Placement, Promotion, ReleaseOrder, Turn
from releases.presenters.states import AGAIN, Attempts, Shown, order_state, standing_state
from releases.schedules import waiting_schedules
from releases.selectors import with_contact
from releases.turns import in_line


@dataclass(frozen=True)
class Standing:
    """An order in one environment."""

    space: Space
    shown: Shown
    attempts: Attempts = field(default_factory=Attempts)
    promotion: Promotion | None = None
    turn: Turn | None = None

    @property
    def state(self) -> str:
        """The badge's."""
        return self.shown.state

    @property
    def word(self) -> MessageLike:
        return self.shown.word

    @property
    def more(self) -> MessageLike:
        """Why, or what else is true there."""
        return self.shown.more

    @property
    def deployment(self) -> Deployment | None:
        """What put the order there, or tried to."""
        return self.attempts.deployment

    @property
    def newest(self) -> Deployment | None:
        """The same, or the restart or scaling since."""
        return self.attempts.newest

    @property
    def is_under_way(self) -> bool:
        """It waits its turn, or something is being done to it there."""
        return self.turn is not None or (self.newest is not None and self.newest.state in ACTIVE)

    @property
    def has_succeeded(self) -> bool:
        """It came there, and was not promoted anew after that; what came of it since does not matter."""
        row = self._counts
        return row is not None and row.state == RunState.SUCCEEDED and row.kind != DeploymentKind.REMOVE

    @property
    def has_failed(self) -> bool:
        """Its deployment did not come to a good end, and nothing has been asked for since."""
        row = self._counts
        return row is not None and row.state in (RunState.FAILED, RunState.ERRORED)

    @property
    def _counts(self) -> Deployment | None:
        row, promotion = self.attempts.deployment, self.promotion
        is_over = self.turn is not None or (row and promotion and promotion.created_at > row.created_at)
        return None if is_over else row


def standing_of(
    order: ReleaseOrder,
    space: Space,
    attempts: Attempts | None,
    promotion: Promotion | None,
    turn: Turn | None,
    place: Placement | None,
) -> Standing:
    """From what was read of the order there, without further queries."""
    attempts = attempts or Attempts()
    shown = standing_state(order, attempts, promotion, turn, place)
    return Standing(space, shown, attempts, promotion, turn)


# ---------------------------------------------------------------- for a page of orders
@dataclass(frozen=True)
class Known:
    """What the caller has read: ``spaces`` by project, ``places`` by (component id, space id), the rest by (order id,
    space id); None is read."""

    spaces: Mapping[int, list[Space]] | None = None
    places: Mapping[tuple[int, int], Placement] | None = None
    attempts: Mapping[tuple[int, int], Attempts] | None = None
    promotions: Mapping[tuple[int, int], Promotion] | None = None


def read_standings(orders: Sequence[ReleaseOrder], known: Known | None = None) -> dict[int, list[Standing]]:
    """By order, in flow order: five queries at most, however many orders."""
    known = known or Known()
    attempts = attempts_of(orders) if known.attempts is None else known.attempts
    promotions = current_promotions(orders) if known.promotions is None else known.promotions
    turns, spaces, places = turns_of(orders), known.spaces, known.places
    spaces = spaces_by_project(order.project_id for order in orders) if spaces is None else spaces
    if places is None:
        tried = {order_id for order_id, _space in attempts}
        places = places_of([order for order in orders if order.pk in tried])
    found: dict[int, list[Standing]] = {}
    for order in orders:
        found[order.pk] = [
            standing_of(
                order,
                space,
                attempts.get((order.pk, space.pk)),
                promotions.get((order.pk, space.pk)),
                turns.get((order.pk, space.pk)),
                places.get((order.component_id, space.pk)),
            )
            for space in spaces.get(order.project_id, [])
        ]
    return found


def order_states(orders: Iterable[ReleaseOrder], known: Known | None = None) -> dict[int, Shown]:
    """How each of them stands: six queries at most; what was not built yet needs no standings."""
    orders = list(orders)
    standings = read_standings([order for order in orders if order.state == OrderState.BUILT], known)
    open_builds = (OrderState.BUILDING, OrderState.BUILD_FAILED)
    builds = latest_builds([order for order in orders if order.state in open_builds])
    return {order.pk: order_state(order, builds.get(order.pk), standings.get(order.pk, [])) for order in orders}


def show_states(orders: Iterable[ReleaseOrder]) -> list[ReleaseOrder]:
    """The same orders, each with its state in ``shown``, for a template or a serializer."""
    orders = list(orders)
    states = order_states(orders)
    for order in orders:
        order.__dict__["shown"] = states[order.pk]
    return orders


def latest_builds(orders: Sequence[ReleaseOrder]) -> dict[int, Build]:
    """The newest attempt by order: one query."""
    if not orders:
        return {}
    newest = Build.objects.filter(order__in=[order.pk for order in orders]).values("order_id").annotate(top=Max("pk"))
    # The parameters hold whole Dockerfiles: not for fifty rows.
    rows = Build.objects.filter(pk__in=newest.values("top")).defer("parameters", "message", "log_index")
    return {row.order_id: row for row in rows}


def attempts_of(orders: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Attempts]:
    """By (order id, space id): one query for a page of orders."""
    return read_attempts(orders)[0]


def read_attempts(
    orders: Iterable[ReleaseOrder], also: Collection[int] = ()
) -> tuple[dict[tuple[int, int], Attempts], dict[int, Deployment]]:
    """The same, and what was read by its id, among it the deployments of the ids ``also``."""
    ids = [order.pk for order in orders]
    if not ids and not also:
        return {}, {}
    rows = Deployment.objects.filter(order__in=ids).order_by().values("order_id", "space_id")
    tops = rows.annotate(top=Max("pk"), main=Max("pk", filter=~Q(kind__in=AGAIN)))
    newest = Q(pk__in=tops.values("top")) | Q(pk__in=tops.values("main"))
    if also:
        newest |= Q(pk__in=list(also))
    read = Deployment.objects.filter(newest).select_related("deployed_by", *(["order"] if also else []))
    by_id = {row.pk: row for row in (read.defer(*_HEAVY) if also else read).order_by("pk")}
    found: dict[tuple[int, int], Attempts] = defaultdict(Attempts)
    for row in by_id.values():
        key = (row.order_id, row.space_id)
        found[key] = Attempts(found[key].deployment, row) if row.kind in AGAIN else Attempts(row)
    return dict(found), by_id


def turns_of(orders: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Turn]:
    """Those that wait, by (order id, space id): one query, and none where the orders' own query says that none does."""
    ids = [order.pk for order in orders if getattr(order, "is_in_line", True)]
    rows = in_line().filter(order__in=ids) if ids else []
    return {(row.order_id, row.placement.space_id): row for row in rows}


def current_promotions(orders: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Promotion]:
    """The current promotions by (order id, space id): one query. ``scheduled_at`` is when one is deployed by itself."""
    ids = [order.pk for order in orders]
    scheduled = waiting_schedules().filter(order=OuterRef("order"), space=OuterRef("space")).values("due_at")
    held = Promotion.objects.filter(order__in=ids, state=PromotionState.CURRENT)
    rows = held.annotate(scheduled_at=Subquery(scheduled)) if ids else []
    return {(row.order_id, row.space_id): row for row in rows}


def with_promotions(rows: QuerySet[ReleaseOrder]) -> QuerySet[ReleaseOrder]:
    """An order comes once for each of its current promotions: :func:`promotions_in` takes them from there."""
    held = FilteredRelation("promotions", condition=Q(promotions__state=PromotionState.CURRENT))
    return rows.annotate(held=held, promoted_to=F("held__space"), promoted_at=F("held__created_at"))


def promotions_in(rows: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Promotion]:
    """Of rows of :func:`with_promotions`, by (order id, space id): what a state is told from, and no more."""
    found = {}
    for row in rows:
        space, at = getattr(row, "promoted_to", None), getattr(row, "promoted_at", None)
        if space is not None and at is not None:
            found[row.pk, space] = Promotion(order_id=row.pk, space_id=space, created_at=at)
    return found


_HEAVY = ("applied", "diagnosis", "message", "entry")
_PLACE_ROWS = ("last_succeeded", "last_applied", "in_progress")


def places_of(orders: Iterable[ReleaseOrder]) -> dict[tuple[int, int], Placement]:
    """What runs of the orders' components, by (component id, space id): one query, without the pods."""
    ids = {order.component_id for order in orders}
    return {(row.component_id, row.space_id): row for row in light_places(component__in=ids)} if ids else {}


def places_by_space(component_id: int) -> dict[int, Placement]:
    """What runs of one component, by space id: one query, with who deployed it."""
    rows = light_places(component=component_id).select_related("last_succeeded__deployed_by")
    return {row.space_id: row for row in rows}


def light_places(**narrowed: Any) -> QuerySet[Placement]:
    """With all that tells their state, and without what is heavy."""
    rows = with_contact(Placement.objects.filter(**narrowed))
    rows = rows.select_related(*(f"{name}__order" for name in _PLACE_ROWS))
    return rows.defer("pods", "autoscaler", *(f"{name}__{one}" for name in _PLACE_ROWS for one in _HEAVY))


def with_last_id(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """Each place with the id of its newest deployment, however it ended; :func:`last_ids` collects them."""
    last = Deployment.objects.filter(component=OuterRef("component"), space=OuterRef("space")).order_by("-pk")
    return rows.annotate(last_id=Subquery(last.values("pk")[:1]))


def last_id(place: Placement) -> int:
    """What :func:`with_last_id` found; 0 where nothing was ever deployed."""
    return getattr(place, "last_id", None) or 0


def last_ids(places: Iterable[Placement]) -> set[int]:
    """Of those that have one."""
    return {last_id(place) for place in places} - {0}
