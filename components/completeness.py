"""What a component still lacks before an order of it can be built and deployed."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.text import capfirst

from components.models import Component, ComponentSettings
from components.selectors import current_allocations, current_settings, spaces_of, toolchain_of
from components.targets import git_server_of
from foundation.problems import Refused, Sentence
from foundation.sentences import say as _

_NEEDED = (
    ("git_url", _("Give the address of the Git repository.")),
    ("job_name", _("Name the Jenkins job; PRISM_JENKINS_JOB is the usual one.")),
    ("node_label", _("Give the label of the Jenkins node that builds it.")),
    ("build_directory", _("Give the directory to build in; “/” is the root of the repository.")),
    ("build_command", _("Give the command that makes the package.")),
    ("artifact_directory", _("Give the directory that the build leaves the package in; “/” is the build directory.")),
    ("package_name", _("Give the file name of the package.")),
    ("dockerfile", _("Choose a Dockerfile.")),
    ("base_image", _("Choose the base image.")),
    ("bootstart", _("Choose the BootStart file.")),
    ("deployment_template", _("Choose a deployment template.")),
    ("service_template", _("Choose a service template.")),
)


@dataclass(frozen=True)
class MissingElement:
    """One thing that is not set: ``field`` for programs, ``label`` and ``sentence`` for people."""

    field: str
    label: Sentence
    sentence: Sentence


def missing_elements(component: Component, settings: ComponentSettings | None = None) -> list[MissingElement]:
    """Everything still missing, in the order of the screen; empty when the component is ready.

    ``settings`` saves a query when the caller has the current version.
    """
    chosen = settings or current_settings(component) or ComponentSettings(component=component, job_name="")
    return [*_missing_settings(chosen), *_missing_places(component), *_missing_servers(component, chosen)]


def is_ready(component: Component) -> bool:
    """True when nothing is missing."""
    return not missing_elements(component)


def _missing_settings(settings: ComponentSettings) -> list[MissingElement]:
    found = []
    for name, sentence in _NEEDED:
        if not getattr(settings, name):
            label = capfirst(str(ComponentSettings._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
            found.append(MissingElement(name, label, sentence))
    return found


def _missing_places(component: Component) -> list[MissingElement]:
    spaces = spaces_of(component)
    if not spaces:
        sentence = _("The project has no environment yet: a platform administrator adds one.")
        return [MissingElement("environments", _("Environments"), sentence)]
    allocations = current_allocations(component)
    return [
        MissingElement(
            f"allocation.{space.environment.slug}",
            _("Allocation in %(environment)s") % {"environment": space.environment.label},
            _("Say how many replicas it has there, and how much CPU and memory."),
        )
        for space in spaces
        if space.environment_id not in allocations
    ]


def _missing_servers(component: Component, settings: ComponentSettings) -> list[MissingElement]:
    found = []
    if toolchain_of(component.project) is None:
        sentence = _("A platform administrator chooses the Jenkins and the image registry of the project.")
        found.append(MissingElement("toolchain", _("Jenkins and registry"), sentence))
    if settings.git_url:
        try:
            git_server_of(settings.git_url)
        except Refused as exc:
            found.append(MissingElement("git_server", _("Git server"), exc.sentence))
    return found
