"""Forms of the components app. Services check; forms only carry what was typed and what was wrong with it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from components.choices import EntryKind, TemplateKind
from components.models import (
    NAMES_ONLY,
    SETTINGS_TEXTS,
    Component,
    ComponentSettings,
    EntryCheck,
    ImageRegistry,
    JenkinsServer,
)
from components.offers import LONGEST_LIST, names_offered
from components.selectors import list_base_images, toolchain_of, usable_templates
from components.services.allocations import AMOUNTS, QUANTITIES
from components.services.components import TEMPLATES
from components.services.entry_checks import FIELDS as ENTRY_FIELDS
from components.services.scaling_rules import NUMBERS
from components.settings_fields import text_column
from environments.models import Environment


class RawTextField(forms.CharField):
    """Text as typed: the service says what does not fit."""

    def __init__(self, label: Any, most: int, help_text: Any = "", **more: Any) -> None:
        super().__init__(label=label, max_length=most, help_text=help_text, **{"required": False, **more})


class SeenForm(forms.Form):
    """Carries the version that the form was drawn from, and why it is changed."""

    seen_number = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    note = RawTextField(_("What changed and why"), 200)


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


def _text_field(name: str) -> RawTextField:
    """The column of the settings as text to type, with its own label, length and help."""
    column = text_column(name)
    is_long = isinstance(column, models.TextField)
    # Texts that a machine reads are shown in monospace, and no browser corrects them.
    attrs = {} if name in NAMES_ONLY else {"spellcheck": "false", "autocapitalize": "off", "class": "code"}
    return RawTextField(
        capfirst(column.verbose_name),
        column.max_length or 0,
        column.help_text,
        widget=forms.Textarea(attrs={**attrs, "rows": 3}) if is_long else forms.TextInput(attrs=attrs),
    )


class SettingsForm(SeenForm):
    """The original screen's fields, in its four groups."""

    dockerfile = forms.ChoiceField(label=_("Dockerfile"), required=False)
    base_image = forms.ChoiceField(label=_("Base image"), required=False)
    bootstart = forms.ChoiceField(label=_("BootStart file"), required=False)
    deployment_template = forms.ChoiceField(label=_("Deployment template"), required=False)
    service_template = forms.ChoiceField(label=_("Service template"), required=False)

    IDENTITY = ("name_zh", "service_name", "description")
    BUILD = tuple(name for name in SETTINGS_TEXTS if name not in ("name_zh", "service_name", "description"))
    IMAGE = ("dockerfile", "base_image", "bootstart", "deployment_template", "service_template")

    def __init__(
        self,
        *args: Any,
        component: Component,
        current: ComponentSettings | None = None,
        is_open: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name in SETTINGS_TEXTS:
            self.fields[name] = _text_field(name)
        for name, kind in TEMPLATES.items():
            names = [template.name for template in usable_templates(component.project, kind)]
            self._offer(name, names, getattr(current, name, None))
        images = [str(image) for image in list_base_images()]
        self._offer("base_image", images, current.base_image if current else None)
        self._list_offered(component)
        close(self, is_open)

    def _list_offered(self, component: Component) -> None:
        """Names of jobs and nodes that the project's Jenkins offers it, for the browser to suggest."""
        toolchain = toolchain_of(component.project)
        jenkins = toolchain.jenkins if toolchain else None
        offered = {"job_name": getattr(jenkins, "jobs", ""), "node_label": getattr(jenkins, "nodes", "")}
        self.suggestions: dict[str, list[str]] = {}
        for name, text in offered.items():
            if names := names_offered(text, component.project.slug):
                self.suggestions[f"offered-{name}"] = names
                self.fields[name].widget.attrs["list"] = f"offered-{name}"

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
    replicas = RawTextField(_("Replicas"), 9)
    cpu_request = RawTextField(_("CPU (cores), lower"), 40)
    cpu_limit = RawTextField(_("CPU (cores), upper"), 40)
    memory_request = RawTextField(_("Memory (G), lower"), 40)
    memory_limit = RawTextField(_("Memory (G), upper"), 40)

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


class EntryCheckForm(SeenForm):
    """What the entry must answer; which fields count depends on what is asked."""

    kind = forms.ChoiceField(label=_("What is asked"), widget=forms.RadioSelect)

    field_order = (*ENTRY_FIELDS, "note", "seen_number")

    def __init__(self, *args: Any, is_general: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [one for one in EntryKind.choices if not (is_general and one[0] == EntryKind.EVERYWHERE)]
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = kinds
        for name in ENTRY_FIELDS[1:]:
            column = EntryCheck._meta.get_field(name)
            assert isinstance(column, models.Field)
            is_number = name == "patience_seconds"
            attrs = {"inputmode": "numeric"} if is_number else {"spellcheck": "false", "autocapitalize": "off"}
            widget = forms.TextInput(attrs={**attrs, "class": "code"})
            most = 9 if is_number else column.max_length or 0
            self.fields[name] = RawTextField(capfirst(column.verbose_name), most, column.help_text, widget=widget)
        self.order_fields(self.field_order)


def close(form: forms.Form, is_open: bool) -> None:
    """A form that the viewer may read only: what is sent for its fields does not count."""
    for field in form.fields.values():
        field.disabled = not is_open


class ScalingRuleForm(SeenForm):
    """The scaling rule of one environment; what does not fit is said by the service."""

    is_on = forms.BooleanField(
        label=_("An autoscaler sets the number of replicas"),
        required=False,
        help_text=_("Off: from the next deployment on the allocation says the number again."),
    )
    minimum = RawTextField(_("Minimum replicas"), 9, _("It also starts with these where nothing runs yet."))
    maximum = RawTextField(_("Maximum replicas"), 9, _("The quota of the space is counted up to it."))
    cpu_percent = RawTextField(
        _("CPU target, percent of the lower bound"), 9, _("Mean use of all pods, in percent of the CPU lower bound.")
    )
    scale_up_seconds = RawTextField(
        _("Cool-down before more pods (seconds)"), 9, _("The smallest number wanted in this time counts. 0: at once.")
    )
    scale_down_seconds = RawTextField(
        _("Cool-down before fewer pods (seconds)"), 9, _("The largest number wanted in this time counts.")
    )

    field_order = (
        "is_on", "minimum", "maximum", "cpu_percent", "scale_up_seconds", "scale_down_seconds", "note", "seen_number"
    )  # fmt: skip

    def __init__(self, *args: Any, is_open: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in NUMBERS:
            self.fields[name].widget.attrs.update(inputmode="numeric", size=6, autocomplete="off")
        close(self, is_open)


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
    note = RawTextField(_("What changed and why"), 200)

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
    note = RawTextField(_("Note"), 200)


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


def _offers(label: Any, help_text: Any, *, initial: str) -> RawTextField:
    widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocapitalize": "off", "class": "code"})
    return RawTextField(label, LONGEST_LIST, help_text, widget=widget, initial=initial)


def _ca() -> forms.CharField:
    help_text = _("Only for a certificate that the machine does not trust anyway.")
    return RawTextField(_("CA certificate (PEM)"), 100_000, help_text, widget=forms.Textarea(attrs={"rows": 4}))


class JenkinsForm(forms.Form):
    slug = RawTextField(_("Short name"), 63, required=True)
    name = RawTextField(_("Name"), 120, required=True)
    url = RawTextField("URL", 300, required=True)
    username = RawTextField(_("User name"), 120, required=True)
    token = _secret(_("API token"))
    credentials_id = RawTextField(
        _("Git credentials id"), 120, _("Its id in Jenkins."), initial="GitLab", required=True
    )
    image_node_label = RawTextField(
        _("Node that makes images"),
        128,
        _("Only it needs the registry's credentials. Empty: the component's own node."),
    )
    queue_deadline_seconds = forms.IntegerField(
        label=_("Queue deadline (seconds)"), min_value=10, max_value=86_400, initial=1800,
        help_text=_("A build that waits longer in the queue is taken out of it. Time without contact does not count."),
    )  # fmt: skip
    build_deadline_seconds = forms.IntegerField(
        label=_("Build deadline (seconds)"), min_value=10, max_value=86_400, initial=3600,
        help_text=_("A build that runs longer is stopped. Time without contact does not count."),
    )  # fmt: skip
    quiet_period_seconds = forms.IntegerField(
        label=_("Quiet period (seconds)"), min_value=0, max_value=60, initial=1,
        help_text=_("How long each build waits in the queue, for a request that a proxy repeats."),
    )  # fmt: skip
    claims = forms.BooleanField(
        label=_("Builds ask the platform first"), required=False, initial=True,
        help_text=_("Nodes can reach the platform: of two builds of one request only the first one goes on."),
    )  # fmt: skip
    claim_wait_seconds = forms.IntegerField(
        label=_("Wait for that answer (seconds)"), min_value=1, max_value=600, initial=30
    )
    jobs = _offers(
        _("Jobs for projects"),
        _("A line each: a project's short name or *, and a job, with its folders; * in a part, ** for whole parts."),
        initial="* **",
    )
    nodes = _offers(
        _("Nodes for projects"),
        _("A line each: a project's short name or *, and the label of a node; * stands for letters."),
        initial="* *",
    )
    ca_pem = _ca()


class GitForm(forms.Form):
    host = RawTextField(_("Host"), 253, _("With :port where it is not the usual one."), required=True)
    name = RawTextField(_("Name"), 120, required=True)
    allow_http = forms.BooleanField(label=_("Plain http allowed"), required=False)
    username = RawTextField(_("User name"), 120)
    password = _secret(_("Password or token"))
    ssh_key = _secret(_("SSH key"), is_long=True)
    repositories = _offers(
        _("Repositories for projects"),
        _("A line each: a project's short name or *, and a path such as group/name; * in a part, ** for whole parts."),
        initial="* **",
    )
    ca_pem = _ca()


class RegistryForm(forms.Form):
    slug = RawTextField(_("Short name"), 63, required=True)
    name = RawTextField(_("Name"), 120, required=True)
    address = RawTextField(_("Address"), 253, _("host or host:port: image names begin with it."), required=True)
    url = RawTextField(_("API URL"), 300, required=True)
    username = RawTextField(_("User name"), 120)
    password = _secret(_("Password or token"))
    ca_pem = _ca()


class TestForm(forms.Form):
    subject = RawTextField(_("What to try"), 300)

    def __init__(self, help_text: Any = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields["subject"].help_text = help_text
