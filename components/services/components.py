"""Components and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.cleaning import clean_row, save_clean
from accounts.models import Project, User
from audit.recording import record
from components.choices import TemplateKind
from components.grammar import (
    GrammarError,
    check_command,
    check_job,
    check_node_label,
    check_package,
    relative_directory,
    split_image,
)
from components.models import SETTINGS_TEXTS, BaseImage, Component, ComponentSettings, Template
from components.selectors import current_settings, usable_templates
from components.services.versions import check_seen, insert_version
from components.targets import git_server_of
from environments.access import require
from foundation.problems import Invalid, Refused, Sentence
from foundation.sentences import say as _

TEMPLATES = {
    "dockerfile": TemplateKind.DOCKERFILE,
    "bootstart": TemplateKind.BOOTSTART,
    "deployment_template": TemplateKind.DEPLOYMENT,
    "service_template": TemplateKind.SERVICE,
}
FIELDS = (*SETTINGS_TEXTS, "base_image", *TEMPLATES)
"""The fields of the original screen, beside name and project. Templates and base image are given by name."""

_CHECKS = {
    "job_name": check_job,
    "node_label": check_node_label,
    "build_directory": relative_directory,
    "build_command": check_command,
    "artifact_directory": relative_directory,
    "package_name": check_package,
}


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
    if Component.objects.filter(project=project, slug=component.slug).exists():
        raise Invalid({"name": [_("The project has a component of this name already (capitals make no difference).")]})
    _check_service_name(component, component.slug, "name")
    save_clean(component)
    record(
        actor,
        "create_component",
        object_type="component",
        object_id=component.pk,
        object_name=component.name,
        project=project.slug,
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
    record(
        actor,
        "save_settings",
        object_type="component",
        object_id=component.pk,
        object_name=component.name,
        project=component.project.slug,
        reason=row.note,
        before={"version": number - 1, **before},
        after={"version": number, **after},
    )
    return row


@transaction.atomic
def archive_component(*, actor: User, component: Component, is_archived: bool = True) -> Component:
    """Takes the component out of lists and new orders, or brings it back; what it has stays."""
    require(actor, "archive_component", project_id=component.project_id)
    if component.is_archived != is_archived:
        component.is_archived = is_archived
        component.save(update_fields=["is_archived"])
        record(
            actor,
            "archive_component" if is_archived else "restore_component",
            object_type="component",
            object_id=component.pk,
            object_name=component.name,
            project=component.project.slug,
        )
    return component


def _refuse_archived(component: Component) -> None:
    if component.is_archived:
        raise Refused(_("The component is archived: take it out of the archive first."))


def _read(component: Component, current: ComponentSettings | None, values: Mapping[str, str]) -> dict[str, Any]:
    """Text by field as column values; raises Invalid with every sentence at once."""
    wrong: dict[str, list[Sentence]] = {}
    found: dict[str, Any] = {}
    for name, typed in values.items():
        try:
            found[name] = _read_field(component, current, name, str(typed))
        except GrammarError as exc:
            wrong[name] = [exc.sentence]
        except Refused as exc:
            wrong[name] = [exc.sentence, *([exc.who_can_help] if exc.who_can_help else [])]
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
    if name in _CHECKS:
        _CHECKS[name](text)
    elif name == "git_url" and text != (current.git_url if current else ""):
        git_server_of(text)
    elif name == "service_name":
        _check_service_name(component, text, name)
    elif "\x00" in text:
        raise GrammarError(_("A text cannot hold a NUL character."))
    return text


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


def _check_service_name(component: Component, name: str, field: str) -> None:
    """Two components with one Service name would take each other's traffic: they share the project's namespaces."""
    others = Component.objects.filter(project=component.project_id, is_archived=False).exclude(pk=component.pk)
    for other in others:
        settings = current_settings(other)
        if name in (other.slug, settings.service_name if settings else ""):
            sentence = _("The component %(name)s has this service name already: two Services cannot share one.")
            raise Invalid({field: [sentence % {"name": other.name}]})


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
