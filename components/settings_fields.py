"""What each field of a component's settings must have: the checks of its text, and what is told while it is empty.

Column, length, label and help of a field are declared once, in ``components.models.ComponentSettings``; the form, the
API's serializer, history and comparison read them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from components.models import ComponentSettings
from components.validators import check_command, check_job, check_node_label, check_package, relative_directory
from foundation.messages import Message
from foundation.messages import message as _


@dataclass(frozen=True)
class NeededField:
    """A field without which nothing can be built or deployed: ``missing`` tells what to do while it is empty.

    ``check`` raises GrammarError for a text that does not fit; None where the service looks a row up by the text.
    """

    name: str
    missing: Message
    check: Callable[[str], Any] | None = None


NEEDED = (
    NeededField("git_url", _("Give the address of the Git repository.")),
    NeededField("job_name", _("Name the Jenkins job; PRISM_JENKINS_JOB is the usual one."), check_job),
    NeededField("node_label", _("Give the label of the Jenkins node that builds it."), check_node_label),
    NeededField(
        "build_directory",
        _("Give the directory to build in; “/” is the root of the repository."),
        relative_directory,
    ),
    NeededField("build_command", _("Give the command that makes the package."), check_command),
    NeededField(
        "artifact_directory",
        _("Give the directory that the build leaves the package in; “/” is the build directory."),
        relative_directory,
    ),
    NeededField("package_name", _("Give the file name of the package."), check_package),
    NeededField("dockerfile", _("Choose a Dockerfile.")),
    NeededField("base_image", _("Choose the base image.")),
    NeededField("bootstart", _("Choose the BootStart file.")),
    NeededField("deployment_template", _("Choose a deployment template.")),
    NeededField("service_template", _("Choose a service template.")),
)
"""In the order of the screen."""

CHECKS = {field.name: field.check for field in NEEDED if field.check}


def text_column(name: str) -> models.CharField[str, str] | models.TextField[str, str]:
    """The column of a text of SETTINGS_TEXTS, for its label, length and help."""
    column = ComponentSettings._meta.get_field(name)
    assert isinstance(column, models.CharField | models.TextField)
    return column
