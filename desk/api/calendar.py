"""The calendar over the API: a month day by day, and one day with what the gates say of what is to come."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from desk.calendar import KINDS, Wanted, read_day, read_month
from environments.access import Rights
from foundation.api.views import ApiView
from foundation.clock import db_now
from releases.api.serializers.orders import GateOutput
from releases.api.views.go_words import SaidGoWordOutput

FILTERS = [
    OpenApiParameter("project", OpenApiTypes.STR, description="short name; without it, all that you see"),
    OpenApiParameter("environment", OpenApiTypes.STR, description="short name"),
    OpenApiParameter("kind", OpenApiTypes.STR, enum=list(KINDS), description="things of this kind alone"),
]
MONTH = OpenApiParameter("month", OpenApiTypes.STR, description="such as 2026-11; else the month of today")
DAY = OpenApiParameter("day", OpenApiTypes.DATE, description="such as 2026-11-20; else today")


class CalendarItemOutput(serializers.Serializer[Any]):
    """One thing. ``begins_at`` and ``ends_at`` are the same for what is of one moment."""

    kind = serializers.CharField(help_text="one of " + ", ".join(KINDS))
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    name = serializers.CharField(allow_blank=True, help_text="of the freeze, the train or the component")
    project = serializers.CharField(source="space.project.slug", default="", allow_blank=True)
    environment = serializers.CharField(source="space.environment.slug", default="", allow_blank=True)
    where = serializers.CharField(allow_blank=True, help_text="in words, of a freeze of more than one space")
    username = serializers.CharField(source="who.username", allow_null=True, default=None)
    order = serializers.CharField(allow_blank=True, help_text="number, where it is of one order")
    state = serializers.CharField(source="word", allow_blank=True, help_text="in words; empty where it has none")
    detail = serializers.CharField(allow_blank=True, help_text="why, or how far it is")
    url = serializers.CharField(help_text="its page")


class CalendarMemberOutput(serializers.Serializer[Any]):
    """One order of a train that goes on."""

    order = serializers.CharField(source="member.row.order.number")
    component = serializers.CharField(source="member.row.order.component.slug")
    wave = serializers.IntegerField(source="member.row.wave")
    standing = serializers.CharField(source="member.standing.word")
    reason = serializers.CharField(source="member.standing.why", allow_blank=True)
    who_can_help = serializers.CharField(source="member.standing.who", allow_blank=True)
    go_words = SaidGoWordOutput(source="words", many=True)


class CalendarAnswerOutput(CalendarItemOutput):
    """The same with the gates of its deployment as of its time, where it is still to come."""

    gates = GateOutput(many=True)
    go_words = SaidGoWordOutput(source="words", many=True, help_text="what people say of it; no gate asks")
    orders = CalendarMemberOutput(source="members", many=True, help_text="of a release train that goes on")


class OnDayOutput(serializers.Serializer[Any]):
    when = serializers.CharField(help_text="its clocks on that day, in words")
    item = CalendarItemOutput()


class AnsweredOnDayOutput(OnDayOutput):
    item = CalendarAnswerOutput()


class _DayOutput(serializers.Serializer[Any]):
    date = serializers.DateField()
    succeeded = serializers.IntegerField(help_text="deployments that ended so on this day")
    failed = serializers.IntegerField()


class CalendarDayOfMonthOutput(_DayOutput):
    items = OnDayOutput(many=True, help_text="all but deployments")


class CalendarMonthOutput(serializers.Serializer[Any]):
    """The weeks that the month touches, from Monday."""

    month = serializers.CharField()
    zone = serializers.CharField(help_text="the time zone that its days are of: yours, or the site's")
    days = CalendarDayOfMonthOutput(many=True)


class AnsweredDayOutput(_DayOutput):
    items = AnsweredOnDayOutput(many=True, help_text="with deployments")


class CalendarDayOutput(serializers.Serializer[Any]):
    zone = serializers.CharField(help_text="the time zone that the day is of: yours, or the site's")
    is_cut = serializers.BooleanField(
        source="day.is_cut", help_text="more ended on it than these: ask deployments for the rest"
    )
    day = AnsweredDayOutput()


def _wanted(request: Request) -> Wanted:
    return Wanted.read_strictly(request.query_params, timezone.localtime(db_now()).date())


class CalendarMonth(ApiView):
    """发布日历: one month."""

    @extend_schema(operation_id="calendar_retrieve", parameters=[MONTH, *FILTERS], responses=CalendarMonthOutput)
    def get(self, request: Request) -> Response:
        """Freezes, release windows, holds, schedules, trains, break-glass, and how many deployments ended, by day."""
        wanted = _wanted(request)
        days = [day for week in read_month(Rights(actor_of(request)), wanted).weeks for day in week]
        zone = timezone.get_current_timezone_name()
        return self.shown(CalendarMonthOutput, {"month": f"{wanted.month:%Y-%m}", "zone": zone, "days": days})


class CalendarDay(ApiView):
    """发布日历: one day."""

    @extend_schema(operation_id="calendar_day", parameters=[DAY, *FILTERS], responses=CalendarDayOutput)
    def get(self, request: Request) -> Response:
        """The same of one day, with its deployments and what the gates say of what is to come."""
        day = read_day(Rights(actor_of(request)), _wanted(request))
        return self.shown(CalendarDayOutput, {"day": day, "zone": timezone.get_current_timezone_name()})
