"""灾备切换, 灾备演练: list, ask, confirm, refuse, withdraw, go on, take back."""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from environments.access import Rights
from environments.selectors.places import find_space
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from releases import drp
from releases.api.serializers import drp as shapes
from releases.models import DrpSwitch
from releases.presenters.drp import shown_switch
from releases.services import drp as services

PROJECT = OpenApiParameter("project", OpenApiTypes.STR, description="short name: those of this one alone")


class DrpSwitches(ApiView):
    @extend_schema(
        operation_id="drp_list", parameters=[*KEYSET, PROJECT],
        responses=page_of("DrpSwitchPage", shapes.DrpSwitchOutput),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Switches and drills, newest first."""
        rows = drp.visible_rows(Rights(actor_of(request)))
        if project := request.query_params.get("project", ""):
            rows = rows.filter(space__project__slug=project[:130])
        return self.page(shapes.DrpSwitchOutput, rows)


class OneView(ApiView):
    """Answers with the whole of one."""

    scope = Scope.DEPLOY

    def one(self, request: Request, pk: int, status: int = 200) -> Response:
        """As it is now, with each component's times and the drill before."""
        row = drp.find(actor_of(request), pk)
        row.__dict__["shown"] = shown_switch(row, Rights(actor_of(request)))
        return self.shown(shapes.WholeDrpSwitchOutput, row, status)

    def act(self, request: Request, pk: int, do: Callable[..., DrpSwitch], **given: object) -> Response:
        """Do it as the person who calls."""
        do(actor=actor_of(request), row=drp.find(actor_of(request), pk), **given)
        return self.one(request, pk)


class SpaceDrp(OneView):
    @extend_schema(operation_id="drp_ask", request=shapes.DrpInput, responses={201: shapes.WholeDrpSwitchOutput})
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Ask for a switch or a drill into a twin: nothing begins before a second person confirms it."""
        space = find_space(actor_of(request), slug, environment)
        row = services.ask_drp(actor=actor_of(request), space=space, **self.given(shapes.DrpInput))
        return self.one(request, row.pk, 201)


class OneDrp(OneView):
    scope = Scope.READ

    @extend_schema(operation_id="drp_retrieve", responses=shapes.WholeDrpSwitchOutput)
    def get(self, request: Request, pk: int) -> Response:
        """How far it is; once it is over, its report: who, when, times, what failed, and the drill before."""
        return self.one(request, pk)


class Confirm(OneView):
    @extend_schema(operation_id="drp_confirm", request=shapes.DrpConfirmInput, responses=shapes.WholeDrpSwitchOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Let it begin, within 15 minutes; never by who asked for it."""
        return self.act(request, pk, services.confirm_drp, **self.given(shapes.DrpConfirmInput))


class Refuse(OneView):
    @extend_schema(operation_id="drp_refuse", request=shapes.DrpRefuseInput, responses=shapes.WholeDrpSwitchOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Nothing begins; never by who asked for it."""
        return self.act(request, pk, services.refuse_drp, **self.given(shapes.DrpRefuseInput))


class Withdraw(OneView):
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="drp_withdraw", request=None, responses=shapes.WholeDrpSwitchOutput)
    def post(self, request: Request, pk: int) -> Response:
        """By who asked for it, before it begins."""
        return self.act(request, pk, services.withdraw_drp)


class GoOn(OneView):
    @extend_schema(operation_id="drp_go_on", request=shapes.DrpGoOnInput, responses=shapes.WholeDrpSwitchOutput)
    def post(self, request: Request, pk: int) -> Response:
        """After a failure: try it again, or go on without it."""
        return self.act(request, pk, services.go_on, **self.given(shapes.DrpGoOnInput))


class Review(OneView):
    @extend_schema(operation_id="drp_review", request=shapes.DrpReviewInput, responses=shapes.WholeDrpSwitchOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Of who had no part in it, once it came to its end."""
        return self.act(request, pk, services.review_drp, **self.given(shapes.DrpReviewInput))


class TakeBack(OneView):
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="drp_take_back", request=None, responses=shapes.WholeDrpSwitchOutput)
    def post(self, request: Request, pk: int) -> Response:
        """Bring back what served before a drill, the last wave first."""
        return self.act(request, pk, services.take_back)
