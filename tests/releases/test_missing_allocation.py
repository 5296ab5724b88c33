"""A new space stops only its own review: building needs what building needs."""

from __future__ import annotations

import pytest

from components.completeness import missing_elements, missing_for_build
from components.models import Allocation
from foundation.runs.lease import Lease
from releases.models import Review
from releases.steps.review.wanted import Trouble, freeze
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order


def test_an_order_is_built_where_an_allocation_is_missing(world: World) -> None:
    component = make_component(world)
    Allocation.objects.filter(environment=world.environments["uat"]).delete()
    assert [one.field for one in missing_elements(component)] == ["allocation.uat"]
    assert missing_for_build(component) == []
    assert build(make_order(component, world.dana)).state == "queued"


def test_the_review_of_that_space_says_what_is_missing_and_who_can_help(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    Allocation.objects.filter(environment=world.environments["uat"]).delete()
    review = Review(order=order, space=world.spaces["uat"])
    with pytest.raises(Trouble) as trouble:
        freeze(Lease.__new__(Lease), review)
    said = str(trouble.value.message)
    assert said.startswith(f"{order.component.name} has no allocation in UAT: say how many replicas")
    assert world.olli.shown_name in said
