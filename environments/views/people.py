"""People and their site roles."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters

from accounts.actor import actor_of
from environments.access import Rights, who_may
from environments.forms import NewPasswordForm, PersonForm, SiteRoleForm
from environments.selectors import people as selectors
from environments.services import members
from environments.services import people as services
from environments.staff import warnings_of_leaving
from environments.views.form_page import form_page, form_view
from foundation import paging
from foundation.api.routes import api_route, with_field, without_field
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, redirect_with, status_of, try_save


@login_required
def list_people(request: HttpRequest) -> HttpResponse:
    """Everybody, newest first."""
    user, query = actor_of(request), request.GET.get("q", "").strip()
    page = paging.asked_page(selectors.list_people(user, query=query), request.GET)
    held = selectors.roles_in_force(page.items)
    rows = [(person, held.get(person.pk, [])) for person in page.items]
    query_text = urlencode({"q": query}) if query else ""
    context = {
        "rows": rows,
        "page": page,
        "q": query,
        "query": query_text,
        "may_manage": Rights(user).can("manage_people"),
        "nav": "admin",
    }
    return render(request, "environments/people.html", context)


@login_required
def person(request: HttpRequest, username: str, *, form: SiteRoleForm | None = None) -> HttpResponse:
    """One person and everything they hold."""
    user = actor_of(request)
    row, rights = selectors.find_person(user, username), Rights(user)
    context = {
        "person": row,
        "memberships": selectors.memberships_of(row),
        "warnings": warnings_of_leaving(row) if row.is_active and rights.can("manage_people") else {},
        "may_manage": rights.can("manage_people"),
        "may_give_roles": rights.can("manage_site_roles"),
        "is_own": row.pk == user.pk,
        "who_gives": who_may("manage_site_roles", but=user),
        "form": form or SiteRoleForm(),
        "nav": "admin",
    }
    return render(request, "environments/person.html", context, status=status_of(form) if form else 200)


@api_route("people_create")
@form_view("manage_people")
@sensitive_post_parameters("password")
def new_person(request: HttpRequest) -> HttpResponse:
    user = actor_of(request)
    form = PersonForm(request.POST or None)
    if form.is_valid():
        row = try_save(form, lambda: services.create_person(actor=user, **form.cleaned_data))
        if row:
            return redirect("environments:person", row.username)
    return form_page(request, form, _("New person"), back=resolve_url("environments:people"))


@api_route("people_update")
@form_view("manage_people")
def edit_person(request: HttpRequest, username: str) -> HttpResponse:
    """Change names, e-mail and note."""
    user = actor_of(request)
    row = selectors.find_person(user, username)
    fields = ("name", "name_en", "email", "note", "note_en")
    form = PersonForm(request.POST or None, initial={name: getattr(row, name) for name in fields})
    del form.fields["username"], form.fields["password"]
    if form.is_valid() and is_saved(form, lambda: services.edit_person(actor=user, person=row, **form.cleaned_data)):
        return redirect("environments:person", username)
    return form_page(request, form, row.shown_name, back=resolve_url("environments:person", username))


@api_route("people_set_password")
@form_view("manage_people")
@sensitive_post_parameters("password")
def set_password(request: HttpRequest, username: str) -> HttpResponse:
    user = actor_of(request)
    row, form = selectors.find_person(user, username), NewPasswordForm(request.POST or None)
    if form.is_valid() and is_saved(form, lambda: services.set_password(actor=user, person=row, **form.cleaned_data)):
        message = _("The new password is set; their sessions have ended.")
        return redirect_with(request, message, "environments:person", username)
    title = _("New password for %(name)s", name=row.shown_name)
    return form_page(request, form, title, back=resolve_url("environments:person", username))


@api_route("people_activate", when=with_field("activate"))
@api_route("people_deactivate", when=without_field("activate"))
@act_view
def switch_person_on_or_off(request: HttpRequest, username: str) -> HttpResponse:
    """Deactivate, or (``activate`` posted) let in again."""
    user = actor_of(request)
    row = selectors.find_person(user, username)
    act = services.activate_person if "activate" in request.POST else services.deactivate_person
    act(actor=user, person=row, reason=request.POST.get("reason", ""))
    return redirect("environments:person", username)


@api_route("roles_create")
@act_view
def add_site_role(request: HttpRequest, username: str) -> HttpResponse:
    """Make somebody platform administrator or auditor."""
    user = actor_of(request)
    row, form = selectors.find_person(user, username), SiteRoleForm(request.POST)
    if form.is_valid() and is_saved(
        form, lambda: members.add_membership(actor=user, username=row.username, **form.cleaned_data)
    ):
        return redirect("environments:person", username)
    return person(request, username, form=form)


@api_route("roles_end")
@act_view
def end_site_role(request: HttpRequest, username: str, number: int) -> HttpResponse:
    user = actor_of(request)
    row = selectors.find_site_role(user, selectors.find_person(user, username), number)
    members.end_membership(actor=user, membership=row, reason=request.POST.get("reason", ""))
    return redirect("environments:person", username)
