"""Jenkins and registries that push, over real HTTP: what they tell of is looked at now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from components import services
from components.models import ImageRegistry, JenkinsServer, Webhook
from components.selectors import webhook_address
from foundation.clock import PARKED
from releases.models import Build
from sandbox.packer import pack, push
from tests.components.stand_ins import serving
from tests.patience import wait_for
from tests.site import Site
from tests.stand_ins import JENKINS_USER

pytestmark = pytest.mark.slow
FAR = PARKED - timedelta(days=1)


def is_due(build: Build) -> bool:
    return Build.objects.filter(pk=build.pk, next_at__lte=timezone.now()).exists()


def accepted() -> int:
    return Webhook.objects.get().accepted


def test_a_build_that_ends_in_jenkins_is_looked_at(site: Site) -> None:
    server = JenkinsServer.objects.get()
    hook, secret = services.make_webhook(actor=site.world.ada, server=server)
    site.stand_ins.knob("webhook", address=webhook_address(server), secret=secret)
    try:
        build = site.finish(site.start_build("hang"), until=lambda row: row.phase == "building" and row.build_number)
        Build.objects.filter(pk=build.pk).update(next_at=FAR)
        stop = f"{server.url.rstrip('/')}/job/{build.job}/{build.build_number}/stop"
        httpx.post(stop, auth=(JENKINS_USER, site.stand_ins.jenkins_token), trust_env=False)
        # The claim wakes the build too, and may come after its row says building: only the count tells them apart.
        wait_for(accepted, "the nudge arrives", 20)
        assert is_due(build)
    finally:
        site.stand_ins.knob("webhook")
    assert site.finish(build).reason == "aborted"
    hook.refresh_from_db()
    assert (hook.accepted, hook.refused, str(hook.refusal)) == (1, 0, "")


@pytest.mark.parametrize("form", ["harbor", "distribution"])
def test_an_image_that_arrives_is_looked_for(site: Site, tmp_path: Path, form: str) -> None:
    registry = ImageRegistry.objects.get()
    _hook, secret = services.make_webhook(actor=site.world.ada, server=registry)
    build = site.start_build()
    Build.objects.filter(pk=build.pk).update(next_at=FAR)
    (tmp_path / "words").write_text("words")
    image = pack(
        context=tmp_path, dockerfile="FROM scratch\nCOPY words /\n", labels={}, scratch=tmp_path / "s", log=_quiet
    )
    more = ["--state", str(tmp_path / "state"), "--notify", webhook_address(registry), "--notify-form", form]
    with serving("sandbox.registry", *more, REGISTRY_NOTIFY_SECRET=secret) as host:
        push(image, f"{host}/{site.world.project.slug}/app:{build.order.number}", log=_quiet)
        wait_for(accepted, "the notification arrives", 20)
        assert is_due(build)
    hook = Webhook.objects.get()
    assert (hook.accepted, hook.refused, str(hook.refusal)) == (1, 0, "")


def _quiet(_line: str) -> None:
    """Nothing is shown."""
