"""Reading an uploaded kubeconfig ourselves: server, certificates and token, nothing that runs or reads on our side.

The official client would run an ``exec`` plugin and read files named in it: on our worker, with our rights.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deployer.errors import Problem, Rejected
from deployer.interfaces import ClusterTarget, target_from
from deployer.messages import Message, message_of
from deployer.messages import message as _
from deployer.rendering import strict_yaml

MAX_CHARS = 256 * 1024
MOST_NAMED = 8
"""Contexts that a refusal lists."""

_CLUSTER_FIELDS = frozenset(
    {"server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify", "extensions"}
)
_USER_FIELDS = frozenset({"token", "client-certificate-data", "client-key-data", "extensions"})
_WHY_NOT = {
    "exec": _("it would run a program on the platform's machines; use a service account's token"),
    "auth-provider": _("it would run a program on the platform's machines; use a service account's token"),
    "certificate-authority": _("it names a file on your machine; use certificate-authority-data"),
    "client-certificate": _("it names a file on your machine; use client-certificate-data"),
    "client-key": _("it names a file on your machine; use client-key-data"),
    "tokenFile": _("it names a file on your machine; use token"),
    "username": _("Kubernetes no longer takes passwords; use a service account's token"),
    "password": _("Kubernetes no longer takes passwords; use a service account's token"),
    "proxy-url": _("clusters are reached without a proxy"),
}


@dataclass(frozen=True)
class Kubeconfig:
    """What one context of a kubeconfig says. Certificates are PEM text."""

    context: str
    namespace: str
    url: str
    ca_pem: str
    token: str = field(repr=False)
    client_cert_pem: str = field(repr=False)
    client_key_pem: str = field(repr=False)
    tls_server_name: str
    verify_tls: bool

    def target(self, key: str) -> ClusterTarget:
        """As a target under this key (``cluster:7``)."""
        return target_from(self, ClusterTarget, key=key, addresses=(), is_own=False)


def parse_kubeconfig(text: str) -> Kubeconfig:
    """The current context (or the only one). Raises Rejected, with a Problem at what cannot be used."""
    if len(text) > MAX_CHARS:
        raise _refused("", _("A kubeconfig has at most 256 KiB."))
    text = text.removeprefix("\ufeff")
    try:
        documents = strict_yaml.load(text, restore=lambda scalar: (scalar, False))
    except strict_yaml.YamlProblem as exc:
        raise _refused(f"line {exc.line}", message_of(exc)) from exc
    if len(documents) != 1:
        raise _refused("", _("This is not a kubeconfig."))
    config = documents[0].data
    name, context = _pick_context(config)
    cluster = _named(config, "clusters", "cluster", context.get("cluster"))
    user = _named(config, "users", "user", context.get("user"))
    _only(cluster, _CLUSTER_FIELDS, "clusters")
    _only(user, _USER_FIELDS, "users")
    found = Kubeconfig(
        context=name,
        namespace=_text(context, "namespace", "contexts"),
        url=_server(cluster),
        ca_pem=_pem(cluster, "certificate-authority-data", "clusters"),
        token=_text(user, "token", "users"),
        client_cert_pem=_pem(user, "client-certificate-data", "users"),
        client_key_pem=_pem(user, "client-key-data", "users"),
        tls_server_name=_text(cluster, "tls-server-name", "clusters"),
        verify_tls=not _flag(cluster, "insecure-skip-tls-verify", "clusters"),
    )
    if not found.verify_tls and found.ca_pem:
        raise _refused(
            "clusters.insecure-skip-tls-verify",
            _("It switches off the check for which certificate-authority-data is there: leave one of the two out."),
        )
    if bool(found.client_cert_pem) != bool(found.client_key_pem):
        raise _refused("users", _("A client certificate needs its key, and a key its certificate."))
    if not found.token and not found.client_cert_pem:
        raise _refused("users", _("The user has neither a token nor a client certificate."))
    return found


def _pick_context(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    contexts = [c for c in _entries(config, "contexts") if isinstance(c.get("context"), dict)]
    current = config.get("current-context")
    if not current and len(contexts) == 1:
        current = contexts[0].get("name")
    _refuse_twice(contexts, "contexts", current)
    for entry in contexts:
        if entry.get("name") == current and isinstance(current, str):
            return current, entry["context"]
    names = [name[:60] for entry in contexts if isinstance(name := entry.get("name"), str)][:MOST_NAMED]
    if not names:
        raise _refused("contexts", _("The kubeconfig has no context: it names no cluster with a user."))
    raise _refused(
        "current-context",
        _(
            "The kubeconfig does not say which of its contexts to use. Set current-context to one of %(names)s, with "
            "“kubectl config use-context”.",
            names=names,
        ),
    )


def _refuse_twice(entries: list[dict[str, Any]], part: str, name: Any) -> None:
    """kubectl refuses such a file as well; the first of two would be a guess."""
    if sum(1 for entry in entries if entry.get("name") == name) > 1:
        raise _refused(part, _("%(name)s is there twice: leave the one that is meant.", name=str(name)[:60]))


def _entries(config: dict[str, Any], part: str) -> list[dict[str, Any]]:
    entries = config.get(part)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _named(config: dict[str, Any], part: str, inner: str, name: Any) -> dict[str, Any]:
    _refuse_twice(_entries(config, part), part, name)
    for entry in _entries(config, part):
        if entry.get("name") == name and isinstance(entry.get(inner), dict):
            return dict(entry[inner])
    raise _refused(part, _("The kubeconfig has no %(inner)s named %(name)s.", inner=inner, name=name))


def _only(value: dict[str, Any], allowed: frozenset[str], part: str) -> None:
    for name, given in value.items():
        # kubectl and the tools of clouds print fields that nobody filled: ``username: null``, ``exec: null``.
        if name not in allowed and given not in (None, ""):
            raise _refused(
                f"{part}.{name}",
                _(
                    "%(name)s cannot be used: %(why)s.",
                    name=name,
                    why=_WHY_NOT.get(name, _("the platform does not know it")),
                ),
            )


def _text(value: dict[str, Any], name: str, part: str) -> str:
    found = value.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or not found.isprintable():
        raise _refused(f"{part}.{name}", _("%(name)s must be one line of text.", name=name))
    return found


def _flag(value: dict[str, Any], name: str, part: str) -> bool:
    found = value.get(name)
    if found is not None and not isinstance(found, bool):
        raise _refused(f"{part}.{name}", _("%(name)s must be true or false, without quotes.", name=name))
    return bool(found)


def _server(cluster: dict[str, Any]) -> str:
    url = _text(cluster, "server", "clusters")
    if url and "://" not in url:
        raise _refused(
            "clusters.server",
            _("Write the whole address: begin with https://, for example https://%(address)s.", address=url),
        )
    try:
        parts = urlsplit(url)
        is_plain = bool(parts.hostname) and not (parts.username or parts.password or parts.query or parts.fragment)
        is_plain = is_plain and (parts.port is None or parts.port > 0)
    except ValueError:
        is_plain = False
    if not is_plain or parts.scheme not in ("http", "https"):
        raise _refused("clusters.server", _("The server must be an address such as https://10.0.0.1:6443."))
    return url.rstrip("/")


def _pem(value: dict[str, Any], name: str, part: str) -> str:
    # Wrapped lines are base64 all the same, for kubectl too.
    given = value.get(name)
    encoded = _text({name: "".join(given.split())} if isinstance(given, str) else value, name, part)
    if not encoded:
        return ""
    try:
        text = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise _refused(f"{part}.{name}", _("%(name)s is not base64 of a PEM text.", name=name)) from exc
    if "-----BEGIN " not in text:
        raise _refused(f"{part}.{name}", _("%(name)s is not base64 of a PEM text.", name=name))
    return text


def _refused(path: str, message: Message | str) -> Rejected:
    return Rejected(message, problems=(Problem(path, message),), reason="kubeconfig")
