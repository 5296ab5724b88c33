"""The cluster as the steps need it: apply, observe, remove; facts; changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deployer.adapters.kubernetes import facts, watching
from deployer.adapters.kubernetes.paths import collection_path, object_path
from deployer.adapters.kubernetes.refusals import Answer
from deployer.adapters.kubernetes.session import Session
from deployer.errors import NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import (
    Applied,
    EventFacts,
    Manifest,
    ObjectRef,
    Observation,
    Permission,
    QuotaLine,
    ServerFacts,
)
from deployer.sentences import say as _

FIELD_MANAGER = "prism4k"
PAGE = 500
_APPLY = "application/apply-patch+yaml"


class KubernetesCluster:
    """ClusterClient, ClusterFacts and ClusterWatch of one API server; safe to use from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def close(self) -> None:
        """Give back connections and key files."""
        self._session.close()

    def read(self, namespace: str, ref: ObjectRef) -> Manifest | None:
        """The live object, or None when it is certainly absent."""
        scope = None if ref.kind == "Namespace" else namespace
        try:
            return _object(self._session.read(object_path(ref.api_version, ref.kind, scope, ref.name)))
        except NotFound:
            return None

    def dry_run(self, namespace: str, manifest: Manifest, *, force: bool = False) -> Applied:
        """Server-side apply with ``dryRun=All``; raises Rejected, Conflict(causes), Forbidden, NotFound (namespace)."""
        path, query = _apply_request(namespace, manifest, force=force)
        query = [*query, ("dryRun", "All")]
        return _applied(self._session.ask("PATCH", path, query, manifest, content_type=_APPLY))

    def dry_run_pod(self, namespace: str, pod: Manifest) -> tuple[str, ...]:
        """Dry-run create of a pod: quota, LimitRange and PodSecurity answer here. Warnings back; raises Rejected."""
        query = [("dryRun", "All"), ("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
        return warnings_of(self._session.ask("POST", collection_path("v1", "Pod", namespace), query, pod))

    def apply(self, namespace: str | None, manifest: Manifest, *, force: bool, deadline: float) -> Applied:
        """Server-side apply as field manager ``prism4k``; a ``metadata.resourceVersion`` in the manifest is the fence.

        Raises Conflict (``is_stale`` when the fence is), Rejected, Forbidden, NotFound, Unavailable, OutcomeUnknown,
        TooLate. Applying the same manifest again is harmless, so an unknown outcome may be settled by reading.
        """
        path, query = _apply_request(namespace, manifest, force=force)
        answer = self._session.write("PATCH", path, query, manifest, deadline=deadline, content_type=_APPLY)
        try:
            return _applied(answer)
        except Unavailable as exc:  # a success that cannot be read is no proof that nothing was done
            raise OutcomeUnknown(_("The cluster accepted the object, but its answer cannot be read.")) from exc

    def observe(self, namespace: str, selector: str) -> Observation:
        """Deployments, ReplicaSets and Pods by label selector: one list each, pods last and so never the oldest."""
        deployments, _version = self._list("apps/v1", "Deployment", namespace, selector)
        replica_sets, _version = self._list("apps/v1", "ReplicaSet", namespace, selector)
        pods, version = self._list("v1", "Pod", namespace, selector)
        return Observation(tuple(deployments), tuple(replica_sets), tuple(pods), version)

    def remove(self, namespace: str, ref: ObjectRef, *, uid: str, deadline: float) -> bool:
        """Delete with the uid as precondition; False when it was gone already. Raises Conflict for another uid."""
        if not uid:
            raise Rejected(_("An object is removed by its uid only, so that no other object of the same name is lost."))
        scope = None if ref.kind == "Namespace" else namespace
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        path = object_path(ref.api_version, ref.kind, scope, ref.name)
        try:
            self._session.write("DELETE", path, (), options, deadline=deadline)
        except NotFound:
            return False
        return True

    def describe(self) -> ServerFacts:
        """Version, our account, latency; certificate expiry and what is unsafe among the notes."""
        return facts.describe(self._session)

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        """All ResourceQuota lines of the namespace."""
        quotas, _version = self._list("v1", "ResourceQuota", namespace, "")
        return facts.quota_lines(quotas)

    def permissions(self, namespace: str) -> tuple[Permission, ...]:
        """Each right that the product uses, asked one by one."""
        return facts.permissions(self._session, namespace)

    def pod_log(
        self, namespace: str, pod: str, *, container: str = "", previous: bool = False, tail_lines: int = 200
    ) -> str:
        """Text of a container's log; raises NotFound for an unknown pod or a container that never ran before."""
        return facts.pod_log(
            self._session, namespace, pod, container=container, previous=previous, tail_lines=tail_lines
        )

    def events(self, namespace: str, uid: str) -> tuple[EventFacts, ...]:
        """Events about one object, oldest first."""
        query = [("fieldSelector", f"involvedObject.uid={uid}")]
        items, _version = self._pages(collection_path("v1", "Event", namespace), query)
        return facts.event_facts(items)

    def changes(self, namespace: str, selector: str, *, seconds: int) -> Iterator[str]:
        """Names of pods, replica sets and deployments that change, until ``seconds`` passed or the stream broke."""
        return watching.changes(self._session, namespace, selector, seconds=seconds)

    def _list(self, api_version: str, kind: str, namespace: str, selector: str) -> tuple[list[Manifest], str]:
        query = [("labelSelector", selector)] if selector else []
        return self._pages(collection_path(api_version, kind, namespace), query)

    def _pages(self, path: str, query: list[tuple[str, str]]) -> tuple[list[Manifest], str]:
        """All items, without managedFields (most of their bytes), and the list's resourceVersion."""
        items: list[Manifest] = []
        token = ""
        while True:
            page = [("limit", str(PAGE))] + ([("continue", token)] if token else [])
            answer = _object(self._session.read(path, [*query, *page]))
            for item in answer.get("items") or ():
                item.get("metadata", {}).pop("managedFields", None)
                items.append(item)
            head = answer.get("metadata") or {}
            token = str(head.get("continue") or "")
            if not token:
                return items, str(head.get("resourceVersion") or "")


def _apply_request(namespace: str | None, manifest: Manifest, *, force: bool) -> tuple[str, list[tuple[str, str]]]:
    metadata = manifest.get("metadata") or {}
    path = object_path(
        str(manifest.get("apiVersion")), str(manifest.get("kind")), namespace, str(metadata.get("name") or "")
    )
    query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
    return path, [*query, ("force", "true")] if force else query


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError as exc:
        raise Unavailable(_("The cluster's answer cannot be read.")) from exc
    if not isinstance(found, dict):
        raise Unavailable(_("The cluster's answer cannot be read."))
    return found


def _applied(answer: Answer) -> Applied:
    return Applied(_object(answer), warnings_of(answer), created=answer.status == 201)


def warnings_of(answer: Answer) -> tuple[str, ...]:
    """Texts of the ``Warning: 299 - "…"`` headers (deprecations, PodSecurity findings)."""
    headers: Any = answer.headers
    return tuple(text for header in headers.getlist("Warning") if (text := facts.warning_text(header)))
