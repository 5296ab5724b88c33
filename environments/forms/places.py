"""Forms of clusters, environments, spaces and policies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from environments.ceilings import CEILINGS, show_ceilings
from environments.choices import Role
from environments.models import Cluster, Environment, Space
from environments.policy import APPROVERS, POLICY_FIELDS
from environments.services.clusters import CREDENTIAL_FIELDS as CREDENTIALS
from environments.services.spaces import version_of

KEPT = _("kept; type to replace")
"""Stands in the field of a credential that is stored: it is never shown again."""


class ClusterForm(forms.Form):
    slug = forms.CharField(label=_("Short name"), max_length=63)
    name = forms.CharField(label=_("Name"), max_length=120)
    kubeconfig = forms.CharField(
        label=_("Kubeconfig"), required=False, widget=forms.Textarea, strip=False,
        help_text=_("Paste one to fill in address and credentials; commands and file names in it are refused."),
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
            open_fields = ("slug", "name", "url", "ca_pem", "tls_server_name", "verify_tls")
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
        Environment.objects.all(), label=_("Follows"), required=False, to_field_name="slug",
        widget=forms.CheckboxSelectMultiple, help_text=_("An order may come here once it succeeded in one of these."),
    )  # fmt: skip
    twin = forms.ModelChoiceField(
        Environment.objects.all(), label=_("Twin of"), required=False, to_field_name="slug", empty_label=_("none")
    )
    is_production = forms.BooleanField(
        label=_("Production"), required=False, help_text=_("The site's minimum of rules holds for its spaces.")
    )

    def __init__(self, *args: Any, environment: Environment | None = None, **kwargs: Any) -> None:
        if environment is not None:
            shown = {name: getattr(environment, name) for name in ("name", "name_en", "position", "is_production")}
            shown["follows"] = [before.slug for before in environment.follows.all()]
            shown["twin"] = environment.twin.slug if environment.twin else ""
            kwargs.setdefault("initial", shown)
        super().__init__(*args, **kwargs)
        if environment is not None:
            del self.fields["slug"]
            for name in ("follows", "twin"):
                field = self.fields[name]
                assert isinstance(field, forms.ModelChoiceField)
                field.queryset = Environment.objects.exclude(pk=environment.pk)

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = dict(self.cleaned_data)
        values["follows"] = [before.slug for before in values["follows"]]
        values["twin"] = values["twin"].slug if values["twin"] else ""
        return values


class SpaceForm(forms.Form):
    environment = forms.ModelChoiceField(
        Environment.objects.all(), label=_("Environment"), to_field_name="slug", empty_label=None
    )
    cluster = forms.ModelChoiceField(
        Cluster.objects.filter(is_archived=False), label=_("Cluster"), to_field_name="slug", empty_label=None
    )
    namespace = forms.CharField(
        label=_("Namespace"), max_length=63, required=False,
        help_text=_("Empty: project-environment. What runs in a namespace that a space leaves stays there, unwatched."),
    )  # fmt: skip
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, space: Space | None = None, **kwargs: Any) -> None:
        if space is not None:
            shown = {"cluster": space.cluster.slug, "namespace": space.namespace, "version": version_of(space)}
            kwargs.setdefault("initial", shown | show_ceilings(space))
        super().__init__(*args, **kwargs)
        for ceiling in CEILINGS:
            label = f"{ceiling.label} ({ceiling.unit})" if ceiling.unit else str(ceiling.label)
            self.fields[ceiling.name] = forms.CharField(label=label, required=False, max_length=40)
            self.fields[ceiling.name].widget.attrs["inputmode"] = "decimal"
        if space is not None:
            del self.fields["environment"]

    def values(self) -> dict[str, Any]:
        """What the service takes, but for the version."""
        given = self.cleaned_data
        values: dict[str, Any] = {"cluster": given["cluster"].slug, "namespace": given["namespace"]}
        if "environment" in given:
            values["environment"] = given["environment"].slug
        values["ceilings"] = {ceiling.name: given[ceiling.name] for ceiling in CEILINGS}
        return values


class PolicyForm(forms.Form):
    """Every field of the policy with the model's own label, limits and help."""

    GROUPS = (
        (_("Promotion"), ("creators_may_promote", "promote_automatically", "branch_pattern", "change_ticket_required")),
        (
            _("Review and approval"),
            ("asks_review", "approvals", "approver_roles", "approval_hours", "approval_needs_comment", "four_eyes"),
        ),
        (
            _("Deployment"),
            ("operations_only", "deploy_deadline_seconds", "settle_seconds", "auto_rollback", "force_conflicts"),
        ),
    )

    version = forms.CharField(required=False, widget=forms.HiddenInput)

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
        for name in POLICY_FIELDS:
            self.fields[name] = fields[name]

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Heading and fields of each card."""
        return [(heading, [self[name] for name in names]) for heading, names in self.GROUPS]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return dict(self.cleaned_data)
