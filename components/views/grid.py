"""The grid of replicas, CPU and memory, and the configuration of one environment."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import selectors, services
from components.forms import AmountsForm, SeenForm
from components.models import Component, ConfigVersion
from components.services.allocations import AMOUNTS, show_amounts
from components.views.pages import done, page, warn
from environments.access import require
from environments.models import Environment
from foundation.problems import Invalid, Missing

SPARE_ROWS = 3
_PARTS = ("name", "value", "secret", "key")


# ---------------------------------------------------------------- the grid
@login_required
@require_http_methods(["GET", "POST"])
def grid(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """All environments at once, as on the original screen; a column may be copied onto another before saving."""
    user = actor_of(request)
    found = selectors.find_component(user, project, slug)
    require(user, "edit_allocation", project_id=found.project_id)
    places = [space.environment for space in selectors.spaces_of(found)]
    forms = {place: _column(request, found, place) for place in places}
    is_copy = "copy" in request.POST
    if is_copy:
        forms = _copied(forms, request.POST.get("copy_from", ""), request.POST.get("copy_to", ""))
    elif request.method == "POST" and all([form.is_valid() for form in forms.values()]):
        try:
            saved = services.save_allocation_grid(
                actor=user,
                component=found,
                grid={place: form.cleaned_data for place, form in forms.items() if not form.is_empty},
                seen={place: form.cleaned_data["seen_number"] for place, form in forms.items()},
                note=request.POST.get("note", ""),
            )
        except Invalid as error:
            _put_errors(forms, error)
        else:
            for place in saved.values():
                warn(request, place.warnings)
            return done(request, _("The allocations are saved."), "components:detail", project, slug)
    context = {
        "component": found,
        "columns": list(forms.items()),
        "rows": _rows(forms),
        "note": request.POST.get("note", ""),
    }
    status = 400 if request.method == "POST" and not is_copy else 200
    return page(request, "components/grid.html", context, part="components", status=status)


def _column(request: HttpRequest, found: Component, place: Environment) -> AmountsForm:
    current = selectors.current_allocation(found, place)
    initial = {**show_amounts(current), "seen_number": current.number} if current else {"seen_number": 0}
    return AmountsForm(request.POST or None, prefix=place.slug, initial=initial)


def _copied(forms: dict[Environment, AmountsForm], source: str, target: str) -> dict[Environment, AmountsForm]:
    """The columns unbound, as they were typed, one of them in another's place; nothing is saved yet."""
    typed = {place.slug: {name: form[name].value() for name in form.fields} for place, form in forms.items()}
    if source in typed and target in typed:
        typed[target] |= {name: typed[source][name] for name in AMOUNTS}
    return {place: AmountsForm(prefix=place.slug, initial=typed[place.slug]) for place in forms}


def _rows(forms: dict[Environment, AmountsForm]) -> list[tuple[Any, list[Any]]]:
    """Label and cells of each line."""
    labels = AmountsForm.base_fields
    return [(labels[name].label, [form[name] for form in forms.values()]) for name in AMOUNTS]


def _put_errors(forms: dict[Environment, AmountsForm], error: Invalid) -> None:
    by_slug = {place.slug: form for place, form in forms.items()}
    for name, sentences in error.fields.items():
        slug, _dot, field = name.partition(".")
        for sentence in sentences:
            by_slug[slug].add_error(field if field in AmountsForm.base_fields else None, str(sentence))


# ---------------------------------------------------------------- configuration
@login_required
@require_http_methods(["GET", "POST"])
def configuration(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Variables and files of one environment."""
    user = actor_of(request)
    found = selectors.find_component(user, project, slug)
    place = _place(found, environment)
    verb = "edit_production_config" if place.is_production else "edit_config"
    require(user, verb, project_id=found.project_id)
    current = selectors.current_config(found, place)
    form = SeenForm(request.POST or None, initial={"seen_number": current.number if current else 0})
    rows, files = _typed(request) if request.method == "POST" else _stored(current)
    errors: dict[str, list[str]] = {}
    if request.method == "POST" and form.is_valid():
        try:
            _check_doubles(files)
            services.save_config(
                actor=user,
                component=found,
                environment=place,
                env=rows,
                files=dict(files),
                seen_number=form.cleaned_data["seen_number"],
                note=form.cleaned_data["note"],
            )
        except Invalid as error:
            errors = {name: [str(said) for said in sentences] for name, sentences in error.fields.items()}
        else:
            return done(request, _("The configuration is saved."), "components:detail", project, slug)
    context = {
        "component": found,
        "environment": place,
        "form": form,
        "rows": _with_errors(rows, errors),
        "files": [(name, text, errors.pop(f"files.{name}", [])) for name, text in files] + [("", "", [])],
        "errors": [said for sentences in errors.values() for said in sentences],
    }
    return page(
        request, "components/configuration.html", context, part="components", status=400 if form.is_bound else 200
    )


def _place(found: Component, slug: str) -> Environment:
    for space in selectors.spaces_of(found):
        if space.environment.slug == slug:
            return space.environment
    raise Missing()


def _stored(current: ConfigVersion | None) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    if current is None:
        return [], []
    return list(current.env), sorted(current.files.items())


def _typed(request: HttpRequest) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    """Rows of the form that are not empty."""
    columns = [request.POST.getlist(f"env_{part}") for part in _PARTS]
    rows = [dict(zip(_PARTS, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    files = zip_longest(request.POST.getlist("file_name"), request.POST.getlist("file_text"), fillvalue="")
    return (
        [{**row, "value": row["value"].replace("\r\n", "\n")} for row in rows if any(row.values())],
        [(name.strip(), text.replace("\r\n", "\n")) for name, text in files if name.strip() or text.strip()],
    )


def _check_doubles(files: list[tuple[str, str]]) -> None:
    names = [name for name, _text in files]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise Invalid({f"files.{name}": [_("This file is there twice.")] for name in doubles})


def _with_errors(rows: list[dict[str, str]], errors: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Rows with the sentences that belong to them, and some empty ones to fill in."""
    shown: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        said = [sentence for part in _PARTS for sentence in errors.pop(f"env.{index}.{part}", [])]
        shown.append({**row, "errors": said})
    return shown + [{} for _spare in range(SPARE_ROWS)]
