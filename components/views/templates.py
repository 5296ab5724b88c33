"""Templates with their live preview, and base images."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actor import actor_of
from accounts.models import User
from components import selectors, services
from components.forms import BaseImageForm, NewTemplateForm, VersionForm, put_errors
from components.models import BaseImage, Component, Template
from components.views.components import ARCHIVED, RESTORED
from components.views.pages import done, is_partial, page
from environments.access import Rights, require, visible_projects
from foundation.problems import Invalid, Missing

MOST_COMPONENTS = 500


def template_address(template: Template) -> str:
    """The page of a template."""
    address = reverse("components:template", args=[template.name])
    return f"{address}?project={template.project.slug}" if template.project else address


@login_required
@require_safe
def list_templates(request: HttpRequest) -> HttpResponse:
    """Global templates and those of one's projects."""
    user = actor_of(request)
    rows = selectors.list_templates(user).order_by("kind", "name")
    may_create = Rights(user).can("edit_global_template") or bool(_editable_projects(user))
    context = {"templates": rows, "may_create": may_create}
    return page(request, "components/templates.html", context, part="templates")


def _editable_projects(user: User) -> list[int]:
    rights = Rights(user)
    projects = visible_projects(user).filter(is_archived=False)
    return [project.pk for project in projects if rights.can("edit_project_template", project_id=project.pk)]


def _may_edit(user: User, template: Template) -> bool:
    rights = Rights(user)
    if template.project_id is None:
        return rights.can("edit_global_template")
    return rights.can("edit_project_template", project_id=template.project_id)


@login_required
@require_http_methods(["GET", "POST"])
def new_template(request: HttpRequest) -> HttpResponse:
    """A template with its first text."""
    user = actor_of(request)
    form = NewTemplateForm(
        request.POST or None,
        projects=visible_projects(user).filter(pk__in=_editable_projects(user)),
        may_be_global=Rights(user).can("edit_global_template"),
    )
    if request.method == "POST" and form.is_valid():
        try:
            template = services.create_template(actor=user, **form.cleaned_data)
        except Invalid as error:
            put_errors(form, error)
        else:
            return done(request, _("The template is there."), template_address(template))
    status = 400 if form.is_bound else 200
    return page(request, "components/template_new.html", {"form": form}, part="templates", status=status)


@login_required
@require_http_methods(["GET", "POST"])
def template(request: HttpRequest, name: str) -> HttpResponse:
    """The newest text to read and to change, who uses it, its versions, and a preview of what is typed."""
    user = actor_of(request)
    found = selectors.find_template(user, name, project_slug=request.GET.get("project", ""))
    current = selectors.latest_version(found)
    initial = {"body": current.body if current else "", "seen_number": current.number if current else 0}
    form = VersionForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.publish_version(actor=user, template=found, **form.cleaned_data)
        except Invalid as error:
            put_errors(form, error)
        else:
            sentence = _("The text is published: reviews and builds from now on use it.")
            return done(request, sentence, template_address(found))
    context = {
        "template": found,
        "address": template_address(found),
        "form": form,
        "current": current,
        "versions": found.versions.select_related("author").defer("body")[:20],
        "users": selectors.visible_users(user, found),
        "may_edit": _may_edit(user, found),
        "choices": _previewable(user, found),
    }
    return page(request, "components/template.html", context, part="templates", status=400 if form.is_bound else 200)


def _previewable(user: User, template: Template) -> list[Component]:
    """Components that the text may be tried with, those that use it first."""
    rights = Rights(user)
    rows = selectors.list_components(user, project=template.project).order_by("project__slug", "name")
    able = [row for row in rows[:MOST_COMPONENTS] if rights.can("preview_template", project_id=row.project_id)]
    users = {row.pk for row in selectors.used_by(template)}
    return sorted(able, key=lambda row: row.pk not in users)


@login_required
@require_POST
def archive_template(request: HttpRequest, name: str) -> HttpResponse:
    """Archives the template, or brings it back."""
    user = actor_of(request)
    found = selectors.find_template(user, name, project_slug=request.GET.get("project", ""))
    is_archived = request.POST.get("is_archived") != "no"
    services.archive_template(actor=user, template=found, is_archived=is_archived)
    return done(request, ARCHIVED if is_archived else RESTORED, template_address(found))


@login_required
@require_POST
def start_preview(request: HttpRequest, name: str) -> HttpResponse:
    """Has a worker render what is in the editor, for every environment of the chosen component."""
    user = actor_of(request)
    found = selectors.find_template(user, name, project_slug=request.GET.get("project", ""))
    project, _slash, slug = request.POST.get("component", "").partition("/")
    component = selectors.find_component(user, project, slug)
    preview = services.start_preview(
        actor=user, component=component, kind=found.kind, body=request.POST.get("body", ""), template=found
    )
    if is_partial(request):
        return _preview(request, preview.pk)
    return redirect("components:preview", preview.pk)


@login_required
@require_safe
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """A rendering; asks again by itself until it is final."""
    return _preview(request, pk)


def _preview(request: HttpRequest, pk: int) -> HttpResponse:
    found = selectors.find_preview(actor_of(request), pk)
    name = "components/_preview.html" if is_partial(request) else "components/preview.html"
    return page(request, name, {"preview": found}, part="templates")


# ---------------------------------------------------------------- base images
@login_required
@require_http_methods(["GET", "POST"])
def base_images(request: HttpRequest) -> HttpResponse:
    """Images that components may stand on; an administrator adds one."""
    user = actor_of(request)
    may_edit = Rights(user).can("manage_servers")
    form = BaseImageForm(request.POST or None)
    if request.method == "POST":
        require(user, "manage_servers")
        if form.is_valid():
            try:
                services.add_base_image(actor=user, **form.cleaned_data)
            except Invalid as error:
                put_errors(form, error)
            else:
                return done(request, _("The base image is listed."), "components:base-images")
    context: dict[str, Any] = {
        "images": selectors.list_base_images(with_archived=may_edit).order_by("is_archived", "path", "tag"),
        "form": form,
        "may_edit": may_edit,
    }
    return page(
        request, "components/base_images.html", context, part="base-images", status=400 if form.is_bound else 200
    )


@login_required
@require_POST
def archive_base_image(request: HttpRequest) -> HttpResponse:
    """Archives a base image, or brings it back."""
    user = actor_of(request)
    require(user, "manage_servers")
    path, _colon, tag = request.POST.get("image", "").rpartition(":")
    image = BaseImage.objects.filter(path=path, tag=tag).first()
    if image is None:
        raise Missing()
    is_archived = request.POST.get("is_archived") != "no"
    services.archive_base_image(actor=user, base_image=image, is_archived=is_archived)
    return done(request, ARCHIVED if is_archived else RESTORED, "components:base-images")
