"""What Jenkins, registries and clusters have that a restored database does not know: listed, never adopted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction

from components.models import Component, ComponentSettings, JenkinsServer
from components.targets import build_server_target, registry_target
from deployer.adapters import jenkins, kubernetes, registry
from deployer.errors import DeployerError, NotFound
from deployer.interfaces import BuildServerClient, FoundBuild
from deployer.manifests import MANAGER, mark_of
from environments.models import Space
from environments.targets import cluster_target
from foundation.messages import as_message
from foundation.problems import Refused
from foundation.runs.choices import ACTIVE, RunState
from releases.models import Build, ReleaseOrder
from releases.models.orders import NUMBER
from releases.steps.marks import is_known
from releases.transitions import move

_OURS = f"app.kubernetes.io/managed-by={MANAGER}"


@dataclass
class Findings:
    """Lines for an operator: ``lost`` things that no row knows, ``adopted`` builds, ``unread`` other sides."""

    lost: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_other_sides() -> Findings:
    """Reads every Jenkins job, repository and namespace in use; one that is away is named and passed over."""
    found = Findings()
    for space in Space.objects.select_related("cluster", "project", "environment"):
        _read(found, f"namespace {space.namespace} of {space.cluster.name}", lambda: _read_space(found, space))  # noqa: B023
    for server in JenkinsServer.objects.filter(is_archived=False):
        for job in sorted(_jobs_of(server)):
            _read(found, f"job {job} of {server.name}", lambda: _read_job(found, server, job))  # noqa: B023
    for component in Component.objects.select_related("project__toolchain__registry"):
        if hasattr(component.project, "toolchain"):
            name = f"{component.project.slug}/{component.slug}"
            _read(found, f"repository {name}", lambda: _read_repository(found, component, name))  # noqa: B023
    return found


def _jobs_of(server: JenkinsServer) -> set[str]:
    """Those that built before the backup, and those that may have built since."""
    chosen = ComponentSettings.objects.filter(component__project__toolchain__jenkins=server).exclude(job_name="")
    built = Build.objects.filter(server=server)
    return {*built.values_list("job", flat=True), *chosen.values_list("job_name", flat=True)}


def _read(found: Findings, name: str, read: Callable[[], None]) -> None:
    try:
        read()
    except NotFound:
        return
    except (DeployerError, Refused) as error:
        reason = as_message(error if isinstance(error, DeployerError) else error.message)
        found.unread.append(f"{name}: {reason.in_english}")


def _read_space(found: Findings, space: Space) -> None:
    """Workloads that a deployment applied which is not in the database."""
    seen = kubernetes.connect(cluster_target(space.cluster)).observe(space.namespace, _OURS)
    for workload in seen.deployments:
        mark = mark_of(workload)
        if mark is None:
            continue
        if not is_known(mark):
            metadata = workload["metadata"]
            order = (metadata.get("labels") or {}).get("prism4k.io/order", "an unknown order")
            found.lost.append(f"{space} runs {metadata['name']} of {order} (deployment {mark.number})")


def _read_job(found: Findings, server: JenkinsServer, job: str) -> None:
    """Builds with a trigger id that no row has; and the runs of rows that the backup did not see arrive."""
    client = jenkins.connect(build_server_target(server))
    for build in Build.objects.filter(server=server, job=job, state__in=sorted(ACTIVE), build_number=None):
        _adopt(found, build, client)
    known = set(Build.objects.filter(server=server, job=job).values_list("build_number", flat=True))
    triggers = {str(value) for value in Build.objects.filter(server=server).values_list("trigger_id", flat=True)}
    for number, status in sorted(client.builds(job).items()):
        if number in known:
            continue
        parameters = client.build(job, number).parameters
        trigger = parameters.get("TRIGGER_ID", "")
        if trigger and trigger not in triggers:
            order = parameters.get("ORDER_NO", "an unknown order")
            state = "still running: stop it in Jenkins" if status.is_building else status.result or "ended"
            found.lost.append(f"{server.name} built {order} as {job} #{number} ({state})")


def _adopt(found: Findings, build: Build, client: BuildServerClient) -> None:
    """Jenkins has this very trigger id already: follow that run, do not start another."""
    there: FoundBuild | None = client.find(build.job, str(build.trigger_id), since_number=build.baseline_number)
    if there is None:
        return
    place = {"phase": "queued"} if there.number is None else {"phase": "building", "build_number": there.number}
    with transaction.atomic():
        if build.state == RunState.QUEUED:
            move(build, RunState.RUNNING, actor=None, data={"attempt": build.attempt})
        Build.objects.filter(pk=build.pk).update(queue_id=there.queue_id, **place)
    found.adopted.append(f"{build.order.number}: attempt {build.attempt} goes on in Jenkins")


def _read_repository(found: Findings, component: Component, repository: str) -> None:
    """Tags that are order numbers of ours which no order has: they are not given again, and their images not used."""
    client = registry.connect(registry_target(component.project.toolchain.registry))
    numbers = [tag for tag in client.tags(repository) if re.fullmatch(NUMBER, tag)]
    known = set(ReleaseOrder.objects.filter(number__in=numbers).values_list("number", flat=True))
    found.lost += [f"image {repository}:{number}" for number in numbers if number not in known]
