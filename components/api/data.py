"""Rows of components as the API gives them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from components import services
from components.completeness import missing_elements
from components.models import (
    Allocation,
    BaseImage,
    Component,
    ComponentSettings,
    ConfigVersion,
    Preview,
    Template,
    TemplateVersion,
)
from components.selectors import current_allocations, current_configs, current_settings, latest_version
from components.services.components import show_settings

Data = dict[str, Any]


def _who(row: ComponentSettings | Allocation | ConfigVersion | TemplateVersion) -> str | None:
    return row.author.username if row.author else None


def component_data(component: Component) -> Data:
    """A row of the list; ``name_zh`` comes with ``list_components``."""
    return {
        "project": component.project.slug,
        "name": component.name,
        "slug": component.slug,
        "name_zh": getattr(component, "name_zh", None) or "",
        "is_archived": component.is_archived,
        "created_at": component.created_at,
    }


def component_detail(component: Component) -> Data:
    """Everything about a component."""
    settings = current_settings(component)
    missing = missing_elements(component, settings)
    return {
        **component_data(component),
        "name_zh": settings.name_zh if settings else "",
        "is_ready": not missing,
        "missing": [
            {"field": element.field, "label": str(element.label), "sentence": str(element.sentence)}
            for element in missing
        ],
        "settings": settings_data(settings) if settings else None,
        "allocations": [allocation_data(row) for row in current_allocations(component).values()],
        "configurations": [config_data(row) for row in current_configs(component).values()],
    }


def settings_data(settings: ComponentSettings) -> Data:
    """One version of the settings."""
    about = {
        "number": settings.number,
        "note": settings.note,
        "author": _who(settings),
        "created_at": settings.created_at,
    }
    return {**show_settings(settings), **about}


def allocation_data(row: Allocation, warnings: tuple[Any, ...] = ()) -> Data:
    """One version of an allocation, in cores and GiB."""
    return {
        **services.show_amounts(row),
        "environment": row.environment.slug,
        "number": row.number,
        "replicas": row.replicas,
        "note": row.note,
        "author": _who(row),
        "created_at": row.created_at,
        "warnings": [str(warning) for warning in warnings],
    }


def config_data(row: ConfigVersion) -> Data:
    """One version of a configuration."""
    return {
        "environment": row.environment.slug,
        "number": row.number,
        "env": row.env,
        "files": row.files,
        "note": row.note,
        "author": _who(row),
        "created_at": row.created_at,
    }


def template_data(template: Template) -> Data:
    """A row of the list."""
    return {
        "kind": template.kind,
        "name": template.name,
        "project": template.project.slug if template.project else None,
        "is_archived": template.is_archived,
    }


def template_detail(template: Template, users: list[Component]) -> Data:
    """A template with its newest text and who uses it."""
    version = latest_version(template)
    return {
        **template_data(template),
        "version": version_data(version) if version else None,
        "used_by": [f"{component.project.slug}/{component.slug}" for component in users],
    }


def version_data(version: TemplateVersion) -> Data:
    """One published text."""
    return {
        "number": version.number,
        "body": version.body,
        "note": version.note,
        "author": _who(version),
        "created_at": version.created_at,
    }


def preview_data(preview: Preview) -> Data:
    """A preview as it stands; sentences of ours in the caller's language."""
    return {"id": preview.pk, "state": preview.state, "kind": preview.kind, "results": preview.results}


def trial_data(batch: UUID, previews: list[Preview]) -> Data:
    """A trial as it stands: one rendering for each component that uses the template."""
    items = [
        {**preview_data(row), "component": f"{row.component.project.slug}/{row.component.slug}"} for row in previews
    ]
    return {"trial": batch, "items": items}


def base_image_data(image: BaseImage) -> Data:
    """A base image."""
    return {
        "image": str(image),
        "path": image.path,
        "tag": image.tag,
        "note": image.note,
        "is_archived": image.is_archived,
    }
