"""What workers do for this app: render previews, try servers. Started by a hint, one pass each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction

from components import job_sync, live_reads, targets, values
from components.choices import ServerKind
from components.models import ComponentSettings, Preview, RepositoryRead, ServerTest
from components.previewing import preview_results
from deployer.adapters import git, jenkins, registry
from deployer.errors import DeployerError, NoFact, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import ServerFacts
from deployer.messages import Message
from deployer.messages import message as _
from foundation.messages import MessageLike
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.runs.finish import begin, finish_own
from foundation.runs.lease import Done, Lease, Parked

log = logging.getLogger(__name__)

USUAL_JOB: str = ComponentSettings._meta.get_field("job_name").default


# ---------------------------------------------------------------- previews
def render_preview(lease: Lease) -> Done:
    """Renders the text for each environment; failed when it does so nowhere, or not everywhere."""
    preview: Preview = lease.read()
    begin(Preview, lease.pk, fence=lease.fence, owner=lease.owner)
    results = preview_results(preview)
    has_problems = any(result["problems"] for result in results)
    with transaction.atomic():
        lease.save(results=results)
        finish_own(
            lease, to=RunState.FAILED if has_problems else RunState.SUCCEEDED, reason="template" if has_problems else ""
        )
    return Done()


def give_up_preview(lease: Lease, reason: str) -> None:
    """Ends a preview that the engine gave up on."""
    finish_own(lease, to=RunState.ERRORED, reason=reason)


# ---------------------------------------------------------------- branches after a push
def read_repository(lease: Lease) -> Parked:
    """Reads all branches as a page does, for the next page; then it rests until the next push.

    A server that is silent is asked again with the engine's patience; what a refusal says, the next page is told too.
    """
    row: RepositoryRead = lease.read()
    try:
        with lease.open(git.connect, targets.listed_source_target(row.git_url)) as client:
            tips = client.heads()
    except (Refused, DeployerError) as exc:
        if isinstance(exc, Unavailable | OutcomeUnknown) and not isinstance(exc, NoFact):
            raise
        log.info("No branches of %s: %s", row.git_url, exc)
    else:
        live_reads.store_tips(row.git_url, tips)
    return Parked()


# ---------------------------------------------------------------- connection tests
def test_server(lease: Lease) -> Done:
    """Tries the server once; a server that is away is an answer here, not a reason to wait for it."""
    test: ServerTest = lease.read()
    begin(ServerTest, lease.pk, fence=lease.fence, owner=lease.owner)
    try:
        facts, message = _TESTS[test.kind](lease, test)
        state, reason = RunState.SUCCEEDED, ""
    except Refused as exc:
        facts, message, state, reason = {}, exc.message, RunState.FAILED, exc.code
    except DeployerError as exc:
        facts, message, state, reason = {}, exc.message, RunState.FAILED, type(exc).__name__.lower()
    with transaction.atomic():
        lease.save(facts=facts, message=message)
        finish_own(lease, to=state, reason=reason)
    return Done()


def give_up_test(lease: Lease, reason: str) -> None:
    """Ends a test that the engine gave up on."""
    finish_own(lease, to=RunState.ERRORED, reason=reason)


def _test_jenkins(lease: Lease, test: ServerTest) -> tuple[dict[str, Any], MessageLike]:
    assert test.jenkins is not None
    name = test.subject or USUAL_JOB
    with lease.open(jenkins.connect, targets.build_server_target(test.jenkins), remote="") as client:
        facts = _facts(client.describe())
        job = client.job(name)
        differs = job_sync.differs(client, test.jenkins, name)
    missing = sorted(values.PARAMETERS - job.parameters)
    if not job.buildable or missing:
        raise Rejected(_unusable(name, missing))
    if differs:
        slug = test.jenkins.slug
        note = _("The job differs from the one of this version: manage.py jenkins_job sync %(server)s", server=slug)
        facts["notes"].append(note)
    return {**facts, "job": name, "next_number": job.next_number}, _("Jenkins answers, and the job is ready.")


def _unusable(job: str, missing: list[str]) -> Message:
    if missing:
        return _(
            "Jenkins answers, but its job %(job)s does not declare these parameters: %(names)s.", job=job, names=missing
        )
    return _("Jenkins answers, but its job %(job)s is disabled.", job=job)


def _test_git(lease: Lease, test: ServerTest) -> tuple[dict[str, Any], MessageLike]:
    assert test.git is not None
    url = test.subject
    if not url:
        raise Rejected(_("Give the URL of a repository on this host: the test reads it."))
    if targets.listed_server(url).pk != test.git.pk:
        raise Rejected(_("This repository is on another host: test that one."))
    with lease.open(git.connect, targets.listed_source_target(url), remote="") as client:
        tips = client.branches()
    return {"branches": len(tips), "first": [tip.name for tip in tips[:10]]}, _("The repository answers.")


def _test_registry(lease: Lease, test: ServerTest) -> tuple[dict[str, Any], MessageLike]:
    assert test.registry is not None
    repository, _separator, tag = test.subject.rpartition(":")
    with lease.open(registry.connect, targets.registry_target(test.registry), remote="") as client:
        facts = _facts(client.describe())
        if not test.subject:
            return facts, _("The registry answers.")
        image = client.image(repository, tag)
    if image is None:
        raise Rejected(_("The registry answers, but it has no %(image)s.", image=test.subject))
    found = _("The registry answers, and has the image.")
    return {**facts, "image": test.subject, "digest": image.digest}, found


_TESTS: dict[str, Callable[[Lease, ServerTest], tuple[dict[str, Any], MessageLike]]] = {
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
