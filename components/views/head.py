"""What stands above every page of one component: its names, what it lacks, its tabs, and what the viewer may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import pgettext_lazy

from accounts.actor import actor_of
from components import selectors
from components.completeness import MissingElement, missing_elements
from components.history import settings_label
from components.models import Component, ComponentSettings
from components.services.components import TEMPLATES
from environments.access import Rights
from foundation.messages import MessageLike
from foundation.messages import message as _

_TABS = (
    ("running", "components:detail", pgettext_lazy("tab", "Running")),
    ("settings", "components:edit", _("Settings")),
    ("configuration", "components:configurations", _("Configuration")),
    ("orders", "components:orders", _("Orders")),
)


@dataclass(frozen=True)
class Lack:
    """Something that is not set, and where it can be set; without ``url`` it is not this viewer's to set."""

    label: MessageLike
    message: MessageLike
    url: str


@dataclass(frozen=True)
class Tab:
    """One tab of a component's pages."""

    name: str
    label: MessageLike
    url: str


def head_of(
    request: HttpRequest, found: Component, tab: str, settings: ComponentSettings | None, rights: Rights
) -> dict[str, Any]:
    """Context of ``components/_head.html``; ``settings`` is the current version."""
    place = [found.project.slug, found.slug]
    return {
        "component": found,
        "settings": settings,
        "tab": tab,
        "tabs": [Tab(name, label, reverse(url, args=place)) for name, url, label in _TABS],
        "lacks": [_lack(found, element, rights) for element in missing_elements(found, settings)],
        "may_edit": rights.can("edit_component", project_id=found.project_id) and not found.is_archived,
        "may_allocate": rights.can_somewhere("edit_allocation", project_id=found.project_id) and not found.is_archived,
        "may_archive": rights.can("archive_component", project_id=found.project_id),
        "may_order": rights.can("create_order", project_id=found.project_id) and not found.is_archived,
        "sees_site": rights.can("see_site"),
    }


@dataclass(frozen=True)
class MadeFrom:
    """One template or the base image that the settings name."""

    field: str
    label: str
    name: str
    url: str
    version: int = 0


def made_from(settings: ComponentSettings | None) -> list[MadeFrom]:
    """What the image and the manifests are made from, with the newest version of each template: one query."""
    if settings is None:
        return []
    chosen = {name: getattr(settings, name) for name in TEMPLATES}
    versions = selectors.latest_versions(template.pk for template in chosen.values() if template is not None)
    found = []
    for name, template in chosen.items():
        if template is not None:
            url = reverse("components:template", args=[template.name])
            url += f"?project={template.project.slug}" if template.project_id else ""
            version = versions[template.pk].number if template.pk in versions else 0
            found.append(MadeFrom(name, settings_label(name), template.name, url, version))
    if settings.base_image is not None:
        url, label = reverse("components:base-images"), settings_label("base_image")
        found.append(MadeFrom("base_image", label, str(settings.base_image), url))
    return found


def open_component(request: HttpRequest, project: str, slug: str) -> tuple[Component, Rights]:
    """The component that an address names, and what the viewer may; raises Missing without access."""
    user = actor_of(request)
    return selectors.find_component(user, project, slug), Rights(user)


def _lack(found: Component, element: MissingElement, rights: Rights) -> Lack:
    return Lack(element.label, element.message, _where(found, element.field, rights))


def _where(found: Component, field: str, rights: Rights) -> str:
    place = [found.project.slug, found.slug]
    kind, _dot, environment = field.partition(".")
    if kind == "allocation":
        return f"{reverse('components:edit', args=place)}#id_{environment}-replicas"
    if kind == "environments":
        return reverse("environments:project", args=place[:1])
    if kind in ("toolchain", "git_server"):
        if not rights.can("manage_servers"):
            return ""
        return reverse("components:toolchain", args=place[:1]) if kind == "toolchain" else reverse("components:servers")
    return f"{reverse('components:edit', args=place)}#id_{field}"
