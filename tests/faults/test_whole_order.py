"""One order from its creation to the recovery site, by services and steps alone."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from releases.models import OrderEvent
from tests.site import Site


@pytest.mark.slow
def test_one_digest_from_git_to_the_recovery_site(site: Site) -> None:
    build = site.build()
    assert (build.state, build.reason) == ("succeeded", ""), build.message
    order = build.order
    order.refresh_from_db()
    assert order.state == "built"
    assert order.commit == site.stand_ins.tips["good"]
    assert order.image_digest == build.digest == build.reported_digest
    assert [stage["state"] for stage in build.stages] == ["succeeded"] * 5
    assert build.log_is_complete and "Pushed sha256:" in "".join(build.chunks.values_list("text", flat=True))

    for environment in ("fat", "uat", "prd", "drp"):
        deployment = site.deploy(order, environment)
        assert deployment.state == "succeeded", (environment, deployment.reason, deployment.message)
        assert site.image_running(environment) == order.image_by_digest
        assert site.settle(environment).settled_at is not None

    digests = {site.image_running(environment).rpartition("@")[2] for environment in ("fat", "uat", "prd", "drp")}
    assert digests == {build.digest}
    sequence = list(OrderEvent.objects.filter(order=order).order_by("seq").values_list("seq", flat=True))
    assert sequence == list(range(1, len(sequence) + 1))
    states = AuditEvent.objects.filter(object_name=order.number, verb="deployment.succeeded")
    assert sorted(states.values_list("environment", flat=True)) == ["drp", "fat", "prd", "uat"]
    assert site.stand_ins.jenkins.count("POST", "/buildWithParameters") == 1
