"""Forms of people, projects, places and rights. They only read what was typed; services judge it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, Project
from environments.ceilings import CEILINGS, show_ceilings
from environments.choices import SITE_ROLES, Role
from environments.grants import GRANTS
from environments.models import Cluster, Environment, Group, Space
from environments.policy import APPROVERS, POLICY_FIELDS
from environments.services.clusters import CREDENTIAL_FIELDS as CREDENTIALS
from environments.services.spaces import version_of


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Your reason"), max_length=500, required=False, help_text=_("Stands in the audit; a refusal needs one.")
    )


def _rule_reason() -> forms.CharField:
    return forms.CharField(
        label=_("Reason"), max_length=500, required=False,
        help_text=_("Needed where a rule of production gets looser: a second person confirms that within 24 hours."),
    )  # fmt: skip


class OrganisationForm(forms.Form):
    slug = forms.CharField(label=_("Short name"), max_length=63)
    name = forms.CharField(label=_("Name"), max_length=120)
    name_en = forms.CharField(label=_("Name in English"), max_length=120, required=False)


class ProjectForm(forms.Form):
    organisation = forms.ModelChoiceField(
        Organisation.objects.all(), label=_("Organisation"), to_field_name="slug", empty_label=None
    )
    slug = forms.CharField(
        label=_("Short name"),
        max_length=63,
        help_text=_("Becomes part of image names and namespaces, and stays as it is."),
    )
    name = forms.CharField(label=_("Name"), max_length=120)
    name_en = forms.CharField(label=_("Name in English"), max_length=120, required=False)
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea)
    change_ticket_pattern = forms.CharField(
        label=_("Pattern of change tickets"),
        max_length=200,
        required=False,
        help_text=_("A regular expression, e.g. CHG[0-9]{6}."),
    )
    reason = _rule_reason()
    administrators = forms.CharField(
        label=_("Make project administrator"), required=False,
        help_text=_("User names with spaces between, never your own; they can then add the other members."),
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = dict(self.cleaned_data)
        values["organisation"] = values["organisation"].slug
        values["administrators"] = values["administrators"].replace(",", " ").split()
        return values


class PersonForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=64)
    name = forms.CharField(label=_("Name"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    email = forms.CharField(label=_("E-mail"), max_length=254, required=False)
    note = forms.CharField(label=_("Note"), max_length=200, required=False)
    note_en = forms.CharField(label=_("Note in English"), max_length=200, required=False)
    password = forms.CharField(label=_("Password"), max_length=200, strip=False, widget=forms.PasswordInput)


class GroupForm(forms.Form):
    slug = forms.CharField(label=_("Short name"), max_length=63)
    name = forms.CharField(label=_("Name"), max_length=120)
    name_en = forms.CharField(label=_("Name in English"), max_length=120, required=False)


class GroupMemberForm(forms.Form):
    username = forms.CharField(
        label=_("User name"), max_length=64, help_text=_("Somebody else: nobody adds himself to a group.")
    )
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.update(list="people-to-add", autocomplete="off")


class NewPasswordForm(forms.Form):
    password = forms.CharField(label=_("New password"), max_length=200, strip=False, widget=forms.PasswordInput)


def _moment(label: Any, **more: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget, **more)


class MembershipForm(forms.Form):
    username = forms.CharField(
        label=_("User name"), max_length=64, required=False,
        help_text=_("Somebody else: nobody gives himself a role or a grant."),
    )  # fmt: skip
    group = forms.ModelChoiceField(
        Group.objects.all(), label=_("Or a group"), required=False, to_field_name="slug",
        empty_label=_("none: one person"),
    )  # fmt: skip
    role = forms.ChoiceField(label=_("Role"))
    environment = forms.ModelChoiceField(
        Environment.objects.none(), label=_("Environment"), required=False, to_field_name="slug",
        empty_label=_("the whole project"), help_text=_("A grant needs one; a project administrator has none."),
    )  # fmt: skip
    starts_at = _moment(_("From"))
    ends_at = _moment(_("Until"), help_text=_("A grant needs an end."))
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role, place = self.fields["role"], self.fields["environment"]
        assert isinstance(role, forms.ChoiceField) and isinstance(place, forms.ModelChoiceField)
        role.choices = [(value, label) for value, label in Role.choices if value not in SITE_ROLES]
        place.queryset = Environment.objects.filter(spaces__in=Space.objects.filter(project=project, is_archived=False))
        self.fields["username"].widget.attrs.update(list="people-to-add", autocomplete="off")

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = dict(self.cleaned_data)
        for name in ("environment", "group"):
            values[name] = values[name].slug if values[name] else ""
        return values


class SiteRoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"))
    starts_at = _moment(_("From"))
    ends_at = _moment(_("Until"))
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        role.choices = [(value, label) for value, label in Role.choices if value in SITE_ROLES]


KEPT = _("kept; type to replace")
"""Stands in the field of a credential that is stored: it is never shown again."""


class ClusterForm(forms.Form):
    slug = forms.CharField(label=_("Short name"), max_length=63)
    name = forms.CharField(label=_("Name"), max_length=120)
    kubeconfig = forms.CharField(
        label=_("Kubeconfig"), required=False, widget=forms.Textarea, strip=False,
        help_text=_("Paste one to fill in address and credentials; commands and file names in it are refused."),
    )  # fmt: skip
    in_cluster = forms.BooleanField(
        label=_("The cluster that this platform runs in"), required=False,
        help_text=_(
            "Address, CA certificate and token are those of the platform's own pod; leave the fields below empty."
        ),
    )  # fmt: skip
    url = forms.CharField(
        label=_("API server URL"),
        max_length=300,
        required=False,
        help_text=_("E.g. https://10.0.0.1:6443; or a kubeconfig."),
    )
    ca_pem = forms.CharField(label=_("CA certificate (PEM)"), required=False, widget=forms.Textarea)
    token = forms.CharField(label=_("Token"), required=False, widget=forms.PasswordInput)
    client_cert_pem = forms.CharField(label=_("Client certificate (PEM)"), required=False, widget=forms.Textarea)
    client_key_pem = forms.CharField(label=_("Client key (PEM)"), required=False, widget=forms.Textarea)
    tls_server_name = forms.CharField(label=_("TLS server name"), max_length=253, required=False)
    verify_tls = forms.BooleanField(label=_("Verify the certificate"), required=False, initial=True)
    registries = forms.CharField(
        label=_("Extra image registries allowed"),
        required=False,
        widget=forms.Textarea,
        help_text=_("One host[:port] a line."),
    )
    forget_credentials = forms.BooleanField(
        label=_("Forget the stored credentials"), required=False,
        help_text=_("Token, certificate and key are never shown again; left blank they stay as they are."),
    )  # fmt: skip

    def __init__(self, *args: Any, cluster: Cluster | None = None, **kwargs: Any) -> None:
        if cluster is not None:
            open_fields = ("slug", "name", "in_cluster", "url", "ca_pem", "tls_server_name", "verify_tls")
            shown = {name: getattr(cluster, name) for name in open_fields}
            kwargs.setdefault("initial", shown | {"registries": "\n".join(cluster.registries)})
        super().__init__(*args, **kwargs)
        self.fields.pop("forget_credentials" if cluster is None else "slug")
        for name in CREDENTIALS:
            self.fields[name].widget.attrs["autocomplete"] = "off"
            if cluster is not None and getattr(cluster, name):
                self.fields[name].widget.attrs["placeholder"] = KEPT
        for name in ("ca_pem", "client_cert_pem", "client_key_pem", "kubeconfig", "registries"):
            self.fields[name].widget.attrs.update({"rows": 4, "class": "code", "spellcheck": "false"})

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return dict(self.cleaned_data) | {"registries": self.cleaned_data["registries"].split()}


class EnvironmentForm(forms.Form):
    slug = forms.CharField(label=_("Short name"), max_length=20)
    name = forms.CharField(label=_("Name"), max_length=60)
    name_en = forms.CharField(label=_("Name in English"), max_length=60, required=False)
    position = forms.IntegerField(label=_("Position"), min_value=0, max_value=999, initial=0)
    follows = forms.ModelMultipleChoiceField(
        Environment.objects.filter(is_archived=False), label=_("Follows"), required=False, to_field_name="slug",
        widget=forms.CheckboxSelectMultiple, help_text=_("An order may come here once it succeeded in one of these."),
    )  # fmt: skip
    twin = forms.ModelChoiceField(
        Environment.objects.filter(is_archived=False),
        label=_("Twin of"),
        required=False,
        to_field_name="slug",
        empty_label=_("none"),
    )
    is_production = forms.BooleanField(
        label=_("Production"), required=False, help_text=_("The site's minimum of rules holds for its spaces.")
    )
    reason = _rule_reason()

    def __init__(self, *args: Any, environment: Environment | None = None, **kwargs: Any) -> None:
        if environment is not None:
            shown = {name: getattr(environment, name) for name in ("name", "name_en", "position", "is_production")}
            shown["follows"] = [before.slug for before in environment.follows.all()]
            shown["twin"] = environment.twin.slug if environment.twin else ""
            kwargs.setdefault("initial", shown)
        super().__init__(*args, **kwargs)
        if environment is None or not environment.is_production:
            del self.fields["reason"]
        if environment is not None:
            del self.fields["slug"]
            for name in ("follows", "twin"):
                field = self.fields[name]
                assert isinstance(field, forms.ModelChoiceField)
                field.queryset = Environment.objects.filter(is_archived=False).exclude(pk=environment.pk)

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = dict(self.cleaned_data)
        values["follows"] = [before.slug for before in values["follows"]]
        values["twin"] = values["twin"].slug if values["twin"] else ""
        return values


class SpaceForm(forms.Form):
    environment = forms.ModelChoiceField(
        Environment.objects.filter(is_archived=False), label=_("Environment"), to_field_name="slug", empty_label=None
    )
    cluster = forms.ModelChoiceField(
        Cluster.objects.filter(is_archived=False), label=_("Cluster"), to_field_name="slug", empty_label=None
    )
    namespace = forms.CharField(
        label=_("Namespace"), max_length=63, required=False,
        help_text=_("Empty: project-environment. What runs in a namespace that a space leaves stays there, unwatched."),
    )  # fmt: skip
    version = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = _rule_reason()

    def __init__(self, *args: Any, space: Space | None = None, **kwargs: Any) -> None:
        if space is not None:
            shown = {"cluster": space.cluster.slug, "namespace": space.namespace, "version": version_of(space)}
            kwargs.setdefault("initial", shown | show_ceilings(space))
        super().__init__(*args, **kwargs)
        for ceiling in CEILINGS:
            label = f"{ceiling.label} ({ceiling.measure.unit})" if ceiling.measure.unit else str(ceiling.label)
            self.fields[ceiling.name] = forms.CharField(label=label, required=False, max_length=40)
            self.fields[ceiling.name].widget.attrs["inputmode"] = "decimal"
        if space is not None:
            del self.fields["environment"]
        if space is not None and space.environment.is_production:
            self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])
        else:
            del self.fields["reason"]

    def values(self) -> dict[str, Any]:
        """What the service takes, but for the version."""
        given = self.cleaned_data
        values: dict[str, Any] = {"cluster": given["cluster"].slug, "namespace": given["namespace"]}
        if "environment" in given:
            values["environment"] = given["environment"].slug
        if "reason" in given:
            values["reason"] = given["reason"]
        values["ceilings"] = {ceiling.name: given[ceiling.name] for ceiling in CEILINGS}
        return values


class PolicyForm(forms.Form):
    """Every field of the policy with the model's own label, limits and help."""

    GROUPS = (
        (_("Promotion"), ("creators_may_promote", "promote_automatically", "branch_pattern", "change_ticket_required")),
        (
            _("Review and approval"),
            (
                "asks_review",
                "approvals",
                "approver_roles",
                "approver_groups",
                "approvals_per_group",
                "approval_hours",
                "approval_needs_comment",
                "four_eyes",
            ),
        ),
        (
            _("Deployment"),
            (
                "operations_only",
                "scale_minimum",
                "scale_maximum",
                "deploy_deadline_seconds",
                "settle_seconds",
                "auto_rollback",
                "force_conflicts",
            ),
        ),
    )

    version = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = _rule_reason()

    def __init__(self, *args: Any, space: Space, **kwargs: Any) -> None:
        shown = {name: getattr(space, name) for name in POLICY_FIELDS}
        kwargs.setdefault("initial", shown | {"version": version_of(space)})
        super().__init__(*args, **kwargs)
        fields = forms.fields_for_model(Space, fields=POLICY_FIELDS)
        fields["approver_roles"] = forms.MultipleChoiceField(
            label=_("Roles that may approve"), required=False, widget=forms.CheckboxSelectMultiple,
            choices=[(value, label) for value, label in Role.choices if value in APPROVERS],
            help_text=_("None chosen: all of them."),
        )  # fmt: skip
        fields["approver_groups"] = forms.MultipleChoiceField(
            label=_("Groups whose people may approve"), required=False, widget=forms.CheckboxSelectMultiple,
            choices=[(group.slug, f"{group.slug} {group.shown_name}") for group in Group.objects.all()],
            help_text=_("None chosen: people of any group and of none."),
        )  # fmt: skip
        for name in POLICY_FIELDS:
            self.fields[name] = fields[name]
        self.fields["despite_warnings"] = forms.BooleanField(
            label=_("Save it though nobody could deploy then"), required=False
        )
        if not space.environment.is_production:
            del self.fields["reason"]

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Heading and fields of each card."""
        return [(heading, [self[name] for name in names]) for heading, names in self.GROUPS]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return dict(self.cleaned_data)


class GrantsForm(forms.Form):
    """A line for each kind of way out; names with spaces or commas between."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, space: Space, **kwargs: Any) -> None:
        shown = {grant.name: " ".join(space.grants.get(grant.name, [])) for grant in GRANTS}
        kwargs.setdefault("initial", shown | {"version": version_of(space)})
        super().__init__(*args, **kwargs)
        for grant in GRANTS:
            self.fields[grant.name] = forms.CharField(
                label=str(grant.label), help_text=str(grant.help), required=False, max_length=20_000
            )

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        given = {grant.name: self.cleaned_data[grant.name].replace(",", " ").split() for grant in GRANTS}
        return given | {"version": self.cleaned_data["version"]}
