"""What we want: rendered, checked, prepared and frozen into an immutable Snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from components.manifest_policy import manifest_policy
from components.models import Allocation, ConfigVersion, EntryCheck, ScalingRule, TemplateVersion
from components.selectors import (
    current_allocation,
    current_config,
    current_entry_check,
    current_rule,
    latest_versions,
    toolchain_of,
)
from components.values import template_values
from deployer.errors import Problem, Rejected
from deployer.interfaces import Rendered, RenderRequest
from deployer.manifests import Identity, Policy, check, prepare, snapshot_hash, with_rule
from deployer.parallel import meanwhile
from deployer.render_host import render_host
from environments.access import who_may
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.lease import Lease
from releases.choices import ApprovalState, Reason
from releases.locks import lock_orders
from releases.models import Approval, ReleaseOrder, Review, Snapshot
from releases.services.approvals import void


class Trouble(Exception):
    """It cannot be reviewed: ``reason`` and the message go on the row, the problems into its findings."""

    def __init__(self, reason: str, message: MessageLike, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.problems = problems


@dataclass(frozen=True)
class Inputs:
    """The versions that a snapshot is made of."""

    deployment_template: TemplateVersion
    service_template: TemplateVersion
    allocation: Allocation
    config: ConfigVersion | None
    rule: ScalingRule | None
    """Only while it is on."""
    entry_check: EntryCheck | None


@dataclass(frozen=True)
class Wanted:
    """What a snapshot is made of: its inputs, the manifests, and for each of their lines where it comes from."""

    inputs: Inputs
    manifests: list[Any]
    origins: list[Any]


def freeze(lease: Lease, review: Review, while_rendering: Callable[[], object] = lambda: None) -> Snapshot:
    """The snapshot of the order's frozen settings with the newest templates, allocation and configuration.

    The same inputs give the same row; new ones make a new row and void the approvals of the older ones.
    ``while_rendering``: what else may be read in the time that another process takes to render.
    """
    wanted = render(review, while_rendering)
    digest = snapshot_hash(wanted.manifests, _behind(review, wanted.inputs))
    return _store(lease, review, wanted.inputs, wanted.manifests, wanted.origins, digest)


def render(review: Review, while_rendering: Callable[[], object] = lambda: None) -> Wanted:
    """Rendered, checked and prepared; nothing is stored, and the review need not be. Raises Trouble, Unavailable."""
    inputs = _inputs(review)
    request = _render_request(review, inputs)
    with meanwhile() as begin:
        rendering = begin(lambda: render_host.render(request))
        identity = _identity(review)
        policy = _policy(review, inputs)
        while_rendering()
        rendered = _rendered(rendering)
    problems = check(rendered.manifests, policy)
    if problems:
        raise Trouble(Reason.MANIFEST, _("The manifests ask for something that is not allowed here."), problems)
    manifests = prepare(with_rule(rendered.manifests, policy.scaling), identity)
    origins = [[[line.text, line.template, line.template_line] for line in lines] for lines in rendered.lines]
    return Wanted(inputs, list(manifests), origins)


def _behind(review: Review, inputs: Inputs) -> dict[str, Any]:
    """What a snapshot's hash holds besides its manifests."""
    extra: dict[str, Any] = {
        "settings": review.order.component_settings_id,
        "templates": [inputs.deployment_template.pk, inputs.service_template.pk],
        "allocation": inputs.allocation.pk,
        "config": inputs.config.pk if inputs.config else None,
        "digest": review.order.image_digest,
    }
    extra |= {"take_over": review.take_over} if review.take_over else {}
    extra |= {"scaling_rule": inputs.rule.pk} if inputs.rule else {}
    return extra | ({"entry_check": inputs.entry_check.pk} if inputs.entry_check else {})


def _inputs(review: Review) -> Inputs:
    order, environment = review.order, review.space.environment
    settings = order.component_settings
    if settings is None or not order.image_digest:
        raise Trouble(Reason.INCOMPLETE, _("The order has no image yet: build it first."), [])
    versions = latest_versions([settings.deployment_template_id, settings.service_template_id])
    if len(versions) < 2:
        raise Trouble(Reason.INCOMPLETE, _("The component has no template to deploy it with: choose one."), [])
    allocation = current_allocation(order.component, environment)
    if allocation is None:
        message = _(
            "%(component)s has no allocation in %(name)s: say how many replicas it has there, and how much CPU and "
            "memory. Who can do it: %(who)s.",
            component=order.component.name,
            name=environment.label,
            who=who_may("edit_allocation", space=review.space),
        )
        raise Trouble(Reason.INCOMPLETE, message, [])
    rule = current_rule(order.component, environment)
    return Inputs(
        versions[settings.deployment_template_id or 0],
        versions[settings.service_template_id or 0],
        allocation,
        current_config(order.component, environment),
        rule if rule and rule.is_on else None,
        current_entry_check(order.component, environment),
    )


def _render_request(review: Review, inputs: Inputs) -> RenderRequest:
    order = review.order
    assert order.component_settings is not None
    values = template_values(
        component=order.component,
        settings=order.component_settings,
        environment=review.space.environment,
        space=review.space,
        allocation=inputs.allocation,
        config=inputs.config,
        order_facts={"number": order.number, "commit": order.commit, "branch": order.branch},
        image=order.image_by_digest,
    )
    templates = {
        inputs.deployment_template.template.name: inputs.deployment_template.body,
        inputs.service_template.template.name: inputs.service_template.body,
    }
    return RenderRequest(templates=templates, values=values)


def _rendered(answer: Callable[[], Rendered]) -> Rendered:
    try:
        return answer()
    except Rejected as error:
        raise Trouble(Reason.TEMPLATE, error.message, error.problems) from error


def _identity(review: Review) -> Identity:
    order, space = review.order, review.space
    return Identity(
        number=order.number,
        commit=order.commit,
        project=order.project.slug,
        component=order.component.slug,
        environment=space.environment.slug,
        namespace=space.namespace,
    )


def _policy(review: Review, inputs: Inputs) -> Policy:
    order = review.order
    toolchain = toolchain_of(order.project)
    return manifest_policy(
        component=order.component,
        settings=order.component_settings,
        space=review.space,
        registry=toolchain.registry if toolchain else None,
        allocation=inputs.allocation,
        config=inputs.config,
        rule=inputs.rule,
        image=order.image_by_digest,
    )


def _store(
    lease: Lease, review: Review, inputs: Inputs, manifests: list[Any], origins: list[Any], digest: str
) -> Snapshot:
    order, space = review.order, review.space
    assert order.component_settings is not None
    key = {"order": order, "space": space, "hash": digest}
    found = Snapshot.objects.filter(**key).first()
    if found:
        return found
    try:
        with transaction.atomic():
            # A worker that slept must not void newer approvals in the name of old inputs.
            lease.read()
            snapshot = Snapshot.objects.create(
                **key,
                component=order.component,
                digest=order.image_digest,
                manifests=manifests,
                origins=origins,
                take_over=review.take_over,
                component_settings=order.component_settings,
                deployment_template=inputs.deployment_template,
                service_template=inputs.service_template,
                allocation=inputs.allocation,
                config=inputs.config,
                scaling_rule=inputs.rule,
                entry_check=inputs.entry_check,
            )
            _void_older(order, snapshot)
            return snapshot
    except IntegrityError:
        # Another worker froze the same inputs a moment ago.
        return Snapshot.objects.get(**key)


def _void_older(order: ReleaseOrder, snapshot: Snapshot) -> None:
    """Approvals bind to a snapshot: new inputs void them, and the approvers are told."""
    # The order before its approvals: somebody may withdraw one at this moment, and takes the same two locks.
    lock_orders(order.pk)
    older = (
        Approval.objects.filter(
            order=order,
            space=snapshot.space,
            state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED],
            scale_request=None,
        )
        .exclude(snapshot=snapshot)
        .exclude(snapshot__removes__isnull=False)
    )
    if not older.exists():
        return
    for approval in older.select_related("by", "order__project", "order__component", "space__environment", "snapshot"):
        void(approval, actor=None, reason="new snapshot", after={"snapshot": snapshot.hash})
