"""The one place that makes values for templates and parameters for Jenkins: previews, reviews and builds ask here.

Everything is plain data (text, whole numbers, truth values, lists, dicts), because templates may see nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.models import Allocation, BaseImage, Component, ComponentSettings, ConfigVersion, ImageRegistry
from components.validators import check_node_label, check_package, plain_git_url, relative_directory
from deployer.quantities import format_cpu, format_memory
from environments.grants import pull_secret_of
from environments.models import Environment, Space

DEFAULT_PORT = 8080
"""Where a component listens unless its configuration sets PORT: what Tomcat and the shipped images use."""

PARAMETERS = frozenset(
    {"SITE", "APP", "BRANCH_TO_BUILD", "GIT_URL", "DIR_BUILD_FILE", "BUILD_CMD", "BUILD_TARGET", "PACKAGE_NAME"}
    | {"DOCKERFILE_TEMPLATE", "BOOTSTART_TEMPLATE", "HARBOR_ADDRESS", "DEPLOY_VERSION"}
    | {"TRIGGER_ID", "ORDER_NO", "BUILD_NODE", "IMAGE_NODE", "GIT_COMMIT", "PLATFORM_URL", "CLAIM_SECONDS"}
)
"""What the Jenkins job must declare: it drops any other parameter silently."""


def template_values(
    *,
    component: Component,
    settings: ComponentSettings,
    environment: Environment,
    space: Space,
    allocation: Allocation,
    config: ConfigVersion | None,
    order_facts: Mapping[str, Any],
    image: str,
) -> dict[str, Any]:
    """Values of deployment and service templates.

    ``order_facts`` needs ``number``, ``commit`` and ``branch``; ``image`` is the full reference with its digest.
    Quantities come as Kubernetes writes them (``1500m``, ``4Gi``). ``yaml_templates/README.md`` tells what each is.
    """
    chosen = config_values(component, config)
    return {
        "order": {name: str(order_facts[name]) for name in ("number", "commit", "branch")},
        "component": component_values(component, settings),
        "environment": {
            "slug": environment.slug,
            "namespace": space.namespace,
            "is_production": environment.is_production,
            "pull_secrets": [pull_secret_of(slug) for slug in space.grants.get("registries", [])],
        },
        "image": image,
        "replicas": allocation.replicas,
        "resources": {
            "cpu_request": format_cpu(allocation.cpu_request),
            "cpu_limit": format_cpu(allocation.cpu_limit),
            "memory_request": format_memory(allocation.memory_request),
            "memory_limit": format_memory(allocation.memory_limit),
        },
        "config": chosen,
        "base_image": image_name(settings.base_image),
        "package": settings.package_name,
        "ports": [{"name": "http", "port": _port(chosen["env"])}],
    }


def component_values(component: Component, settings: ComponentSettings) -> dict[str, str]:
    """What a template may know of the component itself."""
    return {
        "name": component.name,
        "slug": component.slug,
        "service": settings.service_name or component.slug,
        "project": component.project.slug,
        "package": settings.package_name,
    }


def config_values(component: Component, config: ConfigVersion | None) -> dict[str, Any]:
    """A configuration as templates see it: ``env`` and ``files`` are texts by name, ``secrets`` references by name.

    ``name`` is where the ConfigMap's name begins: the platform appends a hash of the content, so that a new
    configuration rolls the pods.
    """
    entries = config.env if config else []
    return {
        "name": f"{component.slug}-config",
        "env": {str(entry["name"]): str(entry["value"]) for entry in entries if "value" in entry},
        "secrets": {
            str(entry["name"]): {"secret": str(entry["secret"]), "key": str(entry["key"])}
            for entry in entries
            if "secret" in entry
        },
        "files": {str(name): str(text) for name, text in (config.files if config else {}).items()},
    }


def build_values(
    *,
    component: Component,
    settings: ComponentSettings,
    order_facts: Mapping[str, Any],
    registry_address: str,
) -> dict[str, Any]:
    """Values of Dockerfile and bootstart templates; ``order_facts`` needs ``number``, ``commit`` and ``branch``."""
    return {
        "order": {name: str(order_facts[name]) for name in ("number", "commit", "branch")},
        "component": component_values(component, settings),
        "base_image": base_image_reference(settings.base_image, registry_address),
        "package": settings.package_name,
    }


def image_name(base_image: BaseImage | None) -> str:
    """``path:tag`` without a leading slash; empty when there is none."""
    return f"{base_image.repository}:{base_image.tag}" if base_image else ""


def base_image_reference(base_image: BaseImage | None, registry_address: str) -> str:
    """The base image as a Dockerfile's FROM names it: registry, path and tag."""
    return f"{registry_address}/{image_name(base_image)}" if base_image else ""


def image_repository(component: Component) -> str:
    """``site/app``: where the component's images live in the registry."""
    return f"{component.project.slug}/{component.slug}"


def image_digest_reference(component: Component, registry: ImageRegistry, digest: str) -> str:
    """``host/site/app@sha256:…``, the name that a cluster pulls: it cannot come to mean another image."""
    return f"{registry.address}/{image_repository(component)}@{digest}"


@dataclass(frozen=True)
class BuildPlace:
    """What a build's Jenkins adds: where it claims its trigger (empty where it cannot call us), how long it waits for
    the answer, and the node that makes images (empty: the component's own)."""

    platform_url: str
    claim_seconds: int
    image_node: str = ""


def jenkins_parameters(
    *,
    component: Component,
    settings: ComponentSettings,
    registry: ImageRegistry,
    order_facts: Mapping[str, Any],
    trigger_id: str,
    dockerfile: str,
    bootstart: str,
    place: BuildPlace,
) -> dict[str, str]:
    """The 19 parameters of the one Jenkins job, no more and no fewer; ``dockerfile`` and ``bootstart`` are rendered.

    Raises components.validators.GrammarError for a value that may not go to a node: it may be older than its rule.
    """
    return {
        "SITE": component.project.slug,
        "APP": component.slug,
        "BRANCH_TO_BUILD": str(order_facts["branch"]),
        "GIT_URL": plain_git_url(settings.git_url),
        "DIR_BUILD_FILE": relative_directory(settings.build_directory),
        "BUILD_CMD": settings.build_command,
        "BUILD_TARGET": relative_directory(settings.artifact_directory),
        "PACKAGE_NAME": check_package(settings.package_name),
        "DOCKERFILE_TEMPLATE": dockerfile,
        "BOOTSTART_TEMPLATE": bootstart,
        "HARBOR_ADDRESS": registry.address,
        "DEPLOY_VERSION": str(order_facts["number"]),
        "TRIGGER_ID": trigger_id,
        "ORDER_NO": str(order_facts["number"]),
        "BUILD_NODE": check_node_label(settings.node_label),
        "IMAGE_NODE": place.image_node,
        "GIT_COMMIT": str(order_facts["commit"]),
        "PLATFORM_URL": place.platform_url,
        "CLAIM_SECONDS": str(place.claim_seconds),
    }


def _port(env: Mapping[str, str]) -> int:
    """PORT of the configuration, so that the application, its probes and its Service agree."""
    value = env.get("PORT", "")
    is_port = value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536
    return int(value) if is_port else DEFAULT_PORT
