"""Forms of organisations, projects, people and the roles they hold."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, Project
from environments.choices import SITE_ROLES, Role
from environments.models import Environment, Space


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
    administrators = forms.CharField(
        label=_("Make project administrator"), required=False,
        help_text=_("User names with spaces between; they can then add the other members."),
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


class NewPasswordForm(forms.Form):
    password = forms.CharField(label=_("New password"), max_length=200, strip=False, widget=forms.PasswordInput)


def _moment(label: Any, **more: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget, **more)


class MembershipForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=64)
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
        place.queryset = Environment.objects.filter(spaces__in=Space.objects.filter(project=project))
        self.fields["username"].widget.attrs.update(list="people-to-add", autocomplete="off")

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        values = dict(self.cleaned_data)
        values["environment"] = values["environment"].slug if values["environment"] else ""
        return values


class SiteRoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"))
    ends_at = _moment(_("Until"))
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        role.choices = [(value, label) for value, label in Role.choices if value in SITE_ROLES]
