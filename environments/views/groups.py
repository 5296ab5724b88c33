"""Groups of people and what they hold."""

from __future__ import annotations

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode

from accounts.actor import actor_of
from environments.access import Rights, who_may
from environments.forms import GroupForm, GroupMemberForm, SiteRoleForm
from environments.selectors import groups as selectors
from environments.selectors.people import find_site_role
from environments.services import groups as services
from environments.services import members
from environments.staff import warnings_of_taking_out
from environments.views.form_page import form_page, form_view
from foundation import paging
from foundation.api.routes import api_route
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, redirect_with, status_of, try_save


@login_required
def list_groups(request: HttpRequest) -> HttpResponse:
    """Groups that the reader may know, newest first."""
    user, query = actor_of(request), request.GET.get("q", "").strip()[:120]
    page = paging.asked_page(selectors.list_groups(user, query=query), request.GET)
    context = {
        "page": page,
        "q": query,
        "query": urlencode({"q": query}) if query else "",
        "may_manage": Rights(user).can("manage_people"),
        "nav": "admin",
    }
    return render(request, "environments/groups.html", context)


@login_required
def group(
    request: HttpRequest, slug: str, *, form: GroupMemberForm | None = None, role_form: SiteRoleForm | None = None
) -> HttpResponse:
    """One group: its people, and the roles that each of them holds through it."""
    user = actor_of(request)
    row, rights = selectors.find_group(user, slug), Rights(user)
    may_manage, people = rights.can("manage_people"), list(selectors.people_of(row))
    warnings = warnings_of_taking_out(row, [one.user for one in people]) if may_manage else {}
    context = {
        "group": row,
        "people": [(one, warnings.get(one.user_id, {})) for one in people],
        "memberships": selectors.roles_of_group(user, row),
        "may_manage": may_manage,
        "may_give_roles": rights.can("manage_site_roles"),
        "is_in": any(one.user_id == user.pk for one in people),
        "who_gives": who_may("manage_site_roles", but=user),
        "who_manages": who_may("manage_people"),
        "form": form or GroupMemberForm(),
        "role_form": role_form or SiteRoleForm(),
        "people_to_add": selectors.people_to_add(user, row) if may_manage else [],
        "nav": "admin",
    }
    wrong: forms.Form | None = form or role_form
    return render(request, "environments/group.html", context, status=status_of(wrong) if wrong else 200)


@api_route("groups_create")
@form_view("manage_people")
def new_group(request: HttpRequest) -> HttpResponse:
    user, form = actor_of(request), GroupForm(request.POST or None)
    if form.is_valid():
        row = try_save(form, lambda: services.create_group(actor=user, **form.cleaned_data))
        if row:
            return redirect("environments:group", row.slug)
    return form_page(request, form, _("New group"), back=resolve_url("environments:groups"))


@api_route("groups_update")
@form_view("manage_people")
def edit_group(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a group's names."""
    user = actor_of(request)
    row = selectors.find_group(user, slug)
    form = GroupForm(request.POST or None, initial={"name": row.name, "name_en": row.name_en})
    del form.fields["slug"]
    if form.is_valid() and is_saved(form, lambda: services.edit_group(actor=user, group=row, **form.cleaned_data)):
        return redirect("environments:group", slug)
    return form_page(request, form, row.shown_name, back=resolve_url("environments:group", slug))


@api_route("groups_remove")
@act_view
def remove_group(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the group away."""
    user = actor_of(request)
    reason = request.POST.get("reason", "")
    services.remove_group(actor=user, group=selectors.find_group(user, slug), reason=reason)
    return redirect_with(request, _("The group is removed."), "environments:groups")


@api_route("group_people_create")
@act_view
def add_person(request: HttpRequest, slug: str) -> HttpResponse:
    """Put somebody into the group."""
    user = actor_of(request)
    row, form = selectors.find_group(user, slug), GroupMemberForm(request.POST)
    if form.is_valid() and is_saved(form, lambda: services.add_to_group(actor=user, group=row, **form.cleaned_data)):
        return redirect_with(request, _("Added."), "environments:group", slug)
    return group(request, slug, form=form)


@api_route("group_people_remove")
@act_view
def take_person(request: HttpRequest, slug: str, username: str) -> HttpResponse:
    """Take somebody out of the group."""
    user = actor_of(request)
    row, reason = selectors.find_group(user, slug), request.POST.get("reason", "")
    services.take_from_group(actor=user, group=row, username=username, reason=reason)
    return redirect_with(request, _("Taken out of the group."), "environments:group", slug)


@api_route("group_roles_create")
@act_view
def add_site_role(request: HttpRequest, slug: str) -> HttpResponse:
    """Make everybody in the group platform administrator or auditor."""
    user = actor_of(request)
    row, form = selectors.find_group(user, slug), SiteRoleForm(request.POST)
    if form.is_valid() and is_saved(
        form, lambda: members.add_membership(actor=user, group=row.slug, **form.cleaned_data)
    ):
        return redirect("environments:group", slug)
    return group(request, slug, role_form=form)


@api_route("group_roles_end")
@act_view
def end_site_role(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    user = actor_of(request)
    row = find_site_role(user, selectors.find_group(user, slug), number)
    members.end_membership(actor=user, membership=row, reason=request.POST.get("reason", ""))
    return redirect("environments:group", slug)
