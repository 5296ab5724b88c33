"""What the API of environments takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Organisation, Project, User
from environments.ceilings import CEILINGS
from environments.choices import SITE_ROLES, Role, RuleChangeState
from environments.grants import GRANTS
from environments.models import Environment, Group, Membership, RuleChange, Space
from environments.policy import POLICY_FIELDS
from environments.selectors.rule_changes import state_of
from environments.staff import warnings_of_ending
from foundation.api.serializers import Input, RefusesUnknownKeys, text
from foundation.runs.choices import RunState


# ---------------------------------------------------------------- organisations, projects, people
def rule_reason() -> serializers.CharField:
    """Beside the fields of a rule."""
    return text(500, default="", help_text="needed where a rule of production gets looser: a rule change is proposed")


class OrganisationInput(Input):
    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    name_en = text(120)


class OrganisationChange(Input):
    name = text(120)
    name_en = text(120)


class OrganisationOutput(serializers.ModelSerializer[Organisation]):
    class Meta:
        model = Organisation
        fields = ("slug", "name", "name_en")


class ProjectChange(Input):
    organisation = serializers.CharField(max_length=63, required=False)
    name = serializers.CharField(max_length=120, required=False)
    name_en = text(120)
    description = text(20_000)
    change_ticket_pattern = text(200)
    administrators = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="user names to make project administrators",
    )
    reason = rule_reason()


class ProjectInput(ProjectChange):
    reason = None  # type: ignore[assignment]
    slug = serializers.CharField(max_length=63)
    organisation = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)


class ProjectOutput(serializers.ModelSerializer[Project]):
    organisation = serializers.CharField(source="organisation.slug")

    class Meta:
        model = Project
        fields = ("slug", "organisation", "name", "name_en", "description", "change_ticket_pattern", "is_archived")


class PlaceReason(Input):
    reason = text(500, default="")


class MemberInput(Input):
    username = text(64, default="", help_text="a person, or else a group")
    group = text(63, default="", help_text="short name of a group, each of whose people then holds the role")
    role = serializers.ChoiceField([(value, label) for value, label in Role.choices if value not in SITE_ROLES])
    environment = text(20, default="")
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = text(200, default="")


class SiteRoleInput(Input):
    role = serializers.ChoiceField([(value, label) for value, label in Role.choices if value in SITE_ROLES])
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = text(200, default="")


class MemberOutput(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="pk", help_text="names the membership; it has no other name")
    username = serializers.CharField(source="user.username", default="", allow_blank=True)
    group = serializers.CharField(source="group.slug", default="", allow_blank=True)
    name = serializers.CharField(source="holder.shown_name")
    role = serializers.CharField()
    project = serializers.CharField(source="project.slug", default="", allow_blank=True)
    environment = serializers.CharField(source="environment.slug", default="", allow_blank=True)
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    granted_by = serializers.CharField(source="granted_by.username", default="", allow_blank=True)
    reason = serializers.CharField(allow_blank=True)


class WarnedMemberOutput(MemberOutput):
    warning = serializers.SerializerMethodField(help_text="where nobody could deploy if it ended; empty: nowhere")

    def get_warning(self, row: Membership) -> str:
        staffs = self.root.__dict__.setdefault("_staffs", {})
        return str(warnings_of_ending([row], staffs).get(row.pk, ""))


class GroupChange(Input):
    name = serializers.CharField(max_length=120, required=False)
    name_en = text(120)


class GroupInput(GroupChange):
    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)


class GroupOutput(serializers.ModelSerializer[Group]):
    class Meta:
        model = Group
        fields = ("slug", "name", "name_en", "created_at")


class GroupPersonInput(Input):
    username = serializers.CharField(max_length=64)
    reason = text(200, default="")


class GroupPersonOutput(serializers.Serializer[Any]):
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.shown_name")
    added_by = serializers.CharField(source="added_by.username", default="", allow_blank=True)
    added_at = serializers.DateTimeField()


class PersonChange(Input):
    name = serializers.CharField(max_length=80, required=False)
    name_en = text(80)
    email = text(254)
    note = text(200)
    note_en = text(200)


class PersonInput(PersonChange):
    username = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=80)
    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)


class PasswordInput(Input):
    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)


class PersonOutput(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("username", "name", "name_en", "email", "note", "note_en", "is_active", "last_login")


# ---------------------------------------------------------------- clusters
class ClusterChange(Input):
    name = serializers.CharField(max_length=120, required=False)
    in_cluster = serializers.BooleanField(required=False, help_text="the cluster that this platform runs in")
    url = text(300)
    kubeconfig = text(256 * 1024, write_only=True, trim_whitespace=False)
    ca_pem = text(100_000, trim_whitespace=False)
    token = text(10_000, write_only=True, help_text="kept as it is when blank or left out")
    client_cert_pem = text(100_000, trim_whitespace=False)
    client_key_pem = text(100_000, write_only=True, trim_whitespace=False)
    tls_server_name = text(253)
    verify_tls = serializers.BooleanField(required=False)
    registries = serializers.ListField(child=serializers.CharField(max_length=260), required=False)
    forget_credentials = serializers.BooleanField(required=False)


class ClusterInput(ClusterChange):
    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=120)
    forget_credentials = None  # type: ignore[assignment]


class ClusterOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    in_cluster = serializers.BooleanField()
    url = serializers.CharField(allow_blank=True)
    ca_pem = serializers.CharField(allow_blank=True)
    tls_server_name = serializers.CharField(allow_blank=True)
    verify_tls = serializers.BooleanField()
    registries = serializers.ListField(child=serializers.CharField())
    is_archived = serializers.BooleanField()


class ClusterAccountOutput(serializers.Serializer[Any]):
    manifest = serializers.CharField(help_text="YAML for kubectl apply")


class ClusterTestOutput(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(RunState.choices)
    reason = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    facts = serializers.DictField(help_text="version, user, latency_ms, notes, and rights and quotas by namespace")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


# ---------------------------------------------------------------- environments and spaces
class EnvironmentChange(Input):
    name = serializers.CharField(max_length=60, required=False)
    name_en = text(60)
    position = serializers.IntegerField(min_value=0, max_value=999, required=False)
    follows = serializers.ListField(child=serializers.CharField(max_length=20), required=False)
    twin = text(20)
    is_production = serializers.BooleanField(required=False)
    reason = rule_reason()


class EnvironmentInput(EnvironmentChange):
    reason = None  # type: ignore[assignment]
    slug = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=60)


class EnvironmentOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    name_en = serializers.CharField(allow_blank=True)
    position = serializers.IntegerField()
    follows = serializers.SerializerMethodField()
    twin = serializers.CharField(source="twin.slug", default="", allow_blank=True)
    is_production = serializers.BooleanField()
    is_archived = serializers.BooleanField()

    def get_follows(self, row: Environment) -> list[str]:
        """Short names, in flow order."""
        return [before.slug for before in row.follows.all()]


class Ceilings(Input):
    """Cores and GiB as text, exact; blank is no ceiling."""

    def get_fields(self) -> dict[str, Any]:
        return {
            one.name: serializers.CharField(
                required=False, allow_blank=True, max_length=40, help_text=one.measure.unit or "a whole number"
            )
            for one in CEILINGS
        }


class Policy(RefusesUnknownKeys, serializers.ModelSerializer[Space]):
    """The policy of a space; fields left out stay."""

    approver_roles = serializers.ListField(child=serializers.CharField(max_length=20), required=False)

    approver_groups = serializers.ListField(child=serializers.CharField(max_length=63), required=False)

    class Meta:
        model = Space
        fields = POLICY_FIELDS
        extra_kwargs = {name: {"required": False} for name in POLICY_FIELDS}


class SpaceChange(Input):
    cluster = serializers.CharField(max_length=63, required=False)
    namespace = text(63)
    ceilings = Ceilings(required=False)
    version = text(40, help_text="of the space as you saw it: a later change by somebody else is then refused")
    reason = rule_reason()


class SpaceInput(Input):
    environment = serializers.CharField(max_length=20)
    cluster = serializers.CharField(max_length=63)
    namespace = text(63, default="")
    ceilings = Ceilings(required=False)


class PolicyInput(Policy):
    version = text(40)
    reason = rule_reason()
    despite_warnings = serializers.BooleanField(
        required=False, help_text="else a policy under which nobody could deploy there is refused"
    )

    class Meta:
        model = Space
        fields = (*POLICY_FIELDS, "version", "reason", "despite_warnings")
        extra_kwargs = Policy.Meta.extra_kwargs


class SyncOutput(serializers.Serializer[Any]):
    state = serializers.ChoiceField(RunState.choices)
    phase = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    contact_lost_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class QuotaLineOutput(serializers.Serializer[Any]):
    quota = serializers.CharField()
    resource = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    hard = serializers.CharField()
    used = serializers.CharField()
    free = serializers.CharField()


class Grants(Input):
    """Names by kind; kinds left out stay, an empty list takes them away."""

    def get_fields(self) -> dict[str, Any]:
        return {
            one.name: serializers.ListField(
                child=serializers.CharField(max_length=253), required=False, help_text=one.help.in_english
            )
            for one in GRANTS
        }


class GrantsInput(Grants):
    """The same with the version of the space that was seen."""

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"version": text(40)}


class RuleDecisionInput(Input):
    reason = text(500, default="", help_text="needed to refuse")


class RuleChangeOutput(serializers.ModelSerializer[RuleChange]):
    number = serializers.IntegerField(source="pk")
    project = serializers.SerializerMethodField()
    environment = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    proposed_by = serializers.CharField(source="proposed_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default="", allow_blank=True)

    class Meta:
        model = RuleChange
        fields = (
            "number", "project", "environment", "state", "before", "after", "reason", "proposed_by", "proposed_at",
            "expires_at", "decided_by", "decided_at", "decision_reason", "is_by_shell",
        )  # fmt: skip

    def get_project(self, row: RuleChange) -> str:
        """Short name; blank for a rule of the site."""
        return row.audit_subject.project

    def get_environment(self, row: RuleChange) -> str:
        """Short name; blank for a whole project."""
        return row.audit_subject.environment

    @extend_schema_field(serializers.ChoiceField(RuleChangeState.choices))
    def get_state(self, row: RuleChange) -> str:
        """As of now: a proposal lapses at its minute."""
        return state_of(row)


class SpaceOutput(serializers.Serializer[Any]):
    project = serializers.CharField()
    environment = serializers.CharField()
    cluster = serializers.CharField()
    namespace = serializers.CharField()
    ceilings = Ceilings()
    policy = Policy()
    rule_change = RuleChangeOutput(allow_null=True, help_text="what waits for a second person")
    grants = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    version = serializers.CharField()
    sync = SyncOutput(allow_null=True)
    quota = QuotaLineOutput(many=True)
    quota_seen_at = serializers.DateTimeField(allow_null=True)
    is_archived = serializers.BooleanField()
