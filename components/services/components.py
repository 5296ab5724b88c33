"""Components and their settings, each block of the page by itself or the whole page at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

import audit
from accounts.models import Project, User
from accounts.validation import clean_row, save_clean
from components.choices import TemplateKind
from components.models import SETTINGS_TEXTS, BaseImage, Component, ComponentSettings, Template
from components.selectors import current_settings, toolchain_of, usable_templates
from components.services.allocations import SavedAllocation, save_allocation_grid
from components.services.archive import set_archived
from components.services.versions import check_seen, insert_version
from components.settings_fields import CHECKS
from components.targets import ensure_offered, git_server_of
from components.validators import GrammarError, check_command, check_service_name, split_image
from environments.access import require
from environments.models import Environment
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused

TEMPLATES = {
    "dockerfile": TemplateKind.DOCKERFILE,
    "bootstart": TemplateKind.BOOTSTART,
    "deployment_template": TemplateKind.DEPLOYMENT,
    "service_template": TemplateKind.SERVICE,
}
OFFERED = {"job_name": "job", "node_label": "node"}
"""Settings that a Jenkins server must offer to the project."""
FIELDS = (*SETTINGS_TEXTS, "base_image", *TEMPLATES)
"""The fields of the original screen, beside name and project. Templates and base image are given by name."""


def show_settings(settings: ComponentSettings) -> dict[str, str]:
    """The fields as people type them, and as :func:`save_settings` takes them back."""
    return {name: str(getattr(settings, name) or "") for name in FIELDS}


@transaction.atomic
def create_component(*, actor: User, project: Project, name: str, values: Mapping[str, str] | None = None) -> Component:
    """A component of the project, with a first version of its settings when ``values`` has any.

    The name is kept as typed; the slug (APP of its images, name of its workload) is the name in lower case. Raises
    Invalid(name) for a bad or taken name, and what :func:`save_settings` raises.
    """
    require(actor, "edit_component", project_id=project.pk)
    if project.is_archived:
        raise Refused(_("The project is archived: it takes no new components."))
    component = Component(project=project, name=name.strip(), slug=name.strip().lower())
    clean_row(component, exclude=["slug"])
    _check_workload_name(component)
    if Component.objects.filter(project=project, slug=component.slug).exists():
        raise Invalid({"name": [_("The project has a component of this name already (capitals make no difference).")]})
    _check_service_name(component, component.slug, "name")
    save_clean(component)
    audit.record_act(
        actor,
        "create_component",
        component,
    )
    if values:
        save_settings(actor=actor, component=component, values=values, seen_number=0)
    return component


@transaction.atomic
def save_settings(
    *, actor: User, component: Component, values: Mapping[str, str], seen_number: int | None = None, note: str = ""
) -> ComponentSettings:
    """A new version of the settings; fields that ``values`` leaves out stay, nothing is saved when nothing changed.

    ``values`` maps names of FIELDS to text: a template by its file name, a base image as ``path tag`` or
    ``path:tag``; empty text unsets. ``seen_number`` is the version that the form was drawn from (0: none). Raises
    Invalid by field, Stale, Refused for an archived component.
    """
    require(actor, "edit_component", project_id=component.project_id)
    _refuse_archived(component)
    current = current_settings(component)
    check_seen(current, seen_number)
    found = _read(component, current, values)
    number = current.number + 1 if current else 1
    row = ComponentSettings(component=component, number=number, author=actor, note=note.strip()[:200])
    for name in FIELDS:
        setattr(row, name, found[name] if name in found else getattr(current or row, name))
    before, after = _difference(current, row)
    if current and not after:
        return current
    clean_row(row)
    insert_version(row, current)
    audit.record_act(
        actor,
        "save_settings",
        component,
        reason=row.note,
        before={"version": number - 1, **before},
        after={"version": number, **after},
    )
    return row


@transaction.atomic
def archive_component(*, actor: User, component: Component, is_archived: bool = True) -> Component:
    """Takes the component out of lists and new orders, or brings it back; what it has stays."""
    require(actor, "archive_component", project_id=component.project_id)
    return set_archived(actor, component, "component", is_archived=is_archived)


def _refuse_archived(component: Component) -> None:
    if component.is_archived:
        raise Refused(_("The component is archived: take it out of the archive first."))


def _read(component: Component, current: ComponentSettings | None, values: Mapping[str, str]) -> dict[str, Any]:
    """Text by field as column values; raises Invalid with every message at once."""
    wrong: dict[str, list[MessageLike]] = {}
    found: dict[str, Any] = {}
    for name, typed in values.items():
        try:
            found[name] = _read_field(component, current, name, str(typed))
        except GrammarError as exc:
            wrong[name] = [exc.message]
        except Refused as exc:
            wrong[name] = [exc.message, *([exc.who_can_help] if exc.who_can_help else [])]
        except Invalid as exc:
            wrong |= exc.fields
    if wrong:
        raise Invalid(wrong)
    return found


def _read_field(component: Component, current: ComponentSettings | None, name: str, typed: str) -> Any:
    text = typed.strip()
    if name in TEMPLATES:
        return _template(component, current, name, text)
    if name == "base_image":
        return _base_image(current, text)
    if name not in SETTINGS_TEXTS:
        raise GrammarError(_("There is no such setting."))
    if not text:
        return ""
    if name == "build_command":
        return check_command(text)
    if name in CHECKS:
        CHECKS[name](text)
        _check_offered(component, current, name, text)
    elif name == "git_url" and text != (current.git_url if current else ""):
        git_server_of(text, component.project)
    elif name == "service_name":
        _check_service_name(component, check_service_name(text), name)
    elif "\x00" in text:
        raise GrammarError(_("A text cannot hold a NUL character."))
    return text


def _check_offered(component: Component, current: ComponentSettings | None, name: str, text: str) -> None:
    """Raises Refused for another job or node than before that the project's Jenkins, if any, does not offer it."""
    if name not in OFFERED or text == getattr(current, name, ""):
        return
    toolchain = toolchain_of(component.project)
    if toolchain is not None:
        ensure_offered(toolchain.jenkins, component.project, **{OFFERED[name]: text})


def _template(component: Component, current: ComponentSettings | None, field: str, name: str) -> Template | None:
    if not name:
        return None
    chosen: Template | None = getattr(current, field, None)
    if chosen is not None and chosen.name == name:
        return chosen  # may have been archived since: what is set stays
    rows = usable_templates(component.project, TEMPLATES[field]).filter(name=name)
    template = rows.order_by("project__slug").last()
    if template is None:
        raise GrammarError(_("There is no such template for this project: choose one from the list."))
    return template


def _base_image(current: ComponentSettings | None, text: str) -> BaseImage | None:
    if not text:
        return None
    path, tag = split_image(text)
    chosen = current.base_image if current else None
    if chosen is not None and (chosen.repository, chosen.tag) == (path.strip("/"), tag):
        return chosen
    for image in BaseImage.objects.filter(tag=tag, is_archived=False):
        if image.repository == path.strip("/"):
            return image
    raise GrammarError(_("This base image is not listed: choose another, or ask a platform administrator to add it."))


def _check_workload_name(component: Component) -> None:
    """The slug names the component's Service where the settings name none: said now, not after the first build."""
    try:
        check_service_name(component.slug)
    except GrammarError as exc:
        raise Invalid({"name": [exc.message]}) from exc


def _check_service_name(component: Component, name: str, field: str) -> None:
    """Two components with one Service name would take each other's traffic: they share the project's namespaces."""
    others = Component.objects.filter(project=component.project_id, is_archived=False).exclude(pk=component.pk)
    for other in others:
        settings = current_settings(other)
        if name in (other.slug, settings.service_name if settings else ""):
            message = _(
                "The component %(name)s has this service name already: two Services cannot share one.", name=other.name
            )
            raise Invalid({field: [message]})


def _difference(current: ComponentSettings | None, row: ComponentSettings) -> tuple[dict[str, str], dict[str, str]]:
    """What differs, as text for the audit."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for name in FIELDS:
        old = str(getattr(current, name, None) or "")
        new = str(getattr(row, name) or "")
        is_same = getattr(current, f"{name}_id", old) == getattr(row, f"{name}_id", new)
        if not is_same or old != new:
            before[name], after[name] = old, new
    return before, after


@dataclass
class SavedSettings:
    """What counts now; ``is_new`` says whether the settings are a version more than before."""

    settings: ComponentSettings | None
    is_new: bool = False
    allocations: dict[Environment, SavedAllocation] = field(default_factory=dict)


@transaction.atomic
def save_settings_page(
    *,
    actor: User,
    component: Component,
    values: Mapping[str, str] | None,
    seen_number: int | None,
    grid: Mapping[Environment, Mapping[str, str]],
    seen: Mapping[Environment, int],
    note: str = "",
) -> SavedSettings:
    """A new version of the settings (``values`` None: not theirs to change) and of each allocation that differs.

    Raises Invalid with what is wrong in either (``git_url``, ``prd.cpu_limit``), Stale, Refused, Denied.
    """
    before = current_settings(component)
    saved = SavedSettings(before)
    wrong: dict[str, list[MessageLike]] = {}
    if values is not None:
        try:
            saved.settings = save_settings(
                actor=actor, component=component, values=values, seen_number=seen_number, note=note
            )
            saved.is_new = before is None or saved.settings.number != before.number
        except Invalid as error:
            wrong |= error.fields
    if grid:
        try:
            saved.allocations = save_allocation_grid(actor=actor, component=component, grid=grid, seen=seen, note=note)
        except Invalid as error:
            wrong |= error.fields
    if wrong:
        raise Invalid(wrong)
    return saved
