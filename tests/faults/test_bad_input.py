"""Bad input gets a message and changes nothing, or ends the run with the right reason."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import AuditEvent
from components.models import Allocation, GitServer
from components.services.allocations import save_allocation
from components.targets import registry_target
from deployer.adapters.registry import connect as connect_registry
from foundation.problems import Invalid, Refused
from releases.models import Build, OrderEvent, ReleaseOrder
from releases.services import builds
from sandbox.ports import reserve
from tests.site import Site

pytestmark = pytest.mark.slow


def rows() -> list[int]:
    """How many there are of all that an order's acts write."""
    return [model.objects.count() for model in (ReleaseOrder, Build, OrderEvent, AuditEvent, Allocation)]


# ---------------------------------------------------------------- before anything starts
def test_an_unknown_branch_is_no_order(site: Site) -> None:
    before = rows()
    with pytest.raises(Invalid) as refused:
        site.order("no-such-branch")
    assert "no-such-branch" in str(refused.value.fields["branch"][0])
    assert rows() == before


@pytest.mark.parametrize("branch", ["../good", "good^", "-x", "", "a b"])
def test_what_cannot_be_a_branch_is_no_order(site: Site, branch: str) -> None:
    before = rows()
    with pytest.raises(Invalid) as refused:
        site.order(branch)
    assert str(refused.value.fields["branch"][0])
    assert rows() == before


def test_a_dead_git_url_is_no_order(site: Site) -> None:
    host = f"127.0.0.1:{reserve()}"
    GitServer.objects.create(host=host, name="Dead", allow_http=True)
    site.change_settings(git_url=f"http://{host}/app.git")
    before = rows()
    with pytest.raises(Refused) as refused:
        site.order()
    assert refused.value.code == "git-away" and refused.value.status == 503
    assert len(str(refused.value.message)) > 20
    assert rows() == before


def test_a_git_host_that_nobody_listed_is_no_order(site: Site) -> None:
    site.change_settings(git_url="http://127.0.0.1:9/app.git")
    before = rows()
    with pytest.raises(Refused) as refused:
        site.order()
    assert refused.value.code == "git-host-unknown" and "127.0.0.1:9" in str(refused.value.message)
    assert rows() == before


def test_a_repository_that_is_not_there_is_no_order(site: Site) -> None:
    site.change_settings(git_url=f"http://{site.stand_ins.git_host}/other.git")
    before = rows()
    with pytest.raises((Invalid, Refused)):
        site.order()
    assert rows() == before


def test_a_commit_that_is_not_on_the_branch_is_not_built(site: Site) -> None:
    order = site.order("good")
    build = builds.start_build(actor=site.world.dana, order=order, commit=site.stand_ins.tips["better"])
    build = site.finish(build)
    assert (build.state, build.reason) == ("failed", "refused")
    assert site.stand_ins.tips["better"][:7] in build.message and "good" in build.message
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0


AMOUNTS = {"replicas": "1", "cpu_request": "0.1", "cpu_limit": "0.5", "memory_request": "0.25", "memory_limit": "0.5"}


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"memory_limit": "1K"}, {"memory_limit"}),
        ({"memory_request": "1Gi", "cpu_limit": "500m"}, {"memory_request", "cpu_limit"}),
        ({"cpu_request": "0.5", "cpu_limit": "0.1"}, {"cpu_limit"}),
        ({"memory_request": "2", "memory_limit": "1"}, {"memory_limit"}),
        ({"replicas": "-1"}, {"replicas"}),
        ({"replicas": "1.5"}, {"replicas"}),
        ({"cpu_request": "1e3"}, {"cpu_request"}),
        ({"cpu_limit": "0.0001"}, {"cpu_limit"}),
        ({"cpu_limit": ""}, {"cpu_limit"}),
        ({"memory_limit": "٣"}, {"memory_limit"}),
    ],
)
def test_a_quantity_that_is_none_is_not_saved(site: Site, wrong: dict[str, str], fields: set[str]) -> None:
    before = rows()
    with pytest.raises(Invalid) as refused:
        save_allocation(
            actor=site.world.petra,
            component=site.component,
            environment=site.world.environments["fat"],
            amounts=AMOUNTS | wrong,
        )
    assert fields <= set(refused.value.fields)
    assert all(str(message) for messages in refused.value.fields.values() for message in messages)
    assert rows() == before


# ---------------------------------------------------------------- builds that fail
def test_a_build_command_that_fails(site: Site) -> None:
    build = site.build("fail-compile")
    assert (build.state, build.reason, build.result) == ("failed", "build_failed", "FAILURE")
    assert str(build.message).startswith("Build: ")
    assert {stage["name"]: stage["state"] for stage in build.stages} == {
        "Prepare Git Code": "succeeded",
        "Build": "failed",
    }
    assert "SyntaxError" in "".join(build.chunks.values_list("text", flat=True)) and build.log_is_complete
    assert_no_image(site, build)


def test_a_package_that_was_not_built(site: Site) -> None:
    build = site.build("missing-package")
    assert (build.state, build.reason) == ("failed", "build_failed")
    assert "dist/app.pyz" in build.message
    assert build.stages[-1]["name"] == "Get Dockerfile & Bootstart.sh"
    assert_no_image(site, build)


@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        ("FROM {{ base_image }}\nCOPY not-there.txt /app/\n", "not-there.txt"),
        ("FROM {{ base_image }}\nRUN true\n", "buildah"),
        ("FROM {{ base_image }}x\n", "3.11x"),
    ],
)
def test_a_dockerfile_that_does_not_build(site: Site, dockerfile: str, says: str) -> None:
    site.change_template("dockerfile", dockerfile)
    build = site.build()
    assert (build.state, build.reason) == ("failed", "build_failed")
    assert str(build.message).startswith("DockerBuild: ") and says in build.message
    assert_no_image(site, build)


def assert_no_image(site: Site, build: Build) -> None:
    """Nothing was pushed, and the order may be built again."""
    repository = f"{site.world.project.slug}/{site.component.slug}"
    assert connect_registry(registry_target(build.registry)).image(repository, build.order.number) is None
    order = ReleaseOrder.objects.get(pk=build.order_id)
    assert (order.state, order.image_digest) == ("build_failed", "")


@pytest.mark.parametrize("field", ["dockerfile", "bootstart"])
def test_a_file_template_that_does_not_render_is_not_sent(site: Site, field: str) -> None:
    site.change_template(field, "FROM {{ base_image }}\n# {{ component.nothing }}\n")
    build = site.build()
    assert (build.state, build.reason) == ("failed", "template")
    assert "nothing" in build.message
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 0


def test_a_job_that_is_not_there(site: Site) -> None:
    site.change_settings(job_name="NO_SUCH_JOB")
    build = site.build()
    assert (build.state, build.reason) == ("errored", "refused")
    assert "NO_SUCH_JOB" in build.message


# ---------------------------------------------------------------- manifests that are refused
def replaced(old: str, new: str) -> dict[str, str]:
    return {"old": old, "new": new}


BAD_TEMPLATES: dict[str, tuple[str, dict[str, str], str, str]] = {
    "an unknown name": ("deployment_template", replaced("{{ replicas }}", "{{ replicass }}"), "template", "replicass"),
    "no YAML": ("deployment_template", replaced("kind: Deployment", "kind: [Deployment"), "template", ""),
    "a way out of the sandbox": (
        "deployment_template", replaced("{{ replicas }}", "{{ ''.__class__.__mro__ }}"), "template", "",
    ),
    "another namespace": (
        "deployment_template",
        replaced("{{ component.slug }}\nspec", "{{ component.slug }}\n  namespace: kube-system\nspec"),
        "manifest", "namespace",
    ),
    "another's name": (
        "service_template", replaced("name: {{ component.service }}", "name: kubernetes"), "manifest", "name",
    ),
    "a kind that is not allowed": ("service_template", replaced("kind: Service", "kind: Secret"), "manifest", "Secret"),
    "a host path": (
        "deployment_template",
        replaced("      containers:\n", "      volumes: [{name: host, hostPath: {path: /}}]\n      containers:\n"),
        "manifest", "host",
    ),
    "the host's network": (
        "deployment_template", replaced("      containers:\n", "      hostNetwork: true\n      containers:\n"),
        "manifest", "hostNetwork",
    ),
    "a foreign image": ("deployment_template", replaced("{{ image }}", "evil.example/x:1"), "manifest", "image"),
    "privileges": (
        "deployment_template", replaced("allowPrivilegeEscalation: false", "privileged: true"),
        "manifest", "privileged",
    ),
}  # fmt: skip


@pytest.mark.security("template-escapes")
@pytest.mark.parametrize("case", BAD_TEMPLATES)
def test_a_template_that_asks_for_what_it_may_not(site: Site, case: str) -> None:
    field, change, reason, says = BAD_TEMPLATES[case]
    body = site.template_body(field)
    assert change["old"] in body
    site.change_template(field, body.replace(change["old"], change["new"], 1))
    deployment = site.deploy(site.order_with_image())
    assert (deployment.state, deployment.reason) == ("failed", reason), deployment.message
    review = deployment.review
    assert (review.state, review.reason) == ("failed", reason)
    assert review.findings["problems"], review.message
    told = " ".join(f"{problem['path']} {problem['message']}" for problem in review.findings["problems"])
    assert says in told + str(review.message)
    assert_nothing_applied(site, deployment)


def test_a_quota_that_would_be_exceeded_is_refused_before_anything_is_applied(site: Site) -> None:
    site.change_space("fat", cpu_request_ceiling=150, memory_limit_ceiling=2**30)
    site.change_allocation("fat", replicas=2)
    deployment = site.deploy(site.order_with_image())
    assert (deployment.state, deployment.reason) == ("failed", "quota"), deployment.message
    assert "requests.cpu" in deployment.message and "200m" in deployment.message and "150m" in deployment.message
    assert_nothing_applied(site, deployment)


def assert_nothing_applied(site: Site, deployment: Any) -> None:
    assert deployment.applied == [] and deployment.applied_at is None
    assert site.live("fat") is None
    assert site.live("fat", "Service", "proxy-gw") is None
    place = site.place("fat")
    assert (place.in_progress, place.last_applied, place.last_succeeded) == (None, None, None)
