"""What the API of components, templates and servers takes and gives; here what several bodies share."""

from __future__ import annotations

from rest_framework import serializers

from foundation.api.serializers import Input, text


class Versioned(Input):
    seen_number = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="the version you looked at; stale (409) when it is not the newest any more",
    )
    note = text(200, default="")


class ArchiveInput(Input):
    is_archived = serializers.BooleanField(default=True)
