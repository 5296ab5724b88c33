"""Operations on trains."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import User
from environments.access import Rights
from environments.selectors.places import find_space
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from releases.api.serializers.orders import ReasonInput
from releases.api.serializers.written import WRITTEN_PAGE, WrittenInput, WrittenOutput
from trains import selectors, standing
from trains.api import serializers as shapes
from trains.locks import members_of
from trains.models import Train
from trains.returning import plan_back
from trains.services import comments, driving, making, returning

PROJECT = OpenApiParameter("project", OpenApiTypes.STR, description="short name: trains of this one alone")


def whole(user: User, pk: int) -> Train:
    """With how far each of its orders is, as they are now."""
    train = selectors.train_by_id(user, pk)
    rows = list(members_of(train))
    train.__dict__["steps"] = plan_back(train, rows)
    train.__dict__["standings"] = standing.standings(Rights(user), train, rows)
    return train


class Trains(ApiView):
    """发布批次."""

    @extend_schema(
        operation_id="trains_list", parameters=[*KEYSET, PROJECT],
        responses=page_of("TrainPage", shapes.ListedTrainOutput),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = selectors.trains_visible_to(Rights(actor_of(request)))
        if project := request.query_params.get("project", ""):
            rows = rows.filter(space__project__slug=project[:130])
        return self.page(shapes.ListedTrainOutput, rows)


class ProjectTrains(ApiView):
    scope = Scope.BUILD
    planned: list[Any]

    def read_outside(self, request: Request, **kwargs: Any) -> None:
        """Branches that nobody saw before are asked of Git."""
        given = self.given(shapes.TrainInput)
        self.wanted = [making.Wanted(**row) for row in given["orders"]]
        space = find_space(actor_of(request), kwargs["slug"], given["environment"].lower())
        self.planned = making.plan(actor=actor_of(request), space=space, wanted=self.wanted)

    @extend_schema(operation_id="trains_create", request=shapes.TrainInput, responses={201: shapes.WholeTrainOutput})
    def post(self, request: Request, slug: str) -> Response:
        """A train with a new order for each component; all are built at once. It goes once somebody starts it."""
        given = self.given(shapes.TrainInput)
        user = actor_of(request)
        train = making.create_train(
            actor=user, space=find_space(user, slug, given["environment"].lower()), name=given["name"],
            wanted=self.wanted, planned=self.planned, description=given["description"],
            change_ticket=given["change_ticket"],
        )  # fmt: skip
        return self.shown(shapes.WholeTrainOutput, whole(user, train.pk), status=201)


class OneTrain(ApiView):
    @extend_schema(operation_id="trains_retrieve", responses=shapes.WholeTrainOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Its orders by wave: how far each is, what it waits for and who can clear it."""
        return self.shown(shapes.WholeTrainOutput, whole(actor_of(request), pk))


class Start(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(operation_id="trains_start", request=shapes.StartInput, responses=shapes.WholeTrainOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Start it, or let it go on after a pause: it deploys as you, through the gates of each order."""
        user = actor_of(request)
        driving.start_train(actor=user, train=selectors.train_by_id(user, pk), **self.given(shapes.StartInput))
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class Pause(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(operation_id="trains_pause", request=ReasonInput, responses=shapes.WholeTrainOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Nothing more begins; what is being deployed goes on to its verdict."""
        user = actor_of(request)
        driving.pause_train(actor=user, train=selectors.train_by_id(user, pk), **self.given(ReasonInput))
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class RollBack(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(
        operation_id="trains_roll_back", request=shapes.TrainRollBackInput, responses=shapes.WholeTrainOutput
    )
    def post(self, request: Request, pk: int) -> Response:
        """Begin the next step of rolling it back in reverse order; a database change stops it."""
        user = actor_of(request)
        given = self.given(shapes.TrainRollBackInput)
        returning.roll_back_next(actor=user, train=selectors.train_by_id(user, pk), number=given["order"])
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class Members(ApiView):
    scope = Scope.BUILD

    def read_outside(self, request: Request, **kwargs: Any) -> None:
        """A branch that nobody saw before is asked of Git."""
        self.wanted = making.Wanted(**self.given(shapes.WantedInput))
        train = selectors.train_by_id(actor_of(request), kwargs["pk"])
        self.planned = making.plan(actor=actor_of(request), space=train.space, wanted=[self.wanted])

    @extend_schema(operation_id="trains_add", request=shapes.WantedInput, responses=shapes.WholeTrainOutput)
    def post(self, request: Request, pk: int) -> Response:
        """One order more, in a wave that has not begun."""
        user = actor_of(request)
        train = selectors.train_by_id(user, pk)
        making.add_order(actor=user, train=train, wanted=self.wanted, planned=self.planned)
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class Skip(ApiView):
    scope = Scope.DEPLOY

    @extend_schema(operation_id="trains_skip", request=ReasonInput, responses=shapes.WholeTrainOutput)
    def post(self, request: Request, pk: int, number: str) -> Response:
        """Go on without this order, with a reason."""
        user = actor_of(request)
        driving.skip_order(actor=user, member=selectors.member_by_number(user, pk, number), **self.given(ReasonInput))
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class Retry(ApiView):
    scope = Scope.DEPLOY
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="trains_retry", request=None, responses=shapes.WholeTrainOutput)
    def post(self, request: Request, pk: int, number: str) -> Response:
        """Deploy one that failed again, once its gates let it."""
        user = actor_of(request)
        driving.retry_order(actor=user, member=selectors.member_by_number(user, pk, number))
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class Remove(ApiView):
    scope = Scope.BUILD
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="trains_remove", request=None, responses=shapes.WholeTrainOutput)
    def post(self, request: Request, pk: int, number: str) -> Response:
        """Out of the train before its wave; the order itself stays as it is."""
        user = actor_of(request)
        making.remove_order(actor=user, member=selectors.member_by_number(user, pk, number))
        return self.shown(shapes.WholeTrainOutput, whole(user, pk))


class Comments(ApiView):
    """Of one train."""

    scope = Scope.BUILD

    @extend_schema(operation_id="train_comments_list", parameters=KEYSET, responses=WRITTEN_PAGE)
    def get(self, request: Request, pk: int) -> Response:
        """Newest first."""
        return self.page(WrittenOutput, selectors.comments_of_train(selectors.train_by_id(actor_of(request), pk)))

    @extend_schema(operation_id="train_comments_create", request=WrittenInput, responses={201: WrittenOutput})
    def post(self, request: Request, pk: int) -> Response:
        """Say something of it; `@name` tells a person."""
        train = selectors.train_by_id(actor_of(request), pk)
        row = comments.comment_on_train(actor=actor_of(request), train=train, **self.given(WrittenInput))
        return self.shown(WrittenOutput, row, 201)
