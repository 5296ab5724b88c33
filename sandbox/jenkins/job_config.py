"""A job's ``config.xml``: what of it decides how the job behaves (its parameters, disabled, one at a time)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

_PARAMETERS = "properties/hudson.model.ParametersDefinitionProperty/parameterDefinitions"
_ONE_AT_A_TIME = "properties/org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
_TRIMMED = "".join(map(chr, range(33)))  # String.trim of Java, which leaves other blanks
_TYPES = ("String", "Text", "Choice", "Boolean")


class BadConfig(ValueError):
    """The XML cannot be read as a job; Jenkins answers 500."""


class BadValue(ValueError):
    """A parameter value that its definition refuses; Jenkins answers 500 (IllegalArgumentException)."""


@dataclass(frozen=True)
class Parameter:
    """One declared parameter. ``kind``: String, Text, Choice or Boolean."""

    name: str
    kind: str
    default: str
    description: str
    trim: bool
    choices: tuple[str, ...] = ()

    def value(self, sent: str) -> str:
        """What the build gets for a sent value: trimmed where so declared; raises :class:`BadValue`."""
        if self.kind == "Choice" and sent not in self.choices:
            raise BadValue(f"Illegal choice for parameter {self.name}: {sent}")
        if self.kind == "Boolean":
            return "true" if sent == "true" else "false"
        return sent.strip(_TRIMMED) if self.trim else sent

    def bean(self) -> dict[str, Any]:
        """As Jenkins exports a ParameterDefinition."""
        shown: dict[str, Any] = {
            "_class": f"hudson.model.{self.kind}ParameterDefinition",
            "defaultParameterValue": {"_class": self.value_class, "name": self.name, "value": self.default},
            "description": self.description,
            "name": self.name,
            "type": f"{self.kind}ParameterDefinition",
        }
        if self.kind == "Choice":
            shown["choices"] = list(self.choices)
        return shown

    @property
    def value_class(self) -> str:
        """Class of its values; a choice is stored as a string."""
        return f"hudson.model.{'String' if self.kind == 'Choice' else self.kind}ParameterValue"


@dataclass(frozen=True)
class JobConfig:
    """What we read from config.xml, beside the text itself (``xml``), which is kept byte for byte."""

    xml: str
    parameters: tuple[Parameter, ...]
    is_parameterised: bool
    is_disabled: bool
    is_concurrent: bool
    description: str

    def values(self, sent: Mapping[str, str]) -> dict[str, str]:
        """Declared parameters with their values: what was not sent takes its default, what is not declared is
        dropped silently, as ``ParametersDefinitionProperty`` does. Raises :class:`BadValue`."""
        return {
            parameter.name: parameter.value(sent[parameter.name]) if parameter.name in sent else parameter.default
            for parameter in self.parameters
        }


def parse(xml: str) -> JobConfig:
    """Read a config.xml; raises :class:`BadConfig`."""
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", xml, re.IGNORECASE):
        raise BadConfig("config.xml must not declare a document type or entities")
    # Jenkins writes XML 1.1, which expat does not read; the files it writes are XML 1.0 otherwise.
    body = re.sub(r"^\s*<\?xml[^>]*\?>", "", xml)
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - no document type, so no entities to expand
    except ElementTree.ParseError as exc:
        raise BadConfig(f"config.xml does not parse: {exc}") from exc
    definitions = root.find(_PARAMETERS)
    return JobConfig(
        xml=xml,
        parameters=tuple(_parameter(element) for element in (definitions if definitions is not None else [])),
        is_parameterised=definitions is not None,
        is_disabled=(root.findtext("disabled") or "false").strip() == "true",
        is_concurrent=root.find(_ONE_AT_A_TIME) is None,
        description=root.findtext("description") or "",
    )


def _parameter(element: ElementTree.Element) -> Parameter:
    kind = element.tag.removeprefix("hudson.model.").removesuffix("ParameterDefinition")
    name = (element.findtext("name") or "").strip()
    if kind not in _TYPES or not name:
        raise BadConfig(f"{element.tag} is no parameter that this stand-in knows, or it has no name")
    choices = tuple(item.text or "" for item in element.iter("string")) if kind == "Choice" else ()
    default = choices[0] if choices else (element.findtext("defaultValue") or "")
    return Parameter(
        name=name,
        kind=kind,
        default=default if kind != "Boolean" else (default or "false"),
        description=element.findtext("description") or "",
        trim=(element.findtext("trim") or "false").strip() == "true",
        choices=choices,
    )
