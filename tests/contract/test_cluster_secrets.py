"""A registry's credentials as the sync of a space writes them: the fence, who owns it, what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from deployer.errors import Conflict, Rejected
from deployer.interfaces import ABSENT_VERSION, ObjectRef
from environments.steps.pull_secrets import TYPE, is_ours
from tests.contract.cluster_stand_in import Bench, soon
from tests.contract.wire import CORE, Wire

pytestmark = pytest.mark.contract

REF = ObjectRef("v1", "Secret", "prism4k-pull-main")


def secret(password: str = "first", **metadata: Any) -> dict[str, Any]:
    config = json.dumps({"auths": {"registry.example.com": {"username": "robot", "password": password}}})
    return {
        "apiVersion": "v1", "kind": "Secret", "type": TYPE, "metadata": {"name": REF.name, **metadata},
        "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
    }  # fmt: skip


def test_it_is_made_changed_and_removed(bench: Bench) -> None:
    made = bench.apply(secret(resourceVersion=ABSENT_VERSION))
    assert made.created and made.manifest["type"] == TYPE and is_ours(made.manifest)
    again = bench.apply(secret(resourceVersion=made.manifest["metadata"]["resourceVersion"]))
    assert again.manifest["metadata"]["resourceVersion"] == made.manifest["metadata"]["resourceVersion"]
    rotated = bench.apply(secret("second", resourceVersion=made.manifest["metadata"]["resourceVersion"]))
    assert rotated.manifest["data"] == secret("second")["data"]
    uid = rotated.manifest["metadata"]["uid"]
    version = made.manifest["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        bench.client.remove(bench.namespace, REF, uid=uid, resource_version=version, deadline=soon())
    version = rotated.manifest["metadata"]["resourceVersion"]
    assert bench.client.remove(bench.namespace, REF, uid=uid, resource_version=version, deadline=soon())
    assert bench.client.read(bench.namespace, REF) is None


def test_one_that_was_made_meanwhile_is_not_taken_over(bench: Bench, wire: Wire) -> None:
    path = f"{CORE.format(ns=bench.namespace)}/secrets"
    assert wire.call("POST", path, secret(), fieldManager="kubectl-create").status == 201
    with pytest.raises(Conflict):
        bench.apply(secret("second", resourceVersion=ABSENT_VERSION))
    with pytest.raises(Conflict) as refusal:
        bench.apply(secret("second", resourceVersion=ABSENT_VERSION), force=True)
    assert refusal.value.is_stale
    live = bench.client.read(bench.namespace, REF)
    assert live is not None and not is_ours(live) and live["data"] == secret()["data"]


def test_credentials_that_are_none_are_refused_without_being_repeated(bench: Bench) -> None:
    wrong = secret()
    wrong["data"] = {".dockerconfigjson": base64.b64encode(b"hunter2").decode()}
    with pytest.raises(Rejected) as refusal:
        bench.apply(wrong)
    said = f"{refusal.value} {refusal.value.problems}"
    assert "hunter2" not in said and wrong["data"][".dockerconfigjson"] not in said


def test_a_secret_keeps_its_type(bench: Bench) -> None:
    bench.apply(secret())
    with pytest.raises(Rejected):
        bench.apply({**secret(), "type": "Opaque"})
