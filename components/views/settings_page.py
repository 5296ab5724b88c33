"""The Settings tab as data: the fields of the original screen and its grid, with what the server says to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from accounts.models import User
from components import selectors
from components.forms import AmountsForm, SettingsForm
from components.history import (
    AMOUNT_LABELS,
    FieldChange,
    allocation_changes,
    settings_label,
)
from components.models import NAMES_ONLY, Allocation, Component, ComponentSettings, ScalingRule
from components.panels import tell
from components.services.allocations import (
    AMOUNTS,
    Share,
    ceiling_warnings,
    parse_amounts,
    shares,
    show_amounts,
    wrong_pod,
)
from components.services.components import FIELDS, show_settings
from environments.access import Rights, who_may
from environments.models import Environment, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid

AT_REVIEW = frozenset({"service_name", "deployment_template", "service_template"})
"""Settings that a snapshot takes at its review; the others are frozen by an order's first build."""


@dataclass(frozen=True)
class PlacedMessage:
    """One message to a column: ``ids`` are the inputs that it is about."""

    place: Environment
    message: MessageLike
    ids: tuple[str, ...] = ()

    @property
    def error_id(self) -> str:
        """By which the input names what is wrong with it."""
        return f"{self.ids[-1]}_error" if self.ids else ""


@dataclass
class Column:
    """One environment of the grid, as typed."""

    space: Space
    form: AmountsForm
    current: Allocation | None
    deployed: Allocation | None
    rule: ScalingRule | None = None
    """The newest scaling rule there, on or off."""
    may_edit: bool = False
    """May the viewer change the amounts of this very space?"""
    wrong: list[PlacedMessage] = field(default_factory=list)
    warnings: list[PlacedMessage] = field(default_factory=list)
    tightest: Share | None = None
    shares: list[Share] = field(default_factory=list)
    changes: list[FieldChange] = field(default_factory=list)

    @property
    def environment(self) -> Environment:
        return self.space.environment

    @property
    def is_set(self) -> bool:
        """False while nobody typed anything there."""
        return any(self.form.typed().values())

    @property
    def is_changed(self) -> bool:
        """True when what is typed is not what counts there; what cannot be read yet is no change."""
        read, _wrong = parse_amounts(self.form.typed())
        return read.keys() == set(AMOUNTS) and any(
            self.current is None or getattr(self.current, name) != amount for name, amount in read.items()
        )


@dataclass
class SettingsPage:
    """The whole form."""

    component: Component
    settings: ComponentSettings | None
    form: SettingsForm
    columns: list[Column]
    may_edit: bool
    may_allocate: bool
    stale: str = ""
    """What to know before saving again, when somebody else saved meanwhile."""

    @property
    def wrong(self) -> list[PlacedMessage]:
        """What keeps the grid from being saved."""
        return [said for column in self.columns for said in column.wrong]

    @property
    def warnings(self) -> list[PlacedMessage]:
        """What may be saved all the same."""
        return [said for column in self.columns for said in column.warnings]

    @property
    def who_raises(self) -> str:
        """Who may raise a ceiling."""
        return who_may("manage_places")

    @property
    def wrong_ids(self) -> str:
        """Inputs of the grid that do not fit, for the browser to mark."""
        return " ".join(dict.fromkeys(one for said in self.wrong for one in said.ids))

    @property
    def rows(self) -> list[tuple[MessageLike, list[Any]]]:
        """Label and cells of each line of the grid."""
        return [(label, [column.form[name] for column in self.columns]) for name, label in AMOUNT_LABELS.items()]

    @property
    def typed_settings(self) -> list[str]:
        """Names of the settings that differ from what is saved."""
        saved = show_settings(self.settings) if self.settings else {}
        return [name for name in FIELDS if _plain(self.form[name].value()) != _plain(saved.get(name, ""))]

    @property
    def saves(self) -> list[str]:
        """What a save would make new versions of: the settings with their number, and each allocation that differs."""
        number = (self.settings.number if self.settings else 0) + 1
        settings = [str(_("settings (v%(n)s)", n=number))] if self.may_edit and self.typed_settings else []
        places = [column.environment.label for column in self.columns if column.may_edit and column.is_changed]
        return settings + [str(_("allocation in %(place)s", place=place)) for place in places]

    @property
    def at_build(self) -> list[str]:
        """Labels of changed settings that count from the next build."""
        return [settings_label(name) for name in self.typed_settings if name not in AT_REVIEW | NAMES_ONLY]

    @property
    def at_review(self) -> list[str]:
        """Labels of changed settings that count from the next review."""
        return [settings_label(name) for name in self.typed_settings if name in AT_REVIEW]

    @property
    def unchanged(self) -> list[str]:
        """Environments that the next deployment leaves as they are."""
        return [column.environment.label for column in self.columns if column.is_set and not column.changes]


def _plain(text: object) -> str:
    return str(text or "").replace("\r\n", "\n").strip()


def draw_settings_page(
    component: Component,
    viewer: User,
    rights: Rights,
    *,
    given: QueryDict | None = None,
    asked: QueryDict | None = None,
) -> SettingsPage:
    """``given``: what was sent; ``asked``: amounts that an address proposes, such as ``prd-replicas=4``."""
    settings = selectors.current_settings(component)
    is_live = not component.is_archived
    may_edit = is_live and rights.can("edit_component", project_id=component.project_id)
    may_allocate = is_live and rights.can_somewhere("edit_allocation", project_id=component.project_id)
    form = SettingsForm(
        given, component=component, current=settings, initial=_initial(component, settings), is_open=may_edit
    )
    form.fields["note"].disabled = not (may_edit or may_allocate)
    columns = _columns(component, viewer, given, asked, rights if is_live else None)
    return SettingsPage(component, settings, form, columns, may_edit, may_allocate)


def _initial(component: Component, settings: ComponentSettings | None) -> dict[str, Any]:
    shown = settings or ComponentSettings(component=component)
    return {**show_settings(shown), "seen_number": settings.number if settings else 0}


def _columns(
    component: Component, viewer: User, given: QueryDict | None, asked: QueryDict | None, rights: Rights | None
) -> list[Column]:
    allocations = selectors.current_allocations(component)
    rules = selectors.current_rules(component)
    deployed: dict[int, Allocation] = tell("deployed", component, viewer).get("allocations", {})
    columns = []
    for space in selectors.spaces_of(component):
        current = allocations.get(space.environment_id)
        slug = space.environment.slug
        initial: dict[str, Any] = {"seen_number": current.number if current else 0}
        initial |= show_amounts(current) if current else {}
        if asked:
            initial |= {name: asked[f"{slug}-{name}"][:40] for name in AMOUNTS if f"{slug}-{name}" in asked}
        may_edit = rights is not None and rights.can("edit_allocation", space=space)
        form = AmountsForm(given, environment=space.environment, initial=initial, is_open=may_edit)
        place = space.environment_id
        columns.append(Column(space, form, current, deployed.get(place), rules.get(place), may_edit=may_edit))
    return columns


def copy_column(settings_page: SettingsPage, source: str, target: str) -> SettingsPage:
    """The page as it was typed, one column of amounts in another's place; nothing is saved."""
    typed = {column.environment.slug: _as_typed(column.form) for column in settings_page.columns}
    theirs = {column.environment.slug for column in settings_page.columns if column.may_edit}
    if source in typed and target in theirs:
        typed[target] |= {name: typed[source][name] for name in AMOUNTS}
    settings_page.form = SettingsForm(
        component=settings_page.component,
        current=settings_page.settings,
        initial=_as_typed(settings_page.form),
        is_open=settings_page.may_edit,
    )
    settings_page.form.fields["note"].disabled = not (settings_page.may_edit or settings_page.may_allocate)
    for column in settings_page.columns:
        slug = column.environment.slug
        column.form = AmountsForm(environment=column.environment, initial=typed[slug], is_open=column.may_edit)
    return settings_page


def _as_typed(form: SettingsForm | AmountsForm) -> dict[str, Any]:
    return {name: form[name].value() for name in form.fields}


def check_settings_page(settings_page: SettingsPage) -> SettingsPage:
    """Adds what the server says to each column: mistakes, ceilings, and what would change at the next deployment."""
    for column in settings_page.columns:
        if column.is_set:
            _check_column(settings_page.component, column)
    return settings_page


def _check_column(component: Component, column: Column) -> None:
    read, wrong = parse_amounts(column.form.typed())
    for name, messages in wrong_pod(column.space, read).items():
        wrong.setdefault(name, []).extend(messages)
    column.wrong = [_said(column, name, message) for name, messages in wrong.items() for message in messages]
    if read.keys() != set(AMOUNTS):
        return
    row = Allocation(component=component, environment=column.environment, number=0, **read)
    column.shares = shares(column.space, row, column.rule)
    column.tightest = max(column.shares, key=lambda share: share.percent, default=None)
    column.warnings = [
        PlacedMessage(column.environment, said) for said in ceiling_warnings(column.space, column.shares)
    ]
    column.changes = allocation_changes(column.deployed, row)


def _said(column: Column, name: str, message: MessageLike) -> PlacedMessage:
    ids = [column.form[name].id_for_label]
    if name.endswith("_limit"):
        ids.insert(0, column.form[name.replace("_limit", "_request")].id_for_label)
    return PlacedMessage(column.environment, message, tuple(ids))


def put_wrong(settings_page: SettingsPage, error: Invalid) -> None:
    """Messages of the service at their fields: those of the grid come from :func:`check_settings_page` already."""
    by_slug = {column.environment.slug: column.form for column in settings_page.columns}
    for name, messages in error.fields.items():
        slug, _dot, amount = name.partition(".")
        form: SettingsForm | AmountsForm = by_slug.get(slug, settings_page.form)
        at = amount if form is not settings_page.form else name
        for message in messages:
            form.add_error(at if at in form.fields else None, str(message))


def newest_numbers(settings_page: SettingsPage, given: QueryDict) -> QueryDict:
    """What was sent, as if it had been drawn from the versions that count now."""
    data = given.copy()
    data["seen_number"] = str(settings_page.settings.number if settings_page.settings else 0)
    for column in settings_page.columns:
        data[f"{column.environment.slug}-seen_number"] = str(column.current.number if column.current else 0)
    return data


def grid_of(settings_page: SettingsPage) -> Mapping[Environment, Mapping[str, str]]:
    """Columns that somebody filled in, of those that are theirs to change."""
    return {
        column.environment: column.form.cleaned_data
        for column in settings_page.columns
        if column.may_edit and not column.form.is_empty
    }
