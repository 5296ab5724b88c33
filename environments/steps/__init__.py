"""What workers do to clusters for this app: one pass of a space sync, one pass of a connection test.

Each write follows three parts: read the object (its resourceVersion), commit the intent under the lease, send with
that version and the lease's deadline. So a worker that slept through its lease cannot put old wishes over newer ones.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from django.db import transaction

from deployer.adapters import kubernetes
from deployer.errors import Conflict, Forbidden, NotFound, OutcomeUnknown, Rejected, Unavailable
from deployer.interfaces import Manifest, ObjectRef, QuotaLine
from environments import reasons
from environments.asked_services import spaces_asking
from environments.models import Cluster, ClusterTest, Space, SpaceSync
from environments.selectors.places import pull_secrets_in
from environments.steps.pull_secrets import Taken, bring_in_line
from environments.targets import cluster_target
from foundation.clock import db_now
from foundation.encryption import SecretUnreadable
from foundation.messages import as_message, join_messages, verbatim
from foundation.messages import message as _
from foundation.problems import Refused
from foundation.runs.engine import Again, Done, Lease, Outcome, RunState, begin
from foundation.runs.finish import finish_own

QUOTA = "prism4k"
"""Name of the one ResourceQuota that is ours in each namespace."""
MANAGED_BY = "app.kubernetes.io/managed-by"
QUOTA_COUNTS_SECONDS = 15.0
"""A new quota counts what runs only after its controller has filled ``status``: so long we wait for it."""
TEST_PASS_SECONDS = 10.0
"""After so long a test writes down what it has and goes on in another pass."""
MOST_NAMESPACES = 200


# ---------------------------------------------------------------- space sync
def sync_space(lease: Lease) -> Outcome:
    """Applies Namespace and ResourceQuota as wanted, then reads until the quota has counted what runs.

    Lost contact goes up to the engine, which tries again until the cluster is back: every pass begins with a read.
    """
    run: SpaceSync = lease.read()
    begin(SpaceSync, lease.pk, fence=lease.fence, owner=lease.owner)
    wanted = run.wanted
    try:
        target = cluster_target(Cluster.objects.get(pk=wanted["cluster"]))
        with lease.open(kubernetes.connect, target) as client:
            if run.seen.get("applied") != wanted:
                return _apply(lease, client, run.space_id, wanted)
            return _read_quotas(lease, client, run)
    except Conflict as error:
        if error.is_stale:
            return Again()
        return _end_sync(lease, wanted, RunState.FAILED, reasons.CONFLICT, as_message(error))
    except Forbidden as error:
        return _end_sync(lease, wanted, RunState.FAILED, reasons.FORBIDDEN, as_message(error))
    except Rejected as error:
        return _end_sync(lease, wanted, RunState.FAILED, reasons.REJECTED, as_message(error))
    except NotFound as error:
        return _end_sync(lease, wanted, RunState.FAILED, reasons.NAMESPACE_MISSING, as_message(error))
    except Refused as error:
        return _end_sync(lease, wanted, RunState.FAILED, reasons.reason_of(error), as_message(error.message))
    except Taken as taken:
        return _end_sync(lease, wanted, RunState.FAILED, reasons.PULL_SECRET_TAKEN, verbatim(str(taken)))
    except SecretUnreadable:
        return _end_sync(lease, wanted, RunState.ERRORED, reasons.SECRET_UNREADABLE, "")


def _apply(lease: Lease, client: Any, space_id: int, wanted: dict[str, Any]) -> Outcome:
    namespace = wanted["namespace"]
    live = _read_namespace(client, namespace)
    if live is not None and _is_of_another_space(live, wanted):
        return _end_sync(lease, wanted, RunState.FAILED, reasons.NAMESPACE_TAKEN, verbatim(namespace))
    if live is not None and (live.get("status") or {}).get("phase") == "Terminating":
        lease.save(phase="terminating")
        return Again(after_seconds=5)
    _write_namespace(lease, client, wanted, live)
    _prove_namespace(client, namespace)
    _write_quota(lease, client, wanted)
    bring_in_line(lease, client, space_id, wanted)
    lease.save(phase="counting", seen={"applied": wanted, "since": db_now().timestamp()})
    return Again()


def _read_namespace(client: Any, namespace: str) -> Manifest | None:
    """The live Namespace; None when it is absent or hidden from us (a right that many clusters do not give)."""
    try:
        live: Manifest | None = client.read(namespace, ObjectRef("v1", "Namespace", namespace))
    except Forbidden:
        return None
    return live


def _is_of_another_space(live: Manifest, wanted: dict[str, Any]) -> bool:
    """True when our own label says that another project or environment lives there."""
    labels = live["metadata"].get("labels") or {}
    if labels.get(MANAGED_BY) != wanted["labels"][MANAGED_BY]:
        return False
    # Earlier versions wrote the names without their prefix.
    known = {name.removeprefix("prism4k.io/"): value for name, value in wanted["labels"].items()} | wanted["labels"]
    return any(labels.get(name, value) != value for name, value in known.items())


def _write_namespace(lease: Lease, client: Any, wanted: dict[str, Any], live: Manifest | None) -> None:
    metadata: dict[str, Any] = {"name": wanted["namespace"], "labels": wanted["labels"]}
    if live is not None:
        present = live["metadata"].get("labels") or {}
        if wanted["labels"].items() <= present.items():
            return
        metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
    lease.save(phase="namespace")
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    try:
        client.apply(None, manifest, force=wanted["force"], deadline=lease.deadline)
    except Forbidden:
        # Without the right to manage namespaces we use one that somebody made for us; its absence shows at the quota.
        return


def _prove_namespace(client: Any, namespace: str) -> None:
    """Raises NotFound when the namespace is not there: who may neither read nor make it is told by a dry run alone."""
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prism4k-probe"}}
    with contextlib.suppress(Forbidden):
        client.dry_run(namespace, probe)


def _write_quota(lease: Lease, client: Any, wanted: dict[str, Any]) -> None:
    namespace, ref = wanted["namespace"], ObjectRef("v1", "ResourceQuota", QUOTA)
    live: Manifest | None = client.read(namespace, ref)
    lease.save(phase="quota")
    if wanted["hard"]:
        metadata: dict[str, Any] = {"name": QUOTA, "namespace": namespace, "labels": wanted["labels"]}
        if live is not None:
            metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
        manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": wanted["hard"]}}
        client.apply(namespace, manifest, force=wanted["force"], deadline=lease.deadline)
    elif live is not None and _is_managed(live, wanted):
        client.remove(namespace, ref, uid=live["metadata"]["uid"], deadline=lease.deadline)


def _is_managed(live: Manifest, wanted: dict[str, Any]) -> bool:
    """A quota of our name that somebody else made is not ours to delete."""
    labels = live["metadata"].get("labels") or {}
    return bool(labels.get(MANAGED_BY) == wanted["labels"][MANAGED_BY])


def _read_quotas(lease: Lease, client: Any, run: SpaceSync) -> Outcome:
    """Reads the quotas of the namespace, once ours has counted or we have waited long enough."""
    namespace, hard = run.wanted["namespace"], run.wanted["hard"]
    live: Manifest | None = client.read(namespace, ObjectRef("v1", "ResourceQuota", QUOTA)) if hard else None
    counted = ((live or {}).get("status") or {}).get("used") or {}
    waited = db_now().timestamp() - float(run.seen["since"])
    if not set(hard) <= set(counted) and 0 <= waited < QUOTA_COUNTS_SECONDS:
        return Again(after_seconds=1)
    lines = client.quota(namespace)
    lease.save(seen=run.seen | {"at": db_now().isoformat(), "quota": [_line(line) for line in lines]})
    return _end_sync(lease, run.wanted, RunState.SUCCEEDED, "", "")


def _line(line: QuotaLine) -> dict[str, Any]:
    return {"quota": line.quota, "resource": line.resource, "hard": line.hard, "used": line.used}


def _end_sync(lease: Lease, wanted: dict[str, Any], to: str, reason: str, message: object) -> Outcome:
    """Ends the run, unless somebody saved the space while we were at it: then the newer wishes get a pass."""
    with transaction.atomic():
        row: SpaceSync = lease.hold()
        if row.wanted != wanted:
            return Again()
        lease.save(message=message)
        finish_own(lease, to=to, reason=reason)
    return Done()


def give_up(lease: Lease, reason: str) -> None:
    """The engine's end of a sync that never came to an end."""
    finish_own(lease, to=RunState.ERRORED, reason=reason)


# ---------------------------------------------------------------- connection test
def test_cluster(lease: Lease) -> Outcome:
    """Who we are there, and per namespace of our spaces every right and quota; a cluster that is away is a result."""
    run: ClusterTest = lease.read()
    begin(ClusterTest, lease.pk, fence=lease.fence, owner=lease.owner)
    try:
        target = cluster_target(Cluster.objects.get(pk=run.cluster_id))
        with lease.open(kubernetes.connect, target, remote="") as client:
            facts = dict(run.facts) or _first_facts(client, run)
            has_more = _ask_namespaces(client, run.cluster_id, facts)
        if has_more:
            lease.save(facts=facts, phase="namespaces")
            return Again()
        lease.save(facts=facts)
    except (Unavailable, OutcomeUnknown) as error:
        return _end_test(lease, RunState.FAILED, reasons.UNREACHABLE, as_message(error))
    except Forbidden as error:
        return _end_test(lease, RunState.FAILED, reasons.FORBIDDEN, as_message(error))
    except (Rejected, NotFound) as error:
        return _end_test(lease, RunState.FAILED, reasons.REJECTED, as_message(error))
    except Refused as error:
        return _end_test(lease, RunState.FAILED, reasons.reason_of(error), as_message(error.message))
    except SecretUnreadable:
        return _end_test(lease, RunState.ERRORED, reasons.SECRET_UNREADABLE, "")
    return _end_test(lease, *_conclusion(facts["namespaces"]))


def _conclusion(places: list[dict[str, Any]]) -> tuple[str, str, object]:
    """State, reason and message of a test that was answered: it succeeds only where every needed right is there."""
    for place in places:
        if "error" in place:
            return RunState.FAILED, reasons.REJECTED, join_messages(verbatim(place["namespace"]), place["error"])
    needed = [
        (one["is_allowed"], place["namespace"], f"{one['verb']} {one['resource']}")
        for place in places
        for one in place["permissions"]
        if one["is_needed"]
    ]
    missing = [(namespace, what) for is_allowed, namespace, what in needed if not is_allowed]
    if not missing:
        return RunState.SUCCEEDED, "", ""
    first = missing[0][0]
    said = _(
        "In %(namespace)s: %(rights)s.", namespace=first, rights=[what for where, what in missing if where == first]
    )
    return RunState.FAILED, reasons.NO_RIGHTS if len(missing) == len(needed) else reasons.RIGHTS_MISSING, said


def _first_facts(client: Any, run: ClusterTest) -> dict[str, Any]:
    seen = client.describe()
    spaces = Space.objects.filter(cluster_id=run.cluster_id, project__is_archived=False, is_archived=False)
    names = sorted(spaces.values_list("namespace", flat=True))[:MOST_NAMESPACES]
    return {
        "at": db_now().isoformat(),
        "version": seen.version,
        "user": seen.user,
        "latency_ms": seen.latency_ms,
        "notes": [as_message(note) for note in seen.notes],
        "namespaces": [],
        "pending": names or ["default"],
    }


def _ask_namespaces(client: Any, cluster_id: int, facts: dict[str, Any]) -> bool:
    """Asks about namespaces for at most one pass; True when some are left."""
    until = time.monotonic() + TEST_PASS_SECONDS
    while facts["pending"] and time.monotonic() < until:
        namespace = facts["pending"].pop(0)
        facts["namespaces"].append({"namespace": namespace, **_ask(client, cluster_id, namespace)})
    return bool(facts["pending"])


def _asks_services(cluster_id: int, namespace: str) -> bool:
    spaces = Space.objects.filter(cluster_id=cluster_id, namespace=namespace, is_archived=False)
    return bool(spaces_asking(spaces.values_list("pk", flat=True)))


def _ask(client: Any, cluster_id: int, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        found["permissions"] = [
            {
                "verb": one.verb,
                "resource": one.resource,
                "is_allowed": one.is_allowed,
                "is_needed": one.is_needed,
                "is_of_cluster": one.is_of_cluster,
            }
            for one in client.permissions(
                namespace,
                pull_secrets=pull_secrets_in(cluster_id, namespace),
                asks_services=_asks_services(cluster_id, namespace),
            )
        ]
        with contextlib.suppress(Forbidden):  # said by the permissions already
            found["quota"] = [_line(line) for line in client.quota(namespace)]
    except (Rejected, NotFound) as error:
        found["error"] = as_message(error)
    return found


def _end_test(lease: Lease, to: str, reason: str, message: object) -> Outcome:
    with transaction.atomic():
        lease.hold()
        lease.save(message=message)
        finish_own(lease, to=to, reason=reason)
    return Done()


def give_up_test(lease: Lease, reason: str) -> None:
    """The engine's end of a test that never came to an end."""
    finish_own(lease, to=RunState.ERRORED, reason=reason)
