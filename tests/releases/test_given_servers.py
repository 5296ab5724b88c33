"""A build reads only what is given to its project now, and by a job and node that are offered to it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from components.models import BranchTip as StoredTip
from components.models import GitServer, JenkinsServer
from deployer.interfaces import BranchTip
from foundation.problems import Refused
from releases.models import Build, ReleaseOrder
from releases.services import builds, orders
from tests.cast import World
from tests.releases.answers import Jenkins
from tests.releases.rows import COMMIT, build, make_component, make_order
from tests.releases.test_build_remotes import JOB, WELL, list_git, put, put_git, put_image, step


@pytest.fixture
def queued(world: World) -> Build:
    return build(make_order(make_component(world), world.dana))


def test_a_list_that_was_tightened_meanwhile_ends_the_build(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    host = list_git(queued)
    GitServer.objects.update(repositories="* elsewhere/**")
    put_git(monkeypatch, BranchTip(queued.order.branch, queued.order.commit))
    put_image(monkeypatch, None)
    jenkins = Jenkins(**WELL, job=JOB, find=None, trigger=9)
    put(monkeypatch, jenkins)
    assert (step(queued).state, queued.reason) == ("failed", "refused")
    assert queued.message == f"Git server {host} gives project sis-omm no such path."
    assert "trigger" not in jenkins.asked


def test_a_build_is_refused_before_there_is_a_row(world: World) -> None:
    """The component names a repository that is given by now; the order froze another one."""
    component = make_component(world)
    order = make_order(component, world.dana)
    old = component.settings.get()
    ReleaseOrder.objects.filter(pk=order.pk).update(component_settings=old, commit=COMMIT)
    fields = {field.name: getattr(old, field.name) for field in old._meta.fields if field.name not in ("id", "number")}
    component.settings.create(**fields | {"number": 2, "git_url": "http://127.0.0.1:9/given/app.git"})
    GitServer.objects.update(repositories="sis-omm given/app")
    with pytest.raises(Refused) as refusal:
        builds.start_build(actor=world.dana, order=ReleaseOrder.objects.get(pk=order.pk), commit=COMMIT)
    assert refusal.value.code == "repository-not-given" and not Build.objects.exists()


def test_a_branch_that_is_stored_for_others_makes_no_order(world: World) -> None:
    component = make_component(world)
    settings = component.settings.latest("number")
    StoredTip.objects.create(git_url=settings.git_url, branch="master", commit="a" * 40, seen_at=timezone.now())
    GitServer.objects.update(repositories="other-project **")
    with pytest.raises(Refused) as refusal:
        orders.choose_origin(actor=world.dana, component=component, branch="master")
    assert refusal.value.code == "repository-not-given"


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"jobs": "* other"}, "Jenkins main offers project sis-omm no job PRISM_JENKINS_JOB."),
        ({"nodes": "* other"}, "Jenkins main offers project sis-omm no node python."),
    ],
)
def test_a_job_or_node_that_was_taken_back_ends_the_build(
    queued: Build, monkeypatch: pytest.MonkeyPatch, lists: dict[str, str], words: str
) -> None:
    list_git(queued)
    JenkinsServer.objects.update(**lists)
    put_git(monkeypatch, BranchTip(queued.order.branch, queued.order.commit))
    put_image(monkeypatch, None)
    jenkins = Jenkins(**WELL, job=JOB, find=None, trigger=9)
    put(monkeypatch, jenkins)
    assert (step(queued).state, queued.reason, queued.message) == ("failed", "refused", words)
    assert "trigger" not in jenkins.asked


@pytest.mark.parametrize("lists", [{"jobs": "* other"}, {"nodes": "* other"}])
def test_what_an_order_froze_must_be_offered_now(world: World, lists: dict[str, str]) -> None:
    component = make_component(world)
    order = make_order(component, world.dana)
    old = component.settings.get()
    ReleaseOrder.objects.filter(pk=order.pk).update(component_settings=old, commit=COMMIT)
    fields = {field.name: getattr(old, field.name) for field in old._meta.fields if field.name not in ("id", "number")}
    component.settings.create(**fields | {"number": 2, "job_name": "other", "node_label": "other"})
    JenkinsServer.objects.update(**lists)
    with pytest.raises(Refused) as refusal:
        builds.start_build(actor=world.dana, order=ReleaseOrder.objects.get(pk=order.pk), commit=COMMIT)
    assert refusal.value.code.endswith("-not-offered") and not Build.objects.exists()
