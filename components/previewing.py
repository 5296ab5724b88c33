"""What a text that is not published yet becomes, and what a review would refuse of it: the same checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components import selectors, values
from components.choices import TemplateKind
from components.manifest_policy import manifest_policy
from components.models import ComponentSettings, ImageRegistry, Preview, Template
from deployer.errors import Problem, Rejected
from deployer.interfaces import Rendered, RenderedLine, RenderRequest
from deployer.manifests import Policy, check
from deployer.messages import Message
from deployer.messages import message as _
from deployer.render_host import preview_host
from environments.models import Space

SAMPLE_ORDER = {"number": "K8S20180918055120CK", "commit": "0" * 40, "branch": "master"}
"""Stands for the order in a preview: there is none yet."""
SAMPLE_DIGEST = "sha256:" + "0" * 64

_NO_SETTINGS = _("The component has no settings yet: save them first, then preview again.")
_NO_TOOLCHAIN = _("The project has no Jenkins and registry yet: a platform administrator sets them.")
_NO_ENVIRONMENT = _("The project has no environment to render for.")
_NO_ALLOCATION = _("The component has no allocation here: set replicas, CPU and memory first.")

Result = dict[str, Any]
"""``{"environment", "text", "problems": [{"path", "message"}]}``; environment is empty for what all share."""


def preview_results(preview: Preview) -> list[Result]:
    """One result for each environment; one for all of a Dockerfile or start script."""
    component = preview.component
    settings = selectors.current_settings(component)
    toolchain = selectors.toolchain_of(component.project)
    if settings is None or toolchain is None:
        return [_refused("", _NO_SETTINGS if settings is None else _NO_TOOLCHAIN)]
    if preview.kind in (TemplateKind.DOCKERFILE, TemplateKind.BOOTSTART):
        return [_text_result(preview, settings, toolchain.registry)]
    spaces = selectors.spaces_of(component)
    if not spaces:
        return [_refused("", _NO_ENVIRONMENT)]
    return [_space_result(preview, settings, space, toolchain.registry) for space in spaces]


def _result(environment: str, text: str, problems: Sequence[Problem]) -> Result:
    said = [{"path": problem.path, "message": problem.message} for problem in problems]
    return {"environment": environment, "text": text, "problems": said}


def _refused(environment: str, message: Message) -> Result:
    return _result(environment, "", [Problem("", message)])


def _problems(refusal: Rejected) -> Sequence[Problem]:
    return refusal.problems or (Problem("", refusal.message),)


def _name(preview: Preview) -> str:
    return preview.template.name if preview.template else preview.kind


def _text_result(preview: Preview, settings: ComponentSettings, registry: ImageRegistry) -> Result:
    given = values.build_values(
        component=preview.component,
        settings=settings,
        order_facts=SAMPLE_ORDER,
        registry_address=registry.address,
    )
    try:
        (text,) = preview_host.render_text(RenderRequest({_name(preview): preview.body}, given)).values()
    except Rejected as refusal:
        return _result("", "", _problems(refusal))
    return _result("", text.text, [])


@dataclass(frozen=True)
class _Place:
    """What one environment gives to its templates, and allows them."""

    slug: str
    given: dict[str, Any]
    policy: Policy


def _space_result(preview: Preview, settings: ComponentSettings, space: Space, registry: ImageRegistry) -> Result:
    environment = space.environment
    allocation = selectors.current_allocation(preview.component, environment)
    if allocation is None:
        return _refused(environment.slug, _NO_ALLOCATION)
    config = selectors.current_config(preview.component, environment)
    image = values.image_digest_reference(preview.component, registry, SAMPLE_DIGEST)
    given = values.template_values(
        component=preview.component,
        settings=settings,
        environment=environment,
        space=space,
        allocation=allocation,
        config=config,
        order_facts=SAMPLE_ORDER,
        image=image,
    )
    policy = manifest_policy(
        component=preview.component,
        settings=settings,
        space=space,
        registry=registry,
        allocation=allocation,
        config=config,
        rule=selectors.current_rule(preview.component, environment),
        image=image,
    )
    return _manifest_result(preview, settings, _Place(environment.slug, given, policy))


def _manifest_result(preview: Preview, settings: ComponentSettings, place: _Place) -> Result:
    """The text by itself, and what is wrong with it beside the component's other template, as a review sees both."""
    name = _name(preview)
    try:
        rendered = preview_host.render(RenderRequest({name: preview.body}, place.given))
    except Rejected as refusal:
        return _result(place.slug, "", _problems(refusal))
    text = "\n---\n".join(_joined(lines) for lines in rendered.lines) + "\n"
    other = _other_text(preview, settings)
    if other is None:
        return _result(place.slug, text, check(rendered.manifests, place.policy, is_whole=False))
    try:
        beside = preview_host.render(RenderRequest({other[0]: other[1]}, place.given))
    except Rejected as refusal:
        message = _(
            "The component's other template %(name)s does not render: %(why)s", name=other[0], why=refusal.message
        )
        problems = (*check(rendered.manifests, place.policy, is_whole=False), Problem("", message))
        return _result(place.slug, text, problems)
    return _result(place.slug, text, check(_in_order(preview, rendered, beside), place.policy))


def _in_order(preview: Preview, own: Rendered, other: Rendered) -> tuple[Any, ...]:
    """The deployment template's manifests before those of the service template, as a review has them."""
    first, second = (own, other) if preview.kind == TemplateKind.DEPLOYMENT else (other, own)
    return (*first.manifests, *second.manifests)


def _other_text(preview: Preview, settings: ComponentSettings) -> tuple[str, str] | None:
    """Name and newest text of the template that the component's review renders beside this one."""
    other: Template | None = (
        settings.service_template if preview.kind == TemplateKind.DEPLOYMENT else settings.deployment_template
    )
    version = selectors.latest_versions([other.pk]).get(other.pk) if other else None
    return (other.name, version.body) if other and version else None


def _joined(lines: tuple[RenderedLine, ...]) -> str:
    return "\n".join(line.text for line in lines)
