"""The role to copy lets the account keep the Secrets that are named in it, making them included, and no others."""

from __future__ import annotations

import uuid

import pytest
import yaml

from deployer.rights import account_manifest
from tests.contract.wire import CORE, Wire
from tests.controlplane.plane import Plane
from tests.patience import wait_for

pytestmark = pytest.mark.controlplane

ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}"


def test_a_name_bounds_making_it_too(plane: Plane) -> None:
    wire = Wire(plane.target())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wire.namespace}}
    assert wire.call("POST", "/api/v1/namespaces", namespace).status == 201
    name = f"prism4k-pull-{uuid.uuid4().hex[:6]}"
    manifest = account_manifest([wire.namespace], with_cluster_role=False, pull_secrets={wire.namespace: [name]})
    for one in yaml.safe_load_all(manifest):
        if one["kind"] in ("Role", "RoleBinding"):
            assert wire.call("POST", f"{ROLES}/{one['kind'].lower()}s", one).status == 201
    wire.http.headers["Impersonate-User"] = "system:serviceaccount:prism4k:prism4k"
    # The server hears of a role by a watch of its own: a moment later.
    wait_for(lambda: wire.call("GET", f"{CORE}/secrets/{name}").status == 404, "the role is in force", 20)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": "MQ=="}}
    assert wire.apply(f"{CORE}/secrets", secret).status == 201
    assert wire.apply(f"{CORE}/secrets", secret | {"data": {"a": "Mg=="}}).status == 200
    assert wire.call("GET", f"{CORE}/secrets/{name}").status == 200
    assert wire.call("GET", f"{CORE}/secrets").status == 403, "it lists none"
    other = {**secret, "metadata": {"name": "other"}}
    assert wire.apply(f"{CORE}/secrets", other).status == 403
    assert wire.call("DELETE", f"{CORE}/secrets/{name}").status == 200
    wire.http.close()
