"""Spaces: place and ceilings (by a platform administrator), policy (by a project administrator), and their syncs.

A sync brings a space's namespace and quota in line: the row is written here, a worker carries it out. What workers
see of the quota meanwhile is written for the pages, and nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

import audit
from accounts.models import Project, User
from accounts.validation import changed, clean_row, save_clean
from deployer.interfaces import QuotaLine
from environments import loosening, registries
from environments.access import people_who_may, require
from environments.ceilings import check_order, hard_of, read_ceilings, show_ceilings
from environments.enough import why_nobody_deploys
from environments.grants import check_grants, pull_secret_of, take_node_ports
from environments.loosening import loosened
from environments.models import Cluster, Environment, Group, QuotaObservation, Space, SpaceSync
from environments.one_namespace import other_owner
from environments.policy import POLICY_FIELDS, below_minimum, contradictions, minimum_values
from environments.services.rule_changes import propose
from foundation.clock import db_now, now_minus
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import ACTIVE
from foundation.runs.engine import hinted_at, launch_hint, wake


def record_quota(space: Space, lines: Sequence[QuotaLine], *, at: datetime | None = None) -> None:
    """Keep the namespace's quotas as seen at that moment (now); who looked earlier and writes later changes nothing."""
    moment = at or db_now()
    values = {"namespace": space.namespace, "lines": [asdict(line) for line in lines], "at": moment}
    if QuotaObservation.objects.filter(space=space, at__lt=moment).update(**values):
        return
    # Two that read first at the same time: one row, and the next read puts it right.
    QuotaObservation.objects.bulk_create([QuotaObservation(space=space, **values)], ignore_conflicts=True)


def is_quota_fresh(space: Space, seconds: float) -> bool:
    """Was it read within so many seconds? A namespace of forty components needs one read a minute, not forty."""
    return QuotaObservation.objects.filter(space=space, namespace=space.namespace, at__gt=now_minus(seconds)).exists()


MANAGED_BY = "app.kubernetes.io/managed-by"
PRODUCT = "prism4k"
PROJECT, ENVIRONMENT = "prism4k.io/project", "prism4k.io/environment"


def wanted_of(space: Space) -> dict[str, Any]:
    """What a sync applies, as plain data: fixed here, so that a step never mixes two versions of the space."""
    return {
        "cluster": space.cluster_id,
        "namespace": space.namespace,
        "labels": {MANAGED_BY: PRODUCT, PROJECT: space.project.slug, ENVIRONMENT: space.environment.slug},
        "hard": hard_of(space),
        "force": space.force_conflicts,
        "pull_secrets": {
            pull_secret_of(slug): {"registry": slug, "version": version}
            for slug, version in sorted(registries.versions().items())
            if slug in space.grants.get("registries", [])
        },
    }


def launch_sync(*, actor: User | None, space: Space) -> SpaceSync:
    """Makes a sync due, inside the caller's transaction. One that is under way takes the new wishes over.

    The step compares what it applied with the row under a lock before it ends, so wishes that come meanwhile are
    never lost.
    """
    wanted = wanted_of(space)
    for _attempt in range(3):
        active = space.syncs.filter(state__in=ACTIVE).order_by("-pk").first()
        if active is not None:
            taken = SpaceSync.objects.filter(pk=active.pk, state__in=ACTIVE).update(
                wanted=wanted, remote=space.cluster.remote_key
            )
            if taken and wake(SpaceSync, active.pk):
                return active
            continue
        try:
            with transaction.atomic():
                run = SpaceSync.objects.create(
                    space=space, requested_by=actor, wanted=wanted, remote=space.cluster.remote_key, next_at=hinted_at()
                )
        except IntegrityError:
            # Another process launched one between our read and our insert.
            continue
        launch_hint("space-sync", run.pk)
        return run
    raise Stale(_("This space is being saved by somebody else just now: try again in a moment."))


def sync_again(*, actor: User, space: Space) -> SpaceSync:
    """Applies the space's namespace and quota once more. Raises Denied."""
    require(actor, "manage_places")
    _refuse_archived_space(space)
    with transaction.atomic():
        Space.objects.select_for_update().get(pk=space.pk)
        run = launch_sync(actor=actor, space=space)
        audit.record_act(actor, "space.sync_asked", space)
    return run


RESERVED = ("default", "kube-")
"""Namespaces of Kubernetes itself; the pattern ``kube-`` is reserved by its documentation ("Initial namespaces")."""


def version_of(space: Space) -> str:
    """What a form carries, so that it never overwrites what its reader did not see."""
    return space.changed_at.isoformat()


def create_space(
    *,
    actor: User,
    project: Project,
    environment: str,
    cluster: str,
    namespace: str = "",
    ceilings: Mapping[str, str] | None = None,
) -> Space:
    """A space of the project in the environment on the cluster (slugs); launches the sync that makes its namespace.

    A blank ``namespace`` is ``<project>-<environment>``. ``ceilings`` as typed, by name (cpu_requests, cpu_limits in
    cores; memory_requests, memory_limits in GiB; pods). In production it starts with the site's minimum.
    Raises Denied, Refused, Invalid, Stale.
    """
    require(actor, "manage_places")
    _refuse_archived(project)
    place = Environment.objects.filter(slug=environment, is_archived=False).first()
    where = Cluster.objects.filter(slug=cluster, is_archived=False).first()
    problems: dict[str, list[MessageLike]] = {}
    if place is None:
        problems["environment"] = [_("There is no such environment.")]
    if where is None:
        problems["cluster"] = [_("There is no such cluster.")]
    if place is None or where is None:
        raise Invalid(problems)
    amounts = read_ceilings(ceilings or {})
    space = Space(
        project=project, environment=place, cluster=where, namespace=namespace or f"{project.slug}-{place.slug}"
    )
    _set(space, amounts | (minimum_values() if place.is_production else {}))
    _check_place(space)
    with transaction.atomic():
        save_clean(space)
        launch_sync(actor=actor, space=space)
        audit.record_act(actor, "space.created", space, after=_facts(space))
    return space


def edit_space(
    *,
    actor: User,
    space: Space,
    cluster: str | None = None,
    namespace: str | None = None,
    ceilings: Mapping[str, str] | None = None,
    version: str = "",
    reason: str = "",
) -> Space:
    """Changes cluster, namespace and ceilings and launches the sync; saving it unchanged syncs it again.

    ``ceilings`` as in :func:`create_space`; names left out stay. ``version`` is :func:`version_of` what the form
    showed. What runs in a namespace that the space leaves stays there. In production another cluster or namespace
    becomes a rule change with the ``reason``. Raises Denied, Refused, Invalid, Stale.
    """
    require(actor, "manage_places")
    _refuse_archived(space.project)
    _refuse_archived_space(space)
    amounts = read_ceilings(ceilings or {})
    with transaction.atomic():
        lock_grants()
        row = lock_space(space, version)
        old = _facts(row)
        wanted = {"cluster": cluster or row.cluster.slug, "namespace": namespace or row.namespace}
        _set(row, amounts)
        before, where = place_of(row), row.cluster
        _move(row, wanted)
        loose = loosened(loosening.PLACE, before, wanted) if row.environment.is_production else []
        if loose:
            row.cluster, row.namespace = where, before["namespace"]
            of_loose = [{name: values[name] for name in loose} for values in (before, wanted)]
            propose(actor=actor, subject=row, before=of_loose[0], after=of_loose[1], reason=reason)
        row.save()
        take_node_ports(row)
        launch_sync(actor=actor, space=row)
        new = _facts(row)
        if new != old:
            audit.record_act(actor, "space.changed", row, before=_differing(old, new), after=_differing(new, old))
    return row


def place_of(space: Space) -> dict[str, Any]:
    """Where it is, and whether anything goes there, as plain values: what :data:`loosening.PLACE` judges."""
    return {"cluster": space.cluster.slug, "namespace": space.namespace, "is_archived": space.is_archived}


def _move(row: Space, wanted: Mapping[str, Any]) -> None:
    """Cluster and namespace, checked and not yet saved. Raises Invalid."""
    if wanted["cluster"] != row.cluster.slug:
        where = Cluster.objects.filter(slug=wanted["cluster"], is_archived=False).first()
        if where is None:
            raise Invalid({"cluster": [_("There is no such cluster.")]})
        row.cluster = where
    row.namespace = wanted["namespace"]
    _check_place(row)
    check_grants(row)
    clean_row(row)


def put_place(space: Space, values: Mapping[str, Any]) -> None:
    """Another place by a confirmed rule change, inside the transaction that locked grants and space. Raises Invalid."""
    row = lock_space(space, "")
    _move(row, place_of(row) | dict(values))
    row.save()
    take_node_ports(row)
    launch_sync(actor=None, space=row)


def edit_policy(
    *,
    actor: User,
    space: Space,
    version: str = "",
    reason: str = "",
    despite_warnings: bool = False,
    **policy: Any,
) -> Space:
    """Changes fields of the policy (:data:`environments.policy.POLICY_FIELDS`), within the site's minimum.

    In production what loosens a rule (:data:`environments.loosening.POLICY`) becomes a rule change with the ``reason``
    and waits for a second person; the rest holds at once. Raises Missing, Denied, Invalid with the reason at each
    field (also for what would leave nobody able to deploy, unless ``despite_warnings``), Stale, and Refused
    while another rule change waits or a deployment runs there.
    """
    require(actor, "edit_policy", project_id=space.project_id)
    _refuse_archived_space(space)
    if unknown := set(policy) - set(POLICY_FIELDS):
        raise Invalid({name: [_("This is not part of a policy.")] for name in unknown})
    with transaction.atomic():
        row = lock_space(space, version)
        old = _policy_of(row)
        changed(row, policy)
        _check_policy(row)
        wanted = _policy_of(row)
        if not despite_warnings:
            _refuse_deadlock(row, old)
        loose = loosened(loosening.POLICY, old, wanted) if row.environment.is_production else []
        if loose:
            before, after = ({name: values[name] for name in loose} for values in (old, wanted))
            _set(row, before)
            _check_policy(row)
            propose(actor=actor, subject=row, before=before, after=after, reason=reason)
        now = _policy_of(row)
        if now != old:
            row.save()
            before, after = _differing(old, now), _differing(now, old)
            audit.record_act(actor, "space.policy_changed", row, before=before, after=after, reason=reason)
    return row


def _refuse_deadlock(wanted: Space, old: Mapping[str, Any]) -> None:
    """Raises Invalid where somebody can deploy now and nobody could by the policy that is wanted."""
    why = why_nobody_deploys(wanted)
    if not why:
        return
    before = copy(wanted)
    _set(before, old)
    if people_who_may("deploy", space=wanted) and not why_nobody_deploys(before):
        raise Invalid({"despite_warnings": [why]})


def put_policy(space: Space, values: Mapping[str, Any]) -> None:
    """The values of a confirmed rule change, inside the transaction that locked the space. Raises Invalid."""
    row = lock_space(space, "")
    _set(row, values)
    _check_policy(row)
    row.save()


def _policy_of(row: Space) -> dict[str, Any]:
    return {name: getattr(row, name) for name in POLICY_FIELDS}


def _check_policy(row: Space) -> None:
    clean_row(row)
    values = _policy_of(row)
    problems = contradictions(values, is_entry=not row.environment.follows.exists())
    known = set(Group.objects.filter(slug__in=row.approver_groups).values_list("slug", flat=True))
    if unknown := [slug for slug in row.approver_groups if slug not in known]:
        problems["approver_groups"] = [_("There is no such group: %(names)s.", names=unknown)]
    problems |= below_minimum(values, is_production=row.environment.is_production)
    if problems:
        raise Invalid(problems)


def lock_grants() -> None:
    """Who changes grants, or moves a space with grants, waits here for the other: two hosts overlap in no one row.

    Taken before the space. It does not hold up rows that only refer to a cluster.
    """
    list(Cluster.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def lock_space(space: Space, version: str) -> Space:
    """The row, locked; raises Stale when it is not as ``version`` (:func:`version_of`) says, unless that is blank."""
    # Not against keys: who holds a placement there may refer to the space while we wait for that placement.
    rows = Space.objects.select_related("project", "environment", "cluster")
    rows = rows.select_for_update(of=("self",), no_key=True)
    row = rows.get(pk=space.pk)
    if version and version != version_of(row):
        raise Stale(_("Somebody changed this space in the meantime: refresh the page, then make your change."))
    return row


def _set(space: Space, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(space, name, value)


def _check_place(space: Space) -> None:
    """Raises Invalid for a place that no space may have."""
    if space.namespace == RESERVED[0] or space.namespace.startswith(RESERVED[1]):
        raise Invalid({"namespace": [_("This namespace belongs to Kubernetes itself: choose another one.")]})
    check_order(space)
    if other := other_owner(space):
        message = _(
            "%(space)s is in this namespace already: %(cluster)s has the same address.",
            space=other, cluster=other.cluster.name,
        )  # fmt: skip
        raise Invalid({"namespace": [message]})
    if space.environment.is_production and not is_safe_for_production(space.cluster):
        raise Invalid({"cluster": [_("This cluster's certificate is not verified: production needs one that is.")]})


def is_safe_for_production(cluster: Cluster) -> bool:
    """False for an https cluster whose certificate nobody checks; plain http must be on the site's list anyway."""
    return cluster.verify_tls or not cluster.url.lower().startswith("https:")


def _refuse_archived(project: Project) -> None:
    if project.is_archived:
        raise Refused(_("The project is archived: take it out of the archive first."), "project-archived")


def _refuse_archived_space(space: Space) -> None:
    if space.is_archived:
        raise Refused(_("The space is archived: take it out of the archive first."), "space-archived")


def _facts(space: Space) -> dict[str, Any]:
    return {"cluster": space.cluster.slug, "namespace": space.namespace, **show_ceilings(space)}


def _differing(these: Mapping[str, Any], those: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in these.items() if value != those[name]}
