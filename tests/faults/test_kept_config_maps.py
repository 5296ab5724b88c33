"""Config maps stay for what can be rolled back to, and count in the quota until they go."""

from __future__ import annotations

from typing import Any

import pytest

from components.models import ConfigVersion
from releases.models import Prune
from releases.services import deployments, promotions
from tests.faults.test_prune import finish_prune, good, put, rename, there
from tests.site import Site

pytestmark = pytest.mark.slow


# ---------------------------------------------------------------- configuration
def test_config_maps_stay_for_the_last_successes_and_older_ones_go(site: Site, settings: Any) -> None:
    settings.KEPT_SUCCESSES = 3
    where = {"component": site.component, "environment": site.world.environments["fat"]}
    runs, names = [], []
    for number in range(1, 6):
        ConfigVersion.objects.create(**where, number=number, env=[{"name": "LEVEL", "value": str(number)}])
        run = good(site)
        if prune := Prune.objects.filter(deployment=run).first():
            site.finish(prune)
        runs.append(run)
        names += [f"ConfigMap/{row['name']}" for row in run.applied if row["kind"] == "ConfigMap"]
    assert len(set(names)) == 5
    assert {name for name in there(site) if name.startswith("ConfigMap/")} == set(names[2:])
    # Older than the last success: it is judged as a deployment, and needs the promotion again.
    promotions.promote(actor=site.world.dana, order=runs[0].order, space=site.space("fat"))
    back = site.finish(deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=runs[0]))
    assert back.state == "succeeded", back.message
    finish_prune(site, back)
    assert {name for name in there(site) if name.startswith("ConfigMap/")} == {names[0], *names[3:]}


def test_a_quota_of_config_maps_is_summed_before_anything_is_applied(site: Site) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "counts"}}
    where = {"component": site.component, "environment": site.world.environments["fat"]}
    good(site)
    put(site, quota | {"spec": {"hard": {"count/configmaps": "1"}}})
    entries = {"env": [{"name": "LEVEL", "value": "1"}], "files": {"a.yml": "b: c\n"}}
    ConfigVersion.objects.create(**where, number=1, **entries)
    review = site.review(site.order_with_image())
    assert (review.state, review.reason) == ("failed", "quota")
    assert "short by 1 of count/configmaps: 2 wanted, 1 allowed" in " ".join(
        str(problem["message"]) for problem in review.findings["problems"]
    )
    run = site.deploy(site.order_with_image())
    assert (run.state, run.applied) == ("failed", [])
    assert not [name for name in there(site) if name.startswith("ConfigMap/")]


def test_the_old_and_the_new_workload_both_count_until_then(site: Site) -> None:
    site.change_space("fat", pods_ceiling=1)
    good(site)
    rename(site, "deployment_template", "{{ component.slug }}", "{{ component.slug }}-next")
    review = site.review(site.order_with_image())
    assert (review.state, review.reason) == ("failed", "quota")
    assert "2 wanted, 1 allowed" in review.message
