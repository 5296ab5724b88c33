"""A component like the original's, and everything that it stands on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.conf import LazySettings

from components.models import (
    BaseImage,
    Component,
    GitServer,
    ImageRegistry,
    JenkinsServer,
    Template,
    TemplateVersion,
    Toolchain,
)
from components.services import create_component, create_template
from tests.cast import World

ORIGINAL = {
    "name_zh": "理财网关组件",
    "service_name": "sis-omm-proxy-gw",
    "git_url": "http://gitlab.sis.example/sis-omm/proxy-gw.git",
    "description": "网上营业厅理财网关",
    "job_name": "PRISM_JENKINS_JOB",
    "node_label": "JNLP_ant_1.10.3-openjdk-8-alpine",
    "build_directory": "/",
    "build_command": "ant -f build.xml -Dtarget=war",
    "artifact_directory": "target/sis_omm_proxy_gw/",
    "package_name": "sis_omm_proxy_gw.war",
    "dockerfile": "dockerfile-jdk8-ant",
    "base_image": "/base/middleware/tomcat 8.0.14-oraclejdk1.8.0_73",
    "bootstart": "bootstart-jdk8.sh",
    "deployment_template": "prism-jdk8-deployment.yaml",
    "service_template": "prism-jdk8-service.yaml",
}
"""The sample values of the original screen."""

GRID = {
    "fat": {"replicas": "1", "cpu_request": "2", "cpu_limit": "4", "memory_request": "2", "memory_limit": "4"},
    "uat": {"replicas": "2", "cpu_request": "4", "cpu_limit": "4", "memory_request": "8", "memory_limit": "8"},
    "prd": {"replicas": "4", "cpu_request": "4", "cpu_limit": "4", "memory_request": "8", "memory_limit": "8"},
    "drp": {"replicas": "2", "cpu_request": "2", "cpu_limit": "4", "memory_request": "2", "memory_limit": "4"},
}

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ component.slug }}
spec:
  replicas: {{ replicas }}
  template:
    spec:
      containers:
        - name: {{ component.slug }}
          image: {{ image }}
          resources:
            requests: {cpu: {{ resources.cpu_request }}, memory: {{ resources.memory_request }}}
            limits: {cpu: {{ resources.cpu_limit }}, memory: {{ resources.memory_limit }}}
"""


@dataclass
class Shop:
    """The world of the cast, with servers, templates, a base image and one component without settings."""

    world: World
    git: GitServer
    jenkins: JenkinsServer
    registry: ImageRegistry
    toolchain: Toolchain
    base_image: BaseImage
    templates: dict[str, Template]
    component: Component


@pytest.fixture(autouse=True)
def _quick_passwords(settings: LazySettings) -> None:
    """The cast has nine people: a slow hash would be most of each test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def shop(world: World) -> Shop:
    """What a component of SIS-OMM can be made from; its templates stand in the place of the shipped ones."""
    TemplateVersion.objects.all().delete()
    Template.objects.all().delete()
    git = GitServer.objects.create(host="gitlab.sis.example", name="GitLab", allow_http=True)
    jenkins = JenkinsServer.objects.create(
        slug="main", name="Jenkins", url="http://127.0.0.1:1", username="prism", token="t0ken-of-jenkins"
    )
    registry = ImageRegistry.objects.create(
        slug="harbor", name="Harbor", address="harbor.sis.example", url="http://127.0.0.1:1"
    )
    toolchain = Toolchain.objects.create(project=world.project, jenkins=jenkins, registry=registry)
    image = BaseImage.objects.create(path="/base/middleware/tomcat", tag="8.0.14-oraclejdk1.8.0_73")
    bodies = {
        "dockerfile-jdk8-ant": ("dockerfile", "FROM {{ base_image }}\nCOPY {{ package }} /app/\n"),
        "bootstart-jdk8.sh": ("bootstart", "#!/bin/sh\nexec java -jar {{ package | shell }}\n"),
        "prism-jdk8-deployment.yaml": ("deployment", DEPLOYMENT),
        "prism-jdk8-service.yaml": (
            "service",
            "apiVersion: v1\nkind: Service\nmetadata: {name: {{ component.service }}}\nspec: {ports: [{port: 8080}]}\n",
        ),
    }
    templates = {
        name: create_template(actor=world.ada, kind=kind, name=name, body=body) for name, (kind, body) in bodies.items()
    }
    component = create_component(actor=world.dana, project=world.project, name="SIS-OMM-PROXY-GW")
    return Shop(world, git, jenkins, registry, toolchain, image, templates, component)
