"""Workers killed between read, fence and DELETE: another goes on, twice is harmless, and what comes late is refused.

A case carries several orders, so each database has its half of them.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.patience import wait_for
from tests.whole import outside
from tests.whole.halves import on_postgresql, on_sqlite
from tests.whole.holding import Door, Hold
from tests.whole.people import Carried, Crew
from tests.whole.product import Product
from tests.whole.test_crashes import Hands, cluster, hands, jenkins, kill_who_waits

__all__ = [
    "cluster",
    "hands",
    "jenkins",
    "test_a_late_delete_of_a_prune_meets_another_object",
    "test_a_late_delete_of_a_removal_meets_a_newer_deployment",
    "test_a_prune_is_killed_just_after_the_cluster_removed_the_object",
    "test_a_removal_is_killed_just_after_the_cluster_removed_the_object",
]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LEFT = "left-behind"


def built(crew: Crew) -> Carried:
    order = crew.create()
    order.build()
    return order


def project_of(order: Carried) -> str:
    return order.component.partition("/")[0]


def kill_who_holds(product: Product, hands: Hands, hold: Hold, table: str, pk: int) -> None:
    """SIGKILL the process whose request is on its way; the request itself still waits."""
    assert hold.reached.wait(30), "the request came"
    ((owner,),) = product.rows().all(f"SELECT owner FROM {table} WHERE id = %s", pk)
    hands.kill(owner.partition("/")[0])
    hands.fill_up()


def wait_succeeded(product: Product, table: str, pk: int) -> None:
    state = f"SELECT state FROM {table} WHERE id = %s"
    wait_for(lambda: product.rows().one(state, pk) not in ("queued", "running"), "it ends", 60)
    assert product.rows().one(state, pk) == "succeeded"


# ---------------------------------------------------------------- what left the templates
def pruning(product: Product, hands: Hands, cluster: Door, *, is_before: bool) -> tuple[Carried, Hold, int]:
    """A deployment that succeeded, and the DELETE of what was left behind is held; with the id of the prune."""
    hands.fill_up()
    crew = Crew(product)
    built(crew).to_fat()
    order = built(crew)
    outside.leave_behind(product, project_of(order), "fat", LEFT)
    hold = cluster.hold("DELETE", rf"/configmaps/{LEFT}", is_before=is_before)
    pk = order.to_fat()["id"]
    prune = wait_for(
        lambda: product.rows().all("SELECT id FROM releases_prune WHERE deployment_id = %s", pk), "it prunes"
    )
    return order, hold, prune[0][0]


@on_sqlite
def test_a_prune_is_killed_just_after_the_cluster_removed_the_object(
    bare_product: Product, hands: Hands, cluster: Door
) -> None:
    order, hold, pk = pruning(bare_product, hands, cluster, is_before=False)
    kill_who_waits(bare_product, hands, hold, "releases_prune", pk)
    wait_succeeded(bare_product, "releases_prune", pk)
    assert hold.status == 200 and outside.config_map_uid(bare_product, project_of(order), "fat", LEFT) == ""


@on_postgresql
def test_a_late_delete_of_a_prune_meets_another_object(bare_product: Product, hands: Hands, cluster: Door) -> None:
    order, hold, pk = pruning(bare_product, hands, cluster, is_before=True)
    kill_who_holds(bare_product, hands, hold, "releases_prune", pk)
    wait_succeeded(bare_product, "releases_prune", pk)
    assert outside.config_map_uid(bare_product, project_of(order), "fat", LEFT) == ""
    uid = outside.leave_behind(bare_product, project_of(order), "fat", LEFT)
    hold.released.set()
    assert wait_for(lambda: hold.status, "the late request is answered") == 409
    assert outside.config_map_uid(bare_product, project_of(order), "fat", LEFT) == uid


# ---------------------------------------------------------------- the whole component
def removing(product: Product, hands: Hands, cluster: Door, *, is_before: bool) -> tuple[Carried, Hold, int]:
    """The component is being removed from FAT, and the DELETE of its Deployment is held; with the deployment's id."""
    hands.fill_up()
    order = built(Crew(product))
    order.to_fat()
    place = f"components/{order.component}/environments/fat"
    review: dict[str, Any] = order.crew.operator.post(f"{place}/removal-reviews/")
    wait_succeeded(product, "releases_review", review["id"])
    snapshot = product.rows().one(
        "SELECT s.hash FROM releases_snapshot s JOIN releases_review r ON r.snapshot_id = s.id WHERE r.id = %s",
        review["id"],
    )
    hold = cluster.hold("DELETE", r"/deployments/", is_before=is_before)
    return order, hold, order.crew.operator.post(f"{place}/removals/", snapshot=snapshot)["id"]


@on_sqlite
def test_a_removal_is_killed_just_after_the_cluster_removed_the_object(
    bare_product: Product, hands: Hands, cluster: Door
) -> None:
    order, hold, pk = removing(bare_product, hands, cluster, is_before=False)
    kill_who_waits(bare_product, hands, hold, "releases_deployment", pk)
    wait_succeeded(bare_product, "releases_deployment", pk)
    assert hold.status == 200 and outside.objects(bare_product, project_of(order), "fat", "deployments") == []


@on_postgresql
def test_a_late_delete_of_a_removal_meets_a_newer_deployment(
    bare_product: Product, hands: Hands, cluster: Door
) -> None:
    order, hold, pk = removing(bare_product, hands, cluster, is_before=True)
    kill_who_holds(bare_product, hands, hold, "releases_deployment", pk)
    wait_succeeded(bare_product, "releases_deployment", pk)
    newer = built(order.crew)
    newer.to_fat()
    hold.released.set()
    assert wait_for(lambda: hold.status, "the late request is answered") == 409
    (live,) = outside.objects(bare_product, project_of(order), "fat", "deployments")
    assert newer.overview()["image_digest"] in str(live["spec"])
