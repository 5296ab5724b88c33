"""Forms of the order's pages. They read what was typed; services decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from components.models import Component
from environments.access import Rights
from environments.models import Space
from releases.choices import DrpKind, OrderSource, TestVerdict


class OrderForm(forms.Form):
    """A new order. ``component`` names project and component: ``sis-omm/proxy-gw``. ``last``: those used last."""

    project = forms.ChoiceField(
        label=pgettext_lazy("order form", "Project"),
        required=False,
        help_text=_("The subsystem; it narrows the components below."),
    )
    component = forms.ChoiceField(label=_("Component"))
    source = forms.ChoiceField(
        label=_("Made from"), choices=OrderSource.choices, required=False, widget=forms.RadioSelect
    )
    branch = forms.CharField(label=pgettext_lazy("order form", "Branch"), max_length=200, required=False)
    git_tag = forms.CharField(label=_("Git tag"), max_length=200, required=False)
    commit = forms.CharField(
        label=_("Commit"), max_length=40, required=False, help_text=_("At least 7 of its 40 hex digits.")
    )
    on_branch = forms.CharField(
        label=_("On branch"), max_length=200, required=False, help_text=_("Empty: the usual branch that has it.")
    )
    description = forms.CharField(
        label=_("Description"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    change_ticket = forms.CharField(label=_("Change ticket"), required=False, max_length=80)
    changes_database = forms.BooleanField(label=_("Changes the database"), required=False)

    def __init__(self, *args: Any, components: list[Component], last: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects = {component.project.slug: component.project for component in components}
        self.fields["project"].choices = [  # type: ignore[attr-defined]
            ("", _("all")), *((slug, f"{slug.upper()} · {project}") for slug, project in projects.items())
        ]  # fmt: skip
        self.fields["component"].choices = component_choices(components, last)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """One source, and the component must be one of the project, where one is chosen."""
        cleaned = super().clean() or {}
        self._choose(cleaned)
        project, component = cleaned.get("project"), cleaned.get("component")
        if project and component and not component.startswith(f"{project}/"):
            self.add_error("component", _("This component belongs to another project: choose it again."))
        return cleaned

    def _choose(self, cleaned: dict[str, Any]) -> None:
        """What was typed for another source than the chosen one is not meant."""
        chosen = cleaned.pop("source", "") or OrderSource.BRANCH
        on_branch = cleaned.pop("on_branch", "")
        if not cleaned.get(chosen) and chosen not in self.errors:
            self.add_error(chosen, _("Write what the order is made from."))
        for other in {*OrderSource.values} - {chosen}:
            cleaned[other] = ""
        if chosen != OrderSource.BRANCH:
            cleaned["branch"] = on_branch

    @property
    def chosen_source(self) -> str:
        """Which of the three fields counts."""
        return str(self["source"].value() or OrderSource.BRANCH)


Option = tuple[str, str]


def component_choices(components: list[Component], last: Sequence[int] = ()) -> list[tuple[str, list[Option]]]:
    """Components under their projects, for a select; those of ``last`` (ids) stand first, in that order."""
    by_id = {component.pk: component for component in components}
    used = [by_id[pk] for pk in last if pk in by_id]
    groups: dict[str, list[Option]] = {str(_("Used last")): [_option(component) for component in used]} if used else {}
    for component in components:
        if component not in used:
            groups.setdefault(component.project.slug.upper(), []).append(_option(component))
    return list(groups.items())


def _option(component: Component) -> Option:
    name_zh = getattr(component, "name_zh", "") or ""
    return f"{component.project.slug}/{component.slug}", f"{component.name} {name_zh}".strip()


class PromotionForm(forms.Form):
    """The test verdict. ``test_verdict`` is asked only where an environment comes before."""

    test_verdict = forms.ChoiceField(label=_("The test verdict"), widget=forms.RadioSelect, required=False)
    note = forms.CharField(label=_("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    report_url = forms.CharField(
        label=_("Link to the report"), required=False, max_length=500, widget=forms.URLInput(attrs={"inputmode": "url"})
    )

    def __init__(self, *args: Any, space: Space, **kwargs: Any) -> None:
        kwargs["auto_id"] = f"id_{space.environment.slug}_%s"
        super().__init__(*args, **kwargs)
        if space.environment.follows.exists():
            self.fields["test_verdict"].choices = TestVerdict.choices  # type: ignore[attr-defined]
            self.fields["test_verdict"].required = True
        else:
            del self.fields["test_verdict"], self.fields["report_url"]


class ReasonForm(forms.Form):
    """Why; asked for when an order is closed or returned, or a promotion withdrawn."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, is_required: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = is_required


class CommentForm(forms.Form):
    """Something to say on an order's page."""

    text = forms.CharField(label=_("Comment"), max_length=4000, widget=forms.Textarea(attrs={"rows": 2}))


class DecisionForm(forms.Form):
    """Yes or no to one snapshot, by its hash."""

    snapshot = forms.RegexField(r"^[0-9a-f]{12,64}$", widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=[("approve", _("approve")), ("reject", _("reject"))])
    comment = forms.CharField(
        label=pgettext_lazy("decision", "Comment"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class BreakGlassForm(forms.Form):
    """Why, and for how long."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    minutes = forms.TypedChoiceField(
        label=_("For how long"), coerce=int, initial=60,
        choices=[(30, _("30 minutes")), (60, _("1 hour")), (120, _("2 hours")), (240, _("4 hours"))],
    )  # fmt: skip


class BreakGlassReasonForm(forms.Form):
    """What somebody says who ends or reviews it."""

    comment = forms.CharField(
        label=pgettext_lazy("decision", "Comment"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class DrpConfirmForm(forms.Form):
    """The project's code, so that nobody starts the wrong one."""

    code = forms.CharField(
        label=_("The project's code"), max_length=130, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class DrpForm(DrpConfirmForm):
    """A switch or a drill, and why."""

    kind = forms.ChoiceField(label=pgettext_lazy("drp", "What"), choices=DrpKind.choices)
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    field_order = ("kind", "reason", "code")


class DrpReviewForm(forms.Form):
    """What somebody found afterwards."""

    comment = forms.CharField(
        label=pgettext_lazy("decision", "Comment"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class DrpRefuseForm(forms.Form):
    """Why nothing begins."""

    reason = forms.CharField(label=_("Reason"), max_length=500)


class HoldForm(forms.Form):
    """What is held, why, and until when."""

    component = forms.ChoiceField(label=_("What"), required=False)
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    ends_at = forms.DateTimeField(
        label=_("Until"), help_text=_("Within 7 days."),
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip

    def __init__(self, *args: Any, components: Sequence[Component], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._components = {component.slug: component for component in components}
        choices = [("", _("everything in this space")), *((one.slug, one.name) for one in components)]
        self.fields["component"].choices = choices  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return self.cleaned_data | {"component": self._components.get(self.cleaned_data["component"])}


class LiftForm(forms.Form):
    """Why; one's own hold needs none."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, is_own: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = not is_own


class TakeOverForm(forms.Form):
    """Fields of others for one deployment: a tick and why."""

    is_wanted = forms.BooleanField(label=_("Set these fields anew with this deployment"))
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class AskForm(forms.Form):
    """Why approval of going back to one earlier deployment is asked for."""

    to = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class DeployForm(forms.Form):
    """What the person saw and decided on; in production with the last four of the order number, typed."""

    snapshot = forms.RegexField(r"^[0-9a-f]{12,64}$", required=False, widget=forms.HiddenInput)
    live_fingerprint = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    last_four = forms.CharField(
        label=_("Last four of the order number"),
        required=False,
        max_length=4,
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": 6}),
    )

    supersede = forms.BooleanField(label=_("Instead of those that wait here"), required=False)
    removals = forms.MultipleChoiceField(label=_("Remove as well"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(
        self,
        *args: Any,
        number: str,
        is_production: bool,
        removals: Sequence[str] = (),
        has_line: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not has_line:
            del self.fields["supersede"]
        self._number = number
        if not is_production:
            del self.fields["last_four"]
        if removals:
            self.fields["removals"].choices = [(name, name) for name in removals]  # type: ignore[attr-defined]
        else:
            del self.fields["removals"]

    def clean_removals(self) -> list[str]:
        """Each ticked: what people may be using goes with a person's word only."""
        ticked: list[str] = self.cleaned_data["removals"]
        offered = [name for name, _label in self.fields["removals"].choices]  # type: ignore[attr-defined]
        if len(ticked) < len(offered):
            raise forms.ValidationError(_("Tick what is removed, or keep it in the templates and review again."))
        return ticked

    def clean_last_four(self) -> str:
        """Typed, so that nobody deploys to production by a click on the wrong page."""
        typed = str(self.cleaned_data["last_four"]).strip().upper()
        if typed != self._number[-4:]:
            raise forms.ValidationError(
                _("Type the last four of this order's number (%(last)s) to deploy to production.")
                % {"last": self._number[-4:]}
            )
        return typed


class ScheduleForm(DeployForm):
    """The same, and at what time."""

    due_at = forms.DateTimeField(
        label=_("Deploy at"), widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    field_order = ("due_at", "snapshot", "live_fingerprint", "removals", "last_four")

    def __init__(self, *args: Any, is_preview: bool, **kwargs: Any) -> None:
        """``is_preview``: nothing is decided yet."""
        self._is_preview = is_preview
        super().__init__(*args, **kwargs)

    def clean_removals(self) -> list[str]:
        """As of a deployment."""
        return [] if self._is_preview else super().clean_removals()

    def clean_last_four(self) -> str:
        """As of a deployment."""
        return "" if self._is_preview else super().clean_last_four()


class ScaleForm(forms.Form):
    """Another number of replicas."""

    replicas = forms.IntegerField(label=_("Replicas"), min_value=0, max_value=200)


class ScaleRequestForm(ScaleForm):
    """A number that needs a second person, and why."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class ScaleDecisionForm(forms.Form):
    """Yes or no to one number of pods."""

    decision = forms.ChoiceField(choices=[("approve", _("approve")), ("reject", _("reject"))])
    comment = forms.CharField(
        label=pgettext_lazy("decision", "Comment"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def creatable_components(rights: Rights, components: list[Component]) -> list[Component]:
    """Those of them that this person may create orders for."""
    allowed: dict[int, bool] = {}
    for component in components:
        if component.project_id not in allowed:
            allowed[component.project_id] = rights.can("create_order", project_id=component.project_id)
    return [component for component in components if allowed[component.project_id]]
