"""Organisations, projects and their members."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url

from accounts.actor import actor_of
from accounts.models import Organisation
from environments import page_parts
from environments.access import Rights, who_may
from environments.forms import MembershipForm, OrganisationForm, ProjectForm
from environments.selectors import people as people_selectors
from environments.selectors import places as place_selectors
from environments.selectors.rule_changes import waiting_on
from environments.services import members
from environments.services import projects as project_services
from environments.staff import warnings_of_ending
from environments.views.form_page import form_page, form_view
from foundation.api.routes import api_route, with_field, without_field
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, redirect_with, status_of, try_save


@login_required
def list_projects(request: HttpRequest) -> HttpResponse:
    """Projects that the reader sees, and the organisations above them."""
    user, rights = actor_of(request), Rights(actor_of(request))
    with_archived, text = "archived" in request.GET, request.GET.get("search", "").strip()[:120]
    context = {
        "projects": people_selectors.list_projects(user, with_archived=with_archived, text=text),
        "organisations": people_selectors.list_organisations(user),
        "with_archived": with_archived,
        "search": text,
        "may_manage": rights.can("manage_projects"),
        "nav": "admin",
    }
    return render(request, "environments/projects.html", context)


@login_required
def project(request: HttpRequest, slug: str, *, form: MembershipForm | None = None) -> HttpResponse:
    """One project: what waits and runs there, its people, spaces, members and grants."""
    user = actor_of(request)
    row, rights = people_selectors.find_project(user, slug), Rights(user)
    may_manage_members = rights.can("manage_members", project_id=row.pk)
    members_here = list(people_selectors.list_members(user, row))
    warnings = warnings_of_ending(members_here) if may_manage_members else {}
    spaces = list(place_selectors.spaces_of(user, row, with_archived=rights.can("manage_places")))
    context = {
        "project": row,
        "parts": [] if row.is_archived else page_parts.PROJECT.of(row, rights),
        "topic": f"project:{row.pk}",
        "roles": people_selectors.by_role(members_here),
        "rule_change": waiting_on(user, row),
        "members": [(member, warnings.get(member.pk, "")) for member in members_here],
        "spaces": [(space, place_selectors.policy_in_short(space)) for space in spaces],
        "may_manage_members": may_manage_members,
        "sees_webhooks": rights.can("redeliver", project_id=row.pk),
        "reads_report": rights.can("read_report", project_id=row.pk),
        "may_manage_projects": rights.can("manage_projects"),
        "may_manage_places": rights.can("manage_places"),
        "sees_site": rights.can("see_site"),
        "who_manages_members": who_may("manage_members", project_id=row.pk),
        "who_manages": who_may("manage_projects"),
        "form": form or MembershipForm(project=row),
        "people_to_add": people_selectors.people_to_add(user, row) if may_manage_members else [],
        "nav": "admin",
    }
    return render(request, "environments/project.html", context, status=status_of(form) if form else 200)


@api_route("projects_create")
@form_view("manage_projects")
def new_project(request: HttpRequest) -> HttpResponse:
    user = actor_of(request)
    form = ProjectForm(request.POST or None)
    del form.fields["reason"]
    if form.is_valid():
        row = try_save(form, lambda: project_services.create_project(actor=user, **form.values()))
        if row:
            message = _("The project is created: add its spaces and members.")
            return redirect_with(request, message, "environments:project", row.slug)
    return form_page(request, form, _("New project"), back=resolve_url("environments:projects"))


@api_route("projects_update")
@form_view("manage_projects")
def edit_project(request: HttpRequest, slug: str) -> HttpResponse:
    user = actor_of(request)
    row = people_selectors.find_project(user, slug)
    fields = ("name", "name_en", "description", "change_ticket_pattern")
    initial = {name: getattr(row, name) for name in fields} | {"organisation": row.organisation.slug}
    form = ProjectForm(request.POST or None, initial=initial)
    del form.fields["slug"]
    if form.is_valid() and is_saved(
        form, lambda: project_services.edit_project(actor=user, project=row, **form.values())
    ):
        waits = waiting_on(user, row) is not None
        said = _("What is stricter holds; what is looser waits for a second person.") if waits else _("Saved.")
        return redirect_with(request, said, "environments:project", slug)
    return form_page(request, form, _("Project %(slug)s", slug=slug), back=resolve_url("environments:project", slug))


@api_route("projects_restore", when=with_field("restore"))
@api_route("projects_archive", when=without_field("restore"))
@act_view
def archive_project(request: HttpRequest, slug: str) -> HttpResponse:
    """Into the archive, or (``restore`` posted) out of it."""
    user = actor_of(request)
    row = people_selectors.find_project(user, slug)
    act = project_services.restore_project if "restore" in request.POST else project_services.archive_project
    act(actor=user, project=row, reason=request.POST.get("reason", ""))
    return redirect("environments:project", slug)


@api_route("organisations_create")
@form_view("manage_projects")
def new_organisation(request: HttpRequest) -> HttpResponse:
    user = actor_of(request)
    form = OrganisationForm(request.POST or None)
    if form.is_valid() and is_saved(
        form, lambda: project_services.create_organisation(actor=user, **form.cleaned_data)
    ):
        return redirect("environments:projects")
    return form_page(request, form, _("New organisation"), back=resolve_url("environments:projects"))


@api_route("organisations_update")
@form_view("manage_projects")
def edit_organisation(request: HttpRequest, slug: str) -> HttpResponse:
    """Change an organisation's names."""
    user = actor_of(request)
    row: Organisation = people_selectors.find_organisation(slug)
    form = OrganisationForm(request.POST or None, initial={"name": row.name, "name_en": row.name_en})
    del form.fields["slug"]
    if form.is_valid() and is_saved(
        form, lambda: project_services.edit_organisation(actor=user, organisation=row, **form.cleaned_data)
    ):
        return redirect("environments:projects")
    title = _("Organisation %(slug)s", slug=slug)
    return form_page(request, form, title, back=resolve_url("environments:projects"))


@api_route("members_create")
@act_view
def add_member(request: HttpRequest, slug: str) -> HttpResponse:
    """Give somebody a role or a grant in the project."""
    user = actor_of(request)
    row = people_selectors.find_project(user, slug)
    form = MembershipForm(request.POST, project=row)
    if form.is_valid() and is_saved(form, lambda: members.add_membership(actor=user, project=row, **form.values())):
        return redirect_with(request, _("Added."), "environments:project", slug)
    return project(request, slug, form=form)


@api_route("members_end")
@act_view
def end_member(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    user = actor_of(request)
    row = people_selectors.find_member(user, people_selectors.find_project(user, slug), number)
    members.end_membership(actor=user, membership=row, reason=request.POST.get("reason", ""))
    return redirect_with(request, _("Ended."), "environments:project", slug)
