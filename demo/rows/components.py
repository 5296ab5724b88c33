"""Servers, templates, base images and components of the demo."""

from __future__ import annotations

from urllib.parse import urlsplit

from components.choices import EntryKind
from components.models import (
    Allocation,
    BaseImage,
    Component,
    ComponentSettings,
    ConfigVersion,
    EntryCheck,
    GitServer,
    ImageRegistry,
    JenkinsServer,
    Template,
    Toolchain,
)
from demo import world
from demo.rows.places import Places
from demo.stand_ins import ServerSide, StandIns

MIB = 1024**2


def load_components(places: Places, sides: StandIns) -> None:
    """Make what is missing; call inside a transaction."""
    jenkins = _load_jenkins(sides.jenkins())
    registry = _load_registry(sides.registry())
    GitServer.objects.get_or_create(host=sides.git_host, defaults={"name": "演示 Git (demo Git)", "allow_http": True})
    templates = shipped_templates()
    for subsystem in world.SUBSYSTEMS:
        project = places.projects[subsystem.slug]
        Toolchain.objects.update_or_create(project=project, defaults={"jenkins": jenkins, "registry": registry})
        for app in subsystem.apps:
            component, is_new = Component.objects.get_or_create(
                project=project, slug=app.slug, defaults={"name": app.name}
            )
            url = f"http://{sides.git_host}/{world.repository_name(subsystem.slug, app)}"
            if is_new:
                _load_settings(component, app, url, templates, places)
                _load_allocations(component, places)
                _load_entry_check(component, places)


def shipped_templates() -> dict[str, Template]:
    """The global templates that ``migrate`` published, by file name."""
    return {template.name: template for template in Template.objects.filter(project=None)}


def _load_jenkins(side: ServerSide) -> JenkinsServer:
    row = JenkinsServer.objects.filter(slug="demo").first() or JenkinsServer(slug="demo", name="演示 Jenkins (demo)")
    row.url, row.username, row.token = side.url, side.username, side.password
    row.save()
    return row


def _load_registry(side: ServerSide) -> ImageRegistry:
    """One row an address: it begins the names of images that exist, so it is never rewritten to another."""
    row = ImageRegistry.objects.filter(address=side.address).first()
    if row is None:
        slug = "demo" if not ImageRegistry.objects.filter(slug="demo").exists() else _slug(side.address)
        row = ImageRegistry(slug=slug, name=f"演示镜像仓库 (demo registry) {side.address}", address=side.address)
    row.url, row.username, row.password = side.url, side.username, side.password
    row.save()
    return row


def _slug(address: str) -> str:
    host = urlsplit(f"//{address}").netloc
    return "-".join(filter(None, "".join(sign if sign.isalnum() else "-" for sign in host.lower()).split("-")))[:63]


def _load_settings(
    component: Component, app: world.App, url: str, templates: dict[str, Template], places: Places
) -> ComponentSettings:
    family = app.family
    path, tag = family.base_image
    base, _made = BaseImage.objects.get_or_create(
        path=path, tag=tag, defaults={"note": "业务基础镜像 (business base image)"}
    )
    return ComponentSettings.objects.create(
        component=component,
        number=1,
        name_zh=app.name_zh,
        service_name=app.service,
        git_url=url,
        description=app.description,
        node_label=family.node_label,
        build_directory="/",
        build_command=family.build_command,
        artifact_directory=app.artifact_directory,
        package_name=app.package,
        dockerfile=templates[family.dockerfile],
        base_image=base,
        bootstart=templates[family.bootstart],
        deployment_template=templates[family.deployment],
        service_template=templates[family.service],
        author=places.people[world.PROJECT_ADMIN],
        note="demo",
    )


def _load_allocations(component: Component, places: Places) -> None:
    author = places.people[world.PROJECT_ADMIN]
    for place in world.PLACES:
        environment = places.environments[place.slug]
        Allocation.objects.create(
            component=component,
            environment=environment,
            number=1,
            replicas=place.replicas,
            cpu_request=place.cpu[0],
            cpu_limit=place.cpu[1],
            memory_request=place.memory[0] * MIB,
            memory_limit=place.memory[1] * MIB,
            author=author,
            note="demo",
        )
        ConfigVersion.objects.create(
            component=component,
            environment=environment,
            number=1,
            env=[{"name": "DESK_LEVEL", "value": "strict" if place.is_production else "loose"}],
            files={
                "desk.properties": f"environment={place.slug}\nquotes.cache.seconds={5 if place.is_production else 0}\n"
            },
            author=author,
            note="demo",
        )


def _load_entry_check(component: Component, places: Places) -> None:
    """The page that the templates' readiness check asks too, this time by the way that its users take."""
    EntryCheck.objects.create(
        component=component,
        environment=None,
        number=1,
        kind=EntryKind.SERVICE,
        port="http",
        path="/healthz",
        statuses="200",
        author=places.people[world.PROJECT_ADMIN],
        note="demo",
    )
