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
    token = {"Authorization": f"Bearer {product.secret('kubernetes')}"}
    path = f"apis/apps/v1/namespaces/{NAMESPACE_PREFIX}-{project}-{environment}/{kind}"
    answer = httpx.get(f"{product.stand_in('kubernetes')}/{path}", headers=token)
    assert answer.status_code == 200, answer.text[:300]
    found: list[dict[str, Any]] = answer.json()["items"]
    return found
