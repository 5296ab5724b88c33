"""Clusters and their connection tests."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.debug import sensitive_post_parameters

from accounts.actor import actor_of
from environments.access import Rights
from environments.certificates import read_certificates
from environments.forms import ClusterForm
from environments.in_cluster import own_address
from environments.selectors import places as selectors
from environments.selectors.shown import clusters_with_tests, remotes_of, test_shown
from environments.services import clusters as services
from environments.views.form_page import form_page, form_view
from foundation.api.routes import api_route, with_field, without_field
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, is_saved, redirect_with, try_save


@login_required
def list_clusters(request: HttpRequest) -> HttpResponse:
    """All clusters with their last test."""
    user = actor_of(request)
    context = {
        "rows": clusters_with_tests(user),
        "may_manage": Rights(user).can("manage_places"),
        "nav": "admin",
    }
    return render(request, "environments/clusters.html", context)


@login_required
def cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """One cluster: what is open about it, its spaces, its tests."""
    user = actor_of(request)
    row = selectors.find_cluster(user, slug)
    tests = list(selectors.list_tests(user, row)[:10])
    remote = remotes_of([row]).get(row.remote_key)
    context = {
        "cluster": row,
        "test": test_shown(tests[0]) if tests else None,
        "tests": tests,
        "spaces": selectors.list_spaces(user).filter(cluster=row),
        "certificates": read_certificates(row.client_cert_pem) if row.client_cert_pem else [],
        "authorities": read_certificates(row.ca_pem) if row.ca_pem else [],
        "remote": remote,
        "manifest": selectors.account_manifest_of(user, row),
        "own": own_address() if row.in_cluster else "",
        "may_manage": Rights(user).can("manage_places"),
        "nav": "admin",
    }
    return render(request, "environments/cluster.html", context)


@api_route("clusters_create")
@form_view("manage_places")
@sensitive_post_parameters("token", "client_key_pem", "kubeconfig")
def new_cluster(request: HttpRequest) -> HttpResponse:
    user = actor_of(request)
    form = ClusterForm(request.POST or None)
    if form.is_valid():
        row = try_save(form, lambda: services.create_cluster(actor=user, **form.values()))
        if row:
            return redirect_with(request, _("Saved. Test the connection now."), "environments:cluster", row.slug)
    return form_page(request, form, _("New cluster"), back=resolve_url("environments:clusters"))


@api_route("clusters_update")
@form_view("manage_places")
@sensitive_post_parameters("token", "client_key_pem", "kubeconfig")
def edit_cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a cluster; credentials left blank stay."""
    user = actor_of(request)
    row = selectors.find_cluster(user, slug)
    form = ClusterForm(request.POST or None, cluster=row)
    if form.is_valid() and is_saved(form, lambda: services.edit_cluster(actor=user, cluster=row, **form.values())):
        return redirect_with(request, _("Saved. Test the connection now."), "environments:cluster", slug)
    title = _("Cluster %(slug)s", slug=slug)
    return form_page(request, form, title, back=resolve_url("environments:cluster", slug))


@api_route("clusters_restore", when=with_field("restore"))
@api_route("clusters_archive", when=without_field("restore"))
@act_view
def archive_cluster(request: HttpRequest, slug: str) -> HttpResponse:
    """Into the archive, or (``restore`` posted) out of it."""
    user = actor_of(request)
    row = selectors.find_cluster(user, slug)
    act = services.restore_cluster if "restore" in request.POST else services.archive_cluster
    act(actor=user, cluster=row)
    return redirect("environments:cluster", slug)


@api_route("cluster_tests_create")
@act_view
def start_test(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a worker to test the connection."""
    user = actor_of(request)
    row = selectors.find_cluster(user, slug)
    run = services.start_test(actor=user, cluster=row)
    if is_htmx(request):
        context = {"cluster": row, "test": test_shown(run), "may_manage": True, "nav": "admin"}
        return render(request, "environments/_cluster_test.html", context)
    return redirect("environments:cluster-test", slug, run.pk)


@login_required
def test(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """What a test found; asked by htmx it answers with the part alone, which asks again while the test runs."""
    user = actor_of(request)
    row = selectors.find_cluster(user, slug)
    shown = test_shown(selectors.find_test(user, row, number))
    part = is_htmx(request)
    template = "environments/_cluster_test.html" if part else "environments/cluster_test.html"
    context = {"cluster": row, "test": shown, "may_manage": Rights(user).can("manage_places"), "nav": "admin"}
    return render(request, template, context)
