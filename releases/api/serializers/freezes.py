"""What the API of freezes and their calendars takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from environments import freezes
from environments.choices import FreezeKind
from environments.day_files import MOST_CHARACTERS
from environments.models import Freeze
from environments.services.freezes import LONGEST_NAME, LONGEST_TEXT
from foundation.api.serializers import Input, text
from foundation.clock import db_now
from releases.presenters.freezes import WORDS, next_spans, shown


class FreezeInput(Input):
    """Of the site without a project; ``once`` has begins_at and ends_at, the other kinds opens, closes and zone."""

    project = text(63, default="", help_text="short name; empty: the whole site")
    environment = text(20, default="", help_text="short name: of this one space of the project")
    name = serializers.CharField(max_length=LONGEST_NAME)
    reason = serializers.CharField(max_length=LONGEST_TEXT)
    is_window = serializers.BooleanField(
        default=False, help_text="a release window: deployments only while one of the place is open"
    )
    only_production = serializers.BooleanField(default=True)
    kind = serializers.ChoiceField(choices=FreezeKind.choices)
    begins_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    opens = serializers.TimeField(required=False, allow_null=True, default=None)
    closes = serializers.TimeField(required=False, allow_null=True, default=None)
    zone = text(64, default="UTC", help_text="IANA name, such as Asia/Shanghai")
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, required=False, default=list,
        help_text="0 is Monday",
    )  # fmt: skip
    calendar = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


class FreezeEndInput(Input):
    reason = serializers.CharField(max_length=LONGEST_TEXT)


class SpanOutput(serializers.Serializer[Any]):
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class FreezeOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    project = serializers.CharField(source="whose.slug", default=None, allow_null=True)
    environment = serializers.CharField(source="place.slug", default=None, allow_null=True)
    name = serializers.CharField()
    reason = serializers.CharField()
    is_window = serializers.BooleanField()
    only_production = serializers.BooleanField()
    kind = serializers.ChoiceField(choices=FreezeKind.choices)
    begins_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    opens = serializers.TimeField(allow_null=True)
    closes = serializers.TimeField(allow_null=True)
    zone = serializers.CharField()
    weekdays = serializers.ListField(child=serializers.IntegerField())
    calendar = serializers.IntegerField(source="calendar_id", allow_null=True)
    state = serializers.SerializerMethodField()
    windows = serializers.SerializerMethodField(help_text="the one in force and the next ones")
    created_by = serializers.CharField(source="made_by.username")
    created_at = serializers.DateTimeField(source="made_at")
    waits_for_second = serializers.SerializerMethodField(help_text="its early end waits for a second person")
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(source="ended_by.username", default=None, allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=list(WORDS)))
    def get_state(self, row: Freeze) -> str:
        return shown(row, db_now()).state

    @extend_schema_field(SpanOutput(many=True))
    def get_windows(self, row: Freeze) -> Any:
        return SpanOutput([] if row.ended_at else next_spans(row, db_now()), many=True).data

    def get_waits_for_second(self, row: Freeze) -> bool:
        return freezes.is_asked_to_end(row)


class CalendarInput(Input):
    project = text(63, default="", help_text="short name; empty: for everybody")
    name = serializers.CharField(max_length=LONGEST_NAME)
    text = serializers.CharField(max_length=MOST_CHARACTERS, help_text="the content of a CSV or iCalendar file")


class CalendarOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    project = serializers.CharField(source="project.slug", default=None, allow_null=True)
    name = serializers.CharField()
    dates = serializers.ListField(child=serializers.DateField())
    created_by = serializers.CharField(source="uploaded_by.username")
    created_at = serializers.DateTimeField(source="uploaded_at")
