"""What people want to know about a cluster: version, quotas, rights, events."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from deployer.adapters.kubernetes.session import Session
from deployer.dialing import addresses_of
from deployer.errors import NotFound, Rejected
from deployer.interfaces import (
    ClusterTarget,
    EventFacts,
    Manifest,
    NodeFacts,
    Permission,
    QuotaLine,
    QuotaScope,
    ServerFacts,
)
from deployer.messages import Message, message_of
from deployer.messages import message as _
from deployer.nodes import node_facts
from deployer.quantities import QuantityError, parse_quota_value
from deployer.rights import Right

_WARNING = re.compile(r'299 \S+ "(?P<text>(?:[^"\\]|\\.)*)"')


def describe(session: Session) -> ServerFacts:
    """Version, account and latency; notes hold the certificate's end and what is unsafe."""
    started = time.monotonic()
    version = session.read("/version").data()
    latency_ms = int((time.monotonic() - started) * 1000)
    return ServerFacts(str(version.get("gitVersion") or "?"), _user(session), latency_ms, tuple(_notes(session)))


def _user(session: Session) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = session.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", (), review).data()
    except NotFound:
        return ""  # before Kubernetes 1.28
    return str((answer.get("status") or {}).get("userInfo", {}).get("username") or "")


def _notes(session: Session) -> Iterable[Message]:
    target = session.target
    parts = urlsplit(target.url)
    if parts.scheme != "https":
        yield _("The connection is not encrypted.")
        return
    if not target.verify_tls:
        yield _("The cluster's certificate is not verified.")
    if expires := _certificate_end(target, parts.hostname or "", parts.port or 443):
        yield _("The cluster's certificate is valid until %(day)s.", day=f"{expires:%Y-%m-%d}")
    if target.client_cert_pem:
        try:
            own = x509.load_pem_x509_certificate(target.client_cert_pem.encode())
        except ValueError:
            return
        yield _("The platform's client certificate is valid until %(day)s.", day=f"{own.not_valid_after_utc:%Y-%m-%d}")


def _certificate_end(target: ClusterTarget, host: str, port: int) -> datetime | None:
    """End of the certificate that the server shows; only looked at here, requests verify it themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(
                (host if target.is_own else addresses_of(host, port)[0], port), timeout=5
            ) as plain,
            context.wrap_socket(plain, server_hostname=target.tls_server_name or host) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(shown).not_valid_after_utc if shown else None
    except (OSError, ValueError):
        return None


def quota_lines(quotas: Iterable[Manifest]) -> tuple[QuotaLine, ...]:
    """Lines of ResourceQuota objects. Until its controller filled the status, ``used`` is 0 and ``hard`` the wanted."""
    lines: list[QuotaLine] = []
    for quota in quotas:
        name = str(quota["metadata"]["name"])
        spec, status = quota.get("spec") or {}, quota.get("status") or {}
        hard = status.get("hard") or spec.get("hard") or {}
        scopes = tuple(_scopes(spec))
        used = status.get("used") or {}
        for resource in sorted(hard):
            try:
                allowed, taken = (parse_quota_value(resource, part.get(resource, "0")) for part in (hard, used))
            except QuantityError as exc:
                raise Rejected(
                    _("Quota %(name)s holds a value that cannot be read: %(why)s", name=name, why=message_of(exc))
                ) from exc
            lines.append(QuotaLine(name, resource, allowed, taken, scopes))
    return tuple(lines)


def _scopes(spec: Manifest) -> Iterable[QuotaScope]:
    for name in spec.get("scopes") or ():
        yield QuotaScope(str(name))
    for term in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        values = tuple(str(value) for value in term.get("values") or ())
        yield QuotaScope(str(term.get("scopeName")), str(term.get("operator") or "Exists"), values)


NOT_ENDED = [("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed")]
"""Of pods: those that take capacity."""


def free_capacity(nodes: Iterable[Manifest], pods: Iterable[Manifest]) -> tuple[NodeFacts, ...]:
    """The nodes as the scheduler sees them. Raises Rejected for an amount that cannot be read."""
    try:
        return node_facts(nodes, pods)
    except QuantityError as exc:
        raise Rejected(_("A node or pod holds an amount that cannot be read: %(why)s", why=message_of(exc))) from exc


def permissions(session: Session, namespace: str, rights: Iterable[Right]) -> tuple[Permission, ...]:
    """One access review for each verb of the rights; any authenticated account may ask."""
    return tuple(
        Permission(verb, right.resource, _may(session, namespace, right, verb), right.is_needed, right.is_of_cluster)
        for right in rights
        for verb in right.verbs
    )


def _may(session: Session, namespace: str, right: Right, verb: str) -> bool:
    name, _slash, subresource = right.resource.partition("/")
    own_name = right.names[0] if right.names else ""
    attributes = {
        "verb": verb,
        "group": right.group,
        "resource": name,
        "subresource": subresource,
        "namespace": "" if right.is_of_cluster else namespace,
        "name": namespace if name == "namespaces" and not right.is_of_cluster else own_name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    answer = session.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", (), review).data()
    return (answer.get("status") or {}).get("allowed") is True


def event_facts(items: Iterable[Manifest]) -> tuple[EventFacts, ...]:
    """Events, oldest first; both the old form (lastTimestamp) and the new (eventTime, series) are read."""
    return tuple(sorted((_event(item) for item in items), key=lambda event: event.at))


def _event(item: Manifest) -> EventFacts:
    about: dict[str, Any] = item.get("involvedObject") or {}
    series: dict[str, Any] = item.get("series") or {}
    at = (
        series.get("lastObservedTime")
        or item.get("lastTimestamp")
        or item.get("eventTime")
        or item.get("firstTimestamp")
        or item.get("metadata", {}).get("creationTimestamp")
    )
    return EventFacts(
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        type=str(item.get("type") or ""),
        reason=str(item.get("reason") or ""),
        message=str(item.get("message") or ""),
        count=int(series.get("count") or item.get("count") or 1),
        at=_utc_text(str(at or "")),
        field=str(about.get("fieldPath") or ""),
    )


def _utc_text(text: str) -> str:
    """One form for both kinds of time (with and without microseconds), so that they sort as text."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).isoformat(timespec="microseconds")
    except ValueError:
        return text


def warning_text(header: str) -> str:
    """The text of one ``Warning`` header, or an empty one."""
    found = _WARNING.search(header)
    return re.sub(r"\\(.)", r"\1", found["text"]) if found else ""
