"""What people wrote down."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from foundation.api.pagination import page_of
from foundation.api.serializers import Input
from releases.services.mentions import LONGEST


class WrittenInput(Input):
    text = serializers.CharField(max_length=LONGEST)


class WrittenOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    author = serializers.CharField(source="author.username")
    text = serializers.CharField()
    named = serializers.ListField(child=serializers.CharField(), help_text="user names of those whom it named")
    written_at = serializers.DateTimeField()


WRITTEN_PAGE = page_of("WrittenPage", WrittenOutput)
