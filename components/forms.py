"""Forms of the components' room. Services check; forms only carry what was typed and what was wrong with it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from components.choices import TemplateKind
from components.models import Component, ComponentSettings, ImageRegistry, JenkinsServer
from components.selectors import list_base_images, usable_templates
from components.services.checks import AMOUNTS, QUANTITIES
from components.services.components import TEMPLATES
from environments.models import Environment
from foundation.problems import Invalid


def put_errors(form: forms.Form, error: Invalid) -> None:
    """Sentences of a service at their fields; those of no field stand above the form."""
    for name, sentences in error.fields.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, str(sentence))


class Typed(forms.CharField):
    """Text as typed: the service says what does not fit."""

    def __init__(self, label: Any, most: int, help_text: Any = "", **more: Any) -> None:
        super().__init__(label=label, max_length=most, help_text=help_text, **{"required": False, **more})


class SeenForm(forms.Form):
    """Carries the version that the form was drawn from, and why it is changed."""

    seen_number = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    note = Typed(_("What changed and why"), 200)


class NewComponentForm(forms.Form):
    project = forms.ModelChoiceField(
        queryset=Project.objects.none(),
        to_field_name="slug",
        label=_("Project"),
        help_text=_("The subsystem it belongs to."),
    )
    name = forms.CharField(
        label=_("Component name"),
        max_length=63,
        help_text=_("Letters, digits and hyphens; in lower case it names images and workloads."),
    )

    def __init__(self, *args: Any, projects: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = projects


class SettingsForm(SeenForm):
    """The original screen's fields, in its four groups."""

    name_zh = Typed(_("Chinese name"), 120)
    service_name = Typed(_("Service name"), 63, _("Left empty: the component's name in lower case."))
    git_url = Typed(_("GitLab URL"), 300, _("https://host/group/name.git; the host must be listed under Servers."))
    description = Typed(_("Description"), 4000, widget=forms.Textarea(attrs={"rows": 2}))
    job_name = Typed(_("Jenkins job"), 200)
    node_label = Typed(_("Jenkins node"), 128)
    build_directory = Typed(_("Build directory"), 200, _("“/” is the root of the repository."))
    build_command = Typed(_("Build command"), 8192, widget=forms.Textarea(attrs={"rows": 3}))
    artifact_directory = Typed(_("Artifact directory"), 200, _("Below the build directory."))
    package_name = Typed(_("Package"), 128, _("One file name, for example app.war."))
    dockerfile = forms.ChoiceField(label=_("Dockerfile"), required=False)
    base_image = forms.ChoiceField(label=_("Base image"), required=False)
    bootstart = forms.ChoiceField(label=_("BootStart file"), required=False)
    deployment_template = forms.ChoiceField(label=_("Deployment template"), required=False)
    service_template = forms.ChoiceField(label=_("Service template"), required=False)

    IDENTITY = ("name_zh", "service_name", "description")
    BUILD = (
        "git_url",
        "job_name",
        "node_label",
        "build_directory",
        "build_command",
        "artifact_directory",
        "package_name",
    )
    IMAGE = ("dockerfile", "base_image", "bootstart", "deployment_template", "service_template")
    CODE = ("git_url", "job_name", "node_label", "build_directory", "build_command", "artifact_directory")
    """Texts that a machine reads: shown in monospace, and no browser corrects them."""

    def __init__(
        self,
        *args: Any,
        component: Component,
        current: ComponentSettings | None = None,
        is_open: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name in (*self.CODE, "package_name", "service_name"):
            self.fields[name].widget.attrs.update({"spellcheck": "false", "autocapitalize": "off", "class": "code"})
        for name, kind in TEMPLATES.items():
            names = [template.name for template in usable_templates(component.project, kind)]
            self._offer(name, names, getattr(current, name, None))
        images = [str(image) for image in list_base_images()]
        self._offer("base_image", images, current.base_image if current else None)
        close(self, is_open)

    def _offer(self, name: str, texts: list[str], chosen: object | None) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        # What is set may have been archived since: it stays in the list until another is chosen.
        if chosen is not None and str(chosen) not in texts:
            texts = [*texts, str(chosen)]
        field.choices = [("", "–"), *((text, text) for text in texts)]

    def identity(self) -> list[forms.BoundField]:
        """The fields of the first card."""
        return [self[name] for name in self.IDENTITY]

    def build(self) -> list[forms.BoundField]:
        """What Jenkins is told."""
        return [self[name] for name in self.BUILD]

    def image(self) -> list[forms.BoundField]:
        """What the image and the manifests are made from."""
        return [self[name] for name in self.IMAGE]


class AmountsForm(forms.Form):
    """One column of the grid; its prefix is the environment's slug."""

    seen_number = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    replicas = Typed(_("Replicas"), 9)
    cpu_request = Typed(_("CPU (cores), lower"), 40)
    cpu_limit = Typed(_("CPU (cores), upper"), 40)
    memory_request = Typed(_("Memory (G), lower"), 40)
    memory_limit = Typed(_("Memory (G), upper"), 40)

    def __init__(
        self, data: Any = None, *, environment: Environment, initial: dict[str, Any], is_open: bool = True
    ) -> None:
        super().__init__(data, prefix=environment.slug, initial=initial)
        self.environment = environment
        for name in AMOUNTS:
            mode = "decimal" if name in QUANTITIES else "numeric"
            self.fields[name].widget.attrs.update(inputmode=mode, size=6, autocomplete="off")
        close(self, is_open)

    @property
    def is_empty(self) -> bool:
        """True when nobody typed anything in this column."""
        return not any(self.cleaned_data.get(name) for name in AMOUNTS)

    def typed(self) -> dict[str, str]:
        """The five amounts as they stand in the form."""
        return {name: str(self[name].value() or "") for name in AMOUNTS}


def close(form: forms.Form, is_open: bool) -> None:
    """A form that the viewer may read only: what is sent for its fields does not count."""
    for field in form.fields.values():
        field.disabled = not is_open


class NewTemplateForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=TemplateKind.choices)
    name = forms.CharField(label=_("File name"), max_length=120)
    project = forms.ModelChoiceField(
        queryset=Project.objects.none(),
        to_field_name="slug",
        required=False,
        label=_("Project"),
        empty_label=_("global"),
    )
    body = forms.CharField(
        label=_("Text"), strip=False, widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false"})
    )
    note = Typed(_("What changed and why"), 200)

    def __init__(self, *args: Any, projects: Any, may_be_global: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = projects
        if not may_be_global:
            field.required, field.empty_label = True, None


class VersionForm(SeenForm):
    body = forms.CharField(
        label=_("Text"), strip=False, widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"})
    )

    field_order = ("body", "note", "seen_number")


class BaseImageForm(forms.Form):
    image = forms.CharField(
        label=_("Base image"), max_length=400, help_text=_("Path and tag, for example /base/middleware/tomcat 8.0.14.")
    )
    note = Typed(_("Note"), 200)


class ToolchainForm(forms.Form):
    jenkins = forms.ModelChoiceField(queryset=JenkinsServer.objects.none(), to_field_name="slug", label="Jenkins")
    registry = forms.ModelChoiceField(
        queryset=ImageRegistry.objects.none(), to_field_name="slug", label=_("Image registry")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, model in (("jenkins", JenkinsServer), ("registry", ImageRegistry)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = model.objects.filter(is_archived=False)


# ---------------------------------------------------------------- servers
KEPT = _("kept; type to replace")
"""Stands in the field of a credential that is stored: it is never shown again."""


def _secret(label: Any, *, is_long: bool = False) -> forms.CharField:
    attrs = {"autocomplete": "new-password"}
    widget = forms.Textarea(attrs={**attrs, "rows": 4}) if is_long else forms.PasswordInput(attrs=attrs)
    help_text = _("Never shown again. Left empty: the stored one stays.")
    return forms.CharField(label=label, required=False, strip=False, widget=widget, help_text=help_text)


def _ca() -> forms.CharField:
    help_text = _("Only for a certificate that the machine does not trust anyway.")
    return Typed(_("CA certificate (PEM)"), 100_000, help_text, widget=forms.Textarea(attrs={"rows": 4}))


class JenkinsForm(forms.Form):
    slug = Typed(_("Short name"), 63, required=True)
    name = Typed(_("Name"), 120, required=True)
    url = Typed("URL", 300, required=True)
    username = Typed(_("User name"), 120, required=True)
    token = _secret(_("API token"))
    credentials_id = Typed(_("Git credentials id"), 120, _("Its id in Jenkins."), initial="GitLab", required=True)
    build_deadline_seconds = forms.IntegerField(
        label=_("Build deadline (seconds)"), min_value=10, max_value=86_400, initial=3600
    )
    ca_pem = _ca()


class GitForm(forms.Form):
    host = Typed(_("Host"), 253, _("With :port where it is not the usual one."), required=True)
    name = Typed(_("Name"), 120, required=True)
    allow_http = forms.BooleanField(label=_("Plain http allowed"), required=False)
    username = Typed(_("User name"), 120)
    password = _secret(_("Password or token"))
    ssh_key = _secret(_("SSH key"), is_long=True)
    ca_pem = _ca()


class RegistryForm(forms.Form):
    slug = Typed(_("Short name"), 63, required=True)
    name = Typed(_("Name"), 120, required=True)
    address = Typed(_("Address"), 253, _("host or host:port: image names begin with it."), required=True)
    url = Typed(_("API URL"), 300, required=True)
    username = Typed(_("User name"), 120)
    password = _secret(_("Password or token"))
    ca_pem = _ca()


class TestForm(forms.Form):
    subject = Typed(_("What to try"), 300)

    def __init__(self, help_text: Any = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields["subject"].help_text = help_text
