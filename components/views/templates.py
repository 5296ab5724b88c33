"""Templates with their live preview, and base images."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.models import User
from components import selectors, services
from components.api_bodies import PREVIEWED, preview_kind
from components.choices import TemplateKind
from components.forms import BaseImageForm, NewTemplateForm, VersionForm
from components.models import BaseImage, Component, Preview, Template, TemplateVersion
from components.presenters.preview import DiffLine, ProblemShown, chosen_result, plain_diff, shown_results
from components.views.components import ARCHIVED, RESTORED
from components.views.pages import page
from environments.access import Rights, require, visible_projects, who_may
from foundation.api.routes import api_route
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.pages import act_view, is_htmx, is_saved, put_errors, read_view, redirect_with, status_of, try_save
from foundation.problems import Invalid, Missing, Stale
from foundation.request_context import note_refusal
from foundation.runs.choices import RunState

MOST_COMPONENTS = 500
RECENT_VERSIONS = 20


def template_address(template: Template) -> str:
    address = reverse("components:template", args=[template.name])
    return f"{address}?project={template.project.slug}" if template.project else address


def _found(request: HttpRequest, name: str) -> Template:
    """The template of this name: of the project that the address asks for, or the global one; raises Missing."""
    return selectors.find_template(actor_of(request), name, project_slug=request.GET.get("project", ""))


@read_view
def list_templates(request: HttpRequest) -> HttpResponse:
    """Global templates and those of one's projects, by kind, project and part of the name."""
    user = actor_of(request)
    given = {name: request.GET.get(name, "").strip()[:120] for name in ("kind", "project", "search")}
    rows = selectors.list_templates(user).order_by("kind", "name")
    if given["kind"] in TemplateKind.values:
        rows = rows.filter(kind=given["kind"])
    if given["project"]:
        rows = rows.filter(project__slug=given["project"])
    if given["search"]:
        rows = rows.filter(name__icontains=given["search"])
    users = selectors.users_by_template()
    context = {
        "rows": [(row, users[row.pk]) for row in rows],
        "kinds": TemplateKind.choices,
        "projects": visible_projects(user).filter(is_archived=False),
        "given": given,
        "is_filtered": any(given.values()),
        "may_create": Rights(user).can("edit_global_template") or bool(_editable_projects(user)),
    }
    return page(request, "components/templates.html", context, nav="admin")


def _editable_projects(user: User) -> list[int]:
    rights = Rights(user)
    projects = visible_projects(user).filter(is_archived=False)
    return [project.pk for project in projects if rights.can("edit_project_template", project_id=project.pk)]


def _may_edit(user: User, template: Template) -> bool:
    rights = Rights(user)
    if template.project_id is None:
        return rights.can("edit_global_template")
    return rights.can("edit_project_template", project_id=template.project_id)


@api_route("templates_create")
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
    if form.is_valid():
        template = try_save(form, lambda: services.create_template(actor=user, **form.cleaned_data))
        if template:
            return redirect_with(request, _("The template is created."), template_address(template))
    return page(request, "components/template_new.html", {"form": form}, nav="admin", status=status_of(form))


@api_route("template_versions_create")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def template(request: HttpRequest, name: str) -> HttpResponse:
    """The newest text to read and to change beside what it renders to, who uses it, and its versions.

    ``version`` begins with an older text; nothing is published by that.
    """
    user = actor_of(request)
    found = _found(request, name)
    current = selectors.latest_version(found)
    if request.method != "POST":
        return _show(request, found, current, VersionForm(initial=_initial(request, found, current)))
    form, stale = VersionForm(request.POST), ""
    if form.is_valid():
        try:
            published = services.publish_version(actor=user, template=found, **form.cleaned_data)
        except Invalid as error:
            put_errors(form, error)
        except Stale as error:
            note_refusal(error)
            # What was typed stays, drawn from the newest version now: publishing again means it.
            form = VersionForm({**form.cleaned_data, "seen_number": current.number if current else 0})
            stale = str(error)
        else:
            said = _("Version %(n)s is published: reviews and builds from now on use it.", n=published.number)
            return redirect_with(request, said, template_address(found))
    return _show(request, found, current, form, stale=stale, status=409 if stale else 400)


def _initial(request: HttpRequest, found: Template, current: TemplateVersion | None) -> dict[str, Any]:
    number = parse_digits(request.GET.get("version", ""), 6)
    begin = current if number is None else selectors.find_version(found, number)
    return {"body": begin.body if begin else "", "seen_number": current.number if current else 0}


def _show(
    request: HttpRequest,
    found: Template,
    current: TemplateVersion | None,
    form: VersionForm,
    *,
    stale: str = "",
    status: int = 200,
) -> HttpResponse:
    user = actor_of(request)
    may_edit = _may_edit(user, found)
    verb = "edit_project_template" if found.project_id else "edit_global_template"
    form.fields["body"].widget.attrs["readonly"] = not may_edit or found.is_archived
    context = {
        "template": found,
        "address": template_address(found),
        "of_project": f"?project={found.project.slug}" if found.project else "",
        "form": form,
        "current": current,
        "next_number": (current.number if current else 0) + 1,
        "versions": found.versions.select_related("author").defer("body")[:RECENT_VERSIONS],
        "users": selectors.visible_users(user, found),
        "may_edit": may_edit,
        "who_edits": "" if may_edit else who_may(verb, project_id=found.project_id),
        "choices": _previewable(user, found),
        "stale": stale,
    }
    return page(request, "components/template.html", context, nav="admin", status=status)


@read_view
def version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One published text, and what it changed."""
    found = _found(request, name)
    shown = selectors.find_version(found, number)
    former = found.versions.filter(number=number - 1).first()
    context = {
        "template": found,
        "address": template_address(found),
        "version": shown,
        "former": former,
        "lines": shown.body.splitlines(),
        "diff": plain_diff(former.body, shown.body) if former else [],
    }
    return page(request, "components/template_version.html", context, nav="admin")


def _previewable(user: User, template: Template) -> list[Component]:
    """Components that the text may be tried with, those that use it first."""
    rights = Rights(user)
    rows = selectors.list_components(user, project=template.project).order_by("project__slug", "name")
    able = [row for row in rows[:MOST_COMPONENTS] if rights.can("preview_template", project_id=row.project_id)]
    users = {row.pk for row in selectors.used_by(template)}
    return sorted(able, key=lambda row: row.pk not in users)


@api_route("template_archive")
@act_view
def archive_template(request: HttpRequest, name: str) -> HttpResponse:
    """Archives the template, or brings it back."""
    user = actor_of(request)
    found = _found(request, name)
    is_archived = request.POST.get("is_archived") != "no"
    services.archive_template(actor=user, template=found, is_archived=is_archived)
    return redirect_with(request, ARCHIVED if is_archived else RESTORED, template_address(found))


@api_route("previews_create", more=preview_kind, from_form=PREVIEWED)
@act_view
def start_preview(request: HttpRequest, name: str) -> HttpResponse:
    """Has a worker render what is in the editor, for every environment of the chosen component."""
    user = actor_of(request)
    found = _found(request, name)
    project, _slash, slug = request.POST.get("component", "").partition("/")
    component = selectors.find_component(user, project, slug)
    preview = services.start_preview(
        actor=user, component=component, kind=found.kind, body=request.POST.get("body", ""), template=found
    )
    if is_htmx(request):
        return _preview(request, preview.pk, environment=request.POST.get("environment", ""))
    return redirect("components:preview", preview.pk)


@read_view
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """A rendering; asks again by itself until it is final."""
    return _preview(request, pk, environment=request.GET.get("environment", ""))


def _preview(request: HttpRequest, pk: int, *, environment: str) -> HttpResponse:
    """The whole page; for htmx only that it is under way, so that what was rendered before stays until it is done."""
    found = selectors.find_preview(actor_of(request), pk)
    if is_htmx(request) and found.is_active:
        context = {"preview": found, "environment": environment}
        response = page(request, "components/_preview_waits.html", context, nav="admin")
        response["HX-Retarget"], response["HX-Reswap"] = "#preview-status", "outerHTML"
        return response
    results = shown_results(found)
    context = {
        "preview": found,
        "results": results,
        "chosen": chosen_result(results, environment),
        "environment": environment,
        "diff": _diff_to_published(found),
    }
    name = "components/_preview.html" if is_htmx(request) else "components/preview.html"
    response = page(request, name, context, nav="admin")
    response["HX-Retarget"], response["HX-Reswap"] = "#preview", "innerHTML"
    return response


def _diff_to_published(found: Preview) -> list[DiffLine]:
    current = selectors.latest_version(found.template) if found.template else None
    return plain_diff(current.body, found.body) if current else []


@api_route("template_trials_create")
@act_view
def start_trial(request: HttpRequest, name: str) -> HttpResponse:
    """Has workers render what is in the editor for everybody who uses the template: who would break?"""
    user = actor_of(request)
    found = _found(request, name)
    batch = services.start_trial(actor=user, template=found, body=request.POST.get("body", ""))
    if is_htmx(request):
        return _trial(request, batch)
    return redirect("components:trial", batch)


@read_view
def trial(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Whom a text would break; asks again by itself until every component has been tried."""
    return _trial(request, batch)


def _trial(request: HttpRequest, batch: UUID) -> HttpResponse:
    rows = selectors.trial(actor_of(request), batch)
    waiting = [row for row in rows if row.is_active]
    broken = [(row, _first_problem(row)) for row in rows if row.state == RunState.FAILED]
    context = {
        "batch": batch,
        "count": len(rows),
        "done": len(rows) - len(waiting),
        "is_active": bool(waiting),
        "broken": broken,
        "failed": [row for row in rows if row.state == RunState.ERRORED],
        "template": rows[0].template,
    }
    name = "components/_trial.html" if is_htmx(request) else "components/trial.html"
    return page(request, name, context, nav="admin")


def _first_problem(row: Preview) -> tuple[str, ProblemShown] | None:
    for result in shown_results(row):
        if result.problems:
            return result.environment, result.problems[0]
    return None


# ---------------------------------------------------------------- base images
@api_route("base_images_create")
@login_required
@require_http_methods(["GET", "POST"])
def base_images(request: HttpRequest) -> HttpResponse:
    """Images that components may stand on; an administrator adds one."""
    user = actor_of(request)
    may_edit = Rights(user).can("manage_servers")
    form = BaseImageForm(request.POST or None)
    if request.method == "POST":
        require(user, "manage_servers")
        if form.is_valid() and is_saved(form, lambda: services.add_base_image(actor=user, **form.cleaned_data)):
            return redirect_with(request, _("The base image is listed."), "components:base-images")
    context: dict[str, Any] = {
        "images": _with_users(selectors.list_base_images(with_archived=may_edit)),
        "form": form,
        "may_edit": may_edit,
    }
    return page(request, "components/base_images.html", context, nav="admin", status=status_of(form))


def _with_users(images: QuerySet[BaseImage]) -> list[tuple[BaseImage, int]]:
    users = selectors.users_by_base_image()
    return [(image, users[image.pk]) for image in images.order_by("is_archived", "path", "tag")]


@api_route("base_image_archive")
@act_view
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
    return redirect_with(request, ARCHIVED if is_archived else RESTORED, "components:base-images")
