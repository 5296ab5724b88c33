"""Before Jenkins hears of it: adopt what is there, check the commit, render the files, check the job."""

from __future__ import annotations

import hashlib
import json

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from components.targets import ensure_offered, explain_unlisted, source_target
from components.validators import GrammarError
from components.values import BuildPlace, build_values, jenkins_parameters
from deployer.adapters import git
from deployer.errors import NotFound, Rejected
from deployer.interfaces import BuildServerClient, RenderRequest
from deployer.render_host import render_host
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.runs.lease import Lease, Outcome
from releases import transitions
from releases.choices import Reason
from releases.models import Build
from releases.services.builds import tag_moved
from releases.steps.build.ends import end, succeed
from releases.steps.build.servers import is_ours, open_server, read_image
from releases.steps.build.trigger import send

log = structlog.get_logger(__name__)


class NotPossible(Exception):
    """The build cannot start; ``reason`` and the message go on the row."""

    def __init__(self, reason: str, message: MessageLike, state: str = RunState.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.state = state


def prepare(lease: Lease, build: Build) -> Outcome:
    """Phase ``start``: nothing of this is visible outside, so it may run any number of times."""
    image = read_image(lease, build)
    if image and is_ours(build, image):
        return succeed(lease, build, image, adopted=True)
    if image:
        message = _(
            "The registry already has an image %(number)s that somebody else pushed: it was not overwritten.",
            number=build.order.number,
        )
        return end(lease, build, RunState.FAILED, Reason.FOREIGN_TAG, message)
    try:
        _check_commit(lease, build)
        _check_offers(build)
        parameters = _parameters(build)
        with open_server(lease, build) as server:
            baseline = _check_job(build, server, parameters)
            _commit_intent(lease, build, parameters, baseline, server.session)
            return send(lease, build, server)
    except NotPossible as error:
        return end(lease, build, error.state, error.reason, error.message)


def _check_commit(lease: Lease, build: Build) -> None:
    """The commit that the person saw must lie on the branch, and the order's Git tag must still be there."""
    order = build.order
    assert order.component_settings is not None
    try:
        target = source_target(order.component_settings.git_url, order.project)
        with lease.open(git.connect, target) as source:
            tagged = source.find_tag(order.git_tag).commit if order.git_tag else order.commit
            if tagged != order.commit:
                raise NotPossible(Reason.REFUSED, tag_moved(order, tagged))
            if source.resolve(order.branch).commit == order.commit or source.contains(order.branch, order.commit):
                return
    except Refused as refusal:
        why = explain_unlisted(order.component_settings.git_url, refusal)
        raise NotPossible(Reason.REFUSED, why.message) from refusal
    except (NotFound, Rejected) as error:
        raise NotPossible(Reason.REFUSED, error.message) from error
    message = _("Commit %(commit)s is not on branch %(branch)s any more.", commit=order.commit[:7], branch=order.branch)
    raise NotPossible(Reason.REFUSED, message)


def _check_offers(build: Build) -> None:
    """The list of jobs and nodes may be shorter than when the component was saved."""
    frozen = build.order.component_settings
    assert frozen is not None
    try:
        ensure_offered(build.server, build.order.project, job=build.job, node=frozen.node_label)
    except Refused as refusal:
        raise NotPossible(Reason.REFUSED, refusal.message) from refusal


def _parameters(build: Build) -> dict[str, str]:
    order = build.order
    assert order.component_settings and order.dockerfile and order.bootstart
    facts = {"number": order.number, "commit": order.commit, "branch": order.branch}
    try:
        values = build_values(
            component=order.component,
            settings=order.component_settings,
            order_facts=facts,
            registry_address=build.registry.address,
        )
        templates = {"Dockerfile": order.dockerfile.body, "bootstart.sh": order.bootstart.body}
        texts = render_host.render_text(RenderRequest(templates=templates, values=values))
        return jenkins_parameters(
            component=order.component,
            settings=order.component_settings,
            registry=build.registry,
            order_facts=facts,
            trigger_id=str(build.trigger_id),
            dockerfile=texts["Dockerfile"].text,
            bootstart=texts["bootstart.sh"].text,
            place=_place(build),
        )
    except Rejected as error:
        raise NotPossible(Reason.TEMPLATE, error.message) from error
    except GrammarError as error:
        raise NotPossible(Reason.INCOMPLETE, error.message) from error


def _place(build: Build) -> BuildPlace:
    server = build.server
    return BuildPlace(
        settings.PLATFORM_URL if server.claims else "", server.claim_wait_seconds, server.image_node_label
    )


def _check_job(build: Build, server: BuildServerClient, parameters: dict[str, str]) -> int:
    """Jenkins silently drops parameters that the job does not declare: find out before, not after."""
    try:
        job = server.job(build.job)
    except NotFound as error:
        message = _("Jenkins has no job %(job)s: check the component's Jenkins job.", job=build.job)
        raise NotPossible(Reason.REFUSED, message, RunState.ERRORED) from error
    except Rejected as error:
        raise NotPossible(Reason.REFUSED, error.message, RunState.ERRORED) from error
    if not job.buildable:
        message = _("The Jenkins job %(job)s is disabled.", job=build.job)
        raise NotPossible(Reason.REFUSED, message, RunState.ERRORED)
    missing = sorted(set(parameters) - job.parameters)
    if missing:
        message = _(
            "The Jenkins job %(job)s does not declare %(names)s: an operator runs manage.py jenkins_job sync.",
            job=build.job,
            names=missing,
        )
        raise NotPossible(Reason.REFUSED, message, RunState.ERRORED)
    return job.next_number


def _commit_intent(lease: Lease, build: Build, parameters: dict[str, str], baseline: int, session: str) -> None:
    """From here the POST may be out: a process that finds the row in ``triggering`` searches before it sends."""
    # Templates may be long; the page needs to show what was sent, the hash tells whether Jenkins got the same.
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    log.info("triggering", order=build.order.number, trigger=str(build.trigger_id), parameters=digest[:12])
    fields = {
        "phase": "triggering",
        "parameters": parameters,
        "baseline_number": baseline,
        "posted_at": Now(),
        "posts": build.posts + 1,
        "session": session,
    }
    with transaction.atomic():
        if build.state == RunState.QUEUED:
            transitions.move(build, RunState.RUNNING, actor=None, lease=lease, data={"attempt": build.attempt})
        lease.save(**fields)
    for name, value in fields.items():
        setattr(build, name, value)
