"""What the cluster answers to an apply: outcomes that nobody heard, warnings; and what a review shows of files."""

from __future__ import annotations

from typing import Any

import pytest

from components.models import ConfigVersion
from tests.faults.test_outages import is_apply
from tests.faults.test_trial_pod import put_before
from tests.proxy import CUT, DROP, PASS
from tests.site import Site

pytestmark = pytest.mark.slow


# ---------------------------------------------------------------- outcomes that nobody heard
@pytest.mark.parametrize("kind", ["services", "deployments"])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_that_was_lost_is_read_back_in_the_same_pass(site: Site, kind: str, is_first: bool) -> None:
    if not is_first:
        assert site.deploy(site.order_with_image()).state == "succeeded"
    run = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    cut: list[str] = []

    def once(asked: Any) -> str:
        if is_apply(asked) and f"/{kind}/" in asked.path and not cut:
            cut.append(asked.path)
            return CUT
        return PASS

    site.stand_ins.cluster.rule = once
    run = site.step(run)
    assert cut and run.phase == "rolling", (run.reason, run.message)
    assert run.contact_lost_since is None
    applies = [asked for asked in site.stand_ins.cluster.asked if is_apply(asked) and f"/{kind}/" in asked.path]
    assert len(applies) == 1 + (0 if is_first else 1)
    assert site.finish(run).state == "succeeded"


def test_a_request_that_never_arrived_is_sent_again(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "applying")
    dropped: list[str] = []

    def once(asked: Any) -> str:
        if is_apply(asked) and "/deployments/" in asked.path and not dropped:
            dropped.append(asked.path)
            return DROP
        return PASS

    site.stand_ins.cluster.rule = once
    run = site.finish(run)
    assert dropped and run.state == "succeeded", (run.reason, run.message)


# ---------------------------------------------------------------- warnings
def test_warnings_of_the_real_apply_are_kept_and_shown(site: Site, client: Any) -> None:
    put_before(site, "      containers:\n", "      nodeSelector:\n        beta.kubernetes.io/os: linux\n")
    order = site.order_with_image()
    run = site.deploy(order)
    assert run.state == "succeeded", run.message
    warning = 'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os"'
    assert [text.startswith(warning) for text in run.warnings] == [True]
    assert any(str(text).startswith(warning) for text in run.review.findings["warnings"])
    client.force_login(site.world.olli)
    assert "deprecated since v1.14" in client.get(f"/deployments/{run.pk}/").content.decode()
    assert client.get(f"/api/v1/deployments/{run.pk}/").json()["warnings"] == run.warnings


# ---------------------------------------------------------------- files
def test_a_changed_file_is_shown_line_by_line_against_the_one_that_runs(site: Site) -> None:
    where = {"component": site.component, "environment": site.world.environments["fat"]}
    text = "server:\n\tport: 8080\n问候: 你好\nlast: line\n"
    ConfigVersion.objects.create(**where, number=1, files={"application.yml": text})
    first = site.deploy(site.order_with_image())
    assert first.state == "succeeded", first.message
    changed = text.replace("8080", "9090")
    ConfigVersion.objects.create(**where, number=2, files={"application.yml": changed})
    review = site.review(site.order_with_image("slow 1"))
    (row,) = (row for row in review.findings["diff"] if row["kind"] == "ConfigMap")
    assert row["action"] == "change"
    lines = [line for line in row["lines"] if line[:1] in "+-" and "port" in line]
    assert lines == ["-    \tport: 8080", "+    \tport: 9090"]
    assert "     问候: 你好" in row["lines"]
    again = site.review(first.order)
    assert {row["action"] for row in again.findings["diff"] if row["kind"] == "ConfigMap"} == {"change"}
