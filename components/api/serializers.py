"""Shapes that the components' API takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from components.choices import TemplateKind
from foundation.runs.choices import RunState

Data = dict[str, Any]


def read(shape: type[serializers.Serializer[Any]], request: Request) -> Data:
    """The checked body; raises DRF's ValidationError."""
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    values: Data = given.validated_data
    return values


def page_of(name: str, item: serializers.BaseSerializer[Any]) -> serializers.Serializer[Any]:
    """The schema of a keyset list: ``{"items", "next", "previous"}``."""
    fields = {
        "items": item,
        "next": serializers.IntegerField(allow_null=True),
        "previous": serializers.IntegerField(allow_null=True),
    }
    return inline_serializer(name, fields)


def whole_list(items: list[Data]) -> Data:
    """A list that is never long, in the shape of the long ones."""
    return {"items": items, "next": None, "previous": None}


def _text(most: int, **more: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=most, **more)


class _Versioned(serializers.Serializer[Any]):
    seen_number = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="the version you looked at; stale (409) when it is not the newest any more",
    )
    note = _text(200, default="")


# ---------------------------------------------------------------- components
class SettingsFields(serializers.Serializer[Any]):
    """The fields of the screen; those left out keep their value. Templates by file name."""

    name_zh = _text(120)
    service_name = _text(63)
    git_url = _text(300)
    description = _text(4000)
    job_name = _text(200)
    node_label = _text(128)
    build_directory = _text(200, help_text="“/” is the root of the repository")
    build_command = _text(8192)
    artifact_directory = _text(200, help_text="below the build directory")
    package_name = _text(128)
    dockerfile = _text(120)
    base_image = _text(400, help_text="path and tag: “base/tomcat 8.0” or “base/tomcat:8.0”")
    bootstart = _text(120)
    deployment_template = _text(120)
    service_template = _text(120)


class SettingsInput(SettingsFields, _Versioned):
    pass


class SettingsOutput(SettingsFields):
    number = serializers.IntegerField()
    note = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class ComponentInput(serializers.Serializer[Any]):
    project = serializers.CharField(max_length=63, help_text="its short name")
    name = serializers.CharField(max_length=63)
    settings = SettingsFields(required=False)


class MissingOutput(serializers.Serializer[Any]):
    field = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    sentence = serializers.CharField()


class ComponentOutput(serializers.Serializer[Any]):
    project = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    name_zh = serializers.CharField()
    is_archived = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class AmountsInput(serializers.Serializer[Any]):
    """Cores and GiB as decimals; the upper bound not below the lower one."""

    replicas = serializers.CharField(max_length=9)
    cpu_request = serializers.CharField(max_length=40)
    cpu_limit = serializers.CharField(max_length=40)
    memory_request = serializers.CharField(max_length=40)
    memory_limit = serializers.CharField(max_length=40)


class AllocationInput(AmountsInput, _Versioned):
    pass


class GridRow(AmountsInput):
    environment = serializers.CharField(max_length=20)
    seen_number = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class GridInput(serializers.Serializer[Any]):
    allocations = GridRow(many=True)
    note = _text(200, default="")


class AllocationOutput(serializers.Serializer[Any]):
    environment = serializers.CharField()
    number = serializers.IntegerField()
    replicas = serializers.IntegerField()
    cpu_request = serializers.CharField()
    cpu_limit = serializers.CharField()
    memory_request = serializers.CharField()
    memory_limit = serializers.CharField()
    note = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    warnings = serializers.ListField(child=serializers.CharField(), required=False)


class VariableShape(serializers.Serializer[Any]):
    """Either a value, or the name of a Secret and a key in it."""

    name = serializers.CharField(max_length=253)
    value = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    secret = _text(253)
    key = _text(253)


class ConfigInput(_Versioned):
    env = VariableShape(many=True, required=False, default=list)
    files = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), required=False, default=dict
    )


class ConfigOutput(serializers.Serializer[Any]):
    environment = serializers.CharField()
    number = serializers.IntegerField()
    env = VariableShape(many=True)
    files = serializers.DictField(child=serializers.CharField())
    note = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class ComponentDetail(ComponentOutput):
    is_ready = serializers.BooleanField()
    missing = MissingOutput(many=True)
    settings = SettingsOutput(allow_null=True)
    allocations = AllocationOutput(many=True)
    configurations = ConfigOutput(many=True)


class BranchShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    commit = serializers.CharField()


class BranchesOutput(serializers.Serializer[Any]):
    items = BranchShape(many=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    is_stale = serializers.BooleanField()
    reason = serializers.CharField(help_text="why this is an earlier answer; empty for a fresh one")


class ArchiveInput(serializers.Serializer[Any]):
    is_archived = serializers.BooleanField(default=True)


# ---------------------------------------------------------------- templates
class TemplateInput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    name = serializers.CharField(max_length=120)
    project = serializers.CharField(
        required=False, allow_blank=True, max_length=63, default="", help_text="empty: global"
    )
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)
    note = _text(200, default="")


class VersionInput(_Versioned):
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)


class TemplateOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    name = serializers.CharField()
    project = serializers.CharField(allow_null=True)
    is_archived = serializers.BooleanField()


class VersionOutput(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    body = serializers.CharField()
    note = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class TemplateDetail(TemplateOutput):
    version = VersionOutput(allow_null=True)
    used_by = serializers.ListField(child=serializers.CharField())


class PreviewInput(serializers.Serializer[Any]):
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
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RunState.choices)
    kind = serializers.ChoiceField(choices=TemplateKind.choices)
    results = PreviewResult(many=True)


class TrialInput(serializers.Serializer[Any]):
    body = serializers.CharField(trim_whitespace=False, max_length=70_000)


class TriedOutput(PreviewOutput):
    component = serializers.CharField(help_text="project/component")


class TrialOutput(serializers.Serializer[Any]):
    trial = serializers.UUIDField()
    items = TriedOutput(many=True)
