"""Spaces: place and ceilings (by a platform administrator), and policy (by a project administrator)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

import audit
from accounts.cleaning import changed, clean_row, save_clean
from accounts.models import Project, User
from environments.access import require
from environments.ceilings import check_order, read_ceilings, show_ceilings
from environments.models import Cluster, Environment, Space
from environments.policy import POLICY_FIELDS, below_minimum, contradictions, minimum_values
from environments.services.syncs import launch_sync
from foundation.problems import Invalid, Refused, Sentence, Stale
from foundation.sentences import say as _

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
    place = Environment.objects.filter(slug=environment).first()
    where = Cluster.objects.filter(slug=cluster, is_archived=False).first()
    problems: dict[str, list[Sentence]] = {}
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
        _record(actor, "space.created", space, after=_facts(space))
    return space


def edit_space(
    *,
    actor: User,
    space: Space,
    cluster: str | None = None,
    namespace: str | None = None,
    ceilings: Mapping[str, str] | None = None,
    version: str = "",
) -> Space:
    """Changes cluster, namespace and ceilings and launches the sync; saving it unchanged syncs it again.

    ``ceilings`` as in :func:`create_space`; names left out stay. ``version`` is :func:`version_of` what the form
    showed. What runs in a namespace that the space leaves stays there. Raises Denied, Refused, Invalid, Stale.
    """
    require(actor, "manage_places")
    _refuse_archived(space.project)
    amounts = read_ceilings(ceilings or {})
    with transaction.atomic():
        row = _lock(space, version)
        old = _facts(row)
        if cluster is not None and cluster != row.cluster.slug:
            where = Cluster.objects.filter(slug=cluster, is_archived=False).first()
            if where is None:
                raise Invalid({"cluster": [_("There is no such cluster.")]})
            row.cluster = where
        row.namespace = namespace or row.namespace
        _set(row, amounts)
        _check_place(row)
        clean_row(row)
        row.save()
        launch_sync(actor=actor, space=row)
        new = _facts(row)
        if new != old:
            _record(actor, "space.changed", row, before=_differing(old, new), after=_differing(new, old))
    return row


def edit_policy(*, actor: User, space: Space, version: str = "", **policy: Any) -> Space:
    """Changes fields of the policy (:data:`environments.policy.POLICY_FIELDS`), within the site's minimum.

    Raises Missing, Denied, Invalid with the reason at each field, Stale.
    """
    require(actor, "edit_policy", project_id=space.project_id)
    if unknown := set(policy) - set(POLICY_FIELDS):
        raise Invalid({name: [_("This is not part of a policy.")] for name in unknown})
    with transaction.atomic():
        row = _lock(space, version)
        before, after = changed(row, policy)
        clean_row(row)
        values = {name: getattr(row, name) for name in POLICY_FIELDS}
        problems = contradictions(values, is_entry=not row.environment.follows.exists())
        problems |= below_minimum(values, is_production=row.environment.is_production)
        if problems:
            raise Invalid(problems)
        if before:
            row.save()
            _record(actor, "space.policy_changed", row, before=before, after=after)
    return row


def _lock(space: Space, version: str) -> Space:
    rows = Space.objects.select_related("project", "environment", "cluster").select_for_update(of=("self",))
    row = rows.get(pk=space.pk)
    if version and version != version_of(row):
        raise Stale(_("Somebody changed this space in the meantime: look at it again, then make your change."))
    return row


def _set(space: Space, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(space, name, value)


def _check_place(space: Space) -> None:
    """Raises Invalid for a place that no space may have."""
    if space.namespace == RESERVED[0] or space.namespace.startswith(RESERVED[1]):
        raise Invalid({"namespace": [_("This namespace belongs to Kubernetes itself: choose another one.")]})
    check_order(space)
    if space.environment.is_production and not is_safe_for_production(space.cluster):
        raise Invalid({"cluster": [_("This cluster's certificate is not verified: production needs one that is.")]})


def is_safe_for_production(cluster: Cluster) -> bool:
    """False for an https cluster whose certificate nobody checks; plain http must be on the site's list anyway."""
    return cluster.verify_tls or not cluster.url.lower().startswith("https:")


def _refuse_archived(project: Project) -> None:
    if project.is_archived:
        raise Refused(_("The project is archived: take it out of the archive first."), "project-archived")


def _facts(space: Space) -> dict[str, Any]:
    return {"cluster": space.cluster.slug, "namespace": space.namespace, **show_ceilings(space)}


def _differing(these: Mapping[str, Any], those: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in these.items() if value != those[name]}


def _record(actor: User, verb: str, space: Space, **more: Any) -> None:
    audit.record(
        actor, verb, object_type="space", object_id=space.pk, object_name=str(space),
        project=space.project.slug, environment=space.environment.slug, **more,
    )  # fmt: skip
