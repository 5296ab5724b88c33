"""Rows of the releases app in the state that a test needs, made through the product's own functions."""

from __future__ import annotations

import hashlib
import itertools
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from components.models import (
    Allocation,
    BaseImage,
    Component,
    ComponentSettings,
    GitServer,
    ImageRegistry,
    JenkinsServer,
    Template,
    TemplateVersion,
    Toolchain,
)
from environments.models import Space
from foundation.runs.choices import RunState
from releases import transitions
from releases.choices import OrderState
from releases.events import append_event
from releases.locks import lock_placement
from releases.models import Build, Deployment, Placement, ReleaseOrder, Review, Snapshot
from releases.placing import create_deployment
from releases.services import orders as order_services
from releases.services import promotions
from releases.services.reviews import request_review
from tests.cast import World

COMMIT = "c0ffee" * 6 + "abcd"
_digests = itertools.count(1)
_seconds = itertools.count()


def make_toolchain(world: World) -> Toolchain:
    """Jenkins, registry and Git host rows of the project; nothing listens there."""
    jenkins, _ = JenkinsServer.objects.get_or_create(
        slug="main",
        defaults={"name": "Main", "url": "http://127.0.0.1:9", "username": "bot", "token": "jenkins-secret"},
    )
    registry, _ = ImageRegistry.objects.get_or_create(
        slug="main", defaults={"name": "Main", "address": "127.0.0.1:9", "url": "http://127.0.0.1:9"}
    )
    GitServer.objects.get_or_create(host="127.0.0.1:9", defaults={"name": "Git", "allow_http": True})
    toolchain, _ = Toolchain.objects.get_or_create(
        project=world.project, defaults={"jenkins": jenkins, "registry": registry}
    )
    return toolchain


def make_template(kind: str, name: str, body: str) -> Template:
    """A global template with one version."""
    template, created = Template.objects.get_or_create(kind=kind, name=name, project=None)
    if created:
        TemplateVersion.objects.create(template=template, number=1, body=body)
    return template


def make_component(world: World, name: str = "SIS-OMM-PROXY-GW", **changes: object) -> Component:
    """A complete component: settings, templates, an allocation for every environment."""
    make_toolchain(world)
    component = Component.objects.create(project=world.project, name=name, slug=name.lower())
    base, _ = BaseImage.objects.get_or_create(path="base/middleware/python", tag="3.11")
    fields: dict[str, object] = {
        "name_zh": "理财网关组件",
        "service_name": "proxy-gw",
        "git_url": "http://127.0.0.1:9/app.git",
        "node_label": "python",
        "build_directory": "/",
        "build_command": "make package",
        "artifact_directory": "dist",
        "package_name": "app.pyz",
        "dockerfile": make_template("dockerfile", "dockerfile-python", "FROM {{ base_image }}\n"),
        "bootstart": make_template("bootstart", "bootstart-python.sh", "exec python {{ package }}\n"),
        "deployment_template": make_template("deployment", "prism-python-deployment.yaml", "kind: Deployment\n"),
        "service_template": make_template("service", "prism-python-service.yaml", "kind: Service\n"),
        "base_image": base,
    } | changes
    ComponentSettings.objects.create(component=component, number=1, **fields)
    allocate(world, component, replicas=2)
    return component


def allocate(world: World, component: Component, *, replicas: int) -> None:
    """The component's first allocation in every environment."""
    for environment in world.environments.values():
        Allocation.objects.create(
            component=component,
            environment=environment,
            number=1,
            replicas=replicas,
            cpu_request=100,
            cpu_limit=200,
            memory_request=2**26,
            memory_limit=2**27,
        )


def make_order(component: Component, author: User, *, branch: str = "master") -> ReleaseOrder:
    """An order as ``create_order`` leaves it (without asking Git)."""
    with transaction.atomic():
        order = ReleaseOrder.objects.create(
            # Two orders of one second share their letters once in 676 times, which a test must not depend on.
            number=order_services.new_number(timezone.now() + timedelta(seconds=next(_seconds))),
            component=component,
            project=component.project,
            branch=branch,
            author=author,
        )
        append_event(order.pk, "order.created", actor=author)
    return order


def build(order: ReleaseOrder, by: User | None = None) -> Build:
    """Start a build of the order, at a commit that the person named."""
    from releases.services.builds import start_build

    return start_build(actor=by or order.author, order=order, commit=COMMIT)


def make_built(
    component: Component, author: User, *, builder: User | None = None, branch: str = "master"
) -> ReleaseOrder:
    """An order with an image."""
    order = make_order(component, author, branch=branch)
    row = build(order, builder)
    digest = "sha256:" + hashlib.sha256(str(next(_digests)).encode()).hexdigest()
    with transaction.atomic():
        transitions.end_run(row, RunState.SUCCEEDED, actor=None, digest=digest)
    order.refresh_from_db()
    assert order.state == OrderState.BUILT
    return order


def make_review(order: ReleaseOrder, space: Space, *, salt: str = "") -> Review:
    """A review that found nothing, with its snapshot."""
    settings = order.component_settings
    assert settings and settings.deployment_template and settings.service_template
    digest = hashlib.sha256(f"{order.number}{space.pk}{salt}".encode()).hexdigest()
    snapshot, _ = Snapshot.objects.get_or_create(
        order=order,
        space=space,
        hash=digest,
        defaults={
            "component_id": order.component_id,
            "digest": order.image_digest,
            "manifests": [],
            "component_settings": settings,
            "deployment_template": settings.deployment_template.versions.get(number=1),
            "service_template": settings.service_template.versions.get(number=1),
            "allocation": Allocation.objects.get(
                component_id=order.component_id, environment=space.environment, number=1
            ),
        },
    )
    with transaction.atomic():
        review = request_review(order, space, actor=None)
        transitions.end_run(
            review, RunState.SUCCEEDED, actor=None, snapshot=snapshot, seen_at=timezone.now(), live_fingerprint="f" * 64
        )
    return review


def make_success(order: ReleaseOrder, space: Space, by: User, *, settled: bool = True) -> Deployment:
    """A deployment that succeeded there, as the steps leave it."""
    review = make_review(order, space)
    with transaction.atomic():
        place = lock_placement(order, space)
        deployment = create_deployment(order, space, place, actor=by, snapshot=review.snapshot, review=review)
        Placement.objects.filter(pk=place.pk).update(last_applied=deployment)
        transitions.end_run(deployment, RunState.SUCCEEDED, actor=by)
    if settled:
        Placement.objects.filter(pk=place.pk).update(settled_at=timezone.now())
    return deployment


def make_promoted(component: Component, world: World) -> ReleaseOrder:
    """An order that succeeded in FAT and is promoted to UAT: it may be deployed there."""
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["uat"], test_verdict="passed")
    return order
