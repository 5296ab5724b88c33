"""Who owns which field: managedFields, conflicts, what force takes, and what is left when a field is dropped."""

import pytest

from tests.contract.wire import APPLY, CORE, DEPLOYMENTS, MERGE, Wire, owner_of, steady

pytestmark = pytest.mark.contract


def test_an_apply_is_written_down_field_by_field(wire: Wire) -> None:
    entry = owner_of(wire.deploy(replicas=0), "prism4k")
    assert (entry["operation"], entry["apiVersion"], entry["fieldsType"]) == ("Apply", "apps/v1", "FieldsV1")
    assert "subresource" not in entry and entry["time"].endswith("Z")
    spec = entry["fieldsV1"]["f:spec"]
    assert spec["f:replicas"] == {}
    container = spec["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert container["."] == {} and container["f:image"] == {} and container["f:name"] == {}
    assert spec["f:selector"] == {}


def test_ports_are_keyed_by_number_and_protocol(wire: Wire) -> None:
    entry = owner_of(wire.deploy(replicas=0, ports=[{"containerPort": 8080}]), "prism4k")
    container = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert list(container["f:ports"]) == ['k:{"containerPort":8080,"protocol":"TCP"}']


def test_the_same_apply_again_changes_nothing(wire: Wire) -> None:
    first = wire.deploy(replicas=0)
    wire.complete()
    again = wire.deploy(replicas=0)
    live = wire.get(f"{DEPLOYMENTS}/web")
    assert again["metadata"]["generation"] == first["metadata"]["generation"] == 1
    assert wire.deploy(replicas=0)["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]


def test_another_value_of_another_manager_is_a_conflict(wire: Wire) -> None:
    wire.deploy(manager="first", replicas=0)
    answer = wire.apply(DEPLOYMENTS, steady(replicas=3), manager="second")
    assert answer.refusal[:2] == (409, "Conflict")
    (cause,) = answer.body["details"]["causes"]
    assert cause == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "first"',
        "field": ".spec.replicas",
    }
    assert answer.body["message"] == 'Apply failed with 1 conflict: conflict with "first": .spec.replicas'


def test_two_conflicts_are_counted_and_listed(wire: Wire) -> None:
    wire.deploy(manager="first", replicas=0)
    answer = wire.apply(DEPLOYMENTS, steady(replicas=3, tag="2"), manager="second")
    fields = {cause["field"] for cause in answer.body["details"]["causes"]}
    assert fields == {".spec.replicas", '.spec.template.spec.containers[name="web"].image'}
    assert answer.body["message"].startswith('Apply failed with 2 conflicts: conflicts with "first":\n- .spec.')


def test_the_same_value_is_shared(wire: Wire) -> None:
    wire.deploy(manager="first", replicas=0)
    live = wire.deploy(manager="second", replicas=0)
    assert "f:replicas" in owner_of(live, "first")["fieldsV1"]["f:spec"]
    assert "f:replicas" in owner_of(live, "second")["fieldsV1"]["f:spec"]


def test_force_takes_the_field_and_leaves_the_rest(wire: Wire) -> None:
    wire.deploy(manager="first", replicas=0)
    body = {**steady(), "spec": {"replicas": 1}}
    body["metadata"] = {"name": "web"}
    answer = wire.apply(DEPLOYMENTS, body, manager="second", force="true")
    assert answer.status == 200, answer
    assert "f:replicas" not in owner_of(answer.body, "first")["fieldsV1"]["f:spec"]
    assert owner_of(answer.body, "second")["fieldsV1"] == {"f:spec": {"f:replicas": {}}}


def test_a_field_that_is_no_longer_sent_goes_back_to_its_default(wire: Wire) -> None:
    wire.deploy(replicas=3, scenario="never-ready")
    body = steady("never-ready")
    del body["spec"]["replicas"]
    assert wire.apply(DEPLOYMENTS, body).body["spec"]["replicas"] == 1


def test_what_another_one_shares_stays(wire: Wire) -> None:
    wire.deploy(manager="first", replicas=0)
    wire.deploy(manager="second", replicas=0)
    body = steady()
    del body["spec"]["replicas"]
    assert wire.apply(DEPLOYMENTS, body, manager="first").body["spec"]["replicas"] == 0


def test_a_variable_that_is_no_longer_sent_is_gone(wire: Wire) -> None:
    wire.deploy(replicas=0, env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    live = wire.deploy(replicas=0, env=[{"name": "B", "value": "2"}])
    assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "B", "value": "2"}]


def test_a_scaler_owns_replicas_through_the_subresource(wire: Wire) -> None:
    wire.deploy(replicas=0)
    answer = wire.call(
        "PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 2}}, media_type=MERGE, fieldManager="scaler"
    )
    assert answer.status == 200 and answer.body["kind"] == "Scale" and answer.body["spec"] == {"replicas": 2}
    entry = owner_of(wire.get(f"{DEPLOYMENTS}/web"), "scaler")
    assert (entry["operation"], entry["subresource"]) == ("Update", "scale")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    conflict = wire.apply(DEPLOYMENTS, steady(replicas=0))
    (cause,) = conflict.body["details"]["causes"]
    assert cause["message"] == 'conflict with "scaler" with subresource "scale" using apps/v1'
    assert cause["field"] == ".spec.replicas"


def test_after_the_scaler_took_replicas_an_apply_without_them_keeps_the_number(wire: Wire) -> None:
    wire.deploy(replicas=0)
    wire.call("PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 2}}, media_type=MERGE, fieldManager="scaler")
    body = steady()
    del body["spec"]["replicas"]
    answer = wire.apply(DEPLOYMENTS, body)
    assert answer.status == 200 and answer.body["spec"]["replicas"] == 2


def test_a_merge_patch_is_an_update_with_its_time(wire: Wire) -> None:
    wire.deploy(replicas=0)
    patched = wire.call(
        "PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 1}}, media_type=MERGE, fieldManager="kubectl-edit"
    )
    entry = owner_of(patched.body, "kubectl-edit")
    assert (entry["operation"], entry["fieldsV1"]) == ("Update", {"f:spec": {"f:replicas": {}}})
    (cause,) = wire.apply(DEPLOYMENTS, steady(replicas=0)).body["details"]["causes"]
    assert cause["message"] == 'conflict with "kubectl-edit" using apps/v1'


def test_the_generation_counts_specifications_and_annotations_but_no_labels(wire: Wire) -> None:
    """Source: ``pkg/registry/apps/deployment/strategy.go``, PrepareForUpdate."""
    assert wire.deploy(replicas=0)["metadata"]["generation"] == 1
    body = steady(replicas=0)
    body["metadata"]["labels"]["more"] = "yes"
    assert wire.apply(DEPLOYMENTS, body).body["metadata"]["generation"] == 1
    body["metadata"]["annotations"]["more"] = "yes"
    assert wire.apply(DEPLOYMENTS, body).body["metadata"]["generation"] == 2
    assert wire.deploy(replicas=0, tag="2")["metadata"]["generation"] == 3


def test_a_dry_run_shows_the_outcome_and_keeps_nothing(wire: Wire) -> None:
    shown = wire.apply(DEPLOYMENTS, steady(replicas=0), dryRun="All")
    assert shown.status == 201 and shown.body["metadata"]["uid"] and "resourceVersion" not in shown.body["metadata"]
    wire.deploy(replicas=0)
    live = wire.complete()
    changed = wire.apply(DEPLOYMENTS, steady(replicas=0, tag="2"), dryRun="All")
    assert changed.status == 200
    assert changed.body["metadata"]["generation"] == 2
    assert changed.body["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    assert wire.get(f"{DEPLOYMENTS}/web")["metadata"]["generation"] == 1


def test_yaml_is_taken_as_well(wire: Wire) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: '1'\n"
    answer = wire.call("PATCH", f"{CORE}/configmaps/c", text, media_type=APPLY, fieldManager="prism4k")
    assert answer.status == 201 and answer.body["data"] == {"a": "1"}
