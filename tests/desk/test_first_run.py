"""What is still missing before a first order: from rows and last tests, for people who may set it up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.test import Client

from accounts.models import Project
from components.models import Component, GitServer, ImageRegistry, JenkinsServer, ServerTest, Toolchain
from environments.models import Cluster, ClusterTest, Space
from tests.cast import World

SignIn = Callable[[str], Client]


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def missing(client: Client) -> dict[str, str]:
    """What is missing, by where the step leads."""
    steps = client.get("/").context["first_run"]
    return {step.url: str(step.missing) for step in steps}


def all_answer() -> None:
    """Every server was tested and answered."""
    ServerTest.objects.create(kind="jenkins", jenkins=JenkinsServer.objects.get(), state="succeeded")
    ServerTest.objects.create(kind="git", git=GitServer.objects.get(), state="succeeded")
    ServerTest.objects.create(kind="registry", registry=ImageRegistry.objects.get(), state="succeeded")
    ClusterTest.objects.create(cluster=Cluster.objects.get(), state="succeeded")


def test_an_empty_platform_names_everything(world: World, signed_in: SignIn) -> None:
    Space.objects.all().delete()
    Cluster.objects.all().delete()
    Project.objects.all().update(is_archived=True)
    found = missing(signed_in("ada"))
    assert found == {
        "/new-server/jenkins/": "None is known yet.",
        "/new-server/git/": "None is known yet.",
        "/new-server/registry/": "None is known yet.",
        "/clusters/new/": "None is known yet.",
        "/projects/new/": "None is known yet.",
    }


def test_each_step_shows_the_result_of_its_last_test(world: World, component: Component, signed_in: SignIn) -> None:
    client = signed_in("ada")
    assert missing(client)["/servers/jenkins/main/"] == "Its connection was never tested."
    jenkins = JenkinsServer.objects.get()
    ServerTest.objects.create(kind="jenkins", jenkins=jenkins, state="failed", message="Jenkins refused the token.")
    assert missing(client)["/servers/jenkins/main/"] == "The last test failed: Jenkins refused the token."
    ServerTest.objects.create(kind="jenkins", jenkins=jenkins, state="running")
    assert missing(client)["/servers/jenkins/main/"] == "Its connection is being tested."
    ServerTest.objects.create(kind="jenkins", jenkins=jenkins, state="succeeded")
    assert missing(client)["/servers/jenkins/main/"] == ""
    JenkinsServer.objects.create(slug="other", name="Other", url="http://127.0.0.1:9", username="bot")
    assert missing(client)["/servers/jenkins/main/"] == "", "one that answers is enough"
    jenkins.is_archived = True
    jenkins.save()
    assert missing(client)["/servers/jenkins/other/"] == "Its connection was never tested."


def test_a_project_needs_an_environment_and_its_servers(world: World, component: Component, signed_in: SignIn) -> None:
    client = signed_in("ada")
    assert missing(client)["/projects/"] == ""
    other = Project.objects.create(organisation=world.organisation, slug="other", name="Other")
    assert missing(client)["/projects/other/"] == "No environment in OTHER."
    Space.objects.create(
        project=other, environment=world.environments["fat"], cluster=world.cluster, namespace="other-fat"
    )
    assert missing(client)["/projects/other/toolchain/"] == "No Jenkins and registry chosen for OTHER."
    main = Toolchain.objects.get(project=world.project)
    Toolchain.objects.create(project=other, jenkins=main.jenkins, registry=main.registry)
    assert missing(client)["/projects/"] == ""


def test_it_goes_when_nothing_is_missing(world: World, component: Component, signed_in: SignIn) -> None:
    client = signed_in("ada")
    for page in ("/", "/admin/"):
        assert "Before the first order" in words(client.get(page))
    all_answer()
    for page in ("/", "/admin/"):
        assert "Before the first order" not in words(client.get(page))


def test_only_who_may_set_it_up_sees_it(world: World, component: Component, signed_in: SignIn) -> None:
    for username in ("dana", "petra", "uma", "olli"):
        # With a filter: the auditor's first page is the audit.
        assert signed_in(username).get("/?text=").context["first_run"] == []
        assert "Before the first order" not in words(signed_in(username).get("/admin/"))
