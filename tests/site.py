"""A pytest plugin: the product with real stand-ins around it, its steps driven in this process.

``from tests.site import empty_database, site, site_database, stand_ins`` in a conftest (or ``pytest_plugins =
["tests.site"]`` in the one at the root) gives the fixture ``site``. The stand-ins run once a session; each test gets a
database of its own, a file that other threads and processes may open, and namespaces of its own.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from components.choices import TemplateKind
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
from components.targets import build_server_target
from deployer.adapters.jenkins import JenkinsBuildServer
from deployer.adapters.jenkins import connect as connect_jenkins
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.adapters.kubernetes import connect as connect_cluster
from deployer.interfaces import ObjectRef
from environments.models import Space
from environments.targets import cluster_target
from foundation import breakers
from foundation.clock import PARKED
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.driving import Stuck, drive
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from releases.events import append_event
from releases.models import Build, Deployment, Placement, ReleaseOrder, Review, SpaceObservation
from releases.services import approvals, builds, deployments, orders, promotions
from releases.services.reviews import start_review
from releases.transitions import move
from tests.cast import World, make_world
from tests.releases.rows import allocate, make_template
from tests.stand_ins import JENKINS_USER, ROOT, StandIns, all_stand_ins
from tests.tables import make_tables

TEMPLATES = {
    "dockerfile": (TemplateKind.DOCKERFILE, "dockerfile-python"),
    "bootstart": (TemplateKind.BOOTSTART, "bootstart-python.sh"),
    "deployment_template": (TemplateKind.DEPLOYMENT, "prism-python-deployment.yaml"),
    "service_template": (TemplateKind.SERVICE, "prism-python-service.yaml"),
}
DRIVEN = ("space-sync", "review", "build", "prune", "deployment")
_ANY_TIME = 365 * 24 * 3600.0


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    """The processes, for the whole session."""
    with all_stand_ins(tmp_path_factory.mktemp("site")) as started:
        yield started


@contextlib.contextmanager
def database_file(file: Path) -> Iterator[None]:
    """All threads of this process use this SQLite file for as long as the block lasts."""
    name, before = connection.settings_dict["NAME"], connection.connection
    connection.connection = None
    connection.settings_dict["NAME"] = str(file)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name
        connection.connection = before


@pytest.fixture(scope="session")
def empty_database(
    django_test_environment: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A file with all tables and triggers, to be copied for each test."""
    if connection.vendor != "sqlite":
        pytest.skip("The site's database is a file of SQLite.")
    file = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    with django_db_blocker.unblock(), database_file(file):
        make_tables(connection)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def site_database(empty_database: Path, tmp_path: Path, django_db_blocker: Any) -> Iterator[Path]:
    """An empty database that other threads and processes can open; nothing in it is ever rolled back."""
    file = tmp_path / "site.sqlite3"
    shutil.copy(empty_database, file)
    with django_db_blocker.unblock(), database_file(file):
        yield file


@pytest.fixture
def site(site_database: Path, stand_ins: StandIns, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The product between its stand-ins; see :class:`Site`."""
    monkeypatch.setattr(orders, "new_number", stand_ins.unused_number)
    settings.PLATFORM_URL = stand_ins.platform_url
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    stand_ins.reset()
    breakers._confirmed.clear()
    yield make_site(stand_ins)
    stand_ins.reset()


@dataclass
class Site:
    """Rows that lead to the stand-ins, and short words for what people do with them."""

    world: World
    component: Component
    stand_ins: StandIns

    # ------------------------------------------------------------ rows
    def space(self, environment: str) -> Space:
        """The space as it is in the database now."""
        return Space.objects.select_related("project", "environment__twin", "cluster").get(
            pk=self.world.spaces[environment].pk
        )

    def change_space(self, environment: str, **fields: Any) -> None:
        """Another policy or ceiling, without a service."""
        Space.objects.filter(pk=self.world.spaces[environment].pk).update(**fields)

    def change_settings(self, **fields: Any) -> None:
        """A new version of the component's settings."""
        row = ComponentSettings.objects.filter(component=self.component).latest("number")
        row.pk, row.number = None, row.number + 1
        row._state.adding = True
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()

    def change_template(self, field: str, body: str) -> None:
        """A new version of one of the component's templates."""
        template = getattr(ComponentSettings.objects.filter(component=self.component).latest("number"), field)
        number = template.versions.latest("number").number + 1
        TemplateVersion.objects.create(template=template, number=number, body=body)

    def change_allocation(self, environment: str, **fields: Any) -> None:
        """A new version of what the component may use there."""
        where = {"component": self.component, "environment": self.world.environments[environment]}
        row = Allocation.objects.filter(**where).latest("number")
        row.pk, row.number = None, row.number + 1
        row._state.adding = True
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()

    def template_body(self, field: str) -> str:
        """The newest text of one of the component's templates."""
        template = getattr(ComponentSettings.objects.filter(component=self.component).latest("number"), field)
        return str(template.versions.latest("number").body)

    def place(self, environment: str) -> Placement:
        """What runs there."""
        return Placement.objects.get(component=self.component, space=self.world.spaces[environment])

    # ------------------------------------------------------------ acts
    def order(self, branch: str = "good", by: User | None = None) -> ReleaseOrder:
        """A new order, by the developer."""
        actor = by or self.world.dana
        origin = orders.choose_origin(actor=actor, component=self.component, branch=branch)
        return orders.create_order(actor=actor, component=self.component, origin=origin)

    def start_build(self, branch: str = "good") -> Build:
        """A queued build of a new order."""
        return builds.start_build(actor=self.world.dana, order=self.order(branch))

    def build(self, branch: str = "good") -> Build:
        """A build of a new order, driven to its end."""
        return self.finish(self.start_build(branch))

    def order_with_image(self, scenario: str = "") -> ReleaseOrder:
        """An order in state ``built`` whose image is in the registry without Jenkins; see the cluster's scenarios."""
        repository = f"{self.world.project.slug}/{self.component.slug}"
        settings = ComponentSettings.objects.filter(component=self.component).latest("number")
        with transaction.atomic():
            order = ReleaseOrder.objects.create(
                number=orders.new_number(), component=self.component, project=self.world.project, branch="good",
                author=self.world.dana, commit=self.stand_ins.tips["good"], component_settings=settings,
                image=f"{self.stand_ins.registry}/{repository}",
                image_digest=self.stand_ins.image(repository, scenario), built_at=timezone.now(),
            )  # fmt: skip
            append_event(order.pk, "order.created", actor=self.world.dana)
            move(order, "building", actor=self.world.dana)
            move(order, "built", actor=None)
        return order

    def start(self, order: ReleaseOrder, environment: str = "fat", by: User | None = None) -> Deployment:
        """Promote where that is still to be done, review where it is asked for, approve, deploy; not yet driven."""
        space, world = self.space(environment), self.world
        if not order.promotions.filter(space=space, state="current").exists():
            word = {} if environment == "fat" else {"test_verdict": "passed"}
            person = world.dana if environment == "fat" else world.tess
            promotions.promote(actor=person, order=order, space=space, **word)
        fingerprint = {}
        if space.asks_review:
            review = self.review(order, environment)
            assert review.state == "succeeded" and review.snapshot, (review.reason, review.message)
            fingerprint = {"snapshot_hash": review.snapshot.hash, "live_fingerprint": review.live_fingerprint}
            if space.approvals:
                approvals.approve(actor=world.oskar, snapshot=review.snapshot)
        return deployments.start_deployment(actor=by or world.olli, order=order, space=space, **fingerprint)

    def review(self, order: ReleaseOrder, environment: str = "fat") -> Review:
        """A review of the order there, driven to its end."""
        space = self.space(environment)
        return self.finish(start_review(actor=self.world.olli, order=order, space=space))

    def deploy(self, order: ReleaseOrder, environment: str = "fat") -> Deployment:
        """The same as ``start``, driven to the verdict."""
        return self.finish(self.start(order, environment))

    def settle(self, environment: str) -> Placement:
        """Look at the placement until it is settled, or will not be."""
        return self.observe(environment, lambda place: place.settled_at or place.unsettled_reason)

    def observe(self, environment: str, until: Callable[[Placement], Any]) -> Placement:
        """Look at the space until its placement is so."""
        observation = SpaceObservation.objects.get(space=self.space(environment))
        drive("observe_space", observation.pk, lambda _row: until(self.place(environment)), pause=0.1)
        return self.place(environment)

    # ------------------------------------------------------------ driving
    def finish(self, row: Any, until: Callable[[Any], Any] | None = None, *, seconds: float = 30.0) -> Any:
        """Step over this run, and over what it waits for, until it is final or ``until(row)`` is true."""
        limit, phase = time.monotonic() + seconds, None
        while True:
            row = type(row).objects.get(pk=row.pk)
            if (until is not None and until(row)) or row.is_terminal:
                return row
            if time.monotonic() > limit:
                raise Stuck(f"{row!r} is {row.state} in phase {row.phase!r} ({row.reason or 'no reason'}).")
            if not self.step_all() or row.phase == phase:
                time.sleep(0.05)  # the stand-ins work: a pass after the other would only keep a core from them
            phase = row.phase

    def step_all(self) -> int:
        """One pass over every active run of a person's act; how many there were."""
        taken = 0
        for name in DRIVEN:
            for lease in claim(kinds.get(name), owner=owner(), limit=8, grace=_ANY_TIME):
                taken += 1
                run_step(lease)
        return taken

    def step(self, row: Any) -> Any:
        """Exactly one pass over this run, due or not; the row afterwards."""
        kind = next(kind for kind in kinds.all_kinds() if kind.model is type(row))
        leases = claim(kind, owner=owner(), limit=1, pk=row.pk, grace=_ANY_TIME)
        assert leases, f"{row!r} could not be claimed"
        run_step(leases[0])
        return type(row).objects.get(pk=row.pk)

    # ------------------------------------------------------------ outside
    @property
    def jenkins(self) -> JenkinsBuildServer:
        """The adapter of Jenkins."""
        return connect_jenkins(build_server_target(JenkinsServer.objects.get(slug="main")))

    @property
    def cluster(self) -> KubernetesCluster:
        """The adapter of the cluster."""
        return connect_cluster(cluster_target(self.world.cluster))

    def live(self, environment: str = "fat", kind: str = "Deployment", name: str = "") -> Any:
        """An object of the cluster as it is now, or None."""
        version = {"Deployment": "apps/v1"}.get(kind, "v1")
        ref = ObjectRef(version, kind, name or self.component.slug)
        return self.cluster.read(self.space(environment).namespace, ref)

    def image_running(self, environment: str = "fat") -> str:
        """The image of the live workload's container."""
        return str(self.live(environment)["spec"]["template"]["spec"]["containers"][0]["image"])


def make_site(stand_ins: StandIns) -> Site:
    """The cast, its servers and one complete component, in the database of this test."""
    world = make_world()
    world.cluster.url, world.cluster.token = stand_ins.cluster.url, stand_ins.cluster_token
    world.cluster.save()
    mark = secrets.token_hex(4)
    for slug, space in world.spaces.items():
        space.namespace = f"sis-omm-{mark}-{slug}"
        space.save()
    jenkins = JenkinsServer.objects.create(
        slug="main", name="Main", url=stand_ins.jenkins.url, username=JENKINS_USER, token=stand_ins.jenkins_token,
        quiet_period_seconds=0,  # it is for a POST that a proxy repeats; ours does not
    )  # fmt: skip
    registry = ImageRegistry.objects.create(
        slug="main", name="Main", address=stand_ins.registry, url=stand_ins.images.url
    )
    GitServer.objects.create(host=stand_ins.git_host, name="Git", allow_http=True)
    Toolchain.objects.create(project=world.project, jenkins=jenkins, registry=registry)
    return Site(world, make_component(world, stand_ins), stand_ins)


def make_component(world: World, stand_ins: StandIns, name: str = "SIS-OMM-PROXY-GW") -> Component:
    """A component of the stand-in repository, with the shipped templates of the Python family."""
    component = Component.objects.create(project=world.project, name=name, slug=name.lower())
    base, _made = BaseImage.objects.get_or_create(path="base/middleware/python", tag="3.11")
    ComponentSettings.objects.create(
        component=component, number=1, name_zh="理财网关组件", service_name="proxy-gw", git_url=stand_ins.git_url,
        node_label="python", build_directory="/", build_command="make package", artifact_directory="dist",
        package_name="app.pyz", base_image=base, **{field: _template(*which) for field, which in TEMPLATES.items()},
    )  # fmt: skip
    allocate(world, component, replicas=1)
    return component


def _template(kind: str, name: str) -> Template:
    return make_template(kind, name, (ROOT / "yaml_templates" / name).read_text(encoding="utf-8"))


def is_parked(row: Any) -> bool:
    """True when nobody looks at the run before it is woken."""
    return bool(row.next_at >= PARKED)
