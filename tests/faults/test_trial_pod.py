"""What the cluster says of a trial pod is a problem of the review, in its own words and before anything is touched."""

from __future__ import annotations

import time
from typing import Any

import pytest

from releases.models import Deployment
from tests.faults.test_quota import add_quota
from tests.site import Site

pytestmark = pytest.mark.slow

CPU = {"limits.cpu": "4", "requests.cpu": "4"}
AGENT = "        - name: agent\n          image: {{ image }}\n"


def put_before(site: Site, line: str, text: str) -> None:
    body = site.template_body("deployment_template")
    assert body.count(line) == 1
    site.change_template("deployment_template", body.replace(line, text + line))


def with_second_container(site: Site, resources: str = "") -> None:
    put_before(site, "        - name: {{ component.slug }}\n", AGENT + resources)


def with_init_container(site: Site) -> None:
    put_before(site, "      containers:\n", "      initContainers:\n" + AGENT)


def limit(site: Site, **item: Any) -> None:
    """A LimitRange that somebody else made."""
    spec = {"limits": [{"type": "Container", **item}]}
    manifest = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": spec}
    site.cluster.apply(site.space("fat").namespace, manifest, force=True, deadline=time.monotonic() + 20)


@pytest.mark.parametrize("add", [with_second_container, with_init_container])
@pytest.mark.parametrize("is_judged", [False, True])
def test_a_container_that_says_nothing_of_what_the_quota_counts(site: Site, add: Any, is_judged: bool) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    add_quota(site, "cpu", CPU | ({"pods": "9"} if is_judged else {}))
    add(site)
    review = site.review(site.order_with_image("slow 1"))
    assert (review.state, review.reason) == ("failed", "manifest")
    assert "must specify limits.cpu for: agent; requests.cpu for: agent" in str(review.message)
    assert [problem["path"] for problem in review.findings["problems"]] == ["Pod"]


def test_an_order_that_is_refused_so_is_refused_before_anything_is_applied(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    before = site.live()
    add_quota(site, "cpu", CPU)
    with_second_container(site)
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.reason) == ("failed", "manifest")
    assert site.live()["spec"] == before["spec"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"min": {"cpu": "150m"}}, "minimum cpu usage per Container is 150m"),
        ({"max": {"memory": "32Mi"}}, "maximum memory usage per Container is 32Mi"),
        ({"type": "Pod", "min": {"ephemeral-storage": "1Gi"}}, "minimum ephemeral-storage usage per Pod is 1Gi"),
    ],
)
def test_a_limit_range_answers_in_its_own_words(site: Site, item: Any, words: str) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    limit(site, **item)
    review = site.review(site.order_with_image("slow 1"))
    assert (review.state, review.reason) == ("failed", "manifest"), review.message
    assert words in str(review.message)


def test_a_quota_that_is_full_of_the_pods_that_leave_is_no_problem(site: Site) -> None:
    body = site.template_body("deployment_template")
    body = body.replace("maxSurge: 1", "maxSurge: 0").replace("maxUnavailable: 0", "maxUnavailable: 1")
    site.change_template("deployment_template", body)
    assert site.deploy(site.order_with_image()).state == "succeeded"
    add_quota(site, "tight", {"pods": "1"})
    run = site.deploy(site.order_with_image("slow 1"))
    assert run.state == "succeeded", run.message


# ---------------------------------------------------------------- what else the review says before the click
def test_a_deployment_that_the_database_lost_is_told_by_the_review(site: Site) -> None:
    lost = site.deploy(site.order_with_image())
    Deployment.objects.filter(pk=lost.pk).update(nonce="0000dead")
    site.change_space("fat", asks_review=True)
    review = site.review(site.order_with_image("slow 1"))
    assert (review.state, review.reason) == ("failed", "unknown_mark")
    assert "manage.py after_restore" in str(review.message)


def test_what_would_change_nothing_is_told_so(site: Site) -> None:
    first = site.deploy(site.order_with_image())
    again = site.review(first.order)
    assert again.state == "succeeded"
    assert "Nothing changes: exactly this runs here already." in map(str, again.findings["warnings"])
    other = site.review(site.order_with_image("slow 1"))
    assert not any("Nothing changes" in str(text) for text in other.findings["warnings"])
