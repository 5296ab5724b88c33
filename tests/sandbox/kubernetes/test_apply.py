"""Server-side apply answers what the real server answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from .conftest import APPLY, Kube, Obj

Web = Callable[..., Obj]


def test_create_is_201_and_the_same_again_changes_nothing(kube: Kube, web: Web) -> None:
    # replicas 0: nothing moves behind the test's back
    status, first = kube.apply(web(replicas=0))
    assert status == 201
    assert first["metadata"]["generation"] == 1
    live = kube.complete()
    status, again = kube.apply(web(replicas=0))
    assert status == 200
    assert again == live


def test_defaults_are_those_of_the_real_server(kube: Kube, web: Web) -> None:
    spec = kube.apply(web(replicas=0))[1]["spec"]
    assert spec["progressDeadlineSeconds"] == 600
    assert spec["revisionHistoryLimit"] == 10
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["dnsPolicy"], pod["schedulerName"]) == (
        "Always",
        "ClusterFirst",
        "default-scheduler",
    )
    assert pod["securityContext"] == {}
    assert pod["terminationGracePeriodSeconds"] == 30
    (container,) = pod["containers"]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert container["terminationMessagePolicy"] == "File"


def test_a_service_gets_an_address_and_keeps_it(kube: Kube) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    spec = kube.apply(body)[1]["spec"]
    assert spec["clusterIP"] == spec["clusterIPs"][0]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("ClusterIP", "None", "Cluster")
    body["spec"]["ports"] = [{"port": 81, "name": "http"}, {"port": 81, "name": "dns", "protocol": "UDP"}]
    status, changed = kube.apply(body)
    assert (status, changed["spec"]["clusterIP"]) == (200, spec["clusterIP"])
    assert [entry["name"] for entry in changed["spec"]["ports"]] == ["http", "dns"]
    body["spec"]["clusterIP"] = "10.96.1.1"
    status, refusal = kube.apply(body)
    assert (status, "may not change once set" in refusal["message"]) == (422, True)


def test_a_yaml_body_is_taken_too(kube: Kube) -> None:
    body = yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "b"}})
    path = f"/api/v1/namespaces/{kube.namespace}/configmaps/m?fieldManager=prism4k"
    headers = {
        "Content-Type": "application/apply-patch+yaml",
        "authorization": kube.api.configuration.api_key["authorization"],
    }
    answer = kube.api.rest_client.pool_manager.request(
        "PATCH", kube.api.configuration.host + path, body=body, headers=headers
    )
    assert (answer.status, answer.json()["data"]) == (201, {"a": "b"})


def test_only_a_change_of_spec_is_a_new_generation(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    labelled = web(replicas=0)
    labelled["metadata"]["labels"]["team"] = "red"
    first = kube.apply(labelled)[1]
    assert (first["metadata"]["generation"], first["metadata"]["labels"]["team"]) == (1, "red")
    second = kube.apply({**labelled, "spec": {**labelled["spec"], "minReadySeconds": 1}})[1]
    assert second["metadata"]["generation"] == 2


def test_a_dry_run_keeps_nothing(kube: Kube, web: Web) -> None:
    status, made = kube.apply(web(), dry_run="All")
    assert status == 201
    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert kube.deployment()["code"] == 404
    kube.apply(web(replicas=0))
    live = kube.complete()
    status, shown = kube.apply(web(replicas=2), dry_run="All")
    assert (status, shown["spec"]["replicas"], shown["metadata"]["generation"]) == (200, 2, 2)
    assert shown["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    assert kube.deployment() == live


def test_a_dry_run_of_a_deployment_does_not_look_at_quota(kube: Kube, web: Web) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    assert kube.apply(quota)[0] == 201
    assert kube.apply(web(), dry_run="All")[0] == 201


def test_the_fence_is_the_resource_version(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    old = kube.complete()["metadata"]["resourceVersion"]
    fenced = web(replicas=0, spec={"minReadySeconds": 1})
    fenced["metadata"]["resourceVersion"] = old
    assert kube.apply(fenced)[0] == 200
    late = web(replicas=0, spec={"minReadySeconds": 2})
    late["metadata"]["resourceVersion"] = old
    status, refusal = kube.apply(late)
    assert (status, refusal["reason"]) == (409, "Conflict")
    assert "causes" not in refusal["details"]
    assert refusal["message"].endswith(
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    assert refusal["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
    late["metadata"]["resourceVersion"] = "0"
    assert kube.apply(late)[0] == 200
    fresh = web("other", replicas=0)
    fresh["metadata"]["resourceVersion"] = "5"
    assert kube.apply(fresh)[0] == 201


def test_a_foreign_uid_is_refused(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    live = kube.complete()
    body = web(replicas=0)
    body["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
    status, refusal = kube.apply(body)
    assert (status, refusal["reason"]) == (422, "Invalid")
    assert [(c["field"], c["reason"]) for c in refusal["details"]["causes"]] == [("metadata.uid", "FieldValueInvalid")]
    assert "field is immutable" in refusal["message"]
    body["metadata"]["uid"] = live["metadata"]["uid"]
    assert kube.apply(body)[0] == 200


def change(body: Obj, path: str, value: object) -> Obj:
    """``body`` with one field set; the path is dotted, numbers are list positions."""
    at = body
    *parents, last = path.split(".")
    for name in parents:
        at = at[int(name)] if name.isdigit() else at.setdefault(name, {})
    at[last] = value
    return body


CONTAINER = "spec.template.spec.containers.0"
UNKNOWN = "failed to create typed patch object (/web; apps/v1, Kind=Deployment): "
QUANTITY = "failed to convert new object (/web; apps/v1, Kind=Deployment) to proper version (apps/v1): "


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec.replicaz", 1, UNKNOWN + ".spec.replicaz: field not declared in schema"),
        (
            f"{CONTAINER}.imag",
            "x",
            UNKNOWN + '.spec.template.spec.containers[name="app"].imag: field not declared in schema',
        ),
        ("spec.replicas", "two", UNKNOWN + ".spec.replicas: expected numeric (int or float), got "),
        (f"{CONTAINER}.image", 7, UNKNOWN + '.spec.template.spec.containers[name="app"].image: expected string, got '),
        (
            f"{CONTAINER}.env",
            [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
            UNKNOWN + '.spec.template.spec.containers[name="app"].env: duplicate entries for key [name="A"]',
        ),
        (f"{CONTAINER}.resources", {"limits": {"memory": "1K"}}, QUANTITY + "unable to parse quantity's suffix"),
        (
            f"{CONTAINER}.resources",
            {"limits": {"cpu": "NaN"}},
            QUANTITY + "quantities must match the regular expression",
        ),
    ],
)
def test_what_apply_answers_with_500(kube: Kube, web: Web, path: str, value: object, message: str) -> None:
    status, refusal = kube.apply(change(web(), path, value))
    assert status == 500
    assert "reason" not in refusal
    assert refusal["message"].startswith(message)
    assert kube.deployment()["code"] == 404


@pytest.mark.parametrize(
    ("path", "value", "field", "reason"),
    [
        ("spec.replicas", -1, "spec.replicas", "FieldValueInvalid"),
        ("spec.template.metadata.labels", {"app": "x"}, "spec.template.metadata.labels", "FieldValueInvalid"),
        ("spec.template.spec.containers", [], "spec.template.spec.containers", "FieldValueRequired"),
        (f"{CONTAINER}.image", "", "spec.template.spec.containers[0].image", "FieldValueRequired"),
        (f"{CONTAINER}.name", "App", "spec.template.spec.containers[0].name", "FieldValueInvalid"),
        (
            f"{CONTAINER}.resources",
            {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            "spec.template.spec.containers[0].resources.requests",
            "FieldValueInvalid",
        ),
        (
            f"{CONTAINER}.volumeMounts",
            [{"name": "no", "mountPath": "/x"}],
            "spec.template.spec.containers[0].volumeMounts[0].name",
            "FieldValueNotFound",
        ),
        (
            f"{CONTAINER}.readinessProbe",
            {"periodSeconds": 1},
            "spec.template.spec.containers[0].readinessProbe",
            "FieldValueRequired",
        ),
        ("metadata.labels", {"a": "not a label"}, "metadata.labels", "FieldValueInvalid"),
        (
            "spec.strategy",
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            "spec.strategy.rollingUpdate.maxUnavailable",
            "FieldValueInvalid",
        ),
        ("spec.template.spec.restartPolicy", "Never", "spec.template.spec.restartPolicy", "FieldValueNotSupported"),
    ],
)
def test_what_apply_answers_with_422(kube: Kube, web: Web, path: str, value: object, field: str, reason: str) -> None:
    status, refusal = kube.apply(change(web(), path, value), dry_run="All")
    assert (status, refusal["reason"]) == (422, "Invalid")
    assert refusal["message"].startswith('Deployment.apps "web" is invalid: ')
    assert (field, reason) in [(cause["field"], cause["reason"]) for cause in refusal["details"]["causes"]]


def test_a_selector_cannot_change(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    other = web(replicas=0)
    other["spec"]["selector"]["matchLabels"]["more"] = "x"
    other["spec"]["template"]["metadata"]["labels"]["more"] = "x"
    status, refusal = kube.apply(other)
    (cause,) = refusal["details"]["causes"]
    assert (status, cause["field"]) == (422, "spec.selector")
    assert cause["message"].endswith("field is immutable")


def test_other_refusals(kube: Kube, web: Web) -> None:
    status, refusal = kube.call(kube.apps.patch_namespaced_deployment, "web", "nowhere", web(), **APPLY)
    assert (status, refusal["reason"], refusal["message"]) == (404, "NotFound", 'namespaces "nowhere" not found')
    status, refusal = kube.call(kube.apps.patch_namespaced_deployment, "other", kube.namespace, web(), **APPLY)
    assert (status, refusal["reason"]) == (400, "BadRequest")
    assert refusal["message"] == "the name of the object (web) does not match the name on the URL (other)"
    managed = change(web(), "metadata.managedFields", [{"manager": "x"}])
    assert kube.apply(managed)[1]["message"] == "metadata.managedFields must be nil"
    status, refusal = kube.apply(web(), field_manager=None)
    assert (status, refusal["details"]["causes"][0]["field"]) == (422, "fieldManager")
    assert kube.apply(web(), _content_type="application/strategic-merge-patch+json")[0] == 415
    assert kube.apply(web(), dry_run="Some")[0] == 422
    status, refusal = kube.call(kube.apps.read_namespaced_deployment, "web", kube.namespace)
    assert (status, refusal["message"]) == (404, 'deployments.apps "web" not found')
    assert refusal["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


def test_what_is_no_longer_sent_goes_or_falls_back(kube: Kube, web: Web) -> None:
    full = web(replicas=0, container={"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    full["metadata"]["annotations"] = {"team": "red"}
    full["spec"]["strategy"] = {"type": "Recreate"}
    kube.apply(full)
    lean = web(replicas=0, container={"env": [{"name": "B", "value": "2"}]})
    del lean["spec"]["replicas"]
    status, changed = kube.apply(lean, dry_run="All")
    assert status == 200
    assert "team" not in changed["metadata"].get("annotations", {})
    assert changed["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "B", "value": "2"}]
    assert changed["spec"]["strategy"]["type"] == "RollingUpdate"
    assert changed["spec"]["replicas"] == 1


def test_a_port_that_changes_its_number_does_not_stay_behind(kube: Kube, web: Web) -> None:
    both = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]
    kube.apply(web(replicas=0, container={"ports": both}))
    changed = kube.apply(web(replicas=0, container={"ports": [{"containerPort": 54, "name": "dns"}]}))[1]
    ports = changed["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert ports == [{"containerPort": 54, "name": "dns", "protocol": "TCP"}]


def test_fields_of_other_managers(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    other = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"seen-by": "them"}}}
    assert kube.apply(other, field_manager="them")[0] == 200
    # untouched by our apply, as it is theirs
    assert kube.apply(web(replicas=0))[1]["metadata"]["labels"]["seen-by"] == "them"
    ours = web(replicas=0)
    ours["metadata"]["labels"]["seen-by"] = "us"
    status, refusal = kube.apply(ours)
    assert (status, refusal["reason"]) == (409, "Conflict")
    assert refusal["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "them"', "field": ".metadata.labels.seen-by"}
    ]
    assert refusal["message"] == 'Apply failed with 1 conflict: conflict with "them": .metadata.labels.seen-by'
    ours["metadata"]["labels"]["seen-by"] = "them"
    assert kube.apply(ours)[0] == 200
    ours["metadata"]["labels"]["seen-by"] = "us"
    assert kube.apply(ours, force=True)[1]["metadata"]["labels"]["seen-by"] == "us"
    managers = {entry["manager"]: entry for entry in kube.deployment()["metadata"]["managedFields"]}
    assert "them" not in managers


def test_an_ordinary_write_takes_a_field_over(kube: Kube, web: Web) -> None:
    kube.apply(web(replicas=0))
    patch = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}, "minReadySeconds": 3}}
    status, changed = kube.call(
        kube.apps.patch_namespaced_deployment,
        "web",
        kube.namespace,
        patch,
        field_manager="kubectl",
        _content_type="application/merge-patch+json",
    )
    assert (status, changed["spec"]["minReadySeconds"]) == (200, 3)
    body = web(replicas=0, spec={"minReadySeconds": 4})
    status, refusal = kube.apply(body)
    (cause,) = refusal["details"]["causes"]
    assert (cause["message"], cause["field"]) == ('conflict with "kubectl" using apps/v1', ".spec.minReadySeconds")
    # what they set stays over an apply that does not name it
    assert kube.apply(web(replicas=0))[1]["spec"]["minReadySeconds"] == 3
