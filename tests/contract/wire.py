"""The Kubernetes API without a client between: what a server answers, to the letter."""

from __future__ import annotations

import json
import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from deployer.interfaces import ClusterTarget
from tests.contract.cluster_stand_in import workload
from tests.controlplane.plane import PRESENT
from tests.patience import wait_for

Json = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
PODS = "/api/v1/namespaces/{ns}/pods"
CORE = "/api/v1/namespaces/{ns}"
SCALERS = "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers"


@dataclass(frozen=True)
class Answer:
    """Status code, media type, and the body: JSON, or its text."""

    status: int
    media_type: str
    body: Any
    headers: httpx.Headers = field(repr=False, default_factory=httpx.Headers)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status code, reason and message of a Status object."""
        return self.status, self.body.get("reason", ""), self.body["message"]

    @property
    def causes(self) -> list[tuple[str, str]]:
        """Reason and field of each cause."""
        causes = self.body.get("details", {}).get("causes") or []
        return [(cause.get("reason", ""), cause.get("field", "")) for cause in causes]


class Wire:
    """One server and a namespace of its own. ``{ns}`` in a path is that namespace."""

    def __init__(self, target: ClusterTarget) -> None:
        self.namespace = f"prism4k-demo-{uuid.uuid4().hex[:10]}"
        verify = ssl.create_default_context(cadata=target.ca_pem) if target.ca_pem else True
        headers = {"Authorization": f"Bearer {target.token}"}
        self.http = httpx.Client(
            base_url=target.url, verify=verify, headers=headers, timeout=20, trust_env=False, follow_redirects=False
        )

    def call(self, method: str, path: str, body: Any = None, *, media_type: str = "", **query: Any) -> Answer:
        """One request; ``query`` names with a trailing underscore lose it."""
        headers = {"Content-Type": media_type or "application/json"} if body is not None else {}
        content = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        params = {name.rstrip("_"): str(value) for name, value in query.items()}
        answer = self.http.request(
            method, path.format(ns=self.namespace), content=content, headers=headers, params=params
        )
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        found = answer.json() if kind == "application/json" else answer.text
        return Answer(answer.status_code, kind, found, answer.headers)

    def apply(self, path: str, body: Json, *, manager: str = "prism4k", **query: Any) -> Answer:
        """Server-side apply of an object at its collection's path."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", **query}
        return self.call("PATCH", f"{path}/{body['metadata']['name']}", body, media_type=APPLY, **query)

    def deploy(self, *, manager: str = "prism4k", scenario: str = "slow 0", force: bool = False, **given: Any) -> Json:
        """Applies a Deployment ``web`` whose pods behave so; returns it."""
        answer = self.apply(DEPLOYMENTS, steady(scenario, **given), manager=manager, force=str(force).lower())
        assert answer.status in (200, 201), answer
        found: Json = answer.body
        return found

    def get(self, path: str) -> Json:
        """An object that must be there."""
        answer = self.call("GET", path)
        assert answer.status == 200, answer
        found: Json = answer.body
        return found

    def items(self, path: str, **query: Any) -> list[Json]:
        """A list's items."""
        answer = self.call("GET", path, **query)
        assert answer.status == 200, answer
        found: list[Json] = answer.body["items"]
        return found

    def complete(self, name: str = "web", generation: int = 0) -> Json:
        """The Deployment once it is complete, as kubectl counts."""

        def done() -> Json | None:
            live = self.get(f"{DEPLOYMENTS}/{name}")
            state, wanted = live["status"], live["spec"]["replicas"]
            counts = {state.get(one, 0) for one in ("replicas", "updatedReplicas", "availableReplicas")}
            is_seen = state.get("observedGeneration", 0) >= max(live["metadata"]["generation"], generation)
            return live if is_seen and counts == {wanted} else None

        found = wait_for(done, f"{name} is complete", 30)
        assert found is not None
        return found

    def watch(self, path: str, **query: Any) -> Iterator[Json]:
        """Events of a watch, until the server ends it."""
        params = {"watch": "1", "timeoutSeconds": "5", **{name: str(value) for name, value in query.items()}}
        with self.http.stream("GET", path.format(ns=self.namespace), params=params) as answer:
            assert answer.status_code == 200, answer.read()
            for line in answer.iter_lines():
                yield json.loads(line)


def steady(scenario: str = "slow 0", **given: Any) -> Json:
    """A Deployment whose image the node has."""
    made = workload(image=f"{PRESENT}app:{given.pop('tag', '1')}", **given)
    made["spec"]["template"]["metadata"]["annotations"] = {"prism4k.io/scenario": scenario}
    return made


def owner_of(live: Json, manager: str) -> Json:
    """The managedFields entry of a manager."""
    (found,) = (entry for entry in live["metadata"]["managedFields"] if entry["manager"] == manager)
    return dict(found)


def bare_pod(name: str = "p", **spec: Any) -> Json:
    """A Pod of one container with resources."""
    template: Json = workload(image=f"{PRESENT}app:1")["spec"]["template"]["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**template, **spec}}
