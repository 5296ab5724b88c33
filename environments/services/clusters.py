"""Clusters and their credentials, and connection tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import transaction

import audit
from accounts.cleaning import changed, clean_row, save_clean
from accounts.models import User
from deployer.errors import Rejected
from deployer.kubeconfig import parse_kubeconfig
from environments.access import require
from environments.certificates import problems_of
from environments.models import Cluster, ClusterTest, Space
from environments.services.spaces import is_safe_for_production
from environments.targets import SCHEMES
from foundation.outbound import check_url
from foundation.problems import Invalid, Refused
from foundation.runs.choices import ACTIVE
from foundation.runs.engine import hinted_at, launch_hint, wake
from foundation.sentences import say as _
from foundation.sentences import spoken, together, verbatim

SECRET_FIELDS = ("token", "client_key_pem")
CREDENTIAL_FIELDS = (*SECRET_FIELDS, "client_cert_pem")
"""Written and never read back; left blank they stay as they are."""
_REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?", re.ASCII)


def create_cluster(
    *, actor: User, slug: str, registries: Sequence[str] = (), kubeconfig: str = "", **values: Any
) -> Cluster:
    """A new cluster. ``values``: name, url, ca_pem, token, client_cert_pem, client_key_pem, tls_server_name and
    verify_tls. A ``kubeconfig`` (text) gives address and credentials instead.

    Raises Denied, Invalid, Stale. Nothing is sent to the cluster: start a test for that.
    """
    require(actor, "manage_places")
    values |= read_kubeconfig(kubeconfig)
    cluster = Cluster(slug=slug, registries=_registries(registries), **values)
    _check(cluster)
    with transaction.atomic():
        save_clean(cluster)
        _record(actor, "cluster.created", cluster, after=_open_values(cluster))
    return cluster


def edit_cluster(
    *,
    actor: User,
    cluster: Cluster,
    registries: Sequence[str] | None = None,
    forget_credentials: bool = False,
    kubeconfig: str = "",
    **values: Any,
) -> Cluster:
    """Changes a cluster; the short name stays. A blank credential is kept as it is.

    ``forget_credentials`` drops all stored ones first; so does a ``kubeconfig``, which brings its own.
    Raises Denied, Invalid, Refused.
    """
    require(actor, "manage_places")
    values |= read_kubeconfig(kubeconfig)
    given = {name: value for name, value in values.items() if name not in CREDENTIAL_FIELDS}
    if registries is not None:
        given["registries"] = _registries(registries)
    fresh = {name: values[name] for name in CREDENTIAL_FIELDS if values.get(name)}
    if forget_credentials or kubeconfig.strip():
        fresh = dict.fromkeys(CREDENTIAL_FIELDS, "") | fresh
    # Asked before the transaction: the address is looked up in DNS.
    _check(_with(Cluster.objects.get(pk=cluster.pk), given | fresh))
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster.pk)
        before, after = changed(row, given)
        _with(row, fresh)
        if not (before or fresh):
            return row
        clean_row(row)
        _check_spaces(row)
        row.save()
        if fresh:
            after["credentials"] = "forgotten" if not any(fresh.values()) else "changed"
        _record(actor, "cluster.changed", row, before=before, after=after)
    return row


def read_kubeconfig(text: str) -> dict[str, Any]:
    """Address and credentials of a kubeconfig's current context as columns of a cluster; nothing for blank text.

    Raises Invalid where it would run a program or read a file on our side, or cannot be read.
    """
    if not text.strip():
        return {}
    try:
        found = parse_kubeconfig(text)
    except Rejected as error:
        sentences = [
            together(verbatim(one.path) if one.path else "", one.message, between=": ") for one in error.problems
        ]
        raise Invalid({"kubeconfig": sentences or [spoken(error)]}) from None
    columns = ("url", "ca_pem", "token", "client_cert_pem", "client_key_pem", "tls_server_name", "verify_tls")
    return {name: getattr(found, name) for name in columns}


def _with(cluster: Cluster, values: dict[str, Any]) -> Cluster:
    for name, value in values.items():
        setattr(cluster, name, value)
    return cluster


def archive_cluster(*, actor: User, cluster: Cluster) -> Cluster:
    """No new space may use it. Raises Denied, and Refused while a project that is not archived has a space on it."""
    require(actor, "manage_places")
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster.pk)
        space = (
            Space.objects.filter(cluster=row, project__is_archived=False)
            .select_related("project", "environment")
            .first()
        )
        if space is not None:
            raise Refused(_("%(space)s is on this cluster: move it first.") % {"space": space}, "cluster-in-use")
        if not row.is_archived:
            row.is_archived = True
            row.save(update_fields=["is_archived"])
            _record(actor, "cluster.archived", row)
    return row


def restore_cluster(*, actor: User, cluster: Cluster) -> Cluster:
    """Takes the cluster out of the archive. Raises Denied."""
    require(actor, "manage_places")
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster.pk)
        if row.is_archived:
            row.is_archived = False
            row.save(update_fields=["is_archived"])
            _record(actor, "cluster.restored", row)
    return row


def start_test(*, actor: User, cluster: Cluster) -> ClusterTest:
    """Asks a worker to test the connection; a test that is still under way is returned instead of a second one.

    The run names no remote for the engine: a person who mends a cluster wants an answer now, also while the
    breaker holds everything else back. Raises Denied.
    """
    require(actor, "manage_places")
    with transaction.atomic():
        Cluster.objects.select_for_update().get(pk=cluster.pk)
        active = cluster.tests.filter(state__in=ACTIVE).order_by("-pk").first()
        if active is not None and wake(ClusterTest, active.pk):
            return active
        test = ClusterTest.objects.create(cluster=cluster, requested_by=actor, next_at=hinted_at())
        launch_hint("cluster-test", test.pk)
        _record(actor, "cluster.test_asked", cluster)
    return test


def _registries(given: Sequence[str]) -> list[str]:
    cleaned = list(dict.fromkeys(entry.strip().lower() for entry in given if entry.strip()))
    if wrong := [entry for entry in cleaned if not _REGISTRY.fullmatch(entry)]:
        sentence = _("“%(entry)s” is not a registry: write host or host:port, without https://.")
        raise Invalid({"registries": [sentence % {"entry": wrong[0][:80]}]})
    return cleaned


def _check(cluster: Cluster) -> None:
    problems: dict[str, list[Any]] = {}
    try:
        check_url(cluster.url, allowed_schemes=SCHEMES)
    except Refused as error:
        problems["url"] = [error.sentence]
    problems |= problems_of(
        ca_pem=cluster.ca_pem, client_cert_pem=cluster.client_cert_pem, client_key_pem=cluster.client_key_pem
    )
    if cluster.token and not (cluster.token.isascii() and cluster.token.isprintable()):
        problems["token"] = [_("A token has no spaces or line breaks: paste it as one line.")]
    if problems:
        raise Invalid(problems)


def _check_spaces(cluster: Cluster) -> None:
    if is_safe_for_production(cluster):
        return
    space = (
        Space.objects.filter(cluster=cluster, environment__is_production=True)
        .select_related("project", "environment")
        .first()
    )
    if space is not None:
        sentence = _("%(space)s is production and on this cluster: its certificate must be verified.")
        raise Invalid({"verify_tls": [sentence % {"space": space}]})


_OPEN_FIELDS = ("name", "url", "tls_server_name", "verify_tls", "registries")


def _open_values(cluster: Cluster) -> dict[str, Any]:
    return {name: getattr(cluster, name) for name in _OPEN_FIELDS}


def _record(actor: User, verb: str, cluster: Cluster, **more: Any) -> None:
    audit.record(actor, verb, object_type="cluster", object_id=cluster.pk, object_name=cluster.slug, **more)
