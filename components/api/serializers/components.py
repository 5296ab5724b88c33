"""Components, their settings, allocations, configurations and branches."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from components.api.serializers import Versioned
from components.choices import EntryKind
from components.models import SETTINGS_TEXTS, Allocation, ComponentSettings, ConfigVersion
from components.services import show_amounts
from components.services.allocations import SavedAllocation
from components.services.components import show_settings
from components.services.scaling_rules import SavedRule
from components.settings_fields import text_column
from foundation.api.serializers import Input, NumberText, text


class SettingsFields(Input):
    """The fields of the screen; those left out keep their value. Templates by file name."""

    dockerfile = text(120)
    base_image = text(400, help_text="path and tag: “base/tomcat 8.0” or “base/tomcat:8.0”")
    bootstart = text(120)
    deployment_template = text(120)
    service_template = text(120)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The texts as their columns declare them, then templates and base image."""
        columns = {name: text_column(name) for name in SETTINGS_TEXTS}
        texts = {name: text(column.max_length or 0, help_text=column.help_text) for name, column in columns.items()}
        return {**texts, **super().get_fields()}


class SettingsInput(SettingsFields, Versioned):
    pass


class SettingsOutput(SettingsFields):
    number = serializers.IntegerField()
    note = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: ComponentSettings) -> dict[str, Any]:
        """Templates and the base image by name."""
        return {**super().to_representation(instance), **show_settings(instance)}


class ComponentInput(Input):
    project = serializers.CharField(max_length=63, help_text="its short name")
    name = serializers.CharField(max_length=63)
    settings = SettingsFields(required=False)


class MissingOutput(serializers.Serializer[Any]):
    field = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    message = serializers.CharField()


class ComponentOutput(serializers.Serializer[Any]):
    project = serializers.CharField(source="project.slug")
    name = serializers.CharField()
    slug = serializers.CharField()
    name_zh = serializers.CharField(default="")
    is_archived = serializers.BooleanField()
    is_favourite = serializers.BooleanField(default=False, help_text="one of yours")
    created_at = serializers.DateTimeField()


class AmountsInput(Input):
    """Cores and GiB as decimals; the upper bound not below the lower one."""

    replicas = NumberText(max_length=9)
    cpu_request = NumberText(max_length=40)
    cpu_limit = NumberText(max_length=40)
    memory_request = NumberText(max_length=40)
    memory_limit = NumberText(max_length=40)


class AllocationInput(AmountsInput, Versioned):
    pass


class GridRow(AmountsInput):
    environment = serializers.CharField(max_length=20)
    seen_number = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class GridInput(Input):
    allocations = GridRow(many=True, allow_empty=False)
    note = text(200, default="")


class AllocationOutput(serializers.Serializer[Any]):
    """Cores and GiB."""

    environment = serializers.CharField(source="environment.slug")
    number = serializers.IntegerField()
    replicas = serializers.IntegerField()
    cpu_request = serializers.CharField()
    cpu_limit = serializers.CharField()
    memory_request = serializers.CharField()
    memory_limit = serializers.CharField()
    note = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    warnings = serializers.ListField(child=serializers.CharField(), default=list)

    def to_representation(self, instance: Allocation) -> dict[str, Any]:
        """Millicores and bytes as people write them."""
        amounts = show_amounts(instance) | {"replicas": instance.replicas}
        return {**super().to_representation(instance), **amounts}


class SavedAllocationOutput(AllocationOutput):
    def to_representation(self, instance: Any) -> dict[str, Any]:
        """With the warnings of the save."""
        saved: SavedAllocation = instance
        warnings = [str(warning) for warning in saved.warnings]
        return {**super().to_representation(saved.allocation), "warnings": warnings}


class VariableShape(Input):
    """Either a value, or the name of a Secret and a key in it."""

    name = serializers.CharField(max_length=253)
    value = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    secret = text(253)
    key = text(253)


class ConfigInput(Versioned):
    env = VariableShape(many=True, required=False, default=list)
    files = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), required=False, default=dict
    )


class ConfigOutput(serializers.Serializer[Any]):
    environment = serializers.CharField(source="environment.slug")
    number = serializers.IntegerField()
    env = serializers.SerializerMethodField()
    files = serializers.DictField(child=serializers.CharField())
    note = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()

    @extend_schema_field(VariableShape(many=True))
    def get_env(self, row: ConfigVersion) -> Any:
        """As it was saved."""
        return row.env


class ScalingRuleInput(Versioned):
    """Numbers left out stay as they are; those that never were set begin with 1, 2, 70, 0 and 300."""

    is_on = serializers.BooleanField(help_text="false: the allocation says the number of replicas again")
    minimum = serializers.IntegerField(required=False)
    maximum = serializers.IntegerField(required=False)
    cpu_percent = serializers.IntegerField(required=False, help_text="of the CPU lower bound")
    scale_up_seconds = serializers.IntegerField(required=False)
    scale_down_seconds = serializers.IntegerField(required=False)


class ScalingRuleOutput(serializers.Serializer[Any]):
    environment = serializers.CharField(source="environment.slug")
    number = serializers.IntegerField()
    is_on = serializers.BooleanField()
    minimum = serializers.IntegerField()
    maximum = serializers.IntegerField()
    cpu_percent = serializers.IntegerField()
    scale_up_seconds = serializers.IntegerField()
    scale_down_seconds = serializers.IntegerField()
    note = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    warnings = serializers.ListField(child=serializers.CharField(), default=list)


class SavedRuleOutput(ScalingRuleOutput):
    def to_representation(self, instance: Any) -> dict[str, Any]:
        """With the warnings of the save."""
        saved: SavedRule = instance
        return {**super().to_representation(saved.rule), "warnings": [str(warning) for warning in saved.warnings]}


class EntryCheckInput(Versioned):
    """What the entry must answer. ``kind``: everywhere (as in every environment), none, service or url."""

    kind = serializers.ChoiceField(choices=EntryKind.choices)
    url = text(500, help_text="of kind url: the whole address")
    port = text(15, help_text="of kind service: name or number of the Service's port; empty for the first")
    path = text(300, help_text="of kind service")
    statuses = text(120, help_text="numbers and ranges: 200-299, 401; empty for 200-399")
    header = text(200, help_text="a header's name, or “Name: part of its value”")
    text = text(200, help_text="stands in the first 64 KiB of the answer")
    patience_seconds = serializers.IntegerField(
        required=False, default=60, min_value=1, max_value=3600, help_text="how long the answer may go on being wrong"
    )


class EntryCheckOutput(serializers.Serializer[Any]):
    environment = serializers.CharField(
        source="environment.slug", default=None, allow_null=True, help_text="null: every environment"
    )
    number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=EntryKind.choices)
    url = serializers.CharField()
    port = serializers.CharField()
    path = serializers.CharField()
    statuses = serializers.CharField()
    text = serializers.CharField()
    header = serializers.CharField()
    patience_seconds = serializers.IntegerField()
    note = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()


class ComponentDetail(ComponentOutput):
    is_ready = serializers.BooleanField()
    missing = MissingOutput(many=True)
    settings = SettingsOutput(allow_null=True)
    allocations = AllocationOutput(many=True)
    scaling_rules = ScalingRuleOutput(many=True)
    configurations = ConfigOutput(many=True)
    entry_checks = EntryCheckOutput(many=True)


class BranchShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    commit = serializers.CharField()
    author = serializers.CharField(help_text="of the commit; empty where nobody has read it yet")
    commit_at = serializers.DateTimeField(allow_null=True, help_text="when it was written; null likewise")


class UnfitNameShape(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="cut where it is longer than 200 characters")
    reason = serializers.CharField(help_text="why nothing is built from it")


class BranchesOutput(serializers.Serializer[Any]):
    items = BranchShape(many=True)
    unfit = UnfitNameShape(many=True, help_text="branches that the repository has, and that cannot be built")
    next = serializers.IntegerField(allow_null=True)
    previous = serializers.IntegerField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    is_stale = serializers.BooleanField()
    reason = serializers.CharField(help_text="why this is an earlier answer; empty for a fresh one")


class GitTagShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    commit = serializers.CharField(help_text="what it points to at last, also where it is annotated")


class GitTagsOutput(serializers.Serializer[Any]):
    items = GitTagShape(many=True)
    unfit = UnfitNameShape(many=True, help_text="Git tags that the repository has, and that no order can be made from")
    next = serializers.IntegerField(allow_null=True)
    previous = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(help_text="why there is no answer; empty for one")


class CheckoutOutput(serializers.Serializer[Any]):
    branch = serializers.CharField(help_text="that an order would name")
    git_tag = serializers.CharField()
    commit = serializers.CharField()
    branches = serializers.ListField(
        child=serializers.CharField(), help_text="of a Git tag or a commit: all branches that have the commit"
    )
    notes = serializers.ListField(
        child=serializers.CharField(),
        help_text="what the checkout in Jenkins leaves out (submodules, files of Git LFS), and what to do",
    )
