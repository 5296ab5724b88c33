"""The servers that compile, keep sources and keep images: their rows, credentials and connection tests."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from django.db import transaction

import audit
from accounts.models import Project, User
from accounts.validation import changed, save_clean
from components.models import GitServer, ImageRegistry, JenkinsServer, ServerTest, Toolchain
from components.offers import check_offers, tidy_offers
from components.selectors import toolchain_of
from components.services.archive import set_archived
from components.validators import GrammarError, check_node_label
from environments.access import require
from environments.services.grants import sync_spaces_that_pull
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.outbound import check_url
from foundation.problems import Invalid, Refused
from foundation.runs.wake import hinted_at, launch_hint

Server = JenkinsServer | GitServer | ImageRegistry
S = TypeVar("S", JenkinsServer, GitServer, ImageRegistry)

PLAIN_FIELDS: dict[type[Any], tuple[str, ...]] = {
    JenkinsServer: (
        *("name", "url", "username", "ca_pem", "credentials_id", "queue_deadline_seconds", "build_deadline_seconds"),
        *("quiet_period_seconds", "claims", "claim_wait_seconds", "image_node_label", "jobs", "nodes"),
    ),
    GitServer: ("name", "allow_http", "username", "ca_pem", "repositories"),
    ImageRegistry: ("name", "address", "url", "username", "ca_pem"),
}
SECRET_FIELDS: dict[type[Any], tuple[str, ...]] = {
    JenkinsServer: ("token",),
    GitServer: ("password", "ssh_key"),
    ImageRegistry: ("password",),
}
"""Write-only: blank keeps what is stored."""
OFFERS: dict[type[Any], dict[str, str]] = {
    GitServer: {"repositories": ".git"},
    JenkinsServer: {"jobs": "", "nodes": ""},
}
"""Lists of what is offered to whom, with an ending that makes no difference; see ``components.offers``."""
MOST_COMPLAINTS = 10
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)


def create_server(*, actor: User, model: type[S], key: str, values: Mapping[str, Any]) -> S:
    """A Jenkins, Git or registry row. ``key`` is its slug, of a Git server the ``host[:port]``.

    ``values`` maps PLAIN_FIELDS and SECRET_FIELDS of the model; addresses are resolved and held to OUTBOUND_ALLOW
    before anything is saved. Raises Invalid by field.
    """
    require(actor, "manage_servers")
    row: S = model(**{model.unique_field: key.strip().lower()})
    _set_secrets(row, values)
    changed(row, _plain_values(model, values))
    _check(row)
    with transaction.atomic():
        save_clean(row)
        after = {name: str(getattr(row, name)) for name in PLAIN_FIELDS[model] if name != "ca_pem"}
        audit.record_act(actor, f"create_{model.kind}_server", row, after=after or None)
    return row


def edit_server(*, actor: User, server: S, values: Mapping[str, Any]) -> S:
    """Changes what ``values`` has; a blank credential keeps the stored one. Raises Invalid by field.

    A stored credential never goes to a new address by itself: it must be typed again with it.
    """
    require(actor, "manage_servers")
    model = type(server)
    old_place = _place(server)
    before, after = changed(server, _plain_values(model, values))
    if _place(server) != old_place:
        _demand_secrets(server, values)
    secrets = _set_secrets(server, values)
    _check(server)
    is_rotated = isinstance(server, ImageRegistry) and bool(secrets or after.keys() & {"address", "username"})
    if isinstance(server, ImageRegistry) and is_rotated:
        server.credentials_version = uuid.uuid4()
    with transaction.atomic():
        save_clean(server)
        if is_rotated:
            sync_spaces_that_pull(actor=actor, registry=str(getattr(server, model.unique_field)))
        if before or secrets:
            audit.record_act(
                actor,
                f"edit_{model.kind}_server",
                server,
                before=before or None,
                after={**after, **({"credentials": secrets} if secrets else {})} or None,
            )
    return server


def archive_server(*, actor: User, server: S, is_archived: bool = True) -> S:
    """Takes the server out of the choices, or brings it back. Raises Refused while a project's toolchain names it."""
    require(actor, "manage_servers")
    if is_archived and not isinstance(server, GitServer):
        field = "jenkins" if isinstance(server, JenkinsServer) else "registry"
        users = Toolchain.objects.filter(**{field: server}, project__is_archived=False).select_related("project")
        names = [toolchain.project.slug for toolchain in users[:5]]
        if names:
            raise Refused(_("Projects use it (%(names)s): give them another one first.", names=names))
    with transaction.atomic():
        row = set_archived(actor, server, f"{server.kind}_server", is_archived=is_archived)
        if isinstance(server, ImageRegistry):
            sync_spaces_that_pull(actor=actor, registry=server.slug)
        return row


@transaction.atomic
def set_toolchain(*, actor: User, project: Project, jenkins: JenkinsServer, registry: ImageRegistry) -> Toolchain:
    """Which Jenkins builds the project and which registry keeps its images, from the next order on."""
    require(actor, "manage_servers")
    wrong: dict[str, list[MessageLike]] = {}
    for name, server in (("jenkins", jenkins), ("registry", registry)):
        if server.is_archived:
            wrong[name] = [_("It is archived: choose another one.")]
    if wrong:
        raise Invalid(wrong)
    current = toolchain_of(project)
    before = {"jenkins": current.jenkins.slug, "registry": current.registry.slug} if current else None
    after = {"jenkins": jenkins.slug, "registry": registry.slug}
    if current and before == after:
        return current
    toolchain, _is_new = Toolchain.objects.update_or_create(
        project=project, defaults={"jenkins": jenkins, "registry": registry}
    )
    audit.record_act(
        actor,
        "set_toolchain",
        project,
        before=before,
        after=after,
    )
    return toolchain


@transaction.atomic
def start_server_test(*, actor: User, server: Server, subject: str = "") -> ServerTest:
    """A run that tries the server. ``subject``: a job, a repository URL on the host, ``site/app:tag``; may be blank."""
    require(actor, "manage_servers")
    kind = server.kind
    test = ServerTest(kind=kind, subject=subject.strip()[:300], requested_by=actor, next_at=hinted_at())
    setattr(test, kind, server)
    # No ``remote``: the breaker of a server that is away must not keep a person from trying it.
    test.save()
    launch_hint("server-test", test.pk)
    return test


def _plain_values(model: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: values[name] for name in PLAIN_FIELDS[model] if name in values}
    given = {name: value.strip() if isinstance(value, str) else value for name, value in chosen.items()}
    offers = {name: end for name, end in OFFERS.get(model, {}).items() if name in given}
    return given | {name: tidy_offers(given[name], end) for name, end in offers.items()}


def _set_secrets(row: Server, values: Mapping[str, Any]) -> list[str]:
    """Names of the credentials that were given."""
    given = [name for name in SECRET_FIELDS[type(row)] if values.get(name)]
    for name in given:
        setattr(row, name, values[name])
    return given


def _place(server: Server) -> str:
    """Where credentials go to."""
    if isinstance(server, GitServer):
        # Its host never changes; without encryption it is another place.
        return f"{'http' if server.allow_http else 'https'}://{server.host}"
    parts = urlsplit(server.url)
    place = f"{parts.scheme}://{parts.netloc}"
    # A cluster pulls images with the credentials, from the address that images begin with.
    return f"{place} {server.address}" if isinstance(server, ImageRegistry) else place


def _demand_secrets(server: Server, values: Mapping[str, Any]) -> None:
    missing = [name for name in SECRET_FIELDS[type(server)] if getattr(server, name) and not values.get(name)]
    if missing:
        message = _("The address changed: type this again, so that no stored secret goes to the wrong place.")
        raise Invalid({name: [message] for name in missing})


def _check(row: Server) -> None:
    """Addresses and certificates; raises Invalid. Asks DNS, so never inside a transaction."""
    wrong: dict[str, list[MessageLike]] = {}
    field, url = _address_to_check(row)
    if isinstance(row, GitServer) and not _HOST.fullmatch(row.host):
        wrong["host"] = [_("Write a host such as git.corp.example, with :port where it is not the usual one.")]
    elif isinstance(row, ImageRegistry) and not _HOST.fullmatch(row.address):
        wrong["address"] = [_("Write host or host:port, as image names begin with it.")]
    else:
        try:
            check_url(url, allowed_schemes=("https", "http"))
        except Refused as exc:
            wrong[field] = [exc.message, *([exc.who_can_help] if exc.who_can_help else [])]
    if isinstance(row, JenkinsServer) and row.image_node_label:
        try:
            check_node_label(row.image_node_label)
        except GrammarError as exc:
            wrong["image_node_label"] = [exc.message]
    wrong |= _wrong_offers(row)
    if row.ca_pem and not _is_certificate(row.ca_pem):
        wrong["ca_pem"] = [_("This is no certificate in PEM form (-----BEGIN CERTIFICATE-----).")]
    if isinstance(row, GitServer) and row.ssh_key and not row.ssh_key.lstrip().startswith("-----BEGIN "):
        wrong["ssh_key"] = [_("This is no private key in PEM or OpenSSH form (-----BEGIN …).")]
    if wrong:
        raise Invalid(wrong)


def _wrong_offers(row: Server) -> dict[str, list[MessageLike]]:
    """Messages about the lists of what the server offers to whom, by field."""
    wrong: dict[str, list[MessageLike]] = {}
    slugs = frozenset(Project.objects.values_list("slug", flat=True))
    for name in OFFERS.get(type(row), ()):
        if complaints := check_offers(getattr(row, name), slugs):
            wrong[name] = complaints[:MOST_COMPLAINTS]
    return wrong


def _address_to_check(row: Server) -> tuple[str, str]:
    if isinstance(row, GitServer):
        return ("allow_http", f"http://{row.host}/") if row.allow_http else ("host", f"https://{row.host}/")
    return "url", row.url


def _is_certificate(pem: str) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False
