"""Templates, their trials, previews, and base images."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from components.api.serializers import ArchiveInput, Versioned
from components.choices import TemplateKind
from components.models import BaseImage, Preview, TemplateVersion
from foundation.api.serializers import Input, text
from foundation.runs.choices import RunState


class TemplateInput(Input):
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    name = serializers.CharField(max_length=120)
    project = serializers.CharField(
        required=False, allow_blank=True, max_length=63, default="", help_text="empty: global"
    )
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)
    note = text(200, default="")


class VersionInput(Versioned):
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)


class TemplateOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    name = serializers.CharField()
    project = serializers.CharField(source="project.slug", default=None, allow_null=True)
    is_archived = serializers.BooleanField()


class VersionOutput(serializers.ModelSerializer[TemplateVersion]):
    author = serializers.CharField(source="author.username", default=None, allow_null=True)

    class Meta:
        model = TemplateVersion
        fields = ("number", "body", "note", "author", "created_at")


class TemplateDetail(TemplateOutput):
    version = VersionOutput(allow_null=True)
    used_by = serializers.ListField(child=serializers.CharField())


class PreviewInput(Input):
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)


class ProblemShape(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="template:line")
    message = serializers.CharField()


class PreviewResult(serializers.Serializer[Any]):
    environment = serializers.CharField(help_text="empty for what all environments share")
    text = serializers.CharField()
    problems = ProblemShape(many=True)


class PreviewOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(choices=RunState.choices)
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    results = serializers.SerializerMethodField()

    @extend_schema_field(PreviewResult(many=True))
    def get_results(self, row: Preview) -> Any:
        """As the worker stored them; messages of ours in the caller's language."""
        return row.results


class TrialInput(Input):
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)


class TriedOutput(PreviewOutput):
    component = serializers.SerializerMethodField(help_text="project/component")

    def get_component(self, row: Preview) -> str:
        """By both names."""
        return f"{row.component.project.slug}/{row.component.slug}"


class TrialOutput(serializers.Serializer[Any]):
    trial = serializers.UUIDField()
    items = TriedOutput(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="always null: a trial has one page")
    previous = serializers.IntegerField(allow_null=True, help_text="as ``next``")


# ---------------------------------------------------------------- base images
class BaseImageOutput(serializers.ModelSerializer[BaseImage]):
    image = serializers.CharField(source="__str__")

    class Meta:
        model = BaseImage
        fields = ("image", "path", "tag", "note", "is_archived")


class BaseImageInput(Input):
    image = serializers.CharField(max_length=400, help_text="“path tag” or “path:tag”")
    note = text(200, default="")


class BaseImageArchiveInput(ArchiveInput):
    image = serializers.CharField(max_length=400)
