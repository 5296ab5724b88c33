"""How an API server refuses: status code, reason, message and causes, to the letter."""

from typing import Any

import pytest

from tests.contract.wire import APPLY, CORE, DEPLOYMENTS, MERGE, PODS, Wire, bare_pod, steady

pytestmark = pytest.mark.contract


def config_map(name: str = "c", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_a_missing_object_is_named_with_its_resource(wire: Wire) -> None:
    answer = wire.call("GET", f"{DEPLOYMENTS}/web")
    assert answer.refusal == (404, "NotFound", 'deployments.apps "web" not found')
    assert answer.body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
    assert answer.body["kind"] == "Status" and answer.body["status"] == "Failure" and answer.body["code"] == 404


def test_a_list_in_a_namespace_that_is_not_there_is_empty(wire: Wire) -> None:
    assert wire.items("/api/v1/namespaces/no-such-namespace/pods") == []


def test_nothing_is_created_in_a_namespace_that_is_not_there(wire: Wire) -> None:
    answer = wire.call("POST", "/api/v1/namespaces/no-such-namespace/configmaps", config_map())
    assert answer.refusal == (404, "NotFound", 'namespaces "no-such-namespace" not found')


def test_what_exists_is_not_created_again(wire: Wire) -> None:
    assert wire.call("POST", f"{CORE}/configmaps", config_map()).status == 201
    assert wire.call("POST", f"{CORE}/configmaps", config_map()).refusal == (
        409, "AlreadyExists", 'configmaps "c" already exists',
    )  # fmt: skip


def test_a_wrong_token_is_401(wire: Wire) -> None:
    wire.http.headers["Authorization"] = "Bearer no-such-token"
    assert wire.call("GET", PODS).refusal == (401, "Unauthorized", "Unauthorized")


def test_an_unknown_path_is_plain_text(wire: Wire) -> None:
    answer = wire.call("GET", "/apis/no.such.group/v1/things")
    assert (answer.status, answer.media_type, answer.body.strip()) == (404, "text/plain", "404 page not found")


def test_a_patch_of_another_type_is_415(wire: Wire) -> None:
    answer = wire.call("PATCH", f"{DEPLOYMENTS}/web", {}, media_type="application/x-something")
    assert answer.status == 415 and answer.body["reason"] == "UnsupportedMediaType"


def test_an_apply_names_its_manager(wire: Wire) -> None:
    answer = wire.call("PATCH", f"{DEPLOYMENTS}/web", steady(), media_type=APPLY)
    assert answer.status == 422 and ("FieldValueRequired", "fieldManager") in answer.causes


def test_a_dry_run_knows_one_word(wire: Wire) -> None:
    answer = wire.apply(DEPLOYMENTS, steady(), dryRun="true")
    assert answer.status == 422 and answer.causes == [("FieldValueNotSupported", "dryRun")]


def test_a_body_that_is_no_json_is_400(wire: Wire) -> None:
    assert wire.call("POST", f"{CORE}/configmaps", "{").refusal[:2] == (400, "BadRequest")


@pytest.mark.parametrize(("part", "value"), [("name", "other"), ("namespace", "elsewhere")], ids=["name", "namespace"])
def test_the_body_names_what_the_address_names(wire: Wire, part: str, value: str) -> None:
    body = steady()
    body["metadata"][part] = value
    answer = wire.call("PATCH", f"{DEPLOYMENTS}/web", body, media_type=APPLY, fieldManager="prism4k")
    assert answer.refusal[:2] == (400, "BadRequest")


def test_an_unknown_field_is_a_500_without_a_reason(wire: Wire) -> None:
    body = steady()
    body["spec"]["replicaz"] = 1
    status, reason, message = wire.apply(DEPLOYMENTS, body).refusal
    assert (status, reason) == (500, "")
    assert message.startswith("failed to create typed patch object (") and message.endswith(
        "/web; apps/v1, Kind=Deployment): .spec.replicaz: field not declared in schema"
    )


def test_a_value_of_another_type_is_a_500_without_a_reason(wire: Wire) -> None:
    body = steady()
    body["spec"]["replicas"] = "two"
    status, reason, message = wire.apply(DEPLOYMENTS, body).refusal
    assert (status, reason) == (500, "")
    assert message.startswith("failed to create typed patch object (") and ".spec.replicas: expected numeric" in message


def test_two_variables_of_one_name_are_a_500(wire: Wire) -> None:
    body = steady(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])
    status, reason, message = wire.apply(DEPLOYMENTS, body).refusal
    assert (status, reason) == (500, "") and "duplicate entries for key" in message


def test_a_bad_quantity_is_a_500_that_says_so(wire: Wire) -> None:
    body = steady(resources={"limits": {"cpu": "1 core"}})
    status, reason, message = wire.apply(DEPLOYMENTS, body).refusal
    assert (status, reason) == (500, "") and "quantities must match the regular expression" in message


def test_a_request_above_its_limit_is_422(wire: Wire) -> None:
    body = steady(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})
    answer = wire.apply(DEPLOYMENTS, body)
    assert answer.refusal[:2] == (422, "Invalid")
    assert answer.causes == [("FieldValueInvalid", "spec.template.spec.containers[0].resources.requests")]
    assert "must be less than or equal to cpu limit of 1" in answer.body["message"]


def test_a_name_that_is_no_name_is_422(wire: Wire) -> None:
    answer = wire.call("POST", f"{CORE}/configmaps", config_map("Not_A_Name"))
    assert answer.refusal[:2] == (422, "Invalid") and answer.causes == [("FieldValueInvalid", "metadata.name")]


def test_a_service_name_may_begin_with_a_digit(wire: Wire) -> None:
    """So since 1.36; older clusters refuse it, and so does the product."""
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "2048-svc"}, "spec": {"ports": [{"port": 80}]}}
    assert wire.apply(f"{CORE}/services", body).status == 201


def test_a_config_map_of_more_than_a_mebibyte_is_422(wire: Wire) -> None:
    answer = wire.call("POST", f"{CORE}/configmaps", config_map(text="x" * (1024 * 1024 + 1)))
    assert answer.refusal[:2] == (422, "Invalid") and answer.causes[0][0] == "FieldValueTooLong"


def test_managed_fields_are_never_sent(wire: Wire) -> None:
    body = steady()
    body["metadata"]["managedFields"] = [{"manager": "x"}]
    assert wire.apply(DEPLOYMENTS, body).refusal == (400, "BadRequest", "metadata.managedFields must be nil")


def test_another_uid_is_refused(wire: Wire) -> None:
    wire.deploy(replicas=0)
    body = steady(replicas=0)
    body["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    answer = wire.apply(DEPLOYMENTS, body)
    assert answer.refusal[:2] == (422, "Invalid") and set(answer.causes) == {("FieldValueInvalid", "metadata.uid")}


def test_a_stale_version_is_a_conflict_without_causes(wire: Wire) -> None:
    old = wire.deploy(replicas=0)["metadata"]["resourceVersion"]
    wire.deploy(replicas=0, tag="2")
    body = steady(replicas=0, tag="3")
    body["metadata"]["resourceVersion"] = old
    answer = wire.apply(DEPLOYMENTS, body)
    assert answer.refusal == (
        409, "Conflict", 'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again",
    )  # fmt: skip
    assert answer.causes == []


def test_an_unknown_field_selector_is_400(wire: Wire) -> None:
    answer = wire.call("GET", PODS, fieldSelector="spec.foo=bar")
    assert answer.refusal[:2] == (400, "BadRequest") and "field label not supported: spec.foo" in answer.body["message"]


def test_a_pod_without_containers_is_422(wire: Wire) -> None:
    answer = wire.call("POST", PODS, bare_pod(containers=[]), dryRun="All")
    assert answer.refusal[:2] == (422, "Invalid") and ("FieldValueRequired", "spec.containers") in answer.causes


def test_a_merge_patch_of_what_is_not_there_is_404(wire: Wire) -> None:
    answer = wire.call("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 1}}, media_type=MERGE)
    assert answer.refusal == (404, "NotFound", 'deployments.apps "web" not found')
