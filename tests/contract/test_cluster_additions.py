"""What others added beside our fields: told by owner, left by an apply, removed once it was adopted."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest

from deployer.additions import additions, adopted, without
from deployer.errors import Conflict
from deployer.interfaces import Manifest, ObjectRef
from tests.contract.cluster_stand_in import Bench, soon, workload
from tests.patience import wait_for

pytestmark = pytest.mark.contract
WEB = ObjectRef("apps/v1", "Deployment", "web")
Change = Callable[[Manifest], None]
BOX = '.spec.template.spec.containers[name="web"]'


def _pod(live: Manifest) -> Any:
    return live["spec"]["template"]["spec"]


def _variable(live: Manifest) -> None:
    _pod(live)["containers"][0].setdefault("env", []).append({"name": "ODD", "value": "1"})


def _container(live: Manifest) -> None:
    _pod(live)["containers"].append({"name": "spy", "image": "registry.example.com/spy:1"})


def _volume(live: Manifest) -> None:
    _pod(live).setdefault("volumes", []).append({"name": "more", "emptyDir": {}})


def _label(live: Manifest) -> None:
    live["spec"]["template"]["metadata"]["labels"]["mesh.example.com/inject"] = "yes"


def _arguments(live: Manifest) -> None:
    _pod(live)["containers"][0]["args"] = ["--debug"]


def _grace(live: Manifest) -> None:
    _pod(live)["terminationGracePeriodSeconds"] = 5


ADDED: dict[str, tuple[Change, str]] = {
    "a variable": (_variable, f'{BOX}.env[name="ODD"]'),
    "a container": (_container, '.spec.template.spec.containers[name="spy"]'),
    "a volume": (_volume, '.spec.template.spec.volumes[name="more"]'),
    "a label of the pods": (_label, '.spec.template.metadata.labels["mesh.example.com/inject"]'),
    "arguments": (_arguments, f"{BOX}.args"),
    "a default overruled": (_grace, ".spec.template.spec.terminationGracePeriodSeconds"),
}


def edit(bench: Bench, change: Change, manager: str = "kubectl-edit") -> Manifest:
    """As ``kubectl edit`` writes: the whole object with a change, as a merge patch."""
    live = bench.client.read(bench.namespace, WEB)
    assert live is not None
    body = copy.deepcopy({"metadata": {"annotations": live["metadata"].get("annotations")}, "spec": live["spec"]})
    change(body)
    path = f"/apis/apps/v1/namespaces/{bench.namespace}/deployments/web"
    query, kind = [("fieldManager", manager)], "application/merge-patch+json"
    bench.client._session.write("PATCH", path, query, body, deadline=soon(), content_type=kind)
    found = bench.client.read(bench.namespace, WEB)
    assert found is not None
    return found


def adopt(bench: Bench, taken: set[tuple[str, str]]) -> tuple[Manifest, Manifest]:
    """What was read, and what it is with these as ours; the controller may write its status in between."""

    def once() -> tuple[Manifest, Manifest] | None:
        live = bench.client.read(bench.namespace, WEB)
        assert live is not None
        owners = adopted(live, taken)
        assert owners is not None
        with contextlib.suppress(Conflict):
            return live, bench.client.adopt(bench.namespace, live, owners, deadline=soon())
        return None

    found = wait_for(once, "nobody writes between read and write")
    assert found is not None
    return found


def told(live: Manifest) -> list[tuple[str, str]]:
    return [(one.path, one.manager) for one in additions(live)]


@pytest.mark.parametrize("name", ADDED)
def test_an_addition_survives_an_apply_and_is_told(bench: Bench, name: str) -> None:
    change, path = ADDED[name]
    bench.apply(workload(replicas=0))
    edit(bench, change)
    answer = bench.client.dry_run(bench.namespace, workload("web", replicas=0, image="registry.example.com/site/app:2"))
    assert told(answer.manifest) == [(path, "kubectl-edit")]
    assert additions(answer.manifest)[0].at.startswith("20")
    applied = bench.apply(workload(replicas=0, image="registry.example.com/site/app:2")).manifest
    assert told(applied) == [(path, "kubectl-edit")]


@pytest.mark.parametrize("name", ADDED)
def test_what_was_adopted_goes_with_the_next_apply(bench: Bench, name: str) -> None:
    change, path = ADDED[name]
    clean = bench.apply(workload(replicas=0)).manifest
    edit(bench, change)
    live, after = adopt(bench, {(path, "kubectl-edit")})
    # Nothing that runs has changed; a second worker with the same read is late.
    assert after["spec"] == live["spec"] and after["metadata"]["generation"] == live["metadata"]["generation"]
    assert told(after) == [] and adopted(after, {(path, "kubectl-edit")}) is None
    with pytest.raises(Conflict) as late:
        bench.client.adopt(bench.namespace, live, after["metadata"]["managedFields"], deadline=soon())
    assert late.value.is_stale
    applied = bench.apply(workload(replicas=0)).manifest
    assert applied["spec"] == clean["spec"] and told(applied) == []
    assert (
        without(live, {(path, "kubectl-edit")})["spec"]["template"]["metadata"] == clean["spec"]["template"]["metadata"]
    )


def test_only_what_is_taken_goes_and_the_rest_stays_with_its_owner(bench: Bench) -> None:
    bench.apply(workload(replicas=0))
    edit(bench, _variable)
    live = edit(bench, lambda body: _pod(body)["containers"][0]["env"].append({"name": "B", "value": "2"}), "other")
    paths = [f'{BOX}.env[name="{name}"]' for name in ("ODD", "B")]
    assert sorted(told(live)) == sorted(zip(paths, ("kubectl-edit", "other"), strict=True))
    adopt(bench, {(paths[0], "kubectl-edit")})
    applied = bench.apply(workload(replicas=0)).manifest
    assert _pod(applied)["containers"][0]["env"] == [{"name": "B", "value": "2"}]
    assert told(applied) == [(paths[1], "other")]


def test_what_another_client_created_is_told_without_the_defaults_of_the_server(bench: Bench) -> None:
    made = workload(replicas=0, env=[{"name": "OLD", "value": "x"}])
    path = f"/apis/apps/v1/namespaces/{bench.namespace}/deployments"
    query = [("fieldManager", "kubectl-create")]
    bench.client._session.write("POST", path, query, made, deadline=soon(), content_type="application/json")
    answer = bench.apply(workload(replicas=0), force=True)
    assert told(answer.manifest) == [(f'{BOX}.env[name="OLD"]', "kubectl-create")]
    adopt(bench, set(told(answer.manifest)))
    assert "env" not in _pod(bench.apply(workload(replicas=0)).manifest)["containers"][0]


def test_restarts_scales_pauses_that_ended_and_notes_are_no_additions(bench: Bench) -> None:
    bench.apply(workload(replicas=0))

    def restart(body: Manifest) -> None:
        body["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-30"}
        body["metadata"]["annotations"]["team.example.com/note"] = "x"

    edit(bench, restart)
    edit(bench, lambda body: body["spec"].update(paused=True), "kubectl-rollout")
    paused = bench.client.read(bench.namespace, WEB)
    assert paused is not None and told(paused) == [(".spec.paused", "kubectl-rollout")]
    assert told(edit(bench, lambda body: body["spec"].update(paused=None), "kubectl-rollout")) == []
