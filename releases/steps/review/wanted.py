"""What we want: rendered, checked, prepared and frozen into an immutable Snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

import audit
from components.models import Allocation, ConfigVersion, TemplateVersion
from components.selectors import current_allocation, current_config, latest_versions, toolchain_of
from components.values import template_values
from deployer.errors import Rejected
from deployer.interfaces import Rendered, RenderRequest
from deployer.manifests import Identity, Policy, check, prepare, snapshot_hash
from deployer.render_host import render_host
from foundation.runs.lease import Lease
from foundation.sentences import say as _
from releases import progress
from releases.choices import ApprovalState, Reason
from releases.models import Approval, ReleaseOrder, Review, Snapshot
from releases.steps.review.problems import Trouble
from releases.transitions import PLATFORM

BASE_FOLDERS = ("3rd_part", "base")
"""Folders of the project's own registry that side containers may come from."""


@dataclass(frozen=True)
class Inputs:
    """The versions that a snapshot is made of."""

    deployment_template: TemplateVersion
    service_template: TemplateVersion
    allocation: Allocation
    config: ConfigVersion | None


def freeze(lease: Lease, review: Review) -> Snapshot:
    """The snapshot of the order's frozen settings with the newest templates, allocation and configuration.

    The same inputs give the same row; new ones make a new row and void the approvals of the older ones.
    """
    inputs = _inputs(review)
    rendered = _render(review, inputs)
    identity = _identity(review)
    problems = check(rendered.manifests, _policy(review, inputs))
    if problems:
        raise Trouble(Reason.MANIFEST, _("The manifests ask for something that is not allowed here."), problems)
    manifests = prepare(rendered.manifests, identity)
    extra = {
        "settings": review.order.settings_id,
        "templates": [inputs.deployment_template.pk, inputs.service_template.pk],
        "allocation": inputs.allocation.pk,
        "config": inputs.config.pk if inputs.config else None,
        "digest": review.order.image_digest,
    }
    origins = [[[line.text, line.template, line.template_line] for line in lines] for lines in rendered.lines]
    return _store(lease, review, inputs, list(manifests), origins, snapshot_hash(manifests, extra))


def _inputs(review: Review) -> Inputs:
    order, environment = review.order, review.space.environment
    settings = order.settings
    if settings is None or not order.image_digest:
        raise Trouble(Reason.INCOMPLETE, _("The order has no image yet: build it first."), [])
    versions = latest_versions([settings.deployment_template, settings.service_template])
    allocation = current_allocation(order.component, environment)
    if allocation is None or len(versions) < 2:
        sentence = _("The component has no allocation or template for %(name)s.", name=environment.label)
        raise Trouble(Reason.INCOMPLETE, sentence, [])
    return Inputs(
        versions[settings.deployment_template_id or 0],
        versions[settings.service_template_id or 0],
        allocation,
        current_config(order.component, environment),
    )


def _render(review: Review, inputs: Inputs) -> Rendered:
    order = review.order
    assert order.settings is not None
    values = template_values(
        component=order.component,
        settings=order.settings,
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
    try:
        return render_host.render(RenderRequest(templates=templates, values=values))
    except Rejected as error:
        raise Trouble(Reason.TEMPLATE, error.said, error.problems) from error


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
    order, space = review.order, review.space
    toolchain = toolchain_of(order.project)
    address = toolchain.registry.address if toolchain else ""
    own = tuple(f"{address}/{folder}" for folder in BASE_FOLDERS) if address else ()
    entries: list[dict[str, Any]] = inputs.config.env if inputs.config else []
    return Policy(
        namespace=space.namespace,
        component=order.component.slug,
        image=order.image_by_digest,
        registries=(*own, *space.cluster.registries),
        secrets=frozenset(str(entry["secret"]) for entry in entries if entry.get("secret")),
        service=(order.settings.service_name if order.settings else "") or order.component.slug,
    )


def _store(
    lease: Lease, review: Review, inputs: Inputs, manifests: list[Any], origins: list[Any], digest: str
) -> Snapshot:
    order, space = review.order, review.space
    assert order.settings is not None
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
                component_id=order.component_id,
                digest=order.image_digest,
                manifests=manifests,
                origins=origins,
                settings=order.settings,
                deployment_template=inputs.deployment_template,
                service_template=inputs.service_template,
                allocation=inputs.allocation,
                config=inputs.config,
            )
            _void_older(order, snapshot)
            return snapshot
    except IntegrityError:
        # Another worker froze the same inputs a moment ago.
        return Snapshot.objects.get(**key)


def _void_older(order: ReleaseOrder, snapshot: Snapshot) -> None:
    """Approvals bind to a snapshot: new inputs void them, and the approvers are told."""
    older = Approval.objects.filter(
        order=order, space=snapshot.space, state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED]
    ).exclude(snapshot=snapshot)
    for approval in older.select_related("by"):
        Approval.objects.filter(pk=approval.pk).update(state=ApprovalState.VOID, ended_at=timezone.now())
        environment = snapshot.space.environment.slug
        data = {"id": approval.pk, "environment": environment, "by": approval.by.shown_name}
        progress.append(order.pk, "approval.void", data=data)
        audit.record(
            PLATFORM,
            "approval.void",
            object_type="approval",
            object_id=str(approval.pk),
            object_name=order.number,
            project=order.project.slug,
            environment=environment,
            reason="new snapshot",
            after={"snapshot": snapshot.hash},
        )
