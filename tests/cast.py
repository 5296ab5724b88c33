"""The cast: one project in four environments and the people around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation, Project, User
from environments.models import Cluster, Environment, Membership, Space
from foundation.models import Installation

PASSWORD = "correct horse battery"


@dataclass
class World:
    """Rows that most tests need, by their short names."""

    organisation: Organisation
    project: Project
    cluster: Cluster
    environments: dict[str, Environment]
    spaces: dict[str, Space]
    people: dict[str, User] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None


ROLES = {
    "dana": "developer",
    "dave": "developer",
    "tess": "tester",
    "olli": "operations",
    "oskar": "operations",
    "petra": "project_admin",
    "ada": "platform_admin",
    "uma": "auditor",
    "otto": "",
}


def browse(world: World, username: str = "dana", **how: Any) -> Client:
    """A browser in which one of the cast is signed in; ``how`` is for Django's client."""
    client = Client(**how)
    client.force_login(world.people[username], backend="accounts.backends.PasswordBackend")
    return client


@pytest.fixture
def demo_installation(db: None, settings: Any) -> None:
    """Served as the demo, on a database that the demo made."""
    settings.DEMO = True
    Installation.objects.update_or_create(singleton=True, defaults={"is_demo": True})


@pytest.fixture
def world(db: None) -> World:
    """SIS-OMM with FAT, UAT, PRD and DRP, policies as in the brief, and its people."""
    return make_world()


def make_world() -> World:
    """The rows themselves, for fixtures that bring a database of their own."""
    organisation = Organisation.objects.create(slug="sis", name="证券信息", name_en="Securities IT")
    project = Project.objects.create(
        organisation=organisation, slug="sis-omm", name="网上营业厅", name_en="Online branch"
    )
    cluster = Cluster.objects.create(
        slug="main", name="Main", url="http://127.0.0.1:1", token="secret-token", verify_tls=False
    )
    fat = Environment.objects.create(slug="fat", name="功能测试", name_en="Functional test", position=1)
    uat = Environment.objects.create(slug="uat", name="验收测试", name_en="Acceptance", position=2)
    prd = Environment.objects.create(slug="prd", name="生产", name_en="Production", position=3, is_production=True)
    drp = Environment.objects.create(
        slug="drp", name="灾备", name_en="Recovery", position=4, is_production=True, twin=prd
    )
    uat.follows.add(fat)
    prd.follows.add(uat)
    drp.follows.add(uat)
    places = {"fat": fat, "uat": uat, "prd": prd, "drp": drp}
    spaces = {}
    for slug, environment in places.items():
        strict = environment.is_production
        spaces[slug] = Space.objects.create(
            project=project, environment=environment, cluster=cluster, namespace=f"sis-omm-{slug}",
            creators_may_promote=slug == "fat", promote_automatically=False, asks_review=slug != "fat",
            approvals=1 if strict else 0, approver_roles=["operations", "project_admin"], four_eyes=strict,
            operations_only=slug != "fat", settle_seconds=0,
        )  # fmt: skip
    world = World(organisation, project, cluster, places, spaces)
    for username, role in ROLES.items():
        user = User.objects.create_user(username, PASSWORD, name=username.title(), name_en=username.title())
        world.people[username] = user
        if role:
            is_site = role in ("platform_admin", "auditor")
            Membership.objects.create(user=user, role=role, project=None if is_site else project, reason="cast")
    return world
