"""The projection of what runs where can be held against the deployments it mirrors."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from releases.models import Deployment, Placement
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success


def test_a_placement_that_lies_is_named(world: World) -> None:
    component = make_component(world)
    for _number in range(2):
        deployment = make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
        Deployment.objects.filter(pk=deployment.pk).update(applied_at=timezone.now())
    out = StringIO()
    call_command("placements", "--check", stdout=out)
    assert "agree" in out.getvalue()
    Placement.objects.update(last_succeeded=Deployment.objects.order_by("pk").first())
    out = StringIO()
    with pytest.raises(CommandError, match="1 differences"):
        call_command("placements", "--check", stdout=out)
    assert "last_succeeded is" in out.getvalue()
