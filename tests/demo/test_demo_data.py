"""The demo's rows: whole at once, kept as people left them, and following the other sides."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import Count, F
from django.utils import timezone

from accounts.models import User
from components.completeness import missing_elements
from components.models import Component, GitServer, ImageRegistry, JenkinsServer, TemplateVersion
from demo import world
from demo.repository import make_repositories
from environments.access import Rights, approvers_in
from environments.enough import why_nobody_deploys
from environments.models import Cluster, GroupMember, Membership, Space, SpaceSync
from foundation.runs.choices import ACTIVE
from releases.drp import seconds
from releases.models import Build, DrpSwitch, OrderEvent, ReleaseOrder

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("git")
    make_repositories(root)
    return root


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, repositories: Path) -> Path:
    """A data directory of its own with the repositories in it, and no real side named."""
    for name in ("CLUSTER", "JENKINS_URL", "REGISTRY", "BUILDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    shutil.copytree(repositories, tmp_path / "sandbox" / "git")
    return tmp_path


def load() -> None:
    call_command("demo_data", verbosity=0)


def counts() -> dict[str, int]:
    tables: list[Any] = [
        User,
        Membership,
        Space,
        Component,
        TemplateVersion,
        ReleaseOrder,
        OrderEvent,
        Build,
        SpaceSync,
    ]
    return {table.__name__: table.objects.count() for table in tables}


def test_a_second_load_adds_nothing(data: Path) -> None:
    load()
    before = counts()
    load()
    assert counts() == before
    assert before["ReleaseOrder"] > 50
    assert before["SpaceSync"] == 8


def test_production_of_one_project_asks_for_a_group_that_people_are_in(data: Path) -> None:
    load()
    named = {str(space): space.approver_groups for space in Space.objects.exclude(approver_groups=[])}
    assert named == {"sis-omm·PRD": ["release-board"]}
    space = Space.objects.select_related("project", "environment").get(project__slug="sis-omm", environment__slug="prd")
    assert {person.username for person in approvers_in(space)} == {world.APPROVER, world.PROJECT_ADMIN}
    assert not why_nobody_deploys(space)
    # Who was taken out stays out.
    GroupMember.objects.filter(user__username=world.PROJECT_ADMIN).delete()
    load()
    assert [person.username for person in approvers_in(space)] == [world.APPROVER]


def test_every_component_lacks_nothing_and_bears_the_originals_names(data: Path) -> None:
    load()
    components = list(Component.objects.select_related("project"))
    assert len(components) == 10
    assert {
        component.name: missing_elements(component) for component in components if missing_elements(component)
    } == {}
    assert Component.objects.filter(project__slug="sis-china-itc").count() == 7
    gateway = Component.objects.get(slug="sis-omm-jtc-app-proxy-gw")
    assert gateway.settings.get().name_zh == "理财网关组件"


def test_what_people_changed_stays_and_addresses_follow(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    Space.objects.filter(environment__slug="fat").update(settle_seconds=77)
    User.objects.filter(username=world.TESTER).update(name="改名")
    monkeypatch.setenv("JENKINS_URL", "https://builder:s3cret@ci.example.com/jenkins")
    load()
    assert set(Space.objects.filter(environment__slug="fat").values_list("settle_seconds", flat=True)) == {77}
    assert User.objects.get(username=world.TESTER).name == "改名"
    jenkins = JenkinsServer.objects.get()
    assert (jenkins.url, jenkins.username, jenkins.token) == ("https://ci.example.com/jenkins", "builder", "s3cret")


def test_another_registry_gets_a_row_of_its_own(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    old = ImageRegistry.objects.get()
    monkeypatch.setenv("REGISTRY", "me:pass@harbor.example.com")
    load()
    old.refresh_from_db()
    assert old.address.startswith("127.0.0.1:")
    new = ImageRegistry.objects.get(address="harbor.example.com")
    assert (new.url, new.username, new.password) == ("https://harbor.example.com", "me", "pass")
    assert all("harbor.example.com" in cluster.registries for cluster in Cluster.objects.all())


def test_namespaces_are_the_demos_own_and_another_cluster_is_synced(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    assert all(space.namespace.startswith("prism4k-demo-") for space in Space.objects.all())
    SpaceSync.objects.all().delete()
    config = data / "kubeconfig"
    config.write_text(KUBECONFIG)
    monkeypatch.setenv("CLUSTER", str(config))
    load()
    assert set(Cluster.objects.values_list("url", flat=True)) == {"https://10.1.2.3:6443"}
    assert SpaceSync.objects.filter(state__in=ACTIVE).count() == Space.objects.count() == 8


def test_test_and_production_are_in_clusters_of_their_own(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    bound = set(Space.objects.values_list("environment__slug", "cluster__slug"))
    assert bound == {("fat", "test"), ("uat", "test"), ("prd", "prod"), ("drp", "prod")}
    test, prod = (Cluster.objects.get(slug=slug) for slug in ("test", "prod"))
    assert test.url != prod.url and test.token != prod.token
    SpaceSync.objects.all().delete()
    config = data / "kubeconfig"
    config.write_text(KUBECONFIG)
    monkeypatch.setenv("CLUSTER", f",{config}")
    load()
    test.refresh_from_db(), prod.refresh_from_db()
    assert (test.url.partition(":")[0], prod.url) == ("http", "https://10.1.2.3:6443"), "each is named by itself"
    assert set(SpaceSync.objects.values_list("space__cluster__slug", flat=True)) == {"prod"}


KUBECONFIG = """
apiVersion: v1
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://10.1.2.3:6443"}}]
users: [{name: u, user: {token: abc}}]
"""


def test_the_cast_may_do_what_the_demo_asks_and_no_more(data: Path) -> None:
    load()
    people = {user.username: Rights(user) for user in User.objects.all()}
    spaces = {space.environment.slug: space for space in Space.objects.filter(project__slug="sis-omm")}
    assert people[world.DEVELOPER].can("deploy", space=spaces["fat"])
    assert not people["lintao"].can("deploy", space=spaces["fat"])
    for slug in ("uat", "prd", "drp"):
        assert not people[world.DEVELOPER].can("deploy", space=spaces[slug])
        assert people[world.TESTER].can("promote", space=spaces[slug])
        assert people[world.OPERATOR].can("deploy", space=spaces[slug])
        assert people[world.APPROVER].can("approve", space=spaces[slug])
    assert [spaces[slug].approvals for slug in ("fat", "uat", "prd", "drp")] == [0, 0, 1, 1]
    assert spaces["drp"].environment.twin == spaces["prd"].environment


def test_a_drill_has_a_second_person_on_the_first_day(data: Path) -> None:
    """Whose role is younger than a day from one hand with the asker's is nobody's second person."""
    load()
    space = Space.objects.get(project__slug="sis-omm", environment__slug="drp")
    row = DrpSwitch(space=space, kind="drill", asked_by=User.objects.get(username=world.OPERATOR))
    assert {person.username for person in seconds(row)} == {world.APPROVER, world.PROJECT_ADMIN}


def test_the_past_is_consistent(data: Path) -> None:
    load()
    orders = ReleaseOrder.objects.annotate(told=Count("events"))
    assert not orders.exclude(told=F("feed__last_seq")).exists()
    assert set(orders.values_list("state", flat=True)) == {"created", "built", "build_failed", "closed"}
    for order in orders.filter(state__in=["built", "build_failed"]):
        build = order.builds.get()
        assert (build.state == "succeeded") is bool(order.image_digest)
        assert build.digest == order.image_digest
        last = order.events.order_by("-seq").first()
        assert last is not None
        assert last.kind == f"order.{order.state}"
    assert not Build.objects.filter(state__in=ACTIVE).exists()
    root = data / "sandbox" / "git"
    order = orders.exclude(commit="").select_related("component__project").first()
    assert order is not None and order.component_settings is not None
    repository = root / order.component_settings.git_url.partition("/" + order.component.project.slug)[1].strip("/")
    path = repository / order.component_settings.git_url.rpartition("/")[2]
    kind = subprocess.run(
        ["git", "--git-dir", str(path), "cat-file", "-t", order.commit], capture_output=True, text=True
    )
    assert kind.stdout.strip() == "commit"


def test_the_git_host_may_be_read_over_plain_http(data: Path) -> None:
    load()
    server = GitServer.objects.get()
    gateway = Component.objects.get(slug="sis-omm-jtc-app-proxy-gw").settings.get()
    assert server.allow_http
    assert gateway.git_url.startswith(f"http://{server.host}/")


def test_a_role_that_was_ended_or_given_again_stays_as_people_left_it(data: Path) -> None:
    load()
    first, second = Membership.objects.filter(role="developer").order_by("pk")[:2]
    ended = timezone.now() - timedelta(minutes=1)
    Membership.objects.filter(pk__in=[first.pk, second.pk]).update(ends_at=ended)
    Membership.objects.create(user=first.user, role=first.role, project=first.project, reason="again")
    before = Membership.objects.count()
    load()
    assert Membership.objects.count() == before
