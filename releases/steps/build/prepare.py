"""Before Jenkins hears of it: adopt what is there, check the commit, render the files, check the job."""

from __future__ import annotations

import hashlib
import json

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from components.grammar import GrammarError
from components.targets import source_target
from components.values import build_values, jenkins_parameters
from deployer.adapters import git
from deployer.errors import NotFound, Rejected
from deployer.interfaces import RenderRequest
from deployer.render_host import render_host
from foundation.problems import Refused, Sentence
from foundation.runs.choices import RunState
from foundation.runs.lease import Lease, Outcome
from foundation.sentences import say as _
from releases import transitions
from releases.choices import Reason
from releases.models import Build
from releases.steps.build.ends import end, succeed
from releases.steps.build.servers import image_of, is_ours, server_of, turn_to
from releases.steps.build.trigger import send

log = structlog.get_logger(__name__)


class NotPossible(Exception):
    """The build cannot start; ``reason`` and the sentence go on the row."""

    def __init__(self, reason: str, sentence: Sentence, state: str = RunState.FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason
        self.state = state


def prepare(lease: Lease, build: Build) -> Outcome:
    """Phase ``start``: nothing of this is visible outside, so it may run any number of times."""
    turn_to(lease, build, build.registry.remote_key)
    image = image_of(build)
    if image and is_ours(build, image):
        return succeed(lease, build, image, adopted=True)
    if image:
        sentence = _(
            "The registry already has an image %(number)s that somebody else pushed: it was not overwritten.",
            number=build.order.number,
        )
        return end(lease, build, RunState.FAILED, Reason.FOREIGN_TAG, sentence)
    try:
        _check_commit(lease, build)
        parameters = _parameters(build)
        turn_to(lease, build, build.server.remote_key)
        baseline = _check_job(build, parameters)
    except NotPossible as error:
        return end(lease, build, error.state, error.reason, error.sentence)
    _commit_intent(lease, build, parameters, baseline)
    return send(lease, build)


def _check_commit(lease: Lease, build: Build) -> None:
    """The commit that the person saw must lie on the branch."""
    order = build.order
    assert order.settings is not None
    try:
        target = source_target(order.settings.git_url)
        turn_to(lease, build, target.key)
        source = git.connect(target)
        if source.resolve(order.branch).commit == order.commit or source.contains(order.branch, order.commit):
            return
    except Refused as refusal:
        raise NotPossible(Reason.REFUSED, refusal.sentence) from refusal
    except (NotFound, Rejected) as error:
        raise NotPossible(Reason.REFUSED, error.said) from error
    sentence = _(
        "Commit %(commit)s is not on branch %(branch)s any more.", commit=order.commit[:7], branch=order.branch
    )
    raise NotPossible(Reason.REFUSED, sentence)


def _parameters(build: Build) -> dict[str, str]:
    order = build.order
    assert order.settings and order.dockerfile and order.bootstart
    facts = {"number": order.number, "commit": order.commit, "branch": order.branch}
    try:
        values = build_values(
            component=order.component,
            settings=order.settings,
            order_facts=facts,
            registry_address=build.registry.address,
        )
        templates = {"Dockerfile": order.dockerfile.body, "bootstart.sh": order.bootstart.body}
        texts = render_host.render_text(RenderRequest(templates=templates, values=values))
        return jenkins_parameters(
            component=order.component,
            settings=order.settings,
            registry=build.registry,
            order_facts=facts,
            trigger_id=str(build.trigger_id),
            dockerfile=texts["Dockerfile"].text,
            bootstart=texts["bootstart.sh"].text,
            platform_url=settings.PLATFORM_URL,
        )
    except Rejected as error:
        raise NotPossible(Reason.TEMPLATE, error.said) from error
    except GrammarError as error:
        raise NotPossible(Reason.INCOMPLETE, error.sentence) from error


def _check_job(build: Build, parameters: dict[str, str]) -> int:
    """Jenkins drops parameters that the job does not declare without a word: find out before, not after."""
    try:
        job = server_of(build).job(build.job)
    except NotFound as error:
        sentence = _("Jenkins has no job %(job)s: check the component's Jenkins job.", job=build.job)
        raise NotPossible(Reason.REFUSED, sentence) from error
    except Rejected as error:
        raise NotPossible(Reason.REFUSED, error.said, RunState.ERRORED) from error
    if not job.buildable:
        raise NotPossible(Reason.REFUSED, _("The Jenkins job %(job)s is disabled.", job=build.job))
    missing = sorted(set(parameters) - job.parameters)
    if missing:
        sentence = _(
            "The Jenkins job %(job)s does not declare %(names)s. Install jenkins_job/config.xml.",
            job=build.job,
            names=missing,
        )
        raise NotPossible(Reason.REFUSED, sentence)
    return job.next_number


def _commit_intent(lease: Lease, build: Build, parameters: dict[str, str], baseline: int) -> None:
    """From here the POST may be out: whoever finds the row in ``triggering`` looks before it sends."""
    # Templates may be long; the page needs to show what was sent, the hash tells whether Jenkins got the same.
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    log.info("triggering", order=build.order.number, trigger=str(build.trigger_id), parameters=digest[:12])
    fields = {
        "phase": "triggering",
        "parameters": parameters,
        "baseline_number": baseline,
        "posted_at": Now(),
        "posts": build.posts + 1,
    }
    with transaction.atomic():
        if build.state == RunState.QUEUED:
            transitions.move(build, RunState.RUNNING, actor=None, lease=lease, data={"attempt": build.attempt})
        lease.save(**fields)
    for name, value in fields.items():
        setattr(build, name, value)
