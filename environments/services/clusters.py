"""Clusters and their credentials, and connection tests."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

import audit
from accounts.models import User
from accounts.validation import changed, clean_row, save_clean
from deployer.errors import Rejected, Unavailable
from deployer.kubeconfig import parse_kubeconfig
from environments.access import require
from environments.certificates import problems_of, problems_of_time
from environments.in_cluster import own_cluster
from environments.models import Cluster, ClusterTest, Space
from environments.one_namespace import other_owner
from environments.services.spaces import is_safe_for_production
from environments.targets import SCHEMES
from foundation.messages import as_message, join_messages, verbatim
from foundation.messages import message as _
from foundation.outbound import check_url
from foundation.problems import Invalid, Refused
from foundation.runs.choices import ACTIVE
from foundation.runs.engine import hinted_at, launch_hint, wake

SECRET_FIELDS = ("token", "client_key_pem")
CREDENTIAL_FIELDS = (*SECRET_FIELDS, "client_cert_pem")
"""Written and never read back; left blank they stay as they are."""
ADDRESS_FIELDS = ("url", "ca_pem", "tls_server_name", *CREDENTIAL_FIELDS)
"""What leads to a cluster and is not the platform's own pod's."""
_PEM_FIELDS = ("ca_pem", "client_cert_pem", "client_key_pem")
_REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?", re.ASCII)


def create_cluster(
    *, actor: User, slug: str, registries: Sequence[str] = (), kubeconfig: str = "", **values: Any
) -> Cluster:
    """A new cluster. ``values``: name, url, ca_pem, token, client_cert_pem, client_key_pem, tls_server_name and
    verify_tls. A ``kubeconfig`` (text) gives address and credentials instead; so does ``in_cluster``, the one that the
    platform runs in.

    Raises Denied, Invalid, Stale. Nothing is sent to the cluster: start a test for that.
    """
    require(actor, "manage_places")
    values = _tidy(values)
    values |= _brought_by(kubeconfig, values, Cluster())
    cluster = Cluster(slug=slug, registries=_registries(registries), **values)
    _check(cluster, ADDRESS_FIELDS, kubeconfig)
    with transaction.atomic():
        save_clean(cluster)
        audit.record_act(actor, "cluster.created", cluster, after=_open_values(cluster))
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

    ``forget_credentials`` drops all stored ones first; so do a ``kubeconfig`` and ``in_cluster``, which bring theirs.
    Raises Denied, Invalid, Refused.
    """
    require(actor, "manage_places")
    stored = Cluster.objects.get(pk=cluster.pk)
    values = _tidy(values)
    values |= _brought_by(kubeconfig, values, stored)
    given = {name: value for name, value in values.items() if name not in CREDENTIAL_FIELDS}
    if registries is not None:
        given["registries"] = _registries(registries)
    fresh = {name: values[name] for name in CREDENTIAL_FIELDS if values.get(name)}
    if forget_credentials or kubeconfig.strip() or values.get("in_cluster", stored.in_cluster):
        fresh = dict.fromkeys(CREDENTIAL_FIELDS, "") | fresh
    _demand_secrets(stored, given, fresh)
    # Asked before the transaction: the address is looked up in DNS.
    is_new = {name for name, value in (given | fresh).items() if value != getattr(stored, name)}
    _check(_with(stored, given | fresh), is_new, kubeconfig)
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster.pk)
        before, after = changed(row, given)
        fresh = {name: value for name, value in fresh.items() if value or getattr(row, name)}
        _with(row, fresh)
        if not (before or fresh):
            return row
        clean_row(row)
        _check_spaces(row)
        if before.keys() & {"url", "in_cluster"}:
            _refuse_shared_namespaces(row)
        row.save()
        if fresh:
            after["credentials"] = "forgotten" if not any(fresh.values()) else "changed"
        audit.record_act(actor, "cluster.changed", row, before=before, after=after)
    return row


def _demand_secrets(stored: Cluster, given: dict[str, Any], fresh: Collection[str]) -> None:
    """A stored secret never goes to a new address by itself. Raises Invalid."""
    after = {name: given.get(name, getattr(stored, name)) for name in ("url", "tls_server_name")}
    if _origin(after["url"]) == _origin(stored.url) and after["tls_server_name"] == stored.tls_server_name:
        return
    missing = [name for name in SECRET_FIELDS if getattr(stored, name) and name not in fresh]
    if missing:
        message = _("The address changed: type this again, so that no stored secret goes to the wrong place.")
        raise Invalid({name: [message] for name in missing})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _brought_by(kubeconfig: str, given: dict[str, Any], stored: Cluster) -> dict[str, Any]:
    """The columns that a kubeconfig or the platform's own pod fill, beside what was ``given``. Raises Invalid."""
    is_own = bool(given.get("in_cluster", stored.in_cluster))
    if kubeconfig.strip():
        if is_own and given.get("in_cluster"):
            raise Invalid({"kubeconfig": [_EMPTY_IN_CLUSTER]})
        return {"in_cluster": False} | _of_kubeconfig(kubeconfig, verify_tls=given.get("verify_tls", True))
    if not is_own:
        return {}
    # What the form sends back as it is stored is no wish.
    typed = [name for name in ADDRESS_FIELDS if given.get(name) and given[name] != getattr(stored, name)]
    problems: dict[str, list[Any]] = {name: [_EMPTY_IN_CLUSTER] for name in typed}
    if not given.get("verify_tls", True):
        problems["verify_tls"] = [_("The certificate of the cluster that the platform runs in is always verified.")]
    if problems:
        raise Invalid(problems)
    return {**dict.fromkeys(ADDRESS_FIELDS, ""), "verify_tls": True}


_EMPTY_IN_CLUSTER = _("Leave this empty: the platform's own pod has address, CA certificate and token.")


def _of_kubeconfig(text: str, *, verify_tls: bool) -> dict[str, Any]:
    """Address and credentials of a kubeconfig's current context as columns of a cluster.

    Raises Invalid where it would run a program or read a file on our side, cannot be read, or switches the check of
    the certificate off while the person has it on.
    """
    try:
        found = parse_kubeconfig(text)
    except Rejected as error:
        messages = [
            join_messages(verbatim(one.path) if one.path else "", one.message, between=": ") for one in error.problems
        ]
        raise Invalid({"kubeconfig": messages or [as_message(error)]}) from None
    if verify_tls and not found.verify_tls:
        raise Invalid({"kubeconfig": [_UNVERIFIED]})
    columns = ("url", "ca_pem", "token", "client_cert_pem", "client_key_pem", "tls_server_name", "verify_tls")
    return _tidy({name: getattr(found, name) for name in columns})


def _tidy(values: dict[str, Any]) -> dict[str, Any]:
    """PEM texts with the line ends that a certificate has, so that sending back what is shown changes nothing."""
    pem = {name: "\n".join(values[name].split("\r\n")).strip() for name in _PEM_FIELDS if values.get(name)}
    return values | {name: f"{text}\n" if text else "" for name, text in pem.items()}


_UNVERIFIED = _(
    "insecure-skip-tls-verify switches the check of the certificate off. Put certificate-authority-data in its place, "
    "or say yourself that the certificate is not verified."
)


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
            Space.objects.filter(cluster=row, project__is_archived=False, is_archived=False)
            .select_related("project", "environment")
            .first()
        )
        if space is not None:
            raise Refused(_("%(space)s is on this cluster: move it first.", space=space), "cluster-in-use")
        if not row.is_archived:
            row.is_archived = True
            row.save(update_fields=["is_archived"])
            audit.record_act(actor, "cluster.archived", row)
    return row


def restore_cluster(*, actor: User, cluster: Cluster) -> Cluster:
    """Takes the cluster out of the archive. Raises Denied."""
    require(actor, "manage_places")
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster.pk)
        if row.is_archived:
            row.is_archived = False
            row.save(update_fields=["is_archived"])
            audit.record_act(actor, "cluster.restored", row)
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
        audit.record_act(actor, "cluster.test_asked", cluster)
    return test


def _registries(given: Sequence[str]) -> list[str]:
    cleaned = list(dict.fromkeys(entry.strip().lower() for entry in given if entry.strip()))
    if wrong := [entry for entry in cleaned if not _REGISTRY.fullmatch(entry)]:
        message = _("“%(entry)s” is not a registry: write host or host:port, without https://.", entry=wrong[0][:80])
        raise Invalid({"registries": [message]})
    return cleaned


def _check(cluster: Cluster, fresh: Collection[str], kubeconfig: str) -> None:
    """Raises Invalid. Certificates among ``fresh`` must be in force; what a ``kubeconfig`` brought is told there."""
    problems = _problems_in_cluster() if cluster.in_cluster else _problems_of_address(cluster, fresh)
    if problems and kubeconfig.strip():
        problems = {"kubeconfig": [one for found in problems.values() for one in found]}
    if problems:
        raise Invalid(problems)


def _problems_in_cluster() -> dict[str, list[Any]]:
    try:
        own_cluster()
    except Refused as error:
        return {"in_cluster": [join_messages(error.message, error.who_can_help)]}
    except Unavailable as error:
        return {"in_cluster": [as_message(error)]}
    return {}


def _problems_of_address(cluster: Cluster, fresh: Collection[str]) -> dict[str, list[Any]]:
    problems: dict[str, list[Any]] = {}
    try:
        check_url(cluster.url, allowed_schemes=SCHEMES)
    except Refused as error:
        problems["url"] = [error.message]
    problems |= problems_of(
        ca_pem=cluster.ca_pem, client_cert_pem=cluster.client_cert_pem, client_key_pem=cluster.client_key_pem
    )
    in_force = {name: getattr(cluster, name) for name in ("ca_pem", "client_cert_pem") if name in fresh}
    problems = problems_of_time(in_force) | problems
    if cluster.token and not (cluster.token.isascii() and cluster.token.isprintable() and " " not in cluster.token):
        problems["token"] = [_("A token has no spaces or line breaks: paste it as one line.")]
    return problems


def _check_spaces(cluster: Cluster) -> None:
    if is_safe_for_production(cluster):
        return
    space = (
        Space.objects.filter(cluster=cluster, environment__is_production=True)
        .select_related("project", "environment")
        .first()
    )
    if space is not None:
        message = _("%(space)s is production and on this cluster: its certificate must be verified.", space=space)
        raise Invalid({"verify_tls": [message]})


def _refuse_shared_namespaces(cluster: Cluster) -> None:
    """Its new address is another row's: none of its spaces may be in a namespace of a space there. Raises Invalid."""
    for space in Space.objects.filter(cluster=cluster).select_related("project", "environment").order_by("pk"):
        space.cluster = cluster
        if other := other_owner(space):
            message = _(
                "%(cluster)s has this address already, and %(space)s and %(other)s would be in one namespace.",
                cluster=other.cluster.name, space=space, other=other,
            )  # fmt: skip
            raise Invalid({"url": [message]})


_OPEN_FIELDS = ("name", "in_cluster", "url", "tls_server_name", "verify_tls", "registries")


def _open_values(cluster: Cluster) -> dict[str, Any]:
    return {name: getattr(cluster, name) for name in _OPEN_FIELDS}
