"""What the stand-ins have really done, asked of themselves."""

from __future__ import annotations

from typing import Any

import httpx

from demo.world import NAMESPACE_PREFIX
from tests.whole.product import Product

JENKINS_USER = "prism4k"


def builds_with_trigger(product: Product, job: str, trigger_id: str) -> list[int]:
    """The numbers of Jenkins' builds that bear this TRIGGER_ID."""
    auth = (JENKINS_USER, product.secret("jenkins"))
    tree = "builds[number,actions[parameters[name,value]]]"
    answer = httpx.get(f"{product.stand_in('jenkins')}/job/{job}/api/json", params={"tree": tree}, auth=auth)
    assert answer.status_code == 200, answer.text[:300]
    return [build["number"] for build in answer.json()["builds"] if parameter(build, "TRIGGER_ID") == trigger_id]


def parameter(build: dict[str, Any], name: str) -> str:
    """One parameter of a build."""
    found = [p["value"] for action in build["actions"] for p in action.get("parameters", ()) if p["name"] == name]
    return str(found[0]) if found else ""


def objects(product: Product, project: str, environment: str, kind: str) -> list[dict[str, Any]]:
    """``deployments`` or ``replicasets`` of a project's namespace."""
    answer = httpx.get(_address(product, project, environment, kind), headers=_token(product))
    assert answer.status_code == 200, answer.text[:300]
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def remove_all(product: Product, project: str, environment: str, kind: str) -> None:
    """Delete the objects of that kind, as somebody with kubectl does."""
    for found in objects(product, project, environment, kind):
        path = f"{_address(product, project, environment, kind)}/{found['metadata']['name']}"
        assert httpx.delete(path, headers=_token(product)).status_code == 200


def leave_behind(product: Product, project: str, environment: str, name: str) -> str:
    """A ConfigMap as an earlier deployment of the component that runs there would have left it; its uid."""
    (workload, *_rest) = objects(product, project, environment, "deployments")
    metadata = {name: workload["metadata"][name] for name in ("labels", "annotations")}
    metadata["annotations"] = {
        key: text
        for key, text in metadata["annotations"].items()
        if key in ("prism4k.io/project", "prism4k.io/component")
    }
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"a": "b"}}
    answer = httpx.patch(
        _config_map(product, project, environment, name),
        params={"fieldManager": "prism4k", "force": "true"},
        json=body,
        headers={**_token(product), "Content-Type": "application/apply-patch+yaml"},
    )
    assert answer.status_code in (200, 201), answer.text[:300]
    return str(answer.json()["metadata"]["uid"])


def config_map_uid(product: Product, project: str, environment: str, name: str) -> str:
    """The uid of that ConfigMap; empty where there is none."""
    answer = httpx.get(_config_map(product, project, environment, name), headers=_token(product))
    assert answer.status_code in (200, 404), answer.text[:300]
    return str(answer.json()["metadata"]["uid"]) if answer.status_code == 200 else ""


def _config_map(product: Product, project: str, environment: str, name: str) -> str:
    base = f"{product.stand_in('kubernetes')}/api/v1/namespaces"
    return f"{base}/{NAMESPACE_PREFIX}-{project}-{environment}/configmaps/{name}"


def _token(product: Product) -> dict[str, str]:
    return {"Authorization": f"Bearer {product.secret('kubernetes')}"}


def _address(product: Product, project: str, environment: str, kind: str) -> str:
    path = f"apis/apps/v1/namespaces/{NAMESPACE_PREFIX}-{project}-{environment}/{kind}"
    return f"{product.stand_in('kubernetes')}/{path}"
