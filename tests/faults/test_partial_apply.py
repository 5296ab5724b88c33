"""A deployment of which the cluster took only a part, and one that was cancelled in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Rejected
from deployer.manifests import ref_of
from foundation.problems import Stale
from releases.models import Deployment
from releases.services import deployments
from tests.faults.test_rollouts import good_first
from tests.site import Site

pytestmark = pytest.mark.slow


# ---------------------------------------------------------------- only a part of it
def second_refused(site: Site, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """The cluster takes one object; before the second ``then`` happens."""
    apply, sent = KubernetesCluster.apply, []

    def first_only(self: KubernetesCluster, namespace: str | None, manifest: Any, **named: Any) -> Any:
        if manifest.get("metadata", {}).get("resourceVersion") and manifest["kind"] != "Namespace":
            sent.append(manifest["kind"])
            if len(sent) == 2:
                then()
        return apply(self, namespace, manifest, **named)

    monkeypatch.setattr(KubernetesCluster, "apply", first_only)


def refuse() -> None:
    raise Rejected("A webhook says no.", reason="admission")


def test_a_partial_apply_is_failed_and_names_both_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    good = good_first(site)
    second_refused(site, monkeypatch, refuse)
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.reason) == ("failed", "partial")
    first, rest = run.applied[0], [ref_of(one) for one in run.snapshot.manifests][1:]
    assert len(run.applied) == 1
    said = str(run.message)
    assert said.startswith(f"A webhook says no. Applied: {first['kind']}/{first['name']}. Not applied: ")
    assert all(f"{ref.kind}/{ref.name}" in said.split("Not applied: ")[1] for ref in rest)
    place = site.place("fat")
    assert (place.last_applied_id, place.last_succeeded_id) == (run.pk, good.pk)
    monkeypatch.undo()
    back = site.finish(deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=good))
    assert back.state == "succeeded", back.message


def test_a_partial_apply_is_rolled_back_by_policy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    good_first(site)
    site.change_space("fat", auto_rollback=True)
    second_refused(site, monkeypatch, refuse)
    run = site.deploy(site.order_with_image("slow 1"))
    assert run.reason == "partial"
    monkeypatch.undo()
    assert site.finish(Deployment.objects.get(cause=run)).state == "succeeded"


def test_cancel_stops_what_is_unsent_and_lists_what_was_applied(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    good_first(site)
    started: list[Deployment] = []
    apply = KubernetesCluster.apply

    def cancel_after(self: KubernetesCluster, namespace: str | None, manifest: Any, **named: Any) -> Any:
        answer = apply(self, namespace, manifest, **named)
        if started and manifest["kind"] != "Namespace":
            deployments.cancel_deployment(actor=site.world.olli, deployment=started.pop())
        return answer

    run = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    monkeypatch.setattr(KubernetesCluster, "apply", cancel_after)
    started.append(run)
    before = site.live("fat")
    run = site.finish(run)
    assert (run.state, run.reason, len(run.applied)) == ("cancelled", "cancelled", 1)
    assert "Applied: " in run.message and f"Not applied: Deployment/{site.component.slug}" in run.message
    assert site.live("fat") == before
    place = site.place("fat")
    assert (place.in_progress, place.last_applied_id) == (None, run.pk)


def test_cancel_before_the_apply_leaves_nothing(site: Site) -> None:
    run = site.start(site.order_with_image())
    deployments.cancel_deployment(actor=site.world.olli, deployment=run)
    run = site.finish(run)
    assert (run.state, run.applied) == ("cancelled", []) and "before anything was applied" in run.message
    assert site.live("fat") is None


def test_a_second_run_of_the_same_place_waits_for_nobody(site: Site) -> None:
    """After the end of one the next may begin at once, and the row says who is active in between."""
    run = site.start(site.order_with_image())
    assert site.place("fat").in_progress_id == run.pk
    site.finish(run)
    assert site.place("fat").in_progress is None
    with pytest.raises(Stale):
        deployments.start_deployment(
            actor=site.world.olli, order=run.order, space=site.space("fat"), snapshot_hash="0" * 64
        )
