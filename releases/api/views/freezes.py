"""封网: list, make, look, end, confirm an end; and calendars."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import User
from environments import freezes
from environments.access import visible_to
from environments.models import DayCalendar
from environments.selectors.people import find_project
from environments.selectors.places import find_space
from environments.services import freezes as services
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.messages import message as _
from foundation.problems import Invalid
from releases.api.serializers import freezes as shapes


def calendars_of(user: User) -> Any:
    """The site's, and those of the projects that the person sees."""
    seen = DayCalendar.objects.filter(visible_to(user)) | DayCalendar.objects.filter(project=None)
    return seen.distinct().select_related("project", "uploaded_by").order_by("-pk")


class Freezes(ApiView):
    scope = Scope.ADMIN

    @extend_schema(
        operation_id="freezes_list",
        parameters=[
            *KEYSET,
            OpenApiParameter("active", OpenApiTypes.BOOL, description="without those that are over for good"),
        ],
        responses=page_of("FreezePage", shapes.FreezeOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first: the site's, and those of the projects that you see."""
        return self.page(shapes.FreezeOutput, freezes.visible_freezes(actor_of(request), only_live=self.flag("active")))

    @extend_schema(operation_id="freezes_create", request=shapes.FreezeInput, responses={201: shapes.FreezeOutput})
    def post(self, request: Request) -> Response:
        """Make a freeze of the site, of a project or of one space."""
        given, user = self.given(shapes.FreezeInput), actor_of(request)
        project, environment = given.pop("project").lower(), given.pop("environment").lower()
        if environment and not project:
            raise Invalid({"project": [_("Say of which project.")]})
        space = find_space(user, project, environment) if environment else None
        place = find_project(user, project) if project and space is None else None
        given["calendar"] = _calendar(user, given["calendar"])
        row = services.make_freeze(actor=user, project=place, space=space, **given)
        return self.shown(shapes.FreezeOutput, row, 201)


def _calendar(user: User, pk: int | None) -> DayCalendar | None:
    if pk is None:
        return None
    found: DayCalendar | None = calendars_of(user).filter(pk=pk).first()
    if found is None:
        raise Invalid({"calendar": [_("There is no such calendar.")]})
    return found


class OneFreeze(ApiView):
    @extend_schema(operation_id="freezes_retrieve", responses=shapes.FreezeOutput)
    def get(self, request: Request, pk: int) -> Response:
        """Its window, and when it is in force next."""
        return self.shown(shapes.FreezeOutput, freezes.find_freeze(actor_of(request), pk))


class FreezeEnd(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="freezes_end", request=shapes.FreezeEndInput, responses=shapes.FreezeOutput)
    def post(self, request: Request, pk: int) -> Response:
        """End it before its time; over production that waits for a second person, for a day at most."""
        user = actor_of(request)
        row = services.end_freeze(actor=user, row=freezes.find_freeze(user, pk), **self.given(shapes.FreezeEndInput))
        return self.shown(shapes.FreezeOutput, row)


class FreezeEndConfirmation(ApiView):
    scope = Scope.ADMIN
    without_body = frozenset({"POST"})

    @extend_schema(operation_id="freezes_confirm_end", request=None, responses=shapes.FreezeOutput)
    def post(self, request: Request, pk: int) -> Response:
        """The second person's yes to an early end."""
        user = actor_of(request)
        return self.shown(shapes.FreezeOutput, services.confirm_end(actor=user, row=freezes.find_freeze(user, pk)))


class Calendars(ApiView):
    scope = Scope.ADMIN

    @extend_schema(
        operation_id="calendars_list", parameters=KEYSET, responses=page_of("CalendarPage", shapes.CalendarOutput)
    )
    def get(self, request: Request) -> Response:
        """Newest first: the site's, and those of the projects that you see."""
        return self.page(shapes.CalendarOutput, calendars_of(actor_of(request)))

    @extend_schema(
        operation_id="calendars_create", request=shapes.CalendarInput, responses={201: shapes.CalendarOutput}
    )
    def post(self, request: Request) -> Response:
        """Dates out of CSV or iCalendar, under a name."""
        given, user = self.given(shapes.CalendarInput), actor_of(request)
        slug = given.pop("project").lower()
        row = services.upload_calendar(actor=user, project=find_project(user, slug) if slug else None, **given)
        return self.shown(shapes.CalendarOutput, row, 201)
