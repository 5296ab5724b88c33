"""Orders, their events, builds and logs."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from components.models import Component
from components.selectors import find_component
from environments.access import require
from foundation.api import ApiView, list_response
from foundation.problems import Invalid, Missing
from releases import selectors
from releases.api import serializers as shapes
from releases.api.overview import order_overview
from releases.filtering import filter_orders
from releases.models import Build, OrderEvent, ReleaseOrder
from releases.services import builds, orders

ORDER_PAGE = inline_serializer(
    "OrderPage",
    {
        "items": shapes.OrderSummary(many=True),
        "next": serializers.IntegerField(allow_null=True),
        "previous": serializers.IntegerField(allow_null=True),
    },
)
EVENTS_MOST = 500
FILTERS = ["project", "component", "state", "author", "text", "since", "until"]


class Orders(ApiView):
    """The list and the birth of orders."""

    scope = Scope.BUILD

    @extend_schema(
        operation_id="orders_list",
        parameters=[OpenApiParameter(name, OpenApiTypes.STR) for name in [*FILTERS, "before", "after", "size"]],
        responses=ORDER_PAGE,
    )
    def get(self, request: Request) -> Response:
        """Newest first; keyset pages."""
        rows = selectors.orders_visible_to(actor_of(request))
        rows = filter_orders(rows, **{name: request.query_params.get(name, "") for name in FILTERS})
        return list_response(request, rows, lambda row: shapes.present(shapes.OrderSummary, row))

    def look(self, request: Request, **kwargs: Any) -> None:
        """Does the branch exist? Whoever may not create is refused before Git is asked."""
        given = valid(shapes.OrderInput, request)
        component = _component(request, given["component"])
        require(actor_of(request), "create_order", project_id=component.project_id)
        orders.insist_on_branch(component, given["branch"].strip())

    @extend_schema(operation_id="orders_create", request=shapes.OrderInput, responses={201: shapes.OrderOutput})
    def post(self, request: Request) -> Response:
        """Create an order."""
        given = valid(shapes.OrderInput, request)
        component = _component(request, given.pop("component"))
        number = given.pop("repeat_of")
        given["repeat_of"] = selectors.order_by_number(actor_of(request), number) if number else None
        order = orders.create_order(actor=actor_of(request), component=component, has_looked=True, **given)
        return Response(order_overview(order, actor_of(request)), status=201)


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
            "EventPage", {"items": shapes.EventOutput(many=True), "last_seq": serializers.IntegerField()}
        ),
    )
    def get(self, request: Request, number: str) -> Response:
        """Events with a number above ``after``, oldest first, at most 500."""
        order = selectors.order_by_number(actor_of(request), number)
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= 18):
            raise Invalid({"after": [_("Give the number of the last event that you have.")]})
        rows = OrderEvent.objects.filter(order=order, seq__gt=int(after)).select_related("actor")[:EVENTS_MOST]
        return Response(
            {"items": [shapes.present(shapes.EventOutput, row) for row in rows], "last_seq": order.last_seq}
        )


class Builds(ApiView):
    """Attempts."""

    scope = Scope.BUILD

    @extend_schema(operation_id="builds_list", responses=shapes.BuildOutput(many=True))
    def get(self, request: Request, number: str) -> Response:
        """All attempts, newest first."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = Build.objects.filter(order=order).select_related("started_by").order_by("-attempt")
        return Response([shapes.present(shapes.BuildOutput, row) for row in rows])

    def look(self, request: Request, **kwargs: Any) -> None:
        """The branch's tip, where the first build was asked for without naming a commit."""
        given = valid(shapes.BuildInput, request)
        order = selectors.order_by_number(actor_of(request), kwargs["number"])
        self.commit = given["commit"] or builds.commit_to_build(actor=actor_of(request), order=order)

    @extend_schema(operation_id="builds_create", request=shapes.BuildInput, responses={202: shapes.BuildOutput})
    def post(self, request: Request, number: str) -> Response:
        """Start (or retry) the build."""
        order = selectors.order_by_number(actor_of(request), number)
        build = builds.start_build(actor=actor_of(request), order=order, commit=self.commit)
        build.refresh_from_db()
        return Response(shapes.present(shapes.BuildOutput, build), status=202)


def build_of(order: ReleaseOrder, attempt: int) -> Build:
    """One attempt of the order; raises Missing."""
    build = Build.objects.filter(order=order, attempt=attempt).select_related("started_by", "order__project").first()
    if build is None:
        raise Missing(_("This order has no such build."))
    return build


class BuildStop(ApiView):
    """Stopping an attempt."""

    scope = Scope.BUILD

    @extend_schema(operation_id="builds_stop", request=None, responses={202: shapes.BuildOutput})
    def post(self, request: Request, number: str, attempt: int) -> Response:
        """Ask for it to be stopped."""
        build = build_of(selectors.order_by_number(actor_of(request), number), attempt)
        builds.stop_build(actor=actor_of(request), build=build)
        build.refresh_from_db()
        return Response(shapes.present(shapes.BuildOutput, build), status=202)


class OrderAct(ApiView):
    """Acts on the whole order: one class, one address each."""

    scope = Scope.BUILD
    act = ""

    @extend_schema(request=shapes.ReasonInput, responses=shapes.OrderSummary)
    def post(self, request: Request, number: str) -> Response:
        """Do it; the reason is kept."""
        given = valid(shapes.ReasonInput, request)
        order = selectors.order_by_number(actor_of(request), number)
        getattr(orders, self.act)(actor=actor_of(request), order=order, reason=given["reason"])
        return Response(shapes.present(shapes.OrderSummary, order))


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

    scope = Scope.READ

    def look(self, request: Request, **kwargs: Any) -> None:
        """Ask Jenkins and the registry."""
        order = selectors.order_by_number(actor_of(request), kwargs["number"])
        self.facts = builds.look_at_order(actor=actor_of(request), order=order)

    @extend_schema(operation_id="orders_check", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, number: str) -> Response:
        """Look at Jenkins and the registry now."""
        order = selectors.order_by_number(actor_of(request), number)
        return Response(builds.check_order(actor=actor_of(request), order=order, facts=self.facts))


class Comments(ApiView):
    """What people said."""

    scope = Scope.BUILD

    @extend_schema(operation_id="comments_list", responses=shapes.CommentOutput(many=True))
    def get(self, request: Request, number: str) -> Response:
        """Newest first."""
        order = selectors.order_by_number(actor_of(request), number)
        rows = order.comments.select_related("author")[:200]
        return Response([shapes.present(shapes.CommentOutput, row) for row in rows])

    @extend_schema(operation_id="comments_create", request=shapes.CommentInput, responses={201: shapes.CommentOutput})
    def post(self, request: Request, number: str) -> Response:
        """Say something."""
        given = valid(shapes.CommentInput, request)
        row = orders.comment(
            actor=actor_of(request), order=selectors.order_by_number(actor_of(request), number), text=given["text"]
        )
        return Response(shapes.present(shapes.CommentOutput, row), status=201)


def valid(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body in the shape, or 400 with the sentences by field."""
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
