"""The cluster as the steps need it: apply, observe, remove; facts; one client per target and process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from deployer.adapters.answers import json_object
from deployer.adapters.kubernetes import facts, logs, proxy
from deployer.adapters.kubernetes.refusals import Answer
from deployer.adapters.kubernetes.session import (
    METADATA_ONLY,
    Session,
    collection_path,
    everywhere_path,
    object_path,
)
from deployer.autoscaling import find_of
from deployer.entry import Expectation
from deployer.errors import Forbidden, NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import (
    Applied,
    ClusterTarget,
    EntryAnswer,
    EventFacts,
    LogWanted,
    Manifest,
    NodeFacts,
    ObjectRef,
    Observation,
    OnAnswer,
    Permission,
    QuotaLine,
    ServerFacts,
    TimedLog,
)
from deployer.manifests import MANAGER
from deployer.manifests.policy import KINDS
from deployer.messages import message as _
from deployer.parallel import answers
from deployer.rights import ASK_SERVICES, rights_in

FIELD_MANAGER = MANAGER
PAGE = 500
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"


class KubernetesCluster:
    """ClusterClient and ClusterFacts of one API server; safe to use from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def heard_by(self, on_answer: OnAnswer) -> KubernetesCluster:
        """The same client over the same connections, which tells of each answer."""
        return KubernetesCluster(self._session.heard_by(on_answer))

    def close(self) -> None:
        """Give back connections and key files."""
        self._session.close()

    def read(self, namespace: str, ref: ObjectRef, *, seconds: float = 0) -> Manifest | None:
        """The live object, or None when it is certainly absent; ``seconds`` until then, where somebody waits."""
        scope = None if ref.kind == "Namespace" else namespace
        try:
            path = object_path(ref.api_version, ref.kind, scope, ref.name)
            return _object(self._session.read(path, seconds=seconds))
        except NotFound:
            return None

    def read_all(
        self, namespace: str, refs: Iterable[ObjectRef], *, seconds: float = 0
    ) -> dict[ObjectRef, Manifest | None]:
        """:meth:`read` of each, several at a time."""
        wanted = list(refs)
        return dict(zip(wanted, answers(lambda ref: self.read(namespace, ref, seconds=seconds), wanted), strict=True))

    def is_there(self, namespace: str, ref: ObjectRef) -> bool:
        """Whether there is an object of this name; its content is not asked for. Raises Forbidden, Unavailable."""
        try:
            self._session.read(object_path(ref.api_version, ref.kind, namespace, ref.name), accept=METADATA_ONLY)
        except NotFound:
            return False
        return True

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

    def adopt(self, namespace: str, live: Manifest, owners: list[Manifest], *, deadline: float) -> Manifest:
        """Write ``owners`` as the ``managedFields`` of ``live``, whose version is the fence; the object as it is then.

        Nothing else of it changes. Raises what :meth:`apply` raises; twice is harmless.
        """
        metadata = live["metadata"]
        body = [
            {"op": "replace", "path": "/metadata/managedFields", "value": owners},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        ]
        path = object_path(live["apiVersion"], live["kind"], namespace, metadata["name"])
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
        answer = self._session.write("PATCH", path, query, body, deadline=deadline, content_type=_JSON_PATCH)
        try:
            return _object(answer)
        except Unavailable as exc:
            raise OutcomeUnknown(_("The cluster accepted the object, but its answer cannot be read.")) from exc

    def observe(self, namespace: str, selector: str) -> Observation:
        """Deployments, ReplicaSets and Pods by label selector: one list each, pods last and so never the oldest."""
        deployments, replica_sets = answers(
            lambda kind: self._list("apps/v1", kind, namespace, selector)[0], ("Deployment", "ReplicaSet")
        )
        pods, version = self._list("v1", "Pod", namespace, selector)
        return Observation(tuple(deployments), tuple(replica_sets), tuple(pods), version)

    def inventory(self, namespace: str, selector: str) -> tuple[Manifest, ...]:
        """Every object of the kinds that the product applies, by label selector: one list a kind, in their order."""
        lists = answers(lambda kind: self._list(KINDS[kind], kind, namespace, selector)[0], KINDS)
        # Items of a list do not say what they are.
        return tuple(
            {**item, "apiVersion": version, "kind": kind}
            for (kind, version), items in zip(KINDS.items(), lists, strict=True)
            for item in items
        )

    def remove(self, namespace: str, ref: ObjectRef, *, uid: str, deadline: float, resource_version: str = "") -> bool:
        """Delete with the uid as precondition; False when it was gone already.

        Raises Conflict for another uid, and with ``resource_version`` also when the object has changed since. What has
        finalizers stays, with a ``deletionTimestamp``, until who set them takes them away.
        """
        if not uid:
            raise Rejected(_("An object is removed by its uid only, so that no other object of the same name is lost."))
        scope = None if ref.kind == "Namespace" else namespace
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, **({"resourceVersion": resource_version} if resource_version else {})},
        }
        path = object_path(ref.api_version, ref.kind, scope, ref.name)
        try:
            self._session.write("DELETE", path, (), options, deadline=deadline)
        except NotFound:
            return False
        return True

    def ping(self, *, seconds: float) -> None:
        """Is it there? Any answer within so many seconds will do, a refusal too; raises Unavailable."""
        self._session.ping(seconds=seconds)

    def describe(self) -> ServerFacts:
        """Version, our account, latency; certificate expiry and what is unsafe among the notes."""
        return facts.describe(self._session)

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        """All ResourceQuota lines of the namespace."""
        quotas, _version = self._list("v1", "ResourceQuota", namespace, "")
        return facts.quota_lines(quotas)

    def nodes(self, *, most_nodes: int, most_pods: int) -> tuple[NodeFacts, ...]:
        """Every node with its free capacity; lists all nodes and pods. Raises Forbidden, Rejected beyond the bounds."""
        return facts.free_capacity(
            self._items(everywhere_path("Node"), [], most_nodes),
            self._items(everywhere_path("Pod"), facts.NOT_ENDED, most_pods),
        )

    def limit_ranges(self, namespace: str) -> tuple[Manifest, ...]:
        """The namespace's LimitRanges; () also for an account that may not list them."""
        try:
            ranges, _version = self._list("v1", "LimitRange", namespace, "")
        except (Forbidden, NotFound):
            return ()
        return tuple(ranges)

    def autoscaler(self, namespace: str, workload: str) -> Manifest | None:
        """The HorizontalPodAutoscaler that scales the Deployment of this name, ours or not; None without one."""
        return find_of(self.autoscalers(namespace, ""), workload)

    def autoscalers(self, namespace: str, selector: str) -> tuple[Manifest, ...]:
        """HorizontalPodAutoscalers with their status, by label selector: one list. Raises Forbidden."""
        found, _version = self._list("autoscaling/v2", "HorizontalPodAutoscaler", namespace, selector)
        return tuple(found)

    def ask_service(self, namespace: str, service: str, port: str, path: str, wanted: Expectation) -> EntryAnswer:
        """GET of a Service's port through the API server, within 5 s; the server's own refusals are answers too.

        Raises Unavailable when the API server does not answer: that says nothing of the application.
        """
        return proxy.ask_service(self._session, namespace, service, port, path, wanted)

    def permissions(
        self, namespace: str, pull_secrets: Sequence[str] = (), *, asks_services: bool = False
    ) -> tuple[Permission, ...]:
        """Each right that the product uses, asked one by one; the other arguments as for ``rights_in``."""
        rights = rights_in(pull_secrets, asks_services=asks_services)
        return facts.permissions(self._session, namespace, rights)

    def may_ask_services(self, namespace: str) -> bool:
        """Whether the account has the right that an entry check by Service needs."""
        return all(one.is_allowed for one in facts.permissions(self._session, namespace, (ASK_SERVICES,)))

    def pod_log(
        self, namespace: str, pod: str, *, container: str = "", previous: bool = False, tail_lines: int = 200
    ) -> str:
        """Text of a container's log; raises NotFound for an unknown pod or a container that never ran before."""
        return logs.pod_log(
            self._session, namespace, pod, container=container, previous=previous, tail_lines=tail_lines
        )

    def timed_log(self, namespace: str, pod: str, wanted: LogWanted) -> TimedLog:
        """Lines of a container's log with the node's times; raises NotFound like :meth:`pod_log`."""
        return logs.timed_log(self._session, namespace, pod, wanted)

    def events(self, namespace: str, uid: str) -> tuple[EventFacts, ...]:
        """Events about one object, oldest first."""
        query = [("fieldSelector", f"involvedObject.uid={uid}")]
        items, _version = self._pages(collection_path("v1", "Event", namespace), query)
        return facts.event_facts(items)

    def _list(self, api_version: str, kind: str, namespace: str, selector: str) -> tuple[list[Manifest], str]:
        query = [("labelSelector", selector)] if selector else []
        return self._pages(collection_path(api_version, kind, namespace), query)

    def _pages(self, path: str, query: list[tuple[str, str]]) -> tuple[list[Manifest], str]:
        """All items, without managedFields (most of their bytes), and the list's resourceVersion."""
        items: list[Manifest] = []
        token = ""
        while True:
            page, token, version = self._page(path, query, token)
            items += page
            if not token:
                return items, version

    def _items(self, path: str, query: list[tuple[str, str]], most: int) -> Iterator[Manifest]:
        """Item by item, so that no more than a page is held; raises Rejected when there are more than ``most``."""
        count, token = 0, ""
        while True:
            page, token, _version = self._page(path, query, token)
            count += len(page)
            if count > most:
                raise Rejected(_("there are more than %(most)s under %(path)s", most=most, path=path), reason="many")
            yield from page
            if not token:
                return

    def _page(self, path: str, query: list[tuple[str, str]], token: str) -> tuple[list[Manifest], str, str]:
        """One page: its items without managedFields, the token of the next one, the list's resourceVersion."""
        page = [("limit", str(PAGE))] + ([("continue", token)] if token else [])
        answer = _object(self._session.read(path, [*query, *page]))
        items: list[Manifest] = answer.get("items") or []
        for item in items:
            item.get("metadata", {}).pop("managedFields", None)
        head = answer.get("metadata") or {}
        return items, str(head.get("continue") or ""), str(head.get("resourceVersion") or "")


def _apply_request(namespace: str | None, manifest: Manifest, *, force: bool) -> tuple[str, list[tuple[str, str]]]:
    metadata = manifest.get("metadata") or {}
    path = object_path(
        str(manifest.get("apiVersion")), str(manifest.get("kind")), namespace, str(metadata.get("name") or "")
    )
    query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
    return path, [*query, ("force", "true")] if force else query


def _object(answer: Answer) -> dict[str, Any]:
    return json_object(answer.body, _("The cluster's answer cannot be read."))


def _applied(answer: Answer) -> Applied:
    return Applied(_object(answer), warnings_of(answer), created=answer.status == 201)


def warnings_of(answer: Answer) -> tuple[str, ...]:
    """Texts of the ``Warning: 299 - "…"`` headers (deprecations, PodSecurity findings)."""
    headers: Any = answer.headers
    return tuple(text for header in headers.getlist("Warning") if (text := facts.warning_text(header)))


class _Clients:
    """Clients by the target's key; new credentials replace the client of the same key, and so does a name that moved:
    its old address may answer for long, with what is no longer true."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[ClusterTarget, KubernetesCluster]] = {}
        self._pid = os.getpid()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # TLS connections shared with the parent would be garbled: leave them to it, and start with none.
        self._lock = threading.Lock()
        self._known = {}

    def get(self, target: ClusterTarget) -> KubernetesCluster:
        """The client for exactly this target."""
        with self._lock:
            known = self._known.get(target.key)
            if known is not None and known[0] == target and not target.has_moved_from(known[0]):
                return known[1]
            client = KubernetesCluster(Session(target))
            self._known[target.key] = (target, client)
        if known is not None:
            known[1].close()
        return client

    def drop(self, key: str) -> None:
        """Close and forget the client of a key."""
        with self._lock:
            known = self._known.pop(key, None)
        if known is not None:
            known[1].close()


_CLIENTS = _Clients()


def connect(target: ClusterTarget, *, on_answer: OnAnswer | None = None) -> KubernetesCluster:
    """The client for a target: made at the first call in this process, made anew when the target changed.

    With ``on_answer`` a view of it that tells of each answer. Connects to nothing yet. Raises Rejected for an address
    or certificates that cannot be used.
    """
    client = _CLIENTS.get(target)
    return client if on_answer is None else client.heard_by(on_answer)


def disconnect(key: str) -> None:
    """Close the client of a target's key, for example when the cluster is deleted."""
    _CLIENTS.drop(key)
