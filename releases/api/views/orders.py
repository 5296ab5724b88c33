"""Orders, their events, builds and comments."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components.models import Component
from components.selectors import find_component
from foundation.api.pagination import KEYSET, SEARCH, page_of
from foundation.api.views import ApiView
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.problems import Invalid, Missing
from releases import selectors
from releases.api.serializers import orders as shapes
from releases.api.views.overview import order_overview
from releases.choices import OrderState
from releases.filtering import DAYS, filter_orders, only_watched
from releases.models import Build, OrderEvent, ReleaseOrder
from releases.services import builds, orders

EVENTS_MOST = 500
FILTERS = ("project", "component", "state", "author", *DAYS)


class Orders(ApiView):
    """The list of orders, and creating one."""

    scope = Scope.BUILD
    location_field = "number"

    @extend_schema(
        operation_id="orders_list",
        parameters=[
            *(OpenApiParameter(name, OpenApiTypes.STR) for name in ("project", "component", "author")),
            OpenApiParameter("state", OpenApiTypes.STR, enum=OrderState.values),
            *(OpenApiParameter(name, OpenApiTypes.DATE) for name in DAYS),
            OpenApiParameter("watching", OpenApiTypes.BOOL, description="only those that you watch"),
            SEARCH,
            *KEYSET,
        ],
        responses=page_of("OrderPage", shapes.OrderSummary),
    )
    def get(self, request: Request) -> Response:
        """Newest first; keyset pages."""
        rows = selectors.orders_visible_to(actor_of(request))
        given = {name: request.query_params.get(name, "") for name in FILTERS}
        rows = filter_orders(rows, text=request.query_params.get("search", ""), **given)
        if self.flag("watching"):
            rows = only_watched(rows, actor_of(request))
        return self.page(shapes.OrderSummary, rows)

    def read_outside(self, request: Request, **kwargs: Any) -> None:
        """What is there in Git? Anybody who may not create is refused before Git is asked."""
        self.values = self.given(shapes.OrderInput)
        self.component = _component(request, self.values.pop("component"))
        named = {name: self.values.pop(name) for name in ("branch", "git_tag", "commit")}
        self.origin = orders.choose_origin(actor=actor_of(request), component=self.component, **named)

    @extend_schema(operation_id="orders_create", request=shapes.OrderInput, responses={201: shapes.OrderSummary})
    def post(self, request: Request) -> Response:
        """Create an order from a branch's tip, a Git tag or a commit on a branch.

        The answer is the order's own fields; its environments and gates are at ``Location``.
        """
        number = self.values["repeat_of"]
        repeated = selectors.order_by_number(actor_of(request), number) if number else None
        order = orders.create_order(
            actor=actor_of(request),
            component=self.component,
            origin=self.origin,
            **self.values | {"repeat_of": repeated},
        )
        return self.shown(shapes.OrderSummary, order, 201)


def _component(request: Request, text: str) -> Component:
    project, _slash, slug = text.partition("/")
    if not slug:
        raise Invalid({"component": [_("Write project/component, e.g. sis-omm/proxy-gw.")]})
    return find_component(actor_of(request), project, slug)


class Order(ApiView):
    """One order with everything about it."""

    @extend_schema(operation_id="orders_retrieve", responses=shapes.OrderOutput)
    def get(self, request: Request, number: str) -> Response:
        """The order, its builds, and where it stands in each environment, with the gates."""
        return Response(order_overview(selectors.order_by_number(actor_of(request), number), actor_of(request)))


class Events(ApiView):
    """The order's log, for replay."""

    @extend_schema(
        operation_id="orders_events",
        parameters=[OpenApiParameter("after", OpenApiTypes.INT)],
        responses=inline_serializer(
            "EventPage",
            {
                "items": shapes.EventOutput(many=True),
                "next": serializers.IntegerField(allow_null=True),
                "previous": serializers.IntegerField(allow_null=True),
                "last_seq": serializers.IntegerField(),
            },
        ),
    )
    def get(self, request: Request, number: str) -> Response:
        """Events with a number above ``after``, oldest first, at most 500; ``next`` is the next call's ``after``."""
        order = selectors.order_by_number(actor_of(request), number)
        after = parse_digits(request.query_params.get("after", "0"))
        if after is None:
            raise Invalid({"after": [_("Give the number of the last event that you have.")]})
        rows = list(OrderEvent.objects.filter(order=order, seq__gt=after).select_related("actor")[:EVENTS_MOST])
        next_after = rows[-1].seq if len(rows) == EVENTS_MOST else None
        items = shapes.EventOutput(rows, many=True).data
        return Response({"items": items, "next": next_after, "previous": None, "last_seq": order.last_seq})


class Builds(ApiView):
    """Attempts."""

    scope = Scope.BUILD

    @extend_schema(operation_id="builds_list", responses=page_of("BuildPage", shapes.BuildOutput))
    def get(self, request: Request, number: str) -> Response:
        """All attempts, newest first."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = Build.objects.filter(order=order).select_related("started_by").order_by("-attempt")
        return self.whole(shapes.BuildOutput, rows)

    def read_outside(self, request: Request, **kwargs: Any) -> None:
        """The branch's tip, where the first build was asked for without naming a commit."""
        given = self.given(shapes.BuildInput)
        order = selectors.order_by_number(actor_of(request), kwargs["number"])
        self.commit = given["commit"] or builds.commit_to_build(actor=actor_of(request), order=order)

    @extend_schema(operation_id="builds_create", request=shapes.BuildInput, responses={202: shapes.BuildOutput})
    def post(self, request: Request, number: str) -> Response:
        """Start (or retry) the build."""
        order = selectors.order_by_number(actor_of(request), number)
        build = builds.start_build(actor=actor_of(request), order=order, commit=self.commit)
        build.refresh_from_db()
        return self.shown(shapes.BuildOutput, build, 202)


def build_of(order: ReleaseOrder, attempt: int) -> Build:
    """One attempt of the order; raises Missing."""
    build = Build.objects.filter(order=order, attempt=attempt).select_related("started_by", "order__project").first()
    if build is None:
        raise Missing(_("This order has no such build."))
    return build


class BuildStop(ApiView):
    scope = Scope.BUILD

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="builds_stop", request=None, responses={202: shapes.BuildOutput})
    def post(self, request: Request, number: str, attempt: int) -> Response:
        """Ask for it to be stopped."""
        build = build_of(selectors.order_by_number(actor_of(request), number), attempt)
        builds.stop_build(actor=actor_of(request), build=build)
        build.refresh_from_db()
        return self.shown(shapes.BuildOutput, build, 202)


class OrderAct(ApiView):
    """Acts on the whole order: one class, one address each."""

    scope = Scope.BUILD
    act = ""

    @extend_schema(request=shapes.ReasonInput, responses=shapes.OrderSummary)
    def post(self, request: Request, number: str) -> Response:
        """Do it; the reason is kept."""
        given = self.given(shapes.ReasonInput)
        order = selectors.order_by_number(actor_of(request), number)
        getattr(orders, self.act)(actor=actor_of(request), order=order, reason=given["reason"])
        return self.shown(shapes.OrderSummary, order)


@extend_schema_view(post=extend_schema(operation_id="orders_return"))
class Return(OrderAct):
    scope = Scope.PROMOTE
    act = "return_order"


@extend_schema_view(post=extend_schema(operation_id="orders_withdraw"))
class Withdrawal(OrderAct):
    act = "withdraw_order"


@extend_schema_view(post=extend_schema(operation_id="orders_close"))
class Closing(OrderAct):
    act = "finish_order"


class Check(ApiView):
    """检测."""

    scope = Scope.BUILD

    def read_outside(self, request: Request, **kwargs: Any) -> None:
        """Ask Jenkins and the registry."""
        order = selectors.order_by_number(actor_of(request), kwargs["number"])
        self.facts = builds.check_facts(actor=actor_of(request), order=order)

    without_body = frozenset({"POST"})

    @extend_schema(operation_id="orders_check", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        """Asks Jenkins and the registry now what is there; repairs nothing."""
        order = selectors.order_by_number(actor_of(request), number)
        return Response(builds.check_order(actor=actor_of(request), order=order, facts=self.facts))


class Comments(ApiView):
    scope = Scope.BUILD

    @extend_schema(operation_id="comments_list", responses=page_of("CommentPage", shapes.CommentOutput))
    def get(self, request: Request, number: str) -> Response:
        """Newest first."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = order.comments.select_related("author")[:200]
        return self.whole(shapes.CommentOutput, rows)

    @extend_schema(operation_id="comments_create", request=shapes.CommentInput, responses={201: shapes.CommentOutput})
    def post(self, request: Request, number: str) -> Response:
        """Say something."""
        given = self.given(shapes.CommentInput)
        row = orders.comment(
            actor=actor_of(request), order=selectors.order_by_number(actor_of(request), number), text=given["text"]
        )
        return self.shown(shapes.CommentOutput, row, 201)
