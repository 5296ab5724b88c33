"""Configuration: all environments side by side, and the form of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from components import selectors, services
from components.api_bodies import configuration
from components.configuration_diff import compare as compare_configs
from components.forms import SeenForm
from components.models import Component, ConfigVersion
from components.presenters.ways_out import ways_of
from components.views.head import head_of, open_component
from components.views.pages import page
from environments.access import Rights, require, who_may
from environments.models import Environment, Space
from foundation.api.routes import api_route, without_field
from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.pages import read_view, redirect_with
from foundation.problems import Invalid, Missing, Stale
from foundation.request_context import note_refusal

SPARE_ROWS = 3
MORE_ROWS = 10
RECENT_VERSIONS = 10
_PARTS = ("name", "value", "secret", "key")


@dataclass
class Filled:
    """The form of one environment as it stands: ``spare`` empty rows more, ``stale`` when somebody else saved."""

    form: SeenForm
    rows: list[dict[str, str]]
    files: list[tuple[str, str]]
    errors: dict[str, list[str]] = field(default_factory=dict)
    stale: str = ""
    spare: int = SPARE_ROWS


@dataclass(frozen=True)
class Place:
    """One column of the comparison: without ``may_edit``, ``who`` may; ``verb`` is the right that it takes."""

    environment: Environment
    config: ConfigVersion | None
    may_edit: bool
    who: str
    verb: str


@read_view
def compare(request: HttpRequest, project: str, slug: str) -> HttpResponse:
    """Every variable and file in every environment; ``only=differences`` leaves out what is the same everywhere."""
    found, rights = open_component(request, project, slug)
    configs = selectors.current_configs(found)
    spaces = selectors.spaces_of(found)
    compared = compare_configs([(space.environment, configs.get(space.environment_id)) for space in spaces])
    text, only = request.GET.get("search", "").strip()[:253], request.GET.get("only") == "differences"
    shown = compared.only_differences() if only else compared
    context = head_of(request, found, "configuration", selectors.current_settings(found), rights)
    context |= {
        "places": [_column(found, space, configs.get(space.environment_id), rights) for space in spaces],
        "compared": shown.named(text) if text else shown,
        "is_empty": not (compared.variables or compared.files),
        "search": text,
        "only": only,
        "ways": ways_of(found, actor_of(request)),
    }
    return page(request, "components/configurations.html", context)


def _column(found: Component, space: Space, config: ConfigVersion | None, rights: Rights) -> Place:
    place = space.environment
    verb = _verb(place)
    may = rights.can(verb, space=space) and not found.is_archived
    return Place(place, config, may, "" if may else who_may(verb, space=space), verb)


def _verb(place: Environment) -> str:
    return "edit_production_config" if place.is_production else "edit_config"


@api_route("component_configuration_save", when=without_field("more"), more=configuration)
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, slug: str, environment: str) -> HttpResponse:
    """Variables and files of one environment; ``from`` or ``version`` fill the form, nothing is saved by that."""
    found, rights = open_component(request, project, slug)
    space = _space(found, environment)
    place = space.environment
    require(actor_of(request), _verb(place), space=space)
    current = selectors.current_config(found, place)
    if request.method != "POST":
        rows, files = _stored(_chosen(request, found, place, current))
        filled = Filled(SeenForm(initial={"seen_number": current.number if current else 0}), rows, files)
        return _show(request, found, place, rights, filled)
    filled = Filled(SeenForm(request.POST), *_typed(request))
    if "more" in request.POST:
        typed = {name: filled.form[name].value() for name in filled.form.fields}
        filled.form, filled.spare = SeenForm(initial=typed), MORE_ROWS
        return _show(request, found, place, rights, filled)
    if filled.form.is_valid():
        try:
            return _saved(request, found, place, filled)
        except Invalid as error:
            filled.errors = {name: [str(said) for said in messages] for name, messages in error.fields.items()}
        except Stale as error:
            note_refusal(error)
            # What was typed stays, drawn from the newest version now: saving again means it.
            filled.form = SeenForm({**filled.form.cleaned_data, "seen_number": current.number if current else 0})
            filled.stale = str(error)
    return _show(request, found, place, rights, filled, status=409 if filled.stale else 400)


def _saved(request: HttpRequest, found: Component, place: Environment, filled: Filled) -> HttpResponse:
    _check_doubles(filled.files)
    saved = services.save_config(
        actor=actor_of(request),
        component=found,
        environment=place,
        env=filled.rows,
        files=dict(filled.files),
        seen_number=filled.form.cleaned_data["seen_number"],
        note=filled.form.cleaned_data["note"],
    )
    message = _(
        "The configuration of %(place)s is version %(n)s: it counts from the next review on.",
        place=place.label,
        n=saved.number,
    )
    return redirect_with(request, message, "components:configurations", found.project.slug, found.slug)


def _show(
    request: HttpRequest, found: Component, place: Environment, rights: Rights, filled: Filled, *, status: int = 200
) -> HttpResponse:
    said = dict(filled.errors)
    versions = found.configs.filter(environment=place).select_related("author").order_by("-number")
    context = head_of(request, found, "configuration", selectors.current_settings(found), rights)
    context |= {
        "environment": place,
        "form": filled.form,
        "rows": _with_errors(filled.rows, said, filled.spare),
        "files": [(name, text, said.pop(f"files.{name}", [])) for name, text in filled.files] + [("", "", [])],
        "errors": [message for messages in said.values() for message in messages],
        "stale": filled.stale,
        "versions": versions[:RECENT_VERSIONS],
        "ways": ways_of(found, actor_of(request), place),
        "others": [space.environment for space in selectors.spaces_of(found) if space.environment_id != place.pk],
    }
    return page(request, "components/configuration.html", context, status=status)


def _space(found: Component, slug: str) -> Space:
    for space in selectors.spaces_of(found):
        if space.environment.slug == slug:
            return space
    raise Missing()


def _chosen(
    request: HttpRequest, found: Component, place: Environment, current: ConfigVersion | None
) -> ConfigVersion | None:
    """What the form begins with: another environment's configuration, an older version, or the newest."""
    if "from" in request.GET:
        return selectors.current_config(found, _space(found, request.GET["from"]).environment)
    if (number := parse_digits(request.GET.get("version", ""), 9)) is not None:
        return found.configs.filter(environment=place, number=number).first() or current
    return current


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


def _with_errors(rows: Sequence[dict[str, str]], errors: dict[str, list[str]], spare: int) -> list[dict[str, Any]]:
    """Rows with the messages that belong to them, and some empty ones to fill in."""
    shown: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        said = {part: errors.pop(f"env.{index}.{part}", []) for part in _PARTS}
        shown.append({**row, "errors": said, "is_wrong": any(said.values())})
    return shown + [{} for _spare in range(spare)]
