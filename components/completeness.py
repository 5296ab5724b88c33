"""What a component still lacks before an order of it can be built and deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst

from components.models import Allocation, Component, ComponentSettings, JenkinsServer, Toolchain
from components.selectors import current_allocations, current_settings, newest_of_each, spaces_of, toolchain_of
from components.settings_fields import NEEDED, NeededField, text_column
from components.targets import ensure_offered, git_server_of
from components.validators import GrammarError
from environments.models import Space
from environments.selectors.places import spaces_by_project
from foundation.messages import MessageLike, join_messages
from foundation.messages import message as _
from foundation.problems import Refused

_SERVERS = _("Jenkins and registry")


@dataclass(frozen=True)
class MissingElement:
    """One thing that is not set: ``field`` for programs, ``label`` and ``message`` for people.

    ``stops_build`` False: an order can be built without it, and is stopped by the review of that space only.
    """

    field: str
    label: MessageLike
    message: MessageLike
    stops_build: bool = True


def missing_elements(component: Component, settings: ComponentSettings | None = None) -> list[MissingElement]:
    """Everything still missing, in the order of the screen; empty when the component is ready.

    ``settings`` saves a query when the caller has the current version.
    """
    chosen = settings or current_settings(component) or ComponentSettings(component=component, job_name="")
    return [*_missing_settings(chosen), *_missing_places(component), *_missing_servers(component, chosen)]


def missing_of_many(components: Sequence[Component]) -> dict[int, list[MessageLike]]:
    """Labels of what is not set of each, by component id: four queries for a page of them.

    What the servers of a project offer is not among it: the component's own page asks that.
    """
    settings = {row.component_id: row for row in newest_of_each(components)}
    projects = {row.project_id for row in components}
    spaces = spaces_by_project(projects)
    given = set(Allocation.objects.filter(component__in=components).values_list("component_id", "environment_id"))
    equipped = set(Toolchain.objects.filter(project__in=projects).values_list("project", flat=True))
    found: dict[int, list[MessageLike]] = {}
    for row in components:
        chosen = settings.get(row.pk) or ComponentSettings(component=row, job_name="")
        places = [space for space in spaces.get(row.project_id, []) if (row.pk, space.environment_id) not in given]
        labels = [element.label for element in _missing_settings(chosen)]
        labels += [_allocation_in(space) for space in places]
        found[row.pk] = labels + ([] if row.project_id in equipped else [_SERVERS])
    return found


def missing_for_build(component: Component, settings: ComponentSettings | None = None) -> list[MissingElement]:
    """What is missing of what a build needs."""
    return [element for element in missing_elements(component, settings) if element.stops_build]


def is_ready(component: Component) -> bool:
    """True when nothing is missing."""
    return not missing_elements(component)


def _missing_settings(settings: ComponentSettings) -> list[MissingElement]:
    found = []
    for needed in NEEDED:
        if message := _complaint(needed, getattr(settings, needed.name)):
            column = ComponentSettings._meta.get_field(needed.name)
            label = capfirst(str(column.verbose_name))  # type: ignore[union-attr]
            found.append(MissingElement(needed.name, label, message))
    return found


def _complaint(needed: NeededField, value: Any) -> MessageLike | None:
    """What stands in the way of a build. A value is checked again: it may be older than the rule."""
    if not value:
        return needed.missing
    if needed.check:
        try:
            needed.check(value)
        except GrammarError as error:
            return error.message
    return None


def _missing_places(component: Component) -> list[MissingElement]:
    spaces = spaces_of(component)
    if not spaces:
        message = _("The project has no environment yet: a platform administrator adds one.")
        return [MissingElement("environments", _("Environments"), message, stops_build=False)]
    allocations = current_allocations(component)
    return [
        MissingElement(
            f"allocation.{space.environment.slug}",
            _allocation_in(space),
            _("Say how many replicas it has there, and how much CPU and memory."),
            stops_build=False,
        )
        for space in spaces
        if space.environment_id not in allocations
    ]


def _allocation_in(space: Space) -> MessageLike:
    return _("Allocation in %(environment)s", environment=space.environment.label)


def _missing_servers(component: Component, settings: ComponentSettings) -> list[MissingElement]:
    found = []
    toolchain = toolchain_of(component.project)
    if toolchain is None:
        message = _("A platform administrator chooses the Jenkins and the image registry of the project.")
        found.append(MissingElement("toolchain", _SERVERS, message))
    else:
        found += _missing_offers(component, settings, toolchain.jenkins)
    if settings.git_url:
        try:
            git_server_of(settings.git_url, component.project)
        except Refused as exc:
            found.append(MissingElement("git_server", _("Git server"), join_messages(exc.message, exc.who_can_help)))
    return found


def _missing_offers(component: Component, settings: ComponentSettings, server: JenkinsServer) -> list[MissingElement]:
    """Job and node that the project's Jenkins does not offer it, or no more."""
    found = []
    for field, named in (("job_name", {"job": settings.job_name}), ("node_label", {"node": settings.node_label})):
        try:
            ensure_offered(server, component.project, **named)
        except Refused as exc:
            label = capfirst(str(text_column(field).verbose_name))
            found.append(MissingElement(field, label, join_messages(exc.message, exc.who_can_help)))
    return found
