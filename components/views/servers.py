"""Jenkins, Git and registry servers with their tests, and the toolchain of a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import selectors, services
from components.choices import ServerKind
from components.forms import KEPT, GitForm, JenkinsForm, RegistryForm, TestForm, ToolchainForm, close
from components.models import GitServer, ImageRegistry, JenkinsServer, ServerTest
from components.offers import open_notes
from components.services.servers import PLAIN_FIELDS, SECRET_FIELDS, Server
from components.views.components import ARCHIVED, RESTORED
from components.views.pages import page
from environments.access import Rights, require, visible_projects
from environments.certificates import read_certificates
from foundation.api.routes import View, api_route, in_address
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.models import Remote
from foundation.pages import act_view, is_htmx, is_saved, read_view, redirect_with, status_of, try_save
from foundation.problems import Missing

SECRETS = ("token", "password", "ssh_key")


@dataclass(frozen=True)
class Family:
    """One kind of server on the pages."""

    kind: str
    label: MessageLike
    model: type[Any]
    form: type[forms.Form]
    subject: MessageLike

    @property
    def key_field(self) -> str:
        """The field of the form that names a server."""
        return str(self.model.unique_field)


FAMILIES = {
    "jenkins": Family(
        "jenkins", ServerKind.JENKINS.label, JenkinsServer, JenkinsForm, _("A job; empty: PRISM_JENKINS_JOB")
    ),
    "git": Family("git", ServerKind.GIT.label, GitServer, GitForm, _("The URL of a repository on this host")),
    "registry": Family(
        "registry", ServerKind.REGISTRY.label, ImageRegistry, RegistryForm, _("site/app:tag, or nothing")
    ),
}


def _family(kind: str) -> Family:
    if kind not in FAMILIES:
        raise Missing()
    return FAMILIES[kind]


def _key(server: Server) -> str:
    return str(getattr(server, server.unique_field))


def _route_of_each_kind(ending: str) -> Callable[[View], View]:
    """The operations ``jenkins_…``, ``git_…`` and ``registry_…``, by the kind in the address."""

    def declare(view: View) -> View:
        for kind in reversed(FAMILIES):
            view = api_route(f"{kind}_{ending}", when=in_address("kind", kind))(view)
        return view

    return declare


@read_view
def list_servers(request: HttpRequest) -> HttpResponse:
    """All servers by kind, with their last test."""
    user = actor_of(request)
    groups = []
    for family in FAMILIES.values():
        tests = selectors.last_tests(family.kind)
        servers = list(selectors.list_servers(user, family.model))
        remotes = selectors.remotes(server.remote_key for server in servers)
        rows = [_row(server, tests.get(server.pk), remotes.get(server.remote_key)) for server in servers]
        groups.append((family, rows))
    context = {"groups": groups, "may_edit": Rights(user).can("manage_servers")}
    return page(request, "components/servers.html", context, nav="admin")


def _row(server: Server, test: ServerTest | None, remote: Remote | None) -> dict[str, Any]:
    """A line of the list: ``away_since`` while the platform gets no answer, ``ok_at`` its last one."""
    return {
        "server": server,
        "key": _key(server),
        "test": test,
        "away_since": remote.opened_at if remote else None,
        "ok_at": remote.last_ok_at if remote else None,
    }


@_route_of_each_kind("servers_create")
@login_required
@sensitive_post_parameters(*SECRETS)
@require_http_methods(["GET", "POST"])
def new_server(request: HttpRequest, kind: str) -> HttpResponse:
    user, family = actor_of(request), _family(kind)
    require(user, "manage_servers")
    form = family.form(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        key = values.pop(family.key_field)
        server = try_save(form, lambda: services.create_server(actor=user, model=family.model, key=key, values=values))
        if server:
            return redirect_with(request, _("The server is known: test it."), "components:server", kind, _key(server))
    context = {"family": family, "form": form}
    return page(request, "components/server_new.html", context, nav="admin", status=status_of(form))


@_route_of_each_kind("server_edit")
@login_required
@sensitive_post_parameters(*SECRETS)
@require_http_methods(["GET", "POST"])
def server(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """A server's row to read and change, and its tests."""
    user, family = actor_of(request), _family(kind)
    found = selectors.find_server(user, family.model, key)
    form = _edit_form(request, family, found, request.POST or None)
    if form.is_valid() and is_saved(
        form, lambda: services.edit_server(actor=user, server=found, values=form.cleaned_data)
    ):
        return redirect_with(request, _("The server is saved."), "components:server", kind, key)
    return _page(request, family, found, form)


def _page(
    request: HttpRequest, family: Family, found: Server, form: forms.Form, *, new_secret: str = ""
) -> HttpResponse:
    remote = selectors.remotes([found.remote_key]).get(found.remote_key)
    context = {
        "family": family,
        "server": found,
        "key": _key(found),
        "form": form,
        "test_form": TestForm(family.subject),
        "tests": selectors.tests_of(found)[:10],
        "certificates": read_certificates(found.ca_pem) if found.ca_pem else [],
        "away_since": remote.opened_at if remote else None,
        "last_error": remote.last_error if remote else "",
        "may_edit": Rights(actor_of(request)).can("manage_servers"),
        "webhook": selectors.webhook_of(found),
        "hook_address": selectors.webhook_address(found),
        "new_secret": new_secret,
        "open_notes": open_notes(found),
    }
    # A new secret is on the screen once, and in no browser's memory of the page.
    return page(request, "components/server.html", context, nav="admin", status=status_of(form), is_kept=not new_secret)


def _edit_form(request: HttpRequest, family: Family, found: Server, typed: QueryDict | None = None) -> forms.Form:
    """The form without the field that names the server: that stays."""
    initial = {name: getattr(found, name) for name in PLAIN_FIELDS[family.model]}
    form = family.form(typed, initial=initial)
    del form.fields[family.key_field]
    for name in SECRET_FIELDS[family.model]:
        if getattr(found, name):
            form.fields[name].widget.attrs["placeholder"] = KEPT
    close(form, Rights(actor_of(request)).can("manage_servers"))
    return form


@_route_of_each_kind("server_archive")
@act_view
def archive_server(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Archives a server, or brings it back."""
    user = actor_of(request)
    found = selectors.find_server(user, _family(kind).model, key)
    is_archived = request.POST.get("is_archived") != "no"
    services.archive_server(actor=user, server=found, is_archived=is_archived)
    return redirect_with(request, ARCHIVED if is_archived else RESTORED, "components:server", kind, key)


@_route_of_each_kind("server_webhook_create")
@act_view
def make_webhook(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """The page with the new secret, which no other answer has."""
    family = _family(kind)
    found = selectors.find_server(actor_of(request), family.model, key)
    _webhook, secret = services.make_webhook(actor=actor_of(request), server=found)
    return _page(request, family, found, _edit_form(request, family, found), new_secret=secret)


@_route_of_each_kind("server_webhook_destroy")
@act_view
def end_webhook(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """From now on its address refuses everything."""
    found = selectors.find_server(actor_of(request), _family(kind).model, key)
    services.end_webhook(actor=actor_of(request), server=found)
    return redirect_with(request, _("The webhook is ended: what is sent is refused."), "components:server", kind, key)


@_route_of_each_kind("server_tests_create")
@act_view
def start_test(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Has a worker try the server."""
    user = actor_of(request)
    found = selectors.find_server(user, _family(kind).model, key)
    services.start_server_test(actor=user, server=found, subject=request.POST.get("subject", ""))
    if is_htmx(request):
        return _tests(request, kind, key)
    return redirect_with(request, _("A worker tries it now: refresh in a moment."), "components:server", kind, key)


@read_view
def tests(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """The part of the page with the tests; asks again by itself until they are final."""
    return _tests(request, kind, key)


def _tests(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    found = selectors.find_server(actor_of(request), _family(kind).model, key)
    context = {"family": _family(kind), "key": key, "tests": selectors.tests_of(found)[:10]}
    return page(request, "components/_tests.html", context, nav="admin")


@api_route("toolchain_save")
@login_required
@require_http_methods(["GET", "POST"])
def toolchain(request: HttpRequest, project: str) -> HttpResponse:
    """Which Jenkins builds a project and which registry keeps its images."""
    user = actor_of(request)
    found = visible_projects(user).filter(slug=project).first()
    if found is None:
        raise Missing()
    require(user, "manage_servers")
    current = selectors.toolchain_of(found)
    initial = {"jenkins": current.jenkins.slug, "registry": current.registry.slug} if current else {}
    form = ToolchainForm(request.POST or None, initial=initial)
    if form.is_valid() and is_saved(
        form, lambda: services.set_toolchain(actor=user, project=found, **form.cleaned_data)
    ):
        message = _("The toolchain is saved: new orders use it.")
        return redirect_with(request, message, "components:toolchain", project)
    context = {"project": found, "form": form}
    return page(request, "components/toolchain.html", context, nav="admin", status=status_of(form))
