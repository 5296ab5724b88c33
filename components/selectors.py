"""Reads of the components app. Nothing here writes; lists come ready for a page without further queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.db.models import Case, Count, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.models import Project, User
from components.choices import EntryKind
from components.favourites import with_stars
from components.models import (
    Allocation,
    BaseImage,
    BranchTip,
    Component,
    ComponentSettings,
    ConfigVersion,
    EntryCheck,
    GitServer,
    ImageRegistry,
    JenkinsServer,
    Preview,
    ScalingRule,
    ServerTest,
    Template,
    TemplateVersion,
    Toolchain,
    Webhook,
)
from environments.access import Rights, require, visible_to
from environments.models import Environment, Space
from foundation.models import Remote
from foundation.problems import Missing

M = TypeVar("M", JenkinsServer, GitServer, ImageRegistry)


def list_components(
    user: User,
    *,
    project: Project | None = None,
    text: str = "",
    with_archived: bool = False,
    rights: Rights | None = None,
) -> QuerySet[Component]:
    """Components this person sees; ``text`` is part of the code, of the Chinese name or of its pinyin initials.

    ``rights``: the person's, where they were read already.
    """
    newest = newest_settings()
    rows = Component.objects.filter(visible_to(user, rights=rights)).select_related("project", "project__organisation")
    rows = rows.annotate(
        name_zh=Coalesce(Subquery(newest.values("name_zh")[:1]), Value("")),
        settings_number=Subquery(newest.values("number")[:1]),
        settings_at=Subquery(newest.values("created_at")[:1]),
    )
    if project is not None:
        rows = rows.filter(project=project)
    if not with_archived:
        rows = rows.filter(is_archived=False)
    if text := text.strip():
        rows = rows.annotate(initials=Subquery(newest.values("initials")[:1]))
        rows = rows.filter(
            Q(name__icontains=text) | Q(name_zh__icontains=text) | Q(initials__contains=text.lower().replace(" ", ""))
        )
    return rows


def newest_settings() -> QuerySet[ComponentSettings]:
    """For subqueries of components: the versions of each one's settings, newest first."""
    return ComponentSettings.objects.filter(component=OuterRef("pk")).order_by("-number")


def find_component(user: User, project_slug: str, slug: str) -> Component:
    """One component by its natural key, with ``is_favourite``; raises Missing where the viewer has no access."""
    rows = with_stars(Component.objects.filter(visible_to(user)), user)
    rows = rows.select_related("project", "project__organisation")
    component = rows.filter(project__slug=project_slug, slug=slug.lower()).first()
    if component is None:
        raise Missing()
    return component


def settings_of(component: Component) -> QuerySet[ComponentSettings]:
    """All versions of the settings, with the templates and base images that they name."""
    return component.settings.select_related(
        "dockerfile", "bootstart", "deployment_template", "service_template", "base_image", "author"
    )


def current_settings(component: Component) -> ComponentSettings | None:
    """The newest version of the settings, with the templates and base image that it names."""
    return settings_of(component).order_by("-number").first()


def newest_of_each(components: Sequence[Component]) -> QuerySet[ComponentSettings]:
    """The newest version of the settings of each that has any: one query."""
    newest = newest_settings().values("pk")[:1]
    of_each = Component.objects.filter(pk__in=[row.pk for row in components]).annotate(newest=Subquery(newest))
    return ComponentSettings.objects.filter(pk__in=of_each.values("newest")).select_related(
        "dockerfile", "bootstart", "deployment_template", "service_template", "base_image"
    )


def current_allocation(component: Component, environment: Environment) -> Allocation | None:
    """What the component may use there: the newest version, or None when nobody said."""
    return component.allocations.filter(environment=environment).order_by("-number").first()


def current_config(component: Component, environment: Environment) -> ConfigVersion | None:
    """The configuration there: the newest version, or None when there never was one."""
    return component.configs.filter(environment=environment).order_by("-number").first()


def current_rule(component: Component, environment: Environment) -> ScalingRule | None:
    """The scaling rule there, on or off: the newest version, or None when there never was one."""
    return component.scaling_rules.filter(environment=environment).order_by("-number").first()


def current_rules(component: Component) -> dict[int, ScalingRule]:
    """The newest scaling rule by environment id: one query."""
    newest = ScalingRule.objects.filter(component=OuterRef("component"), environment=OuterRef("environment"))
    rows = component.scaling_rules.filter(number=Subquery(newest.order_by("-number").values("number")[:1]))
    return {row.environment_id: row for row in rows.select_related("environment", "author")}


def own_entry_check(component: Component, environment: Environment | None) -> EntryCheck | None:
    """The newest version of exactly this environment, or of every environment for None."""
    return component.entry_checks.filter(environment=environment).order_by("-number").first()


def current_entry_check(component: Component, environment: Environment) -> EntryCheck | None:
    """What counts there: its own version, else the one of every environment; None where nothing is asked."""
    there = Q(environment=environment) | Q(environment=None)
    # Its own before the other: nearly always that is the answer, with one query.
    own = component.entry_checks.filter(there).order_by(F("environment").asc(nulls_last=True), "-number").first()
    if own is not None and own.environment_id and own.kind == EntryKind.EVERYWHERE:
        own = own_entry_check(component, None)
    return own if own is not None and own.is_asked else None


def current_entry_checks(component: Component) -> dict[int | None, EntryCheck]:
    """The newest versions by environment id, that of every environment by None: one query."""
    found: dict[int | None, EntryCheck] = {}
    for row in component.entry_checks.select_related("environment", "author").order_by("number"):
        found[row.environment_id] = row
    return found


def spaces_asking_services(space_ids: Iterable[int]) -> set[int]:
    """Those of the spaces where an entry check of a live component asks a Service: three queries for all."""
    spaces = list(Space.objects.filter(pk__in=list(space_ids)).values_list("pk", "project_id", "environment_id"))
    rows = EntryCheck.objects.filter(
        component__project_id__in={project for _pk, project, _place in spaces}, component__is_archived=False
    ).order_by("number")
    newest: dict[tuple[int, int | None], str] = {}
    projects: dict[int, set[int]] = {}
    for component, project, place, kind in rows.values_list(
        "component_id", "component__project_id", "environment_id", "kind"
    ):
        newest[component, place] = kind
        projects.setdefault(project, set()).add(component)

    def asks(component: int, place: int) -> bool:
        own = newest.get((component, place), EntryKind.EVERYWHERE)
        kind = newest.get((component, None)) if own == EntryKind.EVERYWHERE else own
        return kind == EntryKind.SERVICE

    return {pk for pk, project, place in spaces if any(asks(one, place) for one in projects.get(project, ()))}


def current_allocations(component: Component) -> dict[int, Allocation]:
    """The newest allocation by environment id: one query."""
    newest = Allocation.objects.filter(component=OuterRef("component"), environment=OuterRef("environment"))
    rows = component.allocations.filter(number=Subquery(newest.order_by("-number").values("number")[:1]))
    return {row.environment_id: row for row in rows.select_related("environment", "author")}


def current_configs(component: Component) -> dict[int, ConfigVersion]:
    """The newest configuration by environment id: one query."""
    newest = ConfigVersion.objects.filter(component=OuterRef("component"), environment=OuterRef("environment"))
    rows = component.configs.filter(number=Subquery(newest.order_by("-number").values("number")[:1]))
    return {row.environment_id: row for row in rows.select_related("environment", "author")}


def allocations_of_space(space: Space, *, without: Component | None = None) -> list[tuple[Allocation, int]]:
    """The newest allocation of every live component in the space, each with the pods that there may be at most."""
    newest = Allocation.objects.filter(component=OuterRef("component"), environment=OuterRef("environment"))
    rules = ScalingRule.objects.filter(component=OuterRef("component"), environment=OuterRef("environment"))
    maximum = rules.order_by("-number").values(most=Case(When(is_on=True, then=F("maximum"))))[:1]
    rows = Allocation.objects.filter(
        component__project=space.project, component__is_archived=False, environment=space.environment
    ).annotate(
        top=Subquery(newest.order_by("-number").values("number")[:1]),
        most_pods=Coalesce(Subquery(maximum), F("replicas"), output_field=IntegerField()),
    )
    if without is not None:
        rows = rows.exclude(component=without)
    return [(row, int(row.most_pods)) for row in rows.filter(number=F("top")).select_related("component")]


def spaces_of(component: Component) -> list[Space]:
    """The project's spaces in the order of the flow, without archived ones."""
    rows = Space.objects.filter(project=component.project_id, is_archived=False).select_related(
        "environment", "project"
    )
    return list(rows.order_by("environment__position", "environment__slug"))


def toolchain_of(project: Project) -> Toolchain | None:
    """The project's Jenkins and registry, or None."""
    return Toolchain.objects.select_related("jenkins", "registry").filter(project=project).first()


def list_templates(user: User, *, project: Project | None = None, with_archived: bool = False) -> QuerySet[Template]:
    """Global templates and those of projects this person sees; with ``project`` only its own and the global ones."""
    newest = TemplateVersion.objects.filter(template=OuterRef("pk")).order_by("-number")
    rows = Template.objects.filter(Q(project=None) | visible_to(user)).select_related("project")
    rows = rows.annotate(
        version=Subquery(newest.values("number")[:1]), changed_at=Subquery(newest.values("created_at")[:1])
    )
    if project is not None:
        rows = rows.filter(Q(project=None) | Q(project=project))
    return rows if with_archived else rows.filter(is_archived=False)


def usable_templates(project: Project, kind: str) -> QuerySet[Template]:
    """What a component of the project may choose for the kind."""
    return Template.objects.filter(Q(project=None) | Q(project=project), kind=kind, is_archived=False)


def find_template(user: User, name: str, *, project_slug: str = "") -> Template:
    """A global template by name, or a project's own; raises Missing."""
    rows = list_templates(user, with_archived=True).filter(name=name)
    rows = rows.filter(project__slug=project_slug) if project_slug else rows.filter(project=None)
    template = rows.first()
    if template is None:
        raise Missing()
    return template


def find_version(template: Template, number: int) -> TemplateVersion:
    """One published text; raises Missing."""
    version = template.versions.select_related("author").filter(number=number).first()
    if version is None:
        raise Missing()
    return version


def latest_version(template: Template) -> TemplateVersion | None:
    """The newest published text."""
    return template.versions.select_related("author").order_by("-number").first()


def latest_versions(templates: Iterable[int | None]) -> dict[int, TemplateVersion]:
    """The newest text of each template, by their ids: one query for all."""
    ids = [template for template in templates if template is not None]
    newest = TemplateVersion.objects.filter(template=OuterRef("template")).order_by("-number").values("number")[:1]
    rows = TemplateVersion.objects.filter(template__in=ids, number=Subquery(newest)).select_related("template")
    return {row.template_id: row for row in rows}


def used_by(template: Template) -> list[Component]:
    """Live components whose newest settings name the template."""
    newest = ComponentSettings.objects.filter(component=OuterRef("component")).order_by("-number").values("number")[:1]
    names = (
        Q(dockerfile=template) | Q(bootstart=template) | Q(deployment_template=template) | Q(service_template=template)
    )
    settings = ComponentSettings.objects.filter(names, number=Subquery(newest), component__is_archived=False)
    return list(Component.objects.filter(settings__in=settings).select_related("project").distinct().order_by("name"))


def users_by_template() -> Counter[int]:
    """How many live components use each template: one query."""
    newest = ComponentSettings.objects.filter(component=OuterRef("component")).order_by("-number").values("number")[:1]
    rows = ComponentSettings.objects.filter(number=Subquery(newest), component__is_archived=False)
    names = ("dockerfile_id", "bootstart_id", "deployment_template_id", "service_template_id")
    return Counter(pk for row in rows.values_list(*names) for pk in set(row) if pk is not None)


def users_by_base_image() -> Counter[int]:
    """How many live components stand on each base image: one query."""
    newest = ComponentSettings.objects.filter(component=OuterRef("component")).order_by("-number").values("number")[:1]
    rows = ComponentSettings.objects.filter(number=Subquery(newest), component__is_archived=False)
    return Counter(rows.exclude(base_image=None).values_list("base_image_id", flat=True))


def list_base_images(*, with_archived: bool = False) -> QuerySet[BaseImage]:
    """Base images that components may stand on."""
    return BaseImage.objects.all() if with_archived else BaseImage.objects.filter(is_archived=False)


def stored_branches(git_url: str) -> list[BranchTip]:
    """The last answer of the remote about its branches, by name."""
    return list(BranchTip.objects.filter(git_url=git_url).order_by("branch"))


@dataclass(frozen=True)
class LastRead:
    """What is stored of a repository's last answer; ``away_since`` while its server does not answer the platform."""

    branches: int
    seen_at: datetime | None
    away_since: datetime | None = None


def last_read(git_url: str, *, remote_key: str = "") -> LastRead:
    """How many branches the remote had when it was last asked; nobody is asked now."""
    said = BranchTip.objects.filter(git_url=git_url).aggregate(branches=Count("pk"), seen_at=Max("seen_at"))
    away = Remote.objects.filter(name=remote_key, opened_at__isnull=False).values_list("opened_at", flat=True).first()
    return LastRead(said["branches"], said["seen_at"], away)


def find_preview(user: User, pk: int) -> Preview:
    """A preview in a project that this person sees; raises Missing."""
    rows = Preview.objects.filter(visible_to(user, field="component__project_id")).select_related("component__project")
    preview = rows.filter(pk=pk).first()
    if preview is None:
        raise Missing()
    return preview


def trial(user: User, batch: UUID) -> list[Preview]:
    """The previews of one trial, in projects that this person sees; raises Missing when there are none."""
    rows = Preview.objects.filter(visible_to(user, field="component__project_id"), batch=batch)
    found = list(rows.select_related("component__project", "template").order_by("component__name", "pk").defer("body"))
    if not found:
        raise Missing()
    return found


def remotes(keys: Iterable[str]) -> dict[str, Remote]:
    """What the platform noted of other sides by their keys: since when they are away, when they answered last."""
    return {row.name: row for row in Remote.objects.filter(name__in=list(keys))}


def last_tests(kind: str) -> dict[int, ServerTest]:
    """The newest connection test by server id."""
    newest = ServerTest.objects.filter(kind=kind).values(f"{kind}_id").annotate(top=Max("pk")).values("top")
    rows = ServerTest.objects.filter(pk__in=newest).select_related("requested_by")
    return {getattr(row, f"{kind}_id"): row for row in rows}


def visible_users(user: User, template: Template) -> list[Component]:
    """Those of :func:`used_by` that this person sees."""
    seen = set(Component.objects.filter(visible_to(user)).values_list("pk", flat=True))
    return [component for component in used_by(template) if component.pk in seen]


def list_servers(user: User, model: type[M]) -> QuerySet[M]:
    """Jenkins, Git or registry rows, archived ones last; for those who see the site."""
    require(user, "see_site")
    return model._default_manager.order_by("is_archived", "pk")


def find_server(user: User, model: type[M], key: str) -> M:
    """One server by its slug or host; raises Missing."""
    field = "host" if model is GitServer else "slug"
    server = list_servers(user, model).filter(**{field: key}).first()
    if server is None:
        raise Missing()
    return server


def tests_of(server: JenkinsServer | GitServer | ImageRegistry) -> QuerySet[ServerTest]:
    """Connection tests of a server, newest first."""
    return server.tests.select_related("requested_by").order_by("-pk")


def webhook_of(server: JenkinsServer | GitServer | ImageRegistry) -> Webhook | None:
    """The webhook of a server, if it has one."""
    return Webhook.objects.filter(**{server.kind: server}).first()


def webhook_at(kind: str, key: str) -> Webhook | None:
    """The webhook at an address; archived servers have none. Asks nobody for rights: the secret is the credential."""
    names = {model.kind.value: model.unique_field for model in (JenkinsServer, GitServer, ImageRegistry)}
    if kind not in names:
        return None
    found = {f"{kind}__{names[kind]}": key, f"{kind}__is_archived": False}
    return Webhook.objects.filter(**found).select_related(kind).first()


def webhook_address(server: JenkinsServer | GitServer | ImageRegistry) -> str:
    """Where a server's deliveries go, as it is entered there."""
    key = quote(str(getattr(server, server.unique_field)), safe=":")
    return f"{settings.PLATFORM_URL}/hooks/servers/{server.kind}/{key}"
