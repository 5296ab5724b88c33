"""The ways out of a space that an administrator granted: their names, what people type, and whether two clash."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from environments import registries
from environments.models import GrantedNodePort, Space
from foundation.messages import Message, MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid

MOST = 100
"""Names of one kind."""
NODE_PORTS = range(30_000, 32_768)
"""The range that Kubernetes gives node ports from, unless its administrator chose another."""
PULL_SECRET_PREFIX = "prism4k-pull-"  # noqa: S105 (the beginning of a name)
DEFAULT_CLASS = "default"
"""The load balancer of a Service that names no class."""
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)
_CLASS = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9./-]*[a-z0-9])?", re.ASCII)


def _is_node_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 5 and int(text) in NODE_PORTS


@dataclass(frozen=True)
class Grant:
    """One kind of way out: its name for people, API and row, and whether one typed value is such a name."""

    name: str
    label: Message
    help: Message
    is_right: Callable[[str], Any]
    mistake: Message


GRANTS = (
    Grant(
        "hosts", _("Hosts of an Ingress"), _("such as shop.example.com or *.shop.example.com"), _HOST.fullmatch,
        _("Write host names in lower-case letters, such as shop.example.com; only the first part may be a star."),
    ),
    Grant(
        "node_ports", _("Node ports"), _("from 30000 to 32767, each for one space of the cluster"), _is_node_port,
        _("A node port is a number from 30000 to 32767."),
    ),
    Grant(
        "load_balancers", _("Load balancer classes"), _("“default” for a Service that names none"), _CLASS.fullmatch,
        _("Write the classes as Kubernetes names them, in lower-case letters, digits, hyphens, dots and a slash."),
    ),
    Grant(
        "claims", _("Volume claims"), _("names of PersistentVolumeClaims in the namespace"), _NAME.fullmatch,
        _("A name is lower-case letters, digits, hyphens and dots."),
    ),
    Grant(
        "service_accounts", _("Service accounts"), _("besides “default”"), _NAME.fullmatch,
        _("A name is lower-case letters, digits, hyphens and dots."),
    ),
    Grant(
        "registries", _("Registries"), _("short names; the sync puts their credentials into the namespace"),
        _SLUG.fullmatch, _("Write the short names of registries, as the page Servers shows them."),
    ),
    Grant(
        "pull_secrets", _("Pull secrets"), _("names of Secrets that images are pulled with"), _NAME.fullmatch,
        _("A name is lower-case letters, digits, hyphens and dots."),
    ),
)  # fmt: skip


def read_grants(given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The names by kind, in order and once each; kinds left out stay out. Raises Invalid at each kind that is wrong."""
    problems: dict[str, list[MessageLike]] = {}
    known = {grant.name: grant for grant in GRANTS}
    found: dict[str, list[str]] = {}
    for name, values in given.items():
        if name not in known:
            problems[name] = [_("There is no such grant.")]
            continue
        found[name] = sorted({value.strip() for value in values if value.strip()})
        if not all(known[name].is_right(value) for value in found[name]):
            problems[name] = [known[name].mistake]
        elif len(found[name]) > MOST:
            problems[name] = [_("At most %(most)s names.", most=MOST)]
    if problems:
        raise Invalid(problems)
    return found


def overlaps(one: str, other: str) -> bool:
    """True when a host may be meant by both patterns."""
    return one == other or _covers(one, other) or _covers(other, one)


def _covers(pattern: str, host: str) -> bool:
    """A star stands for one part of a name, as in an Ingress."""
    return pattern.startswith("*.") and host.partition(".")[2] == pattern[2:]


def pull_secret_of(registry: str) -> str:
    """Name of the Secret that the sync makes of a granted registry's credentials."""
    return f"{PULL_SECRET_PREFIX}{registry}"


def pull_secrets_of(space: Space) -> list[str]:
    """The Secrets that the space's workloads may pull images with: the sync's own, then those that others made."""
    return [*map(pull_secret_of, space.grants.get("registries", [])), *space.grants.get("pull_secrets", [])]


def take_node_ports(space: Space) -> None:
    """Write who has the space's node ports, inside the caller's transaction. Raises Invalid for one just taken.

    :func:`check_grants` names the other space; this holds against a grant that commits at the same moment.
    """
    GrantedNodePort.objects.filter(space=space).delete()
    for port in space.grants.get("node_ports", []):
        try:
            with transaction.atomic():
                GrantedNodePort.objects.create(space=space, cluster_id=space.cluster_id, port=int(port))
        except IntegrityError:
            message = _("The node port %(port)s was granted to another space just now.", port=port)
            raise Invalid({"node_ports": [message]}) from None


def check_registries(names: Sequence[str]) -> None:
    """Raises Invalid for a registry that is not there, or that no credentials are kept of."""
    known = registries.versions()
    if unknown := [name for name in names if name not in known]:
        message = _("No registry of this name has a user name and a password here: %(names)s.", names=unknown)
        raise Invalid({"registries": [message]})


def check_grants(space: Space) -> None:
    """Raises Invalid for what another space has: a host of another project, a node port on the same cluster.

    A host is a name in DNS, so it has one owner on all clusters.
    """
    others = Space.objects.exclude(pk=space.pk).exclude(grants={})
    problems: dict[str, list[MessageLike]] = {}
    for other in others.select_related("project", "environment"):
        for host in space.grants.get("hosts", []):
            taken = [one for one in other.grants.get("hosts", []) if overlaps(host, one)]
            if taken and other.project_id != space.project_id:
                message = _("%(host)s is granted to %(space)s.", host=taken[0], space=str(other))
                problems.setdefault("hosts", []).append(message)
        if other.cluster_id != space.cluster_id:
            continue
        for port in sorted(set(space.grants.get("node_ports", [])) & set(other.grants.get("node_ports", []))):
            message = _("The node port %(port)s is granted to %(space)s.", port=port, space=str(other))
            problems.setdefault("node_ports", []).append(message)
    if problems:
        raise Invalid(problems)
