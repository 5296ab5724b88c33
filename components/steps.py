"""What workers do for this room: render previews, try servers. Started by a hint, one pass each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from components import selectors, targets, values
from components.choices import ServerKind, TemplateKind
from components.models import ComponentSettings, Preview, ServerTest
from deployer.adapters import git, jenkins, registry
from deployer.errors import DeployerError, Rejected
from deployer.interfaces import RenderedLine, RenderRequest, ServerFacts
from deployer.render_host import render_host
from deployer.sentences import Said
from deployer.sentences import say as _
from environments.models import Space
from foundation.problems import Refused, Sentence
from foundation.runs.choices import RunState
from foundation.runs.finish import begin, finish
from foundation.runs.lease import Done, Lease, LeaseLost

SAMPLE_ORDER = {"number": "K8S20180918055120CK", "commit": "0" * 40, "branch": "master"}
"""Stands for the order in a preview: there is none yet."""
SAMPLE_DIGEST = "sha256:" + "0" * 64
USUAL_JOB: str = ComponentSettings._meta.get_field("job_name").default

_NO_SETTINGS = _("The component has no settings yet: save them first, then preview again.")
_NO_TOOLCHAIN = _("The project has no Jenkins and registry yet: a platform administrator sets them.")
_NO_ENVIRONMENT = _("The project has no environment to render for.")
_NO_ALLOCATION = _("The component has no allocation here: set replicas, CPU and memory first.")

Result = dict[str, Any]
"""``{"environment", "text", "problems": [{"path", "message"}]}``; environment is empty for what all share."""


# ---------------------------------------------------------------- previews
def render_preview(lease: Lease) -> Done:
    """Renders the text for each environment; failed when it does so nowhere, or not everywhere."""
    preview: Preview = lease.read()
    begin(Preview, lease.pk, fence=lease.fence, owner=lease.owner)
    results = _render_all(preview)
    has_problems = any(result["problems"] for result in results)
    with transaction.atomic():
        lease.save(results=results)
        _finish(lease, RunState.FAILED if has_problems else RunState.SUCCEEDED, "template" if has_problems else "")
    return Done()


def give_up_preview(lease: Lease, reason: str) -> None:
    """Ends a preview that the engine gave up on."""
    _finish(lease, RunState.ERRORED, reason)


def _render_all(preview: Preview) -> list[Result]:
    component = preview.component
    settings = selectors.current_settings(component)
    toolchain = selectors.toolchain_of(component.project)
    if settings is None or toolchain is None:
        return [_refused("", _NO_SETTINGS if settings is None else _NO_TOOLCHAIN)]
    address = toolchain.registry.address
    if preview.kind in (TemplateKind.DOCKERFILE, TemplateKind.BOOTSTART):
        given = values.build_values(
            component=component, settings=settings, order_facts=SAMPLE_ORDER, registry_address=address
        )
        return [_rendered("", lambda: _text(preview, given))]
    spaces = selectors.spaces_of(component)
    if not spaces:
        return [_refused("", _NO_ENVIRONMENT)]
    image = values.image_digest_reference(component, toolchain.registry, SAMPLE_DIGEST)
    return [_render_space(preview, settings, space, image) for space in spaces]


def _render_space(preview: Preview, settings: ComponentSettings, space: Space, image: str) -> Result:
    environment = space.environment
    allocation = selectors.current_allocation(preview.component, environment)
    if allocation is None:
        return _refused(environment.slug, _NO_ALLOCATION)
    given = values.template_values(
        component=preview.component,
        settings=settings,
        environment=environment,
        space=space,
        allocation=allocation,
        config=selectors.current_config(preview.component, environment),
        order_facts=SAMPLE_ORDER,
        image=image,
    )
    return _rendered(environment.slug, lambda: _yaml(preview, given))


def _rendered(environment: str, render: Callable[[], str]) -> Result:
    try:
        return {"environment": environment, "text": render(), "problems": []}
    except Rejected as exc:
        problems = [{"path": problem.path, "message": problem.message} for problem in exc.problems]
        return {"environment": environment, "text": "", "problems": problems or [{"path": "", "message": exc.said}]}


def _refused(environment: str, sentence: str) -> Result:
    return {"environment": environment, "text": "", "problems": [{"path": "", "message": sentence}]}


def _yaml(preview: Preview, given: dict[str, Any]) -> str:
    rendered = render_host.render(_request(preview, given))
    return "\n---\n".join(_joined(lines) for lines in rendered.lines) + "\n"


def _text(preview: Preview, given: dict[str, Any]) -> str:
    (text,) = render_host.render_text(_request(preview, given)).values()
    return text.text


def _request(preview: Preview, given: dict[str, Any]) -> RenderRequest:
    return RenderRequest({preview.template.name if preview.template else preview.kind: preview.body}, given)


def _joined(lines: tuple[RenderedLine, ...]) -> str:
    return "\n".join(line.text for line in lines)


# ---------------------------------------------------------------- connection tests
def test_server(lease: Lease) -> Done:
    """Tries the server once; a server that is away is an answer here, not a reason to wait for it."""
    test: ServerTest = lease.read()
    begin(ServerTest, lease.pk, fence=lease.fence, owner=lease.owner)
    try:
        facts, message = _TESTS[test.kind](test)
        state, reason = RunState.SUCCEEDED, ""
    except Refused as exc:
        facts, message, state, reason = {}, exc.sentence, RunState.FAILED, exc.code
    except DeployerError as exc:
        facts, message, state, reason = {}, exc.said, RunState.FAILED, type(exc).__name__.lower()
    with transaction.atomic():
        lease.save(facts=facts, message=message)
        _finish(lease, state, reason)
    return Done()


def give_up_test(lease: Lease, reason: str) -> None:
    """Ends a test that the engine gave up on."""
    _finish(lease, RunState.ERRORED, reason)


def _test_jenkins(test: ServerTest) -> tuple[dict[str, Any], Sentence]:
    assert test.jenkins is not None
    client = jenkins.connect(targets.build_server_target(test.jenkins))
    facts = _facts(client.describe())
    name = test.subject or USUAL_JOB
    job = client.job(name)
    missing = sorted(values.PARAMETERS - job.parameters)
    if not job.buildable or missing:
        raise Rejected(_unusable(name, missing))
    return {**facts, "job": name, "next_number": job.next_number}, _("Jenkins answers, and the job is ready.")


def _unusable(job: str, missing: list[str]) -> Said:
    if missing:
        return _(
            "Jenkins answers, but its job %(job)s does not declare these parameters: %(names)s.", job=job, names=missing
        )
    return _("Jenkins answers, but its job %(job)s is disabled.", job=job)


def _test_git(test: ServerTest) -> tuple[dict[str, Any], Sentence]:
    assert test.git is not None
    url = test.subject
    if not url:
        raise Rejected(_("Give the URL of a repository on this host: the test reads it."))
    if targets.git_server_of(url).pk != test.git.pk:
        raise Rejected(_("This repository is on another host: test that one."))
    tips = git.connect(targets.source_target(url)).branches()
    return {"branches": len(tips), "first": [tip.name for tip in tips[:10]]}, _("The repository answers.")


def _test_registry(test: ServerTest) -> tuple[dict[str, Any], Sentence]:
    assert test.registry is not None
    client = registry.connect(targets.registry_target(test.registry))
    facts = _facts(client.describe())
    if not test.subject:
        return facts, _("The registry answers.")
    repository, _separator, tag = test.subject.rpartition(":")
    image = client.image(repository, tag)
    if image is None:
        raise Rejected(_("The registry answers, but it has no %(image)s.", image=test.subject))
    found = _("The registry answers, and has the image.")
    return {**facts, "image": test.subject, "digest": image.digest}, found


_TESTS: dict[str, Callable[[ServerTest], tuple[dict[str, Any], Sentence]]] = {
    ServerKind.JENKINS: _test_jenkins,
    ServerKind.GIT: _test_git,
    ServerKind.REGISTRY: _test_registry,
}


def _facts(facts: ServerFacts) -> dict[str, Any]:
    return {
        "version": facts.version,
        "user": facts.user,
        "latency_ms": facts.latency_ms,
        "notes": list(facts.notes),
    }


def _finish(lease: Lease, state: str, reason: str) -> None:
    is_ours = finish(lease.kind.model, lease.pk, to=state, fence=lease.fence, owner=lease.owner, reason=reason)
    if not is_ours:
        raise LeaseLost(f"{lease} is not ours any more.")
