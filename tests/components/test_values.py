"""Values for templates and parameters for Jenkins: one set for previews, reviews and builds."""

from __future__ import annotations

import re
from pathlib import Path

from components.services import save_allocation, save_config, save_settings
from components.values import PARAMETERS, BuildPlace, build_values, jenkins_parameters, template_values
from deployer.interfaces import RenderRequest
from deployer.rendering import render, render_text
from tests.components.conftest import GRID, ORIGINAL, Shop

ORDER = {"number": "K8S20180918055120CK", "commit": "a" * 40, "branch": "master"}
TEMPLATES = Path(__file__).parents[2] / "yaml_templates"


def _values(shop: Shop) -> dict[str, object]:
    world = shop.world
    uat = world.environments["uat"]
    settings = save_settings(actor=world.dana, component=shop.component, values=ORIGINAL)
    allocation = save_allocation(
        actor=world.olli, component=shop.component, environment=uat, amounts=GRID["uat"]
    ).allocation
    config = save_config(
        actor=world.dana,
        component=shop.component,
        environment=uat,
        env=[{"name": "PORT", "value": "9090"}, {"name": "DB_PASSWORD", "secret": "db", "key": "pw"}],
        files={"app.properties": "a: 1\n"},
    )
    return template_values(
        component=shop.component,
        settings=settings,
        environment=uat,
        space=world.spaces["uat"],
        allocation=allocation,
        config=config,
        order_facts=ORDER,
        image="harbor.sis.example/sis-omm/sis-omm-proxy-gw@sha256:" + "0" * 64,
    )


def test_values_say_what_the_rows_say(shop: Shop) -> None:
    values = _values(shop)
    assert values["replicas"] == 2
    assert values["resources"] == {"cpu_request": "4", "cpu_limit": "4", "memory_request": "8Gi", "memory_limit": "8Gi"}
    assert values["environment"] == {
        "slug": "uat", "namespace": "sis-omm-uat", "is_production": False, "pull_secrets": [],
    }  # fmt: skip
    assert values["ports"] == [{"name": "http", "port": 9090}]
    assert values["config"] == {
        "name": "sis-omm-proxy-gw-config",
        "env": {"PORT": "9090"},
        "secrets": {"DB_PASSWORD": {"secret": "db", "key": "pw"}},
        "files": {"app.properties": "a: 1\n"},
    }


def test_every_shipped_template_renders_with_them(shop: Shop) -> None:
    values = _values(shop)
    for path in sorted(TEMPLATES.glob("*.yaml")):
        manifests = render(RenderRequest({path.name: path.read_text()}, values)).manifests
        assert {"Deployment", "Service"} & {manifest["kind"] for manifest in manifests}, path.name
        for manifest in manifests:
            if manifest["kind"] == "Deployment":
                (container,) = manifest["spec"]["template"]["spec"]["containers"]
                assert container["resources"]["limits"] == {"cpu": "4", "memory": "8Gi"}
                assert container["ports"][0]["containerPort"] == 9090


def test_dockerfile_and_start_script_render_with_build_values(shop: Shop) -> None:
    settings = save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    values = build_values(
        component=shop.component, settings=settings, order_facts=ORDER, registry_address="harbor.sis.example"
    )
    names = ["dockerfile-jdk8-ant", "dockerfile-python", "bootstart-jdk8.sh", "bootstart-python.sh"]
    texts = render_text(RenderRequest({name: (TEMPLATES / name).read_text() for name in names}, values))
    assert (
        "FROM harbor.sis.example/base/middleware/tomcat:8.0.14-oraclejdk1.8.0_73\n" in texts["dockerfile-jdk8-ant"].text
    )
    assert "sis_omm_proxy_gw.war" in texts["bootstart-jdk8.sh"].text


def test_jenkins_gets_exactly_its_parameters(shop: Shop) -> None:
    settings = save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    sent = jenkins_parameters(
        component=shop.component,
        settings=settings,
        registry=shop.registry,
        order_facts=ORDER,
        trigger_id="t" * 32,
        dockerfile="FROM x\n",
        bootstart="#!/bin/sh\n",
        place=BuildPlace("http://127.0.0.1:8000", 30, "images"),
    )
    assert set(sent) == PARAMETERS and len(sent) == 19
    assert sent["DIR_BUILD_FILE"] == "."
    assert sent["BUILD_TARGET"] == "target/sis_omm_proxy_gw"
    assert (sent["SITE"], sent["APP"]) == ("sis-omm", "sis-omm-proxy-gw")
    assert sent["DEPLOY_VERSION"] == sent["ORDER_NO"] == ORDER["number"]
    assert sent["GIT_URL"] == ORIGINAL["git_url"]
    assert sent["BUILD_CMD"] == ORIGINAL["build_command"]


def test_the_shipped_jenkins_job_declares_them(shop: Shop) -> None:
    text = (TEMPLATES.parent / "jenkins_job" / "config.xml").read_text()
    assert set(re.findall(r"<name>([A-Z_]+)</name>", text)) == PARAMETERS
